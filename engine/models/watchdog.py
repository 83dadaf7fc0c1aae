"""A picture that a network got wrong as a whole is found before anyone calls it a result.

What numbers can tell: NaN, black, flat, and the garish mosaic of latents that have overflowed. What is merely
ugly they cannot. Pictures of real things come nowhere near these bounds; a network that has failed is far
beyond them. Where a mask says which pixels count, the others are not looked at: a white ground is no fault.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pictures = NDArray[Any]
Levels = NDArray[np.float32]

# Below this level, of 1, a pixel is black. NaN and infinity become level 0; a picture of a black thing has
# glints, and its decoder noise of several levels.
_BLACK = 2.5 / 255
# The part of the pixels that must be black, or of one colour: a little may be dust at the rim of a mask.
_NEARLY_ALL = 0.999
# How far, of 1, pixels of a flat picture lie from their middle in any channel: one level of eight bits.
# A decoder's own grain is wider, unless it is cut off at white or black.
_FLAT = 1.5 / 255
# Overflowed latents decode to channels cut off at both ends: most pixels are among the eight corners of the
# colour cube, and no few of these. Line art has two corners, a flag three or four, each large; a picture that
# was drawn with pure paint alone is not what these networks were trained on.
_AT_AN_END = 1.5 / 255
_CORNERED = 0.75
_N_CORNERS, _LEAST_SHARE = 5, 0.02
# Fewer pixels than this tell nothing.
_LEAST_PIXELS = 16


@dataclass(frozen=True)
class Trouble:
    """What is wrong with the picture `number` (from 0): `kind`, and the same in `words`."""

    number: int
    kind: str
    words: str


def look_at(pictures: Pictures, masks: NDArray[np.bool_] | None = None) -> list[Trouble]:
    """What is wrong with `pictures` (N, H, W, 3), uint8 or floats in [0, 1], at most one trouble for each.

    `masks` (N, H, W) says which pixels count; a picture in which fewer than 16 do is passed over. Raises
    ValueError for other shapes.
    """
    if pictures.ndim != 4 or pictures.shape[-1] != 3:
        raise ValueError(f"pictures are (N, H, W, 3), not {pictures.shape}")
    if masks is not None and masks.shape != pictures.shape[:3]:
        raise ValueError(f"masks of {masks.shape} for pictures of {pictures.shape}")
    troubles = []
    for number, picture in enumerate(pictures):
        pixels = picture.reshape(-1, 3) if masks is None else picture[masks[number]]
        if len(pixels) < _LEAST_PIXELS:
            continue
        found = _first_trouble(pixels)
        if found is not None:
            kind, words = found
            troubles.append(Trouble(number, kind, f"Picture {number + 1} of {len(pictures)} {words}."))
    return troubles


def _first_trouble(pixels: Pictures) -> tuple[str, str] | None:
    """The kind and words of what is wrong with `pixels` (n, 3), the plainest cause first."""
    n_lost = int((~np.isfinite(pixels)).any(axis=-1).sum())
    if n_lost:
        return "not finite", f"has {n_lost:,} of {len(pixels):,} pixels that are not numbers"
    levels = pixels.astype(np.float32) / np.float32(255 if pixels.dtype == np.uint8 else 1)
    checks: tuple[tuple[str, Callable[[Levels], str]], ...] = (
        ("black", _black),
        ("flat", _flat),
        ("saturated", _saturated),
    )
    for kind, check in checks:
        words = check(levels)
        if words:
            return kind, words
    return None


def _black(levels: Levels) -> str:
    share = float((levels.max(axis=-1) < _BLACK).mean())
    return f"is black: {_percent(share)} of its pixels" if share >= _NEARLY_ALL else ""


def _flat(levels: Levels) -> str:
    middle = np.median(levels, axis=0)
    share = float((np.abs(levels - middle).max(axis=-1) <= _FLAT).mean())
    if share < _NEARLY_ALL:
        return ""
    colour = ", ".join(str(round(float(level) * 255)) for level in middle)
    return f"is flat: {_percent(share)} of its pixels have the colour ({colour})"


def _saturated(levels: Levels) -> str:
    is_high = levels >= 1 - _AT_AN_END
    is_cornered = (is_high | (levels <= _AT_AN_END)).all(axis=-1)
    share = float(is_cornered.mean())
    if share < _CORNERED:
        return ""
    corners = is_high[is_cornered] @ np.array([1, 2, 4])
    n_corners = int((np.bincount(corners, minlength=8) >= _LEAST_SHARE * len(levels)).sum())
    if n_corners < _N_CORNERS:
        return ""
    return f"is saturated: {_percent(share)} of its pixels are at the ends of every channel"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
