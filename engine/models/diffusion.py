"""Diffusion runs from noise to a picture down a list of noise levels; what a level is, training has fixed.

A noisy latent is sqrt(abar)·x0 + sqrt(1 − abar)·noise (Ho et al. 2020, arXiv 2006.11239). The networks
predict v = sqrt(abar)·noise − sqrt(1 − abar)·x0 (Salimans & Ho 2022, arXiv 2202.00512). Numbers are those of
diffusers' EulerAncestralDiscreteScheduler and LCMScheduler for v; sums are taken in float32.

Noise is an argument of every step, because its order is part of a seed: first what the run starts from, then
a draw at each step. `draw_noise` draws on the processor, so that a seed gives the same on every device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch

Tensor = Any
Spacing = Literal["leading", "trailing"]

# alpha bar at the last time of a schedule without signal there, else sigma would be infinite: the smallest
# subnormal of half precision, as in diffusers; sigma is 4096.
_LAST_ALPHA_BAR = 2.0**-24
# The boundary conditions of consistency models, as in diffusers: sigma of the data, and what a time weighs.
_SIGMA_DATA, _TIME_SCALE = 0.5, 10.0


@dataclass(frozen=True)
class Training:
    """How noise grew in training: betas evenly spaced in their roots ("scaled linear", as Stable Diffusion).

    `has_zero_snr`: betas are rescaled so that the last time has no signal (Lin et al. 2023, arXiv 2305.08891,
    algorithm 1). The defaults are those of every public Hunyuan3D-2 texture model.
    """

    n_times: int = 1000
    beta_start: float = 0.00085
    beta_end: float = 0.012
    has_zero_snr: bool = False

    def alphas_bar(self) -> Tensor:
        """How much signal is left at each time, (n_times,) float32, as the public schedulers round it."""
        roots = torch.linspace(self.beta_start**0.5, self.beta_end**0.5, self.n_times, dtype=torch.float32)
        kept = torch.cumprod(1 - roots**2, dim=0)
        if not self.has_zero_snr:
            return kept
        signal = kept.sqrt()
        first, last = signal[0].clone(), signal[-1].clone()
        kept = ((signal - last) * (first / (first - last))) ** 2
        # Back to betas and up again: float32 rounds on the way, and sigma near the end shows it.
        betas = 1 - torch.cat([kept[:1], kept[1:] / kept[:-1]])
        return torch.cumprod(1 - betas, dim=0)


@dataclass(frozen=True)
class AncestralSteps:
    """Euler steps that add fresh noise after each (ancestral sampling, Karras et al. 2022, arXiv 2206.00364).

    `times` falls; step i goes from sigma i to sigma i + 1, and the last of the `sigmas` is 0. Latents are
    x0 + sigma·noise; a run starts from noise times `start_scale`.
    """

    times: tuple[int, ...]
    sigmas: tuple[float, ...]
    start_scale: float

    def seen(self, latents: Tensor, step: int) -> Tensor:
        """What the network is shown at `step`: the latents brought to variance 1."""
        return latents / math.sqrt(self.sigmas[step] ** 2 + 1)

    def moved(self, latents: Tensor, velocity: Tensor, noise: Tensor, step: int) -> Tensor:
        """The latents after `step`; `velocity` is the network's v, `noise` a fresh draw of the same shape.

        At the last step the noise weighs nothing, but the public scheduler draws it.
        """
        sigma, following = self.sigmas[step], self.sigmas[step + 1]
        up = math.sqrt(following**2 * (sigma**2 - following**2) / sigma**2)
        down = math.sqrt(following**2 - up**2)
        noisy = latents.float()
        clean = velocity.float() * (-sigma / math.sqrt(sigma**2 + 1)) + noisy / (sigma**2 + 1)
        moved = noisy + (noisy - clean) / sigma * (down - sigma)
        return (moved + noise.float() * up).to(latents.dtype)


def ancestral_steps(training: Training, n_steps: int, spacing: Spacing, *, offset: int = 1) -> AncestralSteps:
    """The steps of a run: "trailing" starts at the last time, "leading" ends at `offset`.

    Paint takes trailing steps, delight leading ones. Raises ValueError outside 1 to half of `n_times`.
    """
    _check_count(n_steps, training.n_times // 2)
    stride = training.n_times / n_steps
    if spacing == "trailing":
        times = [round(training.n_times - step * stride) - 1 for step in range(n_steps)]
    else:
        times = [step * int(stride) + offset for step in reversed(range(n_steps))]
    if not 0 <= times[-1] <= times[0] < training.n_times:
        raise ValueError(
            f"steps from time {times[0]} to {times[-1]} leave the {training.n_times} of training"
        )
    kept = training.alphas_bar()
    if training.has_zero_snr:
        kept[-1] = _LAST_ALPHA_BAR
    levels = ((1 - kept) / kept) ** 0.5
    sigmas = tuple(float(levels[time]) for time in times)
    start_scale = sigmas[0] if spacing == "trailing" else math.sqrt(sigmas[0] ** 2 + 1)
    return AncestralSteps(tuple(times), (*sigmas, 0.0), start_scale)


@dataclass(frozen=True)
class ConsistencySteps:
    """Steps of a latent consistency model (Luo et al. 2023, arXiv 2310.04378): to the end, and partly back.

    Latents have variance 1 throughout, so a run starts from noise as it is and the network sees them so.
    `alphas_bar` is the signal at each of the `times`, which fall.
    """

    times: tuple[int, ...]
    alphas_bar: tuple[float, ...]

    @property
    def start_scale(self) -> float:
        """What the first noise is multiplied by."""
        return 1.0

    def seen(self, latents: Tensor, step: int) -> Tensor:
        """What the network is shown at `step`: the latents themselves."""
        del step
        return latents

    def is_noisy(self, step: int) -> bool:
        """Whether `step` takes fresh noise: all but the last do, and the last draws none."""
        return step + 1 < len(self.times)

    def moved(self, latents: Tensor, velocity: Tensor, noise: Tensor | None, step: int) -> Tensor:
        """The latents after `step`; `noise` is a fresh draw, None at the last step."""
        kept = self.alphas_bar[step]
        time = self.times[step] * _TIME_SCALE
        passed = _SIGMA_DATA**2 / (time**2 + _SIGMA_DATA**2)
        taken = time / math.sqrt(time**2 + _SIGMA_DATA**2)
        noisy = latents.float()
        clean = math.sqrt(kept) * noisy - math.sqrt(1 - kept) * velocity.float()
        clean = taken * clean + passed * noisy
        if not self.is_noisy(step):
            return clean.to(latents.dtype)
        if noise is None:
            raise ValueError(f"step {step + 1} of {len(self.times)} needs noise; only the last goes without")
        following = self.alphas_bar[step + 1]
        return (math.sqrt(following) * clean + math.sqrt(1 - following) * noise.float()).to(latents.dtype)


def consistency_steps(training: Training, n_steps: int = 10, *, n_distilled: int = 30) -> ConsistencySteps:
    """`n_steps` of the `n_distilled` times that a model was distilled for, evenly, from the last.

    The public turbo pipeline takes every third of 30 (989, 890, ..., 98), whatever number it is told: 10.
    Raises ValueError outside 1 to `n_distilled`.
    """
    _check_count(n_steps, n_distilled)
    stride = training.n_times // n_distilled
    phases = [n_distilled - step * n_distilled // n_steps for step in range(n_steps)]
    times = [phase * stride - 1 for phase in phases]
    kept = training.alphas_bar()
    return ConsistencySteps(tuple(times), tuple(float(kept[time]) for time in times))


def draw_noise(shape: tuple[int, ...], generator: Any, like: Tensor, *, drawn_as: Any = None) -> Tensor:
    """Standard normal noise of `shape` on the device and of the dtype of `like`.

    `generator` is a torch.Generator on the processor, so every device gets the same. torch's draws differ by
    dtype: `drawn_as` is the one to draw in, that of `like` if None; the public project draws float16, and a
    run that is repeated in a wider format keeps its noise if it goes on drawing so. The public delight draws
    on the processor too (seed 42); the public paint draws on the card, which no other device reproduces.
    """
    noise = torch.randn(shape, generator=generator, dtype=drawn_as or like.dtype)
    return noise.to(like.device, like.dtype)


def _check_count(n_steps: int, most: int) -> None:
    if not 1 <= n_steps <= most:
        raise ValueError(f"{n_steps} steps: 1 to {most} can be taken")
