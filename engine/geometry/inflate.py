"""One outline becomes a smooth closed body: thick where the outline is broad, thin where it is thin.

The square of the body's half thickness solves Poisson's equation inside the outline and is zero on it, so a
disc becomes a ball, a long strip a rod, and a hole in the outline a hole through the body (after Baran and
Lehtinen, "Notes on inflating curves", 2009). Extended smoothly beyond the outline, u - (z / depth)^2 is a
field whose zero surface is the body and whose outline, seen from the front, is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engine.geometry.mesh import Mesh
from engine.geometry.outline import Box, crisp, sample_alpha, signed_distances
from engine.geometry.surface import extract_surface

Floats = NDArray[np.float32]

# Samples of the field: marching cubes takes about 0.3 s and 0.3 GB at this size on two cores.
_MAX_SAMPLES = 18_000_000
# Cells along the side of a square as large as the subject's box that do for one without thin parts.
_ENOUGH = 256
_MARGIN = 3
# Widest body that may stay swollen at flatness 1, as a share of the longest side.
_FLAT_HALF_THICKNESS = 0.1


@dataclass(frozen=True)
class Inflation:
    """How a body is made of an outline.

    `depth` scales the thickness; `flatness` in [0, 1] holds broad parts flat; `relief` in [0, 1] is how
    strongly shading is pressed into the front; `resolution` is cells along the longest side, 0 for automatic.
    """

    depth: float = 0.8
    flatness: float = 0.0
    relief: float = 0.0
    resolution: int = 0


def inflate(
    alphas: Floats,
    luminances: Floats | None,
    box: Box,
    how: Inflation,
    step: Callable[[int, int], None] = lambda step, n_steps: None,
) -> Mesh:
    """Inflates the outline of `alphas` (H, W) in [0, 1] inside `box`.

    `luminances` (H, W) in [0, 1] is only read when `how.relief` is above zero. The mesh has the box's centre
    at its origin, its longest side is 1, the outline lies in the plane z = 0.
    """
    alphas = crisp(alphas)
    resolution = how.resolution or _choose_resolution(alphas, box, how)
    columns = max(4, round(resolution * box.width_px / box.longest_px))
    rows = max(4, round(resolution * box.height_px / box.longest_px))
    coverages = sample_alpha(alphas, box, columns, rows, _MARGIN)
    distances = signed_distances(coverages)
    step(1, 3)
    squares = squared_heights(distances, how.flatness, resolution)
    step(2, 3)
    relief = np.zeros_like(squares)
    if how.relief > 0 and luminances is not None:
        shading = sample_alpha(luminances, box, columns, rows, _MARGIN)
        relief = _relief(shading, distances, resolution) * np.float32(how.relief)
    field = _field(squares, relief, how.depth)
    cell = 1.0 / resolution
    height, width = squares.shape
    half_cells = field.shape[2] // 2
    # Cell centres: column i lies at (i - margin + 0.5) cells from the box's left edge; y runs up.
    origin = (
        (0.5 - _MARGIN - columns / 2) * cell,
        (0.5 - _MARGIN - rows / 2) * cell,
        -half_cells * cell,
    )
    assert field.shape[:2] == (width, height)
    mesh = extract_surface(field, origin, cell)
    step(3, 3)
    return mesh


def squared_heights(distances: Floats, flatness: float, longest_cells: int) -> Floats:
    """The square of the half thickness in cells^2, negative outside, from signed distances in cells.

    Solves lap(u) - k u = -4 with u = 0 on the outline: for k = 0 a disc of radius r gives r^2 - x^2 - y^2.
    With flatness, k is such that u cannot pass the square of a tenth of the longest side at flatness 1.
    """
    stiffness = 4 * (flatness / (_FLAT_HALF_THICKNESS * longest_cells)) ** 2
    solved = _solve_poisson(distances > 0, stiffness)
    # Near the outline the solution knows only whole cells. u / distance is smooth there: taken from two cells
    # inside and carried outward, times the exact distance, it gives u with the outline where it belongs.
    trusted = distances > 2
    ratio = np.where(trusted, solved / np.maximum(distances, 0.5), 0).astype(np.float32)
    if not trusted.any():
        return np.asarray(np.maximum(distances.max(), 0.5) * distances, np.float32)
    near = ndimage.distance_transform_edt(~trusted, return_distances=False, return_indices=True)
    carried = cv2.GaussianBlur(ratio[tuple(near)], (0, 0), 1.5)
    # Parts too thin to be trusted anywhere take the ratio of a strip as wide as themselves.
    own = _local_half_width(distances)
    lone = ndimage.distance_transform_edt(~trusted) > own + 3
    carried = np.where(lone, 2 * own, carried)
    exact = carried * distances
    blend = np.clip((distances - 2) / 3, 0, 1)
    return np.asarray(exact * (1 - blend) + solved * blend, np.float32)


def _local_half_width(distances: Floats) -> Floats:
    """The largest distance found within three cells: the half width of a thin part."""
    return np.asarray(np.maximum(cv2.dilate(distances, np.ones((7, 7), np.uint8)), 0.5), np.float32)


def _choose_resolution(alphas: Floats, box: Box, how: Inflation) -> int:
    """Fine for subjects with thin parts, which would break or shrink; enough for the others."""
    share = box.width_px * box.height_px / box.longest_px**2
    enough = round(_ENOUGH / share**0.5)
    columns = max(4, round(enough * box.width_px / box.longest_px))
    rows = max(4, round(enough * box.height_px / box.longest_px))
    distances = signed_distances(sample_alpha(alphas, box, columns, rows, _MARGIN))
    squares = squared_heights(distances, how.flatness, enough)
    thickness = 2 * how.depth * float(np.sqrt(max(squares.max(), 1.0))) / enough + 0.04
    affordable = int(np.clip((_MAX_SAMPLES / (share * thickness)) ** (1 / 3), 128, 512))
    return affordable if _has_thin_parts(distances > 0) else min(affordable, enough)


def _has_thin_parts(inside: NDArray[np.bool_]) -> bool:
    """Whether opening with a disc four cells across loses more than one part in a hundred of `inside`."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    opened = cv2.morphologyEx(inside.astype(np.uint8), cv2.MORPH_OPEN, disc)
    return bool(opened.sum() < 0.99 * inside.sum())


def _solve_poisson(inside: NDArray[np.bool_], stiffness: float) -> Floats:
    """Solves lap(u) - stiffness u = -4 in `inside`, u = 0 elsewhere, from coarse grids to fine.

    Each level starts from the one below, so that its few rounds of successive over-relaxation only have to
    mend what is as small as a few cells (cascadic multigrid, Bornemann and Deuflhard, 1996).
    """
    height, width = inside.shape
    if min(height, width) > 96:
        half = (max(1, (width + 1) // 2), max(1, (height + 1) // 2))
        coarse = cv2.resize(inside.astype(np.float32), half, interpolation=cv2.INTER_AREA) > 0.5
        below = _solve_poisson(coarse, stiffness * 4) * 4
        guess = cv2.resize(below, (width, height), interpolation=cv2.INTER_LINEAR)
        n_rounds, over = 40, np.float32(1.6)
    else:
        guess = np.zeros(inside.shape, np.float32)
        n_rounds, over = 300, np.float32(1.94)  # near the best factor for a hundred cells
    u = np.pad(np.where(inside, guess, 0).astype(np.float32), 1)
    mask = np.pad(inside, 1).astype(np.float32)
    parity = np.add.outer(np.arange(mask.shape[0]), np.arange(mask.shape[1])) % 2
    colours = [over * mask * (parity == side) for side in (0, 1)]
    total = np.float32(4 + stiffness)
    for _ in range(n_rounds):
        for colour in colours:
            around = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:]
            u[1:-1, 1:-1] += colour[1:-1, 1:-1] * ((around + 4) / total - u[1:-1, 1:-1])
    return u[1:-1, 1:-1]


def _relief(shading: Floats, distances: Floats, resolution: int) -> Floats:
    """Height in cells to add to the front: the shading's middle frequencies, fading out at the outline.

    Brightness against its surroundings stands for height, the oldest of the shape-from-shading guesses
    ("dark is deep", Langer and Zucker, 1994); the amplitude is at most 2 % of the longest side.
    """
    inside = (distances > 0).astype(np.float32)

    def smooth(sigma: float) -> Floats:
        weight = cv2.GaussianBlur(inside, (0, 0), sigma) + 1e-6
        return np.asarray(cv2.GaussianBlur(shading * inside, (0, 0), sigma) / weight, np.float32)

    band = smooth(resolution * 0.004) - smooth(resolution * 0.03)
    fade = np.clip(distances / (0.03 * resolution), 0, 1)
    return np.asarray(np.clip(band * 4, -1, 1) * fade * (0.02 * resolution), np.float32)


def _field(squares: Floats, relief: Floats, depth: float) -> Floats:
    """The field (X, Y, Z) in cells^2, with y up and the front at high z."""
    peak = depth * float(np.sqrt(squares.max())) + max(0.0, float(relief.max()))
    half = int(np.ceil(peak)) + 2
    z = np.arange(-half, half + 1, dtype=np.float32)
    columns = np.ascontiguousarray(squares[::-1].T)[..., None]
    # The relief moves the front only: it sets in over the first cells before the middle plane.
    shift = np.ascontiguousarray(relief[::-1].T)[..., None]
    if relief.any():
        z = z - shift * np.clip(z / 4, 0, 1)
    return np.asarray(columns - np.square(z / np.float32(depth)), np.float32)
