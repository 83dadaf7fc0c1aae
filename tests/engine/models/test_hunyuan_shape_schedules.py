"""Schedules and steps are the public reference's, but for its last evaluation, which moves nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from goldens import PARITY, given, golden, relative_error

from engine.models.flow import consistency_sigmas, euler_step, flow_match_sigmas

ULP = 2.0**-23  # near 1, in float32


@pytest.mark.parametrize("n_steps", [2, 3, 4, 5, 8, 10, 30, 50])
@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_a_flow_has_the_references_sigmas(n_steps: int, shift: float) -> None:
    theirs = golden("schedules")[f"euler_{n_steps}_{shift}"]
    assert theirs[-1] == theirs[-2] == 1  # the evaluation that is left out
    assert np.abs(np.float32(flow_match_sigmas(n_steps, shift)) - theirs[:-1]).max() <= ULP


@pytest.mark.parametrize("n_steps", [1, 2, 3, 4, 5, 7, 8, 10, 12, 25, 33, 100])
def test_a_distilled_model_has_the_references_sigmas(n_steps: int) -> None:
    theirs = golden("schedules")[f"consistency_{n_steps}"]
    assert np.abs(np.float32(consistency_sigmas(n_steps)) - theirs).max() <= ULP


def test_the_network_is_asked_at_the_sigmas_themselves() -> None:
    for n_steps in (5, 8, 30):
        times = golden("schedules")[f"euler_times_{n_steps}"]
        assert np.allclose(np.float32(flow_match_sigmas(n_steps)), times, rtol=0, atol=2 * ULP)
    for n_steps in (5, 8, 25):
        times = golden("schedules")[f"consistency_times_{n_steps}"]
        assert np.allclose(np.float32(consistency_sigmas(n_steps)[:-1]), times, rtol=0, atol=2 * ULP)


@pytest.mark.parametrize("kind", ["euler", "consistency"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_step_is_the_references(kind: str, dtype: torch.dtype) -> None:
    sigmas = flow_match_sigmas(5) if kind == "euler" else consistency_sigmas(5)
    latents, velocity = (given(f"step {name}", 1, 8, 64).to(dtype) for name in ("latents", "velocity"))
    moved = euler_step(latents, velocity, sigmas[2] - sigmas[1])
    theirs = golden("schedules")[f"{kind}_step_{'f32' if dtype == torch.float32 else 'f16'}"]
    assert moved.dtype == dtype
    assert np.dtype(theirs.dtype).itemsize == dtype.itemsize
    # Half precision rounds a product and a sum; one of them may fall on the other side.
    assert relative_error(moved, theirs) <= (PARITY if dtype == torch.float32 else 2**-10)


@pytest.mark.parametrize("n_steps", [1, 0, -3])
def test_a_flow_of_too_few_steps_is_refused_with_both_numbers(n_steps: int) -> None:
    with pytest.raises(ValueError, match=rf"2 steps.*{n_steps}"):
        flow_match_sigmas(n_steps)


@pytest.mark.parametrize("n_steps", [0, 101])
def test_a_distilled_model_refuses_steps_that_it_does_not_know(n_steps: int) -> None:
    with pytest.raises(ValueError, match=rf"100 steps.*{n_steps}"):
        consistency_sigmas(n_steps)
