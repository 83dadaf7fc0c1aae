"""A network sees what it was trained to see: white behind the subject, its own sizes, range and view order.

Facts of the public project Hunyuan3D-2 (commit 9bcf302): sizes of 512 or 1022, a border of 0.15, views in the
order front, left, back, right, values in [-1, 1]. `shape_picture` keeps every pixel of the subject;
`parity_picture` makes the reference's own slips too, for comparing numbers with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from engine.errors import BadRequest

Tensor = Any
Pixels = NDArray[np.uint8]

# The numbers by which the multi-view models know the sides of a subject, in their order.
VIEW_NUMBERS = {"front": 0, "left": 1, "back": 2, "right": 3}

# Mean and deviation of ImageNet's red, green and blue, with which DINOv2 was trained.
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)

# A cubic kernel spans four pixels of its source: from this reduction on it would step over some.
_LARGEST_CUBIC_REDUCTION = 2


@dataclass(frozen=True)
class ViewOrder:
    """Views as a model wants them: `positions` among those given, and the model's `numbers` for them."""

    positions: tuple[int, ...]
    numbers: tuple[int, ...]


def shape_picture(rgba: Pixels, size_px: int) -> Tensor:
    """A centred subject on white, (3, size, size) float32 in [-1, 1], from `rgba` (S, S, 4), straight alpha.

    The colours are weighed by their alpha before anything is resampled, so that what hides under clear pixels
    never shows. Cubic as in the reference; where that would step over pixels the mean of them is taken first.
    """
    _check_square(rgba)
    alphas = rgba[..., 3:].astype(np.float32) / 255
    on_white = rgba[..., :3] * alphas + 255 * (1 - alphas)
    largest_px = _LARGEST_CUBIC_REDUCTION * size_px
    if len(rgba) > largest_px:
        on_white = cv2.resize(on_white, (largest_px, largest_px), interpolation=cv2.INTER_AREA)
    resized = cv2.resize(on_white, (size_px, size_px), interpolation=cv2.INTER_CUBIC)
    return _as_tensor(np.clip(resized, 0, 255))


def parity_picture(picture: Pixels, border_ratio: float, size_px: int) -> Tensor:
    """What the reference's processor v2 makes of `picture` (H, W, 3 or 4) uint8, bit for bit.

    (3, size, size) float32 in [-1, 1]. Its slips are made as it makes them: the last row and column of the
    subject are lost, hidden colours mix into the edge, and values are cut off to whole numbers. Raises
    ValueError where it fails itself: a subject of less than two pixels in width or height.
    """
    height_px, width_px, n_channels = picture.shape
    if n_channels == 3:
        picture = np.concatenate([picture, np.full((height_px, width_px, 1), 255, np.uint8)], axis=2)
    rows = np.flatnonzero(picture[..., 3].any(axis=1))
    columns = np.flatnonzero(picture[..., 3].any(axis=0))
    n_rows, n_columns = (int(line[-1] - line[0]) if len(line) else 0 for line in (rows, columns))
    if not n_rows or not n_columns:
        raise ValueError(f"the subject spans {n_columns} x {n_rows} steps from pixel to pixel, not 1 x 1")
    side_px = max(height_px, width_px)
    scale = int(side_px * (1 - border_ratio)) / max(n_rows, n_columns)
    high_px, wide_px = int(n_rows * scale), int(n_columns * scale)
    if not high_px or not wide_px:
        raise ValueError(f"the subject would be {wide_px} x {high_px} px on a canvas of {side_px} px")
    crop = picture[rows[0] : rows[-1], columns[0] : columns[-1]]
    canvas = np.zeros((side_px, side_px, 4), np.uint8)
    top, left = (side_px - high_px) // 2, (side_px - wide_px) // 2
    canvas[top : top + high_px, left : left + wide_px] = cv2.resize(
        crop, (wide_px, high_px), interpolation=cv2.INTER_AREA
    )
    alphas = canvas[..., 3:].astype(np.float32) / 255
    on_white = canvas[..., :3] * alphas + np.float32(255) * (1 - alphas)
    whole = np.clip(on_white, 0, 255).astype(np.uint8)
    return _as_tensor(cv2.resize(whole, (size_px, size_px), interpolation=cv2.INTER_CUBIC))


def order_views(views: Sequence[str], *, model: str, known: Sequence[str] = tuple(VIEW_NUMBERS)) -> ViewOrder:
    """The order in which `model`, which knows the views `known`, wants `views`.

    Raises BadRequest for a view that it does not know, or that is given twice.
    """
    for view in views:
        if view not in known:
            raise BadRequest(
                f"The model {model} cannot use the view {view}.", remedy=f"It knows {', '.join(known)}."
            )
        if views.count(view) > 1:
            raise BadRequest(f"The view {view} is given {views.count(view)} times.", remedy="Give it once.")
    positions = sorted(range(len(views)), key=lambda position: VIEW_NUMBERS[views[position]])
    return ViewOrder(tuple(positions), tuple(VIEW_NUMBERS[views[position]] for position in positions))


def dino_pixels(images: Tensor, image_size_px: int) -> Tensor:
    """DINOv2's input (V, 3, size, size) float32 from `images` (V, 3, H, W) in [-1, 1].

    The shorter side is brought to `image_size_px`, bilinear with antialiasing, the middle cut out, and the
    colours normalised as ImageNet's. Reduce the precision after this, not before.
    """
    pixels = (images.float() + 1) / 2
    height_px, width_px = pixels.shape[-2:]
    shorter_px = min(height_px, width_px)
    if shorter_px != image_size_px:
        longer_px = int(image_size_px * max(height_px, width_px) / shorter_px)
        size = (image_size_px, longer_px) if height_px <= width_px else (longer_px, image_size_px)
        pixels = interpolate(pixels, size=size, mode="bilinear", antialias=True, align_corners=False)
    top, left = (round((side_px - image_size_px) / 2) for side_px in pixels.shape[-2:])
    pixels = pixels[..., top : top + image_size_px, left : left + image_size_px]
    mean, deviation = (pixels.new_tensor(values).view(3, 1, 1) for values in (_MEAN, _DEVIATION))
    return (pixels - mean) / deviation


def view_embedding(number: int, n_channels: int) -> Tensor:
    """The vector (n_channels,) float32 that tells a multi-view model which side a token shows.

    Sines, then cosines, of number · 10000^(-k / half) for k = 0 .. half - 1, computed in float64. It is the
    same for all tokens of a view, and stored in no checkpoint.
    """
    half = n_channels // 2
    if n_channels != 2 * half or number not in VIEW_NUMBERS.values():
        raise ValueError(f"no embedding of view {number} in {n_channels} channels")
    angles = number / 10000 ** (torch.arange(half, dtype=torch.float64) / half)
    return torch.cat([angles.sin(), angles.cos()]).float()


def _check_square(rgba: Pixels) -> None:
    if rgba.ndim != 3 or rgba.shape[2] != 4 or rgba.shape[0] != rgba.shape[1] or not rgba.size:
        raise ValueError(f"a subject is (S, S, 4), not {rgba.shape}")


def _as_tensor(pixels: NDArray[Any]) -> Tensor:
    """(H, W, 3) in [0, 255] as (3, H, W) float32 in [-1, 1]."""
    values = torch.from_numpy(pixels).float() / 255 * 2 - 1
    return values.permute(2, 0, 1).contiguous()
