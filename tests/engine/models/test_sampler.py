"""Sampling is fixed by its seed, tells each step, and finds the step in which numbers went wrong."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from made_weights_for_networks import DIT, HeldTensors

from engine.models.finite import NotFinite
from engine.models.flow import flow_match_sigmas
from engine.models.guidance import Guidance
from engine.models.hunyuan3d.dit import Context, Dit, unconditional
from engine.models.hunyuan3d.sampler import denoise, initial_noise
from engine.models.replay import Pool, Replayed

Tensor = Any
SIGMAS = flow_match_sigmas(6)
SEEN = torch.randn(1, 5, DIT.context_channels, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def network() -> Dit:
    made = Dit(DIT).requires_grad_(False)
    tensors = HeldTensors(made)
    for name, held in made.state_dict().items():
        tensors.read_into(name, held)
    return made


def noise(seed: int = 0) -> Tensor:
    return initial_noise(9, DIT.latent_channels, seed)


def test_a_seed_is_the_same_noise_each_time_and_another_seed_is_other_noise() -> None:
    assert torch.equal(noise(7), noise(7))
    assert not torch.equal(noise(7), noise(8))
    assert noise().dtype == torch.float16


def test_noise_is_what_the_public_pipeline_draws() -> None:
    generator = torch.Generator("cpu").manual_seed(1234)
    assert torch.equal(noise(1234), torch.randn(1, 9, 8, generator=generator, dtype=torch.float16))


def test_each_step_is_told(network: Dit) -> None:
    told: list[tuple[int, int]] = []
    denoise(network, noise(), SEEN, SIGMAS, Guidance(), lambda done, of: told.append((done, of)))
    assert told == [(step, 5) for step in range(1, 6)]


def test_a_step_can_end_the_run(network: Dit) -> None:
    told: list[int] = []

    def stop(done: int, of: int) -> None:
        told.append(done)
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        denoise(network, noise(), SEEN, SIGMAS, Guidance(), stop)
    assert told == [1, 2]


def test_an_interval_of_one_is_plain_and_of_three_is_near_it(network: Dit) -> None:
    plain = denoise(network, noise(), SEEN, SIGMAS, Guidance(3.0))
    assert torch.equal(plain, denoise(network, noise(), SEEN, SIGMAS, Guidance(3.0, 1)))
    held = denoise(network, noise(), SEEN, SIGMAS, Guidance(3.0, 3))
    alone = denoise(network, noise(), SEEN, SIGMAS, Guidance(1.0))
    assert 0 < (held - plain).norm() < (alone - plain).norm()


def test_the_step_that_went_wrong_is_named(network: Dit) -> None:
    asked: list[float] = []

    class Failing:
        size, is_streamed = network.size, False

        def velocities(self, latents: Tensor, time: Tensor, *others: Any) -> list[Tensor]:
            asked.append(float(time))
            found = network.velocities(latents, time, *others)
            return [each * (torch.nan if len(asked) == 3 else 1) for each in found]

    with pytest.raises(NotFinite, match="Step 3 of 5") as caught:
        denoise(Failing(), noise(), SEEN, SIGMAS, Guidance())  # type: ignore[arg-type]
    assert caught.value.where == "Step 3 of 5 of sampling"


def test_one_zero_token_counts_for_all_of_them(network: Dit) -> None:
    latents, time = noise().float(), torch.tensor([0.4])
    many = network.velocities(latents, time, [Context(torch.zeros_like(SEEN))])[0]
    one = network.velocities(latents, time, [unconditional(5, DIT, SEEN)])[0]
    uncounted = network.velocities(latents, time, [unconditional(1, DIT, SEEN)])[0]
    assert torch.allclose(one, many, atol=1e-5)
    assert not torch.allclose(uncounted, many, atol=1e-3)


def test_without_a_card_nothing_is_recorded() -> None:
    calls: list[Tensor] = []

    def double(value: Tensor) -> list[Tensor]:
        calls.append(value)
        return [2 * value]

    replayed = Replayed(double, Pool("cpu"))
    for number in range(3):
        assert torch.equal(replayed(torch.tensor([number]))[0], torch.tensor([2 * number]))
    assert len(calls) == 3
