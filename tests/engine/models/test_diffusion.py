"""Noise levels and steps of the texture models are those of the public schedulers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from delight_goldens import delight_golden
from goldens import PARITY, given, relative_error

from engine.models.diffusion import Training, ancestral_steps, consistency_steps, draw_noise

ZERO_SNR = Training(has_zero_snr=True)
KINDS = {"f32": torch.float32, "f16": torch.float16}
HALF_ULP = 2.0**-11
SHAPE = (1, 4, 8, 8)


def training_of(spacing: str) -> Training:
    return ZERO_SNR if spacing == "trailing" else Training()


def counts_of(spacing: str) -> list[int]:
    names = (name.split("_") for name in delight_golden("schedules"))
    return [int(parts[1]) for parts in names if parts[0] == spacing and parts[-1] == "times"]


def test_signal_at_every_time_is_the_references() -> None:
    golden = delight_golden("schedules")
    assert relative_error(Training().alphas_bar(), golden["alphas_bar"]) <= PARITY
    ours, theirs = ZERO_SNR.alphas_bar().numpy(), golden["zero_snr_alphas_bar"]
    assert np.abs(ours[:-1] / theirs[:-1] - 1).max() <= PARITY
    assert abs(ours[-1]) <= theirs[-1] == 2.0**-24


@pytest.mark.parametrize("spacing", ["trailing", "leading"])
def test_ancestral_steps_have_the_references_times_and_sigmas(spacing: Any) -> None:
    golden = delight_golden("schedules")
    counts = counts_of(spacing)
    assert len(counts) >= 14
    for n_steps in counts:
        steps = ancestral_steps(training_of(spacing), n_steps, spacing)
        assert list(steps.times) == golden[f"{spacing}_{n_steps}_times"].tolist()
        theirs = golden[f"{spacing}_{n_steps}_sigmas"]
        assert steps.sigmas[-1] == theirs[-1] == 0
        assert np.abs(np.array(steps.sigmas[:-1]) / theirs[:-1] - 1).max() <= PARITY
        assert steps.start_scale == pytest.approx(float(golden[f"{spacing}_{n_steps}_start"]), rel=1e-6)


def test_the_paint_schedule_has_the_known_numbers() -> None:
    steps = ancestral_steps(ZERO_SNR, 30, "trailing")
    assert steps.times[:6] == (999, 966, 932, 899, 866, 832)
    assert steps.times[-3:] == (99, 66, 32)
    assert steps.sigmas[:3] == pytest.approx((4096, 63.55167, 29.04273), rel=1e-5)


@pytest.mark.parametrize("spacing", ["trailing", "leading"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_of_ancestral_steps_is_the_references(spacing: Any, kind: str) -> None:
    golden, dtype = delight_golden("schedules"), KINDS[kind]
    allowed = PARITY if kind == "f32" else 2 * HALF_ULP
    steps = ancestral_steps(training_of(spacing), 5, spacing)
    generator = torch.Generator().manual_seed(7)
    like = torch.empty(0, dtype=dtype)
    latents = draw_noise(SHAPE, generator, like) * steps.start_scale
    assert relative_error(latents, golden[f"{spacing}_{kind}_after_0"]) <= allowed
    for step in range(5):
        assert relative_error(steps.seen(latents, step), golden[f"{spacing}_{kind}_seen_{step}"]) <= allowed
        velocity = given(f"{spacing} velocity {step}", *SHAPE).to(dtype)
        latents = steps.moved(latents, velocity, draw_noise(SHAPE, generator, like), step)
        assert latents.dtype == dtype
        assert relative_error(latents, golden[f"{spacing}_{kind}_after_{step + 1}"]) <= allowed


def test_turbo_steps_are_at_the_references_times() -> None:
    steps, golden = consistency_steps(ZERO_SNR), delight_golden("schedules")
    assert steps.times == (989, 890, 791, 692, 593, 494, 395, 296, 197, 98)
    assert list(steps.times) == golden["turbo_times"].tolist()
    assert np.abs(np.array(steps.alphas_bar) / golden["turbo_alphas_bar"] - 1).max() <= PARITY


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_of_turbo_steps_is_the_references(kind: str) -> None:
    golden, dtype = delight_golden("schedules"), KINDS[kind]
    # The reference rounds every product to half precision, we only the result.
    allowed = PARITY if kind == "f32" else 8 * HALF_ULP
    steps = consistency_steps(ZERO_SNR)
    generator = torch.Generator().manual_seed(7)
    like = torch.empty(0, dtype=dtype)
    latents = draw_noise(SHAPE, generator, like) * steps.start_scale
    for step in range(len(steps.times)):
        velocity = given(f"turbo velocity {step}", *SHAPE).to(dtype)
        noise = draw_noise(SHAPE, generator, like) if steps.is_noisy(step) else None
        latents = steps.moved(steps.seen(latents, step), velocity, noise, step)
        assert latents.dtype == dtype
        assert relative_error(latents, golden[f"turbo_{kind}_after_{step + 1}"]) <= allowed
    # Neither of us drew for the last step.
    following = torch.randn(16, generator=generator).numpy()
    assert np.array_equal(following, golden[f"turbo_{kind}_next"])


@pytest.mark.parametrize("n_steps", [1, 2, 3, 4, 6, 8, 15, 30])
def test_fewer_turbo_steps_are_of_the_distilled_times_and_start_at_the_last(n_steps: int) -> None:
    times = consistency_steps(ZERO_SNR, n_steps).times
    assert len(set(times)) == n_steps
    assert times[0] == 989
    assert {(time + 1) % 33 for time in times} == {0}


def test_a_perfect_network_leads_every_schedule_to_the_picture() -> None:
    picture = given("picture", *SHAPE)
    for steps in (ancestral_steps(ZERO_SNR, 8, "trailing"), ancestral_steps(Training(), 8, "leading")):
        generator = torch.Generator().manual_seed(0)
        latents = draw_noise(SHAPE, generator, picture) * steps.start_scale
        for step in range(8):
            sigma = steps.sigmas[step]
            kept = 1 / (sigma**2 + 1)
            noise = (latents - picture) / sigma
            velocity = kept**0.5 * noise - (1 - kept) ** 0.5 * picture
            latents = steps.moved(latents, velocity, draw_noise(SHAPE, generator, picture), step)
        assert relative_error(latents, picture.numpy()) <= 1e-4


def test_noise_kept_in_half_precision_is_the_same_for_every_format() -> None:
    draws = [
        draw_noise(
            SHAPE, torch.Generator().manual_seed(1), torch.empty(0, dtype=dtype), drawn_as=torch.float16
        )
        for dtype in (torch.float16, torch.float32)
    ]
    assert [draw.dtype for draw in draws] == [torch.float16, torch.float32]
    assert torch.equal(draws[0].float(), draws[1])


@pytest.mark.parametrize("n_steps", [0, -1, 501])
def test_a_count_of_steps_that_no_schedule_has_is_refused_with_both_numbers(n_steps: int) -> None:
    with pytest.raises(ValueError, match=f"{n_steps} steps: 1 to 500"):
        ancestral_steps(Training(), n_steps, "leading")
    with pytest.raises(ValueError, match="31 steps: 1 to 30"):
        consistency_steps(ZERO_SNR, 31)


def test_a_turbo_step_without_its_noise_is_refused() -> None:
    latents = given("latents", *SHAPE)
    with pytest.raises(ValueError, match="step 1 of 10 needs noise"):
        consistency_steps(ZERO_SNR).moved(latents, latents, None, 0)
