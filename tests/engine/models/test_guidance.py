"""Guidance is plain where it is taken at each step, and counted and held where it is not."""

from __future__ import annotations

import pytest
import torch

from engine.models.guidance import Guidance, Held, n_evaluations

LEVELS = [1 - step / 50 for step in range(50)]


@pytest.mark.parametrize(
    ("every", "n_guided", "n_in_all"), [(1, 50, 100), (2, 25, 75), (3, 17, 67), (4, 13, 63)]
)
def test_an_interval_saves_what_arithmetic_says(every: int, n_guided: int, n_in_all: int) -> None:
    steps = Guidance(5.0, every).plan(LEVELS)
    assert steps.count("both") == n_guided
    assert steps.count("held") == 50 - n_guided
    assert n_evaluations(steps) == n_in_all


def test_the_first_step_is_guided() -> None:
    assert Guidance(5.0, 7).plan(LEVELS)[0] == "both"


def test_a_strength_of_one_needs_one_branch() -> None:
    assert set(Guidance(1.0).plan(LEVELS)) == {"alone"}


def test_a_window_is_guided_from_its_first_step_on_and_nowhere_else() -> None:
    steps = Guidance(5.0, 2, noise_from=0.25, noise_to=0.75).plan([1.0, 0.8, 0.7, 0.6, 0.5, 0.3, 0.2, 0.0])
    assert steps == ("alone", "alone", "both", "held", "both", "held", "alone", "alone")


def test_steps_between_may_go_without() -> None:
    assert Guidance(5.0, 3, fill="skip").plan(LEVELS[:4]) == ("both", "alone", "alone", "both")


def test_an_interval_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="every 0 steps"):
        Guidance(5.0, 0).plan(LEVELS)


def test_taking_both_branches_is_plain_guidance_bit_for_bit() -> None:
    seen, unseen = torch.randn(2, 1, 7, 4, generator=torch.Generator().manual_seed(0)).half()
    assert torch.equal(Held(5.0).both(seen, unseen), unseen + 5.0 * (seen - unseen))


def test_a_constant_difference_is_held_exactly() -> None:
    first, second, difference = torch.randn(3, 1, 7, 4, generator=torch.Generator().manual_seed(1)).double()
    held = Held(3.0)
    held.both(first, first - difference)
    assert torch.allclose(held.held(second), second - difference + 3.0 * difference, atol=1e-12)


def test_a_new_run_holds_nothing() -> None:
    with pytest.raises(ValueError, match="no difference is held"):
        Held(5.0).held(torch.zeros(1))
