"""A soft shadow is backdrop, darker: the same hue, no edge of its own, and it reaches the backdrop smoothly.

Only what has all three is taken from the subject. A white subject on white has the hue too, but somewhere an
edge against the backdrop; a hard shadow has an edge as well and is left alone: no colour tells it from paint.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.imaging.backdrop import Backdrop, reaching_border

Bools = NDArray[np.bool_]

_DARKEST = 0.35  # of the backdrop's brightness; deeper shadows only lie under things
_HUE = 0.06  # how far from the backdrop's colour line, as a share of its brightness
_SLOPE = 0.035  # brightness lost per pixel at most, at 1024 pixels along the longer side
_EDGE = 8.0  # a Lab difference that appears within three pixels of the backdrop is an edge
_MAX_SHARP = 0.1  # share of a shadow's border with the backdrop that may be sharp: where it meets the subject
_MAX_SHARE = 0.6  # of the subject with its shadow; more is the subject itself


def soft_shadow(rgb: NDArray[np.uint8], backdrop: Backdrop, mask: Bools) -> Bools:
    """Which pixels (H, W) of the subject's `mask` are a soft shadow in `rgb` (H, W, 3) uint8 sRGB."""
    picture = cv2.GaussianBlur(rgb.astype(np.float32), (0, 0), 1.5)
    power = np.einsum("hwc,hwc->hw", backdrop.colours, backdrop.colours) + 1e-3
    brightness = np.einsum("hwc,hwc->hw", picture, backdrop.colours) / power
    off_line = np.linalg.norm(picture - brightness[..., None] * backdrop.colours, axis=2) / np.sqrt(power)
    slope = np.hypot(
        cv2.Sobel(brightness, cv2.CV_32F, 1, 0, scale=1 / 8),
        cv2.Sobel(brightness, cv2.CV_32F, 0, 1, scale=1 / 8),
    )
    limit = _SLOPE * 1024 / max(mask.shape)
    is_like = (off_line < _HUE) & (brightness > _DARKEST) & (brightness < 1.02) & (slope < limit)
    reached = reaching_border(~mask | is_like) & mask
    return _without_subjects(reached, backdrop, mask)


def _without_subjects(reached: Bools, backdrop: Backdrop, mask: Bools) -> Bools:
    """The parts of `reached` that meet the backdrop without an edge and are not most of the subject."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    is_sharp = cv2.dilate(backdrop.differences, disc) > backdrop.threshold + _EDGE
    beside_backdrop = cv2.dilate((~mask).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    n, labels, stats, _ = cv2.connectedComponentsWithStats(reached.astype(np.uint8), connectivity=8)
    shadow = np.zeros_like(mask)
    for number in range(1, n):
        part = labels == number
        border = part & beside_backdrop
        is_most = stats[number, cv2.CC_STAT_AREA] > _MAX_SHARE * mask.sum()
        if border.any() and not is_most and is_sharp[border].mean() <= _MAX_SHARP:
            shadow |= part
    return shadow
