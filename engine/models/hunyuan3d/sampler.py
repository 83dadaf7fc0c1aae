"""Sampling starts from noise that a seed fixes and follows the network's velocity to the latents of a shape.

Latents keep the network's dtype between steps, sums are taken in float32, and the times are float32 (the
public reference rounds them to half precision). What is not finite is found at the step in which it appears.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from engine.models.finite import check_finite
from engine.models.flow import euler_step
from engine.models.guidance import Guidance, Held
from engine.models.hunyuan3d.dit import Context, Dit, unconditional
from engine.models.replay import Pool, Replayed

Tensor = Any


def initial_noise(n_tokens: int, n_channels: int, seed: int) -> Tensor:
    """Noise (1, N, C) float16, drawn on the processor: the same on every device.

    Half precision because the public reference draws it so: with a generator on the processor its seeds give
    the same noise.
    """
    generator = torch.Generator("cpu").manual_seed(seed)
    return torch.randn(1, n_tokens, n_channels, generator=generator, dtype=torch.float16)


def denoise(
    network: Dit,
    noise: Tensor,
    seen: Tensor,
    sigmas: Sequence[float],
    guidance: Guidance,
    step_is_done: Callable[[int, int], None] = lambda done, of: None,
) -> Tensor:
    """The latents (1, N, C) that `noise` becomes under `seen`, the picture's tokens (1, T, C').

    `sigmas` is a schedule of engine.models.flow. A network that embeds its guidance gets the strength and is
    evaluated once a step; any other is guided as `guidance` plans. `step_is_done` may raise to end the run.
    Raises NotFinite.
    """
    dtype, device = seen.dtype, seen.device
    latents = noise.to(device, dtype)
    picture = Context(seen)
    nothing = unconditional(seen.shape[1], network.size, seen)
    n_steps = len(sigmas) - 1
    embedded = None
    steps: Sequence[str] = ("alone",) * n_steps
    if network.size.has_guidance:
        embedded = torch.full((1,), guidance.strength, dtype=torch.float32, device=device)
    else:
        steps = guidance.plan([1 - sigma for sigma in sigmas[:-1]])
    held = Held(guidance.strength)
    pool = Pool(device, is_wanted=not network.is_streamed)
    alone = Replayed(lambda moved, time: network.velocities(moved, time, [picture], embedded), pool)
    both = Replayed(lambda moved, time: network.velocities(moved, time, [picture, nothing]), pool)
    for number, (step, sigma) in enumerate(zip(steps, sigmas[:-1], strict=True)):
        time = torch.full((1,), sigma, dtype=torch.float32, device=device)
        if step == "both":
            velocity = held.both(*both(latents, time))
        else:
            (velocity,) = alone(latents, time)
            if step == "held":
                velocity = held.held(velocity)
        latents = euler_step(latents, velocity, sigmas[number + 1] - sigma)
        # Waits for the device, so that a step that is told is done.
        check_finite(latents, f"Step {number + 1} of {n_steps} of sampling")
        step_is_done(number + 1, n_steps)
    return latents
