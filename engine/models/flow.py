"""Flow matching runs from noise at 0 to data at 1 along a velocity; a schedule says when it is asked for.

A schedule is a rising tuple of sigmas that ends in 1. Step i goes from sigma i to sigma i + 1, so a schedule
of n + 1 sigmas needs n evaluations (Lipman et al. 2023, arXiv 2210.02747, with time as in Hunyuan3D-2).
"""

from __future__ import annotations

from typing import Any

Tensor = Any


def flow_match_sigmas(n_steps: int, shift: float = 1.0) -> tuple[float, ...]:
    """The sigmas of `n_steps` as the public reference counts them: evenly spaced, both ends included.

    The reference evaluates the network once more at 1, for a step of length 0; that evaluation changes
    nothing and is left out: `n_steps` of it are `n_steps` − 1 evaluations here. `shift` s maps sigma to
    s·sigma / (1 + (s − 1)·sigma). Raises ValueError below 2 steps.
    """
    if n_steps < 2:
        raise ValueError(f"a flow needs at least 2 steps, not {n_steps}")
    even = (step / (n_steps - 1) for step in range(n_steps))
    return tuple(shift * sigma / (1 + (shift - 1) * sigma) for sigma in even)


def consistency_sigmas(n_steps: int, n_base: int = 1000, n_pcm: int = 100) -> tuple[float, ...]:
    """The sigmas of a consistency-distilled model (phased consistency, Wang et al. 2024, arXiv 2405.18407).

    Of `n_base` even sigmas every (`n_base` / `n_pcm`)-th is one that the model was distilled for; `n_steps`
    of those are taken, evenly, and 1 ends the schedule. Raises ValueError outside 1 to `n_pcm` steps.
    """
    if not 1 <= n_steps <= n_pcm:
        raise ValueError(f"a model distilled for {n_pcm} steps cannot take {n_steps}")
    stride = n_base // n_pcm
    taken = (step * n_pcm // n_steps for step in range(n_steps))
    starts = (0 if phase == 0 else phase * stride - 1 for phase in taken)
    return (*(start / (n_base - 1) for start in starts), 1.0)


def euler_step(latents: Tensor, velocity: Tensor, length: float) -> Tensor:
    """`latents` moved along `velocity` by `length`; the sum is taken in float32, the dtype stays."""
    moved = latents.float() + (length * velocity).float()
    return moved.to(latents.dtype)
