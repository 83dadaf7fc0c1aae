"""Light and shade that a picture was taken with leave it; what is left is its colour, as it was on average.

An InstructPix2Pix network (Brooks et al. 2023, arXiv 2211.09800) sees the picture's latents beside the noisy
ones. The public project asks it without guidance, though it names a strength of 1.5 for it: that counts only
when the text's is above 1, and that is 1. So a step is one evaluation. The rest are facts of the public
project Hunyuan3D-2 (Tencent-Hunyuan/Hunyuan3D-2, commit 9bcf302): 512 pixels, 50 steps, seed 42, the colours
brought back by mean and deviation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from numpy.typing import NDArray
from PIL import Image

from engine.errors import BadInput, BadRequest
from engine.models.diffusion import AncestralSteps, Training, ancestral_steps, draw_noise
from engine.models.finite import check_finite
from engine.models.hunyuan3d.paint_unet import UnetConfig
from engine.models.image_vae import ImageVae
from engine.models.replay import Pool, Replayed

Tensor = Any
Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]
StepIsDone = Callable[[int, int], None]

SIZE_PX, N_STEPS, SEED = 512, 50, 42
# The part of the means that is matched: what was drawn a little darker or brighter stays so.
_MEAN_WEIGHT = 0.95
# Below one pixel of 512 x 512 that is one level off, so what is below it is rounding.
_LEAST_DEVIATION = 1e-9


def delight_unet(config: UnetConfig) -> Any:
    """The network: Stable Diffusion 2.1's UNet, that sees the picture's latents beside the noisy ones.

    Names are those of diffusers' UNet2DConditionModel.
    """
    n_levels = len(config.widths)
    return UNet2DConditionModel(
        in_channels=2 * config.latent_channels,
        out_channels=config.latent_channels,
        down_block_types=("CrossAttnDownBlock2D",) * (n_levels - 1) + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * (n_levels - 1),
        block_out_channels=config.widths,
        layers_per_block=config.n_resnets,
        attention_head_dim=config.n_heads,  # the number of heads, whatever its name says
        cross_attention_dim=config.text_channels,
        norm_num_groups=config.n_groups,
        use_linear_projection=True,
    )


def delight_steps(n_steps: int = N_STEPS) -> AncestralSteps:
    """The noise levels of a run; 4 to 50 steps are useful. Raises ValueError outside 1 to 500."""
    return ancestral_steps(Training(), n_steps, "leading")


def delight(
    unet: Any,
    vae: ImageVae,
    prompt: Tensor,
    picture: Pixels,
    *,
    n_steps: int = N_STEPS,
    seed: int = SEED,
    strength: float = 1.0,
    drawn_as: Any = torch.float16,
    step_is_done: StepIsDone = lambda done, of: None,
) -> Pixels:
    """`picture` (S, S, 4) as `prepared` without its light, on white, (S, S, 3) uint8 sRGB.

    `prompt` is the embedding (1, 77, C) of the empty text (engine.models.clip_text) and says device and dtype
    of the work. `strength` mixes with the picture as it came: at 0 no network runs. Its parts
    (`picture_latents`, `denoise`, `developed`, `rematched`) can be called one by one, each with the network
    in memory that it needs. Raises BadRequest for a strength outside 0 to 1, NotFinite.
    """
    check_strength(strength)
    if strength == 0:
        return rematched(picture[..., :3], picture, strength=0)
    seen = picture_latents(vae, picture, prompt)
    latents = denoise(
        unet, prompt, seen, delight_steps(n_steps), seed, drawn_as=drawn_as, step_is_done=step_is_done
    )
    return rematched(developed(vae, latents), picture, strength=strength)


def check_strength(strength: float) -> None:
    """Raises BadRequest outside 0 to 1."""
    if not 0 <= strength <= 1:  # also true for NaN
        raise BadRequest(
            f"A delight strength of {strength} is outside 0 to 1.",
            remedy="0 leaves the picture as it is, 1 takes all light away.",
        )


def prepared(rgba: Pixels, size_px: int = SIZE_PX) -> Pixels:
    """A centred subject (S, S, 4), straight alpha, as (size, size, 4): its rim a pixel in, all else white.

    Cubic as Pillow does it, colours weighed by their alpha. Raises BadInput for another shape, and for a
    picture in which fewer than two pixels are more than half opaque: nothing could be matched.
    """
    if rgba.ndim != 3 or rgba.shape[2] != 4 or rgba.shape[0] != rgba.shape[1]:
        raise BadInput(
            f"A picture of shape {rgba.shape} is no square with red, green, blue and alpha.",
            remedy="Cut the subject out and centre it first.",
        )
    resized = np.array(Image.fromarray(rgba).resize((size_px, size_px)))
    # Beyond the picture OpenCV's erosion sees opaque pixels: a picture without clear ones loses nothing.
    resized[..., 3] = cv2.erode(resized[..., 3], np.ones((3, 3), np.uint8))
    resized[resized[..., 3] == 0, :3] = 255
    n_opaque = int(_is_subject(resized).sum())
    if n_opaque < 2:
        raise BadInput(
            f"The picture has no subject: {n_opaque} of {size_px**2:,} pixels are more than half opaque.",
            remedy="Choose a picture in which the subject is larger.",
        )
    return resized


def picture_latents(vae: ImageVae, picture: Pixels, like: Tensor) -> Tensor:
    """What the network sees of `picture` (S, S, 4): its likeliest latents, unscaled, (1, 4, S / 8, S / 8).

    The alpha is left out. On the device and of the dtype of `like`.
    """
    levels = torch.from_numpy(picture[..., :3].astype(np.float32)).permute(2, 0, 1)[None] / 255
    return vae.encode((2 * levels - 1).to(like.device, like.dtype))


def denoise(
    unet: Any,
    prompt: Tensor,
    seen: Tensor,
    steps: AncestralSteps,
    seed: int = SEED,
    *,
    drawn_as: Any = torch.float16,
    step_is_done: StepIsDone = lambda done, of: None,
) -> Tensor:
    """The latents (1, 4, h, w), in units of the diffusion, that noise becomes under `seen`.

    The seed's noise is drawn as `drawn_as`, for the start and after each step, as in the public project.
    `step_is_done` may raise to end the run. Raises NotFinite.
    """
    generator = torch.Generator("cpu").manual_seed(seed)

    def drawn() -> Tensor:
        return draw_noise(tuple(seen.shape), generator, seen, drawn_as=drawn_as)

    def velocities(shown: Tensor, time: Tensor) -> tuple[Tensor]:
        beside = torch.cat([shown, seen], dim=1)
        return (unet(beside, time, encoder_hidden_states=prompt, return_dict=False)[0],)

    latents = drawn() * steps.start_scale
    network = Replayed(velocities, Pool(seen.device))
    n_steps = len(steps.times)
    for number, time in enumerate(steps.times):
        at = torch.full((1,), time, dtype=torch.float32, device=seen.device)
        (velocity,) = network(steps.seen(latents, number), at)
        latents = steps.moved(latents, velocity, drawn(), number)
        # Waits for the device, so that a step that is told is done.
        check_finite(latents, f"Step {number + 1} of {n_steps} of delight")
        step_is_done(number + 1, n_steps)
    return latents


def developed(vae: ImageVae, latents: Tensor) -> Pixels:
    """The picture (S, S, 3) uint8 of `latents` (1, 4, h, w) in units of the diffusion; raises NotFinite."""
    pixels = vae.decode(latents / vae.scale)
    check_finite(pixels, "The decoder of delight")
    levels = (pixels[0].permute(1, 2, 0) / 2 + 0.5).clamp(0, 1)
    picture: Pixels = (levels.float().cpu().numpy() * 255).round().astype(np.uint8)
    return picture


def rematched(drawn: Pixels, picture: Pixels, *, strength: float = 1.0) -> Pixels:
    """`drawn` (S, S, 3) in the colours of `picture` (S, S, 4), on white, (S, S, 3) uint8.

    Each channel of the subject gets the picture's deviation and, nearly, mean; if that leads further from the
    picture than it was, `drawn` stays. The last rounding is down, as the public project's. `strength` mixes
    with the picture.
    """
    source, whole = drawn / 255.0, picture / 255.0
    target, alphas = whole[..., :3], whole[..., 3:]
    colours = _matched(source, target, _is_subject(picture)) if strength else target
    if strength < 1:
        colours = strength * colours + (1 - strength) * target
    on_white = colours * alphas + (1 - alphas)
    # A mixture may lie a rounding above 1.
    return (on_white.clip(0, 1) * 255).astype(np.uint8)


def _matched(source: Floats, target: Floats, is_subject: NDArray[np.bool_]) -> Floats:
    """`source` with mean and deviation of `target` over the subject; as it was, if that is nearer."""
    ours, theirs = source[is_subject], target[is_subject]
    deviations = ours.std(axis=0, ddof=1)
    if deviations.min() < _LEAST_DEVIATION:
        return source  # one colour has no deviation to be matched; the watchdog looks at such pictures
    gains = theirs.std(axis=0, ddof=1) / deviations
    mean, wanted = _MEAN_WEIGHT * ours.mean(axis=0), _MEAN_WEIGHT * theirs.mean(axis=0)
    matched: Floats = ((source - mean) * gains + wanted).clip(0, 1)
    is_further = ((source - target) ** 2).mean() < ((matched - target) ** 2).mean()
    return source if is_further else matched


def _is_subject(picture: Pixels) -> NDArray[np.bool_]:
    """Which pixels of (S, S, 4) are more than half opaque."""
    is_subject: NDArray[np.bool_] = picture[..., 3] > 127
    return is_subject
