"""A subject stands in the middle of a square, as large as its border allows, and keeps every pixel it has.

The border ratio is that of the Hunyuan3D-2 reference (0.15): the longest side of the subject's box fills 85 %
of the canvas. Its slips of a pixel are not copied.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engine.imaging.picture import resize

Pixels = NDArray[np.uint8]

# Pixels at least this opaque show the subject's own colour.
_SOLID = 242


@dataclass(frozen=True, eq=False)
class Recentred:
    """`rgba` (S, S, 4) uint8 sRGB, straight alpha; `box` (left, top, right, bottom) in the source's pixels.

    `scale` is canvas pixels per source pixel.
    """

    rgba: Pixels
    box: tuple[int, int, int, int]
    scale: float


def recentre(rgba: Pixels, border_ratio: float = 0.15, size_px: int | None = None) -> Recentred:
    """Puts what is above half alpha in `rgba` (H, W, 4) into the middle of a square canvas.

    Without `size_px` nothing is resampled: the canvas is as large as the subject asks for. With it the canvas
    has that side. Raises ValueError if no pixel is above half alpha.
    """
    inside = rgba[..., 3] > 127
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if len(rows) == 0:
        raise ValueError("no pixel has an alpha above one half")
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    # The soft edge around the box belongs to the subject too.
    left, top = max(box[0] - 2, 0), max(box[1] - 2, 0)
    crop = rgba[top : box[3] + 2, left : box[2] + 2]
    longest = max(box[2] - box[0], box[3] - box[1])
    side = size_px or max(round(longest / (1 - border_ratio)), longest + 4)
    scale = side * (1 - border_ratio) / longest if size_px else 1.0
    if size_px:
        crop = resize(crop, max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
    centre_x = (box[0] + box[2]) / 2 - left
    centre_y = (box[1] + box[3]) / 2 - top
    x = round(side / 2 - centre_x * scale)
    y = round(side / 2 - centre_y * scale)
    canvas = np.zeros((side, side, 4), np.uint8)
    height, width = crop.shape[:2]
    into = canvas[max(y, 0) : y + height, max(x, 0) : x + width]
    into[:] = crop[max(-y, 0) :, max(-x, 0) :][: into.shape[0], : into.shape[1]]
    return Recentred(canvas, box, scale)


def bleed(rgba: Pixels) -> Pixels:
    """`rgba` with the colours of its solid pixels carried outward over the rest; alpha stays as it is.

    So nothing that samples at the outline ever meets the colour of a background.
    """
    solid = rgba[..., 3] >= _SOLID
    if not solid.any():
        solid = rgba[..., 3] >= rgba[..., 3].max()
    nearest = ndimage.distance_transform_edt(~solid, return_distances=False, return_indices=True)
    carried = rgba.copy()
    carried[..., :3] = rgba[..., :3][tuple(nearest)]
    return carried
