"""A plain backdrop is a smooth surface of colour at the picture's border; what differs from it stands out.

The surface is a polynomial in x and y, fitted to the border by robust least squares and again to all that
turns out to be backdrop. Colour differences are CIE76 in Lab: one is barely seen, ten is another colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

# Above this difference at the border (its third quartile, noise smoothed away) a backdrop is not plain.
# Measured on composites: plain and graded ones, with noise or JPEG, stay below 1.2; photographs, even blurred
# by a sixteenth of their size, start at 3.6 (2026-11).
PLAIN_LIMIT = 2.5
_RING = 0.03  # share of the shorter side that counts as border
_LEAST, _MOST = 1.2, 7.0  # bounds of the difference that separates subject from backdrop
_FIRST = 6.0  # the difference that surely separates, for a start
# A threshold above this before a border without grain is JPEG's ringing beside the subject.
_RINGING = 1.5
_MAX_POINTS = 2000
_SURFACE_PX = 192  # a cubic surface needs no more; it is enlarged afterwards


@dataclass(frozen=True, eq=False)
class Backdrop:
    """The backdrop's own colours (H, W, 3) float32 in [0, 255] and what the picture has beside it.

    `differences` (H, W) in Lab; `threshold` above which a pixel is not backdrop; `outside` (H, W) is backdrop
    that reaches the border; `unrest` tells how far the border is from a smooth surface.
    """

    colours: Floats
    differences: Floats
    threshold: float
    outside: Bools
    unrest: float

    @property
    def is_plain(self) -> bool:
        """Whether the border is one smooth surface, so that the subject can be told from it."""
        return self.unrest < PLAIN_LIMIT


def to_lab(rgb: Floats) -> Floats:
    """CIE Lab of sRGB (H, W, 3) in [0, 255]."""
    return np.asarray(cv2.cvtColor((rgb / 255).astype(np.float32), cv2.COLOR_RGB2Lab), np.float32)


def border_ring(height: int, width: int, share: float = _RING) -> Bools:
    """The outermost `share` of the shorter side, at least two pixels."""
    depth = max(2, round(share * min(height, width)))
    ring = np.ones((height, width), bool)
    ring[depth:-depth, depth:-depth] = False
    return ring


def reaching_border(mask: Bools) -> Bools:
    """The 4-connected parts of `mask` that touch the picture's edge."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    touching = np.zeros(int(labels.max()) + 1, bool)
    for side in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        touching[side] = True
    touching[0] = False
    return np.asarray(touching[labels])


def find_backdrop(rgb: NDArray[np.uint8]) -> Backdrop:
    """Fits the backdrop of `rgb` (H, W, 3) uint8 sRGB."""
    height, width = rgb.shape[:2]
    picture = rgb.astype(np.float32)
    ring = border_ring(height, width)
    colours = _fit(picture, ring, order=2)
    lab = to_lab(picture)
    calm = cv2.GaussianBlur(lab, (0, 0), max(1.0, 0.002 * max(height, width)))
    unrest = float(np.quantile(_difference(calm, colours)[ring], 0.75))
    grain = float(np.median(_difference(lab, colours)[ring]))
    # Grain is smoothed a little, so that it does not raise the threshold above soft edges.
    seen = cv2.GaussianBlur(lab, (0, 0), 1.0) if grain > 0.6 else lab
    for _ in range(2):
        differences = _difference(seen, colours)
        outside = reaching_border(differences < _FIRST)
        if outside.mean() > 0.02:
            colours = _fit(picture, outside, order=3)
    # Once, from the generous outside: from ever tighter ones it would shrink below JPEG's ringing.
    differences = _difference(seen, colours)
    threshold = _threshold(differences, reaching_border(differences < _FIRST))
    if seen is lab and threshold > _RINGING:
        differences = _difference(cv2.GaussianBlur(lab, (0, 0), 0.8), colours)
    outside = reaching_border(differences < threshold)
    return Backdrop(colours, differences, threshold, outside, unrest)


def _threshold(differences: Floats, outside: Bools) -> float:
    """A multiple of the differences just inside the backdrop, a few pixels off its edge."""
    depth = cv2.distanceTransform(outside.astype(np.uint8), cv2.DIST_L2, 5)
    band = (depth > 3) & (depth < 9)
    spread = float(np.quantile(differences[band], 0.75)) if band.sum() > 50 else 0.5
    return float(np.clip(2.5 * spread, _LEAST, _MOST))


def _difference(lab: Floats, colours: Floats) -> Floats:
    """Lab distance (H, W) between a picture, in Lab, and a surface of colours, in sRGB."""
    apart = lab - to_lab(colours)
    return np.asarray(np.sqrt(np.einsum("hwc,hwc->hw", apart, apart)), np.float32)


def _fit(picture: Floats, mask: Bools, order: int) -> Floats:
    """The polynomial surface of `order` through the masked pixels, without outliers (Tukey's biweight)."""
    height, width = mask.shape
    rows, columns = np.nonzero(mask)
    if len(rows) > _MAX_POINTS:
        chosen = np.random.default_rng(0).choice(len(rows), _MAX_POINTS, replace=False)
        rows, columns = rows[chosen], columns[chosen]
    terms = _terms(height, width, order, rows.astype(float), columns.astype(float)).astype(np.float64)
    values = picture[rows, columns].astype(np.float64)
    # From the plain fit, not from a median: a graded backdrop has most of its border far from any one colour.
    factors = _least_squares(terms, values, np.ones((len(terms), 1)))
    for _ in range(6):
        residuals = np.linalg.norm(values - terms @ factors, axis=1)
        reach = 3 * max(1.0, 1.4826 * float(np.median(residuals)))
        weights = np.clip(1 - (residuals / reach) ** 2, 0, None)[:, None]
        factors = _least_squares(terms, values, weights)
    scale = min(1.0, _SURFACE_PX / max(height, width))
    small_height, small_width = max(2, round(height * scale)), max(2, round(width * scale))
    every_row, every_column = np.divmod(np.arange(small_height * small_width), small_width)
    # Their centres, in pixels of the picture, so that enlarging puts every value where it was taken.
    at_rows = (every_row + 0.5) * height / small_height - 0.5
    at_columns = (every_column + 0.5) * width / small_width - 0.5
    at_terms = _terms(height, width, order, at_rows, at_columns)
    surface = np.einsum("kt,tc->kc", at_terms, factors.astype(np.float32))
    small = surface.reshape(small_height, small_width, 3).astype(np.float32)
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(large, 0, 255), np.float32)


def _least_squares(
    terms: NDArray[np.float64], values: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Factors (T, C) of `terms` (K, T) for `values` (K, C), each row weighted, by the normal equations.

    They are small, so that the threads of the linear algebra stay asleep: where other programs keep the
    processor busy, waking them for every fit takes ten times as long as the fit.
    """
    weighted = terms * weights**2
    return np.asarray(np.linalg.lstsq(weighted.T @ terms, weighted.T @ values, rcond=None)[0])


def _terms(
    height: int, width: int, order: int, rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> Floats:
    """The monomials x^i y^j, i + j <= order, at pixels (K,); x, y in [-1, 1]."""
    y = (rows / height * 2 - 1).astype(np.float32)
    x = (columns / width * 2 - 1).astype(np.float32)
    powers = [x**i * y**j for i in range(order + 1) for j in range(order + 1 - i)]
    return np.stack(powers, axis=1)
