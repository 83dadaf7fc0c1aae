"""An outline is the 0.5 contour of an alpha channel, known to a fraction of a cell as a signed distance.

Distances are positive inside and measured in cells of the grid they are sampled on.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Box:
    """A rectangle in a picture's pixels, edges not centres: x0 <= x < x1, y0 <= y < y1, fractions allowed."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width_px(self) -> float:
        """Horizontal side."""
        return self.x1 - self.x0

    @property
    def height_px(self) -> float:
        """Vertical side."""
        return self.y1 - self.y0

    @property
    def longest_px(self) -> float:
        """The longer side."""
        return max(self.width_px, self.height_px)


def outline_box(alphas: Floats) -> Box:
    """The box around alpha > 0.5 in `alphas` (H, W) in [0, 1], to a fraction of a pixel.

    The outermost row or column of the subject counts with its largest coverage: a subject that ends in the
    middle of a pixel has its edge there. Raises ValueError if nothing is above 0.5.
    """
    inside = alphas > 0.5
    if not inside.any():
        raise ValueError("no pixel has an alpha above 0.5")

    def extent(axis: int) -> tuple[float, float]:
        peaks = alphas.max(axis=axis)
        where = np.flatnonzero(inside.any(axis=axis))
        first, last = int(where[0]), int(where[-1])
        # Past the last pixel above 0.5 the neighbour's coverage still belongs to the subject, and that
        # pixel's own missing coverage does not: their sum is where the edge crosses.
        before = float(peaks[first - 1]) if first > 0 else 0.0
        after = float(peaks[last + 1]) if last + 1 < len(peaks) else 0.0
        low = first + (1 - float(peaks[first])) - before
        high = last + float(peaks[last]) + after
        return low, high

    x0, x1 = extent(0)
    y0, y1 = extent(1)
    return Box(x0, y0, x1, y1)


def sample_alpha(alphas: Floats, box: Box, columns: int, rows: int, margin: int) -> Floats:
    """`alphas` (H, W) over `box` on rows x columns cells, with `margin` empty cells on every side.

    Cells are averaged over their area (a box filter by integration, exact for fractional cells), so coverage
    stays coverage. Returns (rows + 2 margin, columns + 2 margin) float32.
    """
    # Bilinear look-up in the integral image integrates any rectangle exactly.
    integral = cv2.integral(alphas.astype(np.float32), sdepth=cv2.CV_64F)
    step_x, step_y = box.width_px / columns, box.height_px / rows
    xs = box.x0 + step_x * np.arange(-margin, columns + margin + 1)
    ys = box.y0 + step_y * np.arange(-margin, rows + margin + 1)
    height, width = alphas.shape
    grid_x, grid_y = np.meshgrid(np.clip(xs, 0, width), np.clip(ys, 0, height))
    sums = ndimage.map_coordinates(integral, [grid_y, grid_x], order=1, mode="nearest")
    cells = np.diff(np.diff(sums, axis=0), axis=1) / (step_x * step_y)
    return np.asarray(np.clip(cells, 0.0, 1.0), np.float32)


def signed_distances(coverages: Floats) -> Floats:
    """Distance of each cell's centre to the outline in cells, from coverages (H, W) in [0, 1].

    Where a cell is crossed, its coverage says how far the edge is; elsewhere the Euclidean distance to the
    nearest cell on the other side is corrected by that cell's own coverage, after the idea of Gustavson and
    Strand, "Anti-aliased Euclidean distance transform" (2011).
    """
    inside = coverages > 0.5
    if not inside.any() or inside.all():
        raise ValueError("the outline needs cells on both sides")

    def reach(side: NDArray[np.bool_]) -> Floats:
        far, nearest = ndimage.distance_transform_edt(side, return_indices=True)
        return np.asarray(far - np.abs(coverages[tuple(nearest)] - 0.5), np.float32)

    distances = np.where(inside, reach(inside), -reach(~inside))
    crossed = (coverages > 0.02) & (coverages < 0.98)
    distances[crossed] = coverages[crossed] - 0.5
    return np.asarray(distances, np.float32)
