"""A picture of a mesh that exists is laid over it: outline's box on box, then as well as they overlap.

The camera is orthographic, so moving or stretching the picture is the same as moving the camera: the mesh's
outline is drawn once, and only its place is sought.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.geometry.cameras import NAMED_VIEWS, Orthographic
from engine.geometry.mesh import Mesh
from engine.geometry.outline import Box
from engine.geometry.rasterise import rasterise

Floats = NDArray[np.float32]

# Sides of pictures on which the overlap is measured; a step of the search is below a tenth of its pixel.
_SEARCH_PX = 256
_STEPS = (0.02, 0.01, 0.005, 0.0025, 0.001)
# The search may stretch and move a picture by this much of the outline's box, the cut-out's own error.
_REACH = 0.06
# A better place must be better by this much, else the box has the last word.
_LEAST_GAIN = 0.002
# The mesh's outline is drawn this wide, with a margin, before it is moved.
_DRAWN_PX, _MARGIN = 512, 0.1
# An extent below this share of the longest is none: the view looks along a flat thing's plane.
_FLAT = 1e-4


@dataclass(frozen=True)
class Fit:
    """A view's `camera` on the mesh and how well it fits.

    `overlap` is the intersection of both outlines over their union; `stretch` the picture's proportions over
    the mesh's, `picture_aspect` and `mesh_aspect` (width over height).
    """

    camera: Orthographic
    overlap: float
    picture_aspect: float
    mesh_aspect: float

    @property
    def stretch(self) -> float:
        """How much wider the picture's outline is than the mesh's: 1 if both have the same proportions."""
        return self.picture_aspect / self.mesh_aspect

    @property
    def misfit(self) -> float:
        """The stretch, or its inverse where the picture is the narrower one: at least 1."""
        return max(self.stretch, 1 / self.stretch)


def fit_view(mesh: Mesh, view: str, alphas: Floats, box: Box) -> Fit:
    """The camera from which `mesh` has the outline of `alphas` (H, W), whose box is `box`.

    Raises BadInput if the mesh shows the view no surface.
    """
    azimuth_deg, elevation_deg = NAMED_VIEWS[view]
    flat = Orthographic(azimuth_deg, elevation_deg, (1.0, 1.0), (0.0, 0.0), (1, 1)).project(mesh.vertices)
    low, high = flat[:, :2].min(axis=0), flat[:, :2].max(axis=0)
    extent = (high - low).astype(np.float64)
    if extent.min() <= _FLAT * max(float(np.ptp(mesh.vertices, axis=0).max()), 1e-30):
        raise BadInput(
            f"From its {view} the mesh is {extent[0]:.3g} wide and {extent[1]:.3g} high: that view sees only "
            "an edge of it.",
            remedy="Leave the view out, or turn the mesh (--up z).",
        )
    middle = (low + high) / 2
    px_per_unit = (box.width_px / extent[0], box.height_px / extent[1])
    box_centre = ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
    height_px, width_px = alphas.shape
    boxed = Orthographic(
        azimuth_deg,
        elevation_deg,
        (float(px_per_unit[0]), float(px_per_unit[1])),
        _centre(box_centre, px_per_unit, middle),
        (width_px, height_px),
    )
    change, overlap = _search(mesh, boxed, alphas, box)
    wide, high_, right, down = change
    scaled = (float(px_per_unit[0] * np.exp(wide)), float(px_per_unit[1] * np.exp(high_)))
    moved = (box_centre[0] + right * box.width_px, box_centre[1] + down * box.height_px)
    camera = replace(boxed, px_per_unit=scaled, centre_px=_centre(moved, scaled, middle))
    return Fit(camera, overlap, box.width_px / box.height_px, float(extent[0] / extent[1]))


def _centre(
    middle_px: tuple[float, float], px_per_unit: tuple[float, float], middle: NDArray[np.float32]
) -> tuple[float, float]:
    """Where the origin falls if the projection's `middle`, at one pixel a unit, falls on `middle_px`."""
    return (
        float(middle_px[0] - px_per_unit[0] * middle[0]),
        float(middle_px[1] - px_per_unit[1] * middle[1]),
    )


def _search(
    mesh: Mesh, boxed: Orthographic, alphas: Floats, box: Box
) -> tuple[tuple[float, float, float, float], float]:
    """The change (log widths, log heights, shares of the box to the right and down) with the best overlap."""
    measure = _overlap_measure(mesh, boxed, alphas, box)
    start = np.zeros(4)
    at, best = start, measure(start)
    first = best
    for step in _STEPS:
        is_better = True
        while is_better:
            is_better = False
            for axis in range(4):
                for sign in (1.0, -1.0):
                    trial = at.copy()
                    trial[axis] = np.clip(trial[axis] + sign * step, -_REACH, _REACH)
                    overlap = measure(trial)
                    if overlap > best + 1e-6:
                        at, best, is_better = trial, overlap, True
    if best < first + _LEAST_GAIN:
        at, best = start, first
    return (float(at[0]), float(at[1]), float(at[2]), float(at[3])), best


def _overlap_measure(
    mesh: Mesh, boxed: Orthographic, alphas: Floats, box: Box
) -> Callable[[NDArray[np.float64]], float]:
    """A function of the change that tells the overlap of the mesh's outline with the picture's."""
    margin = _MARGIN * _DRAWN_PX
    wide = (_DRAWN_PX - 2 * margin) / box.width_px
    high = (_DRAWN_PX - 2 * margin) / box.height_px
    drawing = replace(
        boxed,
        px_per_unit=(boxed.px_per_unit[0] * wide, boxed.px_per_unit[1] * high),
        centre_px=(
            margin + (boxed.centre_px[0] - box.x0) * wide,
            margin + (boxed.centre_px[1] - box.y0) * high,
        ),
        size_px=(_DRAWN_PX, _DRAWN_PX),
    )
    raster = rasterise(drawing.project(mesh.vertices), mesh.faces, _DRAWN_PX, _DRAWN_PX)
    drawn = (raster.face_ids >= 0).astype(np.float32)
    # The picture, its box with the same margin around it, at the size of the search.
    scale = _SEARCH_PX / _DRAWN_PX
    over_picture = np.array(
        [[1 / (wide * scale), 0, box.x0 - margin / wide], [0, 1 / (high * scale), box.y0 - margin / high]]
    )
    coarse = cv2.blur(alphas, _window(over_picture))
    wanted = _warped(coarse, over_picture)
    half = _DRAWN_PX / 2
    inner = _DRAWN_PX - 2 * margin
    coarse_drawn = cv2.blur(drawn, (2, 2))

    def measure(change: NDArray[np.float64]) -> float:
        grown = np.exp(change[:2])
        shift = change[2:] * inner
        # A pixel of the search lies at (pixel / scale); undo the move, then the stretch about the middle.
        back = np.array(
            [
                [1 / (scale * grown[0]), 0, half - (half + shift[0]) / grown[0]],
                [0, 1 / (scale * grown[1]), half - (half + shift[1]) / grown[1]],
            ]
        )
        placed = _warped(coarse_drawn, back)
        union = np.maximum(placed, wanted).sum()
        return float(np.minimum(placed, wanted).sum() / max(float(union), 1e-9))

    return measure


def _window(matrix: NDArray[np.float64]) -> tuple[int, int]:
    """How many pixels of the source one of the result covers, at least one."""
    return max(1, round(matrix[0, 0])), max(1, round(matrix[1, 1]))


def _warped(picture: Floats, matrix: NDArray[np.float64]) -> Floats:
    """`picture` looked up at `matrix` (2, 3) of each pixel of the search; whole numbers are edges."""
    shifted = matrix.copy()
    shifted[:, 2] += 0.5 * (matrix[:, 0] + matrix[:, 1]) - 0.5
    return np.asarray(
        cv2.warpAffine(
            picture,
            shifted,
            (_SEARCH_PX, _SEARCH_PX),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=0,
        ),
        np.float32,
    )
