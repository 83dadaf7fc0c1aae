"""Several named outlines leave one body: what every view allows (Laurentini's visual hull, 1994).

Views are brought to one scale by their boxes: the height of the front is the height of the left, the width of
the top is the width of the front. What no scale can reconcile, and views that leave nothing in common, are
found before anything is built, and named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.geometry.mesh import Mesh
from engine.geometry.outline import Box, crisp, sample_alpha, signed_distances
from engine.geometry.surface import extract_surface

Floats = NDArray[np.float32]

# For each view: the axis that runs along its picture's right and its up (0 x, 1 y, 2 z), with their signs.
_AXES: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {
    "front": ((0, +1), (1, +1)),
    "left": ((2, -1), (1, +1)),
    "back": ((0, -1), (1, +1)),
    "right": ((2, +1), (1, +1)),
    "top": ((0, +1), (2, -1)),
    "bottom": ((0, +1), (2, +1)),
}
_MAX_SAMPLES = 14_000_000
_MARGIN = 3
# Views of one thing by hand differ by a few per cent; a third more is another thing, or another side of it.
_MAX_STRETCH = 1.3
# Share of a view's outline that the body must fill; below it something in the other views is in the way.
_LEAST_COVER = 0.6
# Width in cells over which the crease between two views' surfaces is rounded.
_ROUNDING = 1.5


@dataclass(frozen=True, eq=False)
class OutlinedView:
    """A view's `alphas` (H, W) in [0, 1] and the `box` of its outline."""

    alphas: Floats
    box: Box


@dataclass(frozen=True)
class Scaled:
    """`extents` of the body along x, y, z with the longest 1, and each view's pixels per unit (x, y)."""

    extents: tuple[float, float, float]
    px_per_unit: dict[str, tuple[float, float]]


def depth_axis(view: str) -> int:
    """The axis (0 x, 1 y, 2 z) that a named view looks along."""
    (right, _), (up, _) = _AXES[view]
    return 3 - right - up


def carve(
    views: Mapping[str, OutlinedView],
    resolution: int = 0,
    step: Callable[[int, int], None] = lambda step, n_steps: None,
) -> tuple[Mesh, Scaled]:
    """The smooth visual hull of two to six named views that look along at least two axes.

    The mesh is centred on the views' boxes; its longest side is 1. Raises BadInput, naming the views, if
    they cannot be of one thing.
    """
    scaled = align(views)
    step(1, 3)
    resolution = resolution or _choose_resolution(scaled.extents)
    field = _field(views, scaled, resolution)
    step(2, 3)
    cell = 1.0 / resolution
    origin = tuple((0.5 - n / 2) * cell for n in field.shape)
    if field.max() <= 0:
        raise BadInput(
            f"What {', '.join(views)} have in common is thinner than a cell; {resolution} span the longest "
            "side.",
            remedy="Use larger pictures, or a higher shape.resolution.",
        )
    mesh = extract_surface(field, (origin[0], origin[1], origin[2]), cell)
    step(3, 3)
    return mesh, scaled


def align(views: Mapping[str, OutlinedView]) -> Scaled:
    """Finds the body's extents and each view's scale from the boxes, by least squares over their logarithms.

    Raises BadInput naming the views if a box would have to be stretched by more than a third, or if the views
    at this scale leave too little in common.
    """
    names = list(views)
    rows, values = [], []
    for number, name in enumerate(names):
        box = views[name].box
        for (axis, _), side_px in zip(_AXES[name], (box.width_px, box.height_px), strict=True):
            row = np.zeros(3 + len(names))
            row[axis] = row[3 + number] = 1
            rows.append(row)
            values.append(np.log(side_px))
    # The extents are only known up to one common factor; the minimum-norm solution picks one.
    solution = np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)[0]
    residuals = (np.array(values) - np.array(rows) @ solution).reshape(-1, 2)
    stretch = np.exp(np.abs(residuals[:, 0] - residuals[:, 1]))
    if stretch.max() > _MAX_STRETCH:
        _refuse_proportions(views, [names[i] for i in np.argsort(-stretch)[:2]])
    logs = solution[:3] - solution[:3].max()
    extents = np.exp(logs)
    px_per_unit = {}
    for name in names:
        (right, _), (up, _) = _AXES[name]
        box = views[name].box
        px_per_unit[name] = (box.width_px / float(extents[right]), box.height_px / float(extents[up]))
    scaled = Scaled((float(extents[0]), float(extents[1]), float(extents[2])), px_per_unit)
    _refuse_contradiction(views, scaled)
    return scaled


def _refuse_proportions(views: Mapping[str, OutlinedView], names: list[str]) -> None:
    shapes = " and ".join(
        f"{name} ({views[name].box.width_px:.0f} x {views[name].box.height_px:.0f} px)" for name in names
    )
    raise BadInput(
        f"The views {shapes} do not fit one object: their outlines have different proportions.",
        remedy="Check that each picture is given as the side that it shows, upright and not cut off.",
    )


def _choose_resolution(extents: tuple[float, float, float]) -> int:
    return int(np.clip((_MAX_SAMPLES / np.prod([e + 0.03 for e in extents])) ** (1 / 3), 96, 448))


def _maps(
    views: Mapping[str, OutlinedView],
    extents: tuple[float, float, float],
    resolution: int,
    measure: Callable[[str, Floats], Floats],
) -> dict[str, Floats]:
    """What `measure` makes of each view's coverages, its two axes along +x, +y or +z in that order."""
    maps = {}
    for name, view in views.items():
        (right, right_sign), (up, up_sign) = _AXES[name]
        columns = max(4, round(extents[right] * resolution))
        rows = max(4, round(extents[up] * resolution))
        coverages = sample_alpha(crisp(view.alphas), view.box, columns, rows, _MARGIN)
        # Rows run down in a picture: (row, column) -> (right, up).
        grid = measure(name, coverages)[::-1].T
        grid = grid[::right_sign, ::up_sign]
        maps[name] = grid if right < up else grid.T
    return maps


def _distances(view: str, coverages: Floats) -> Floats:
    """Signed distances in cells; raises BadInput naming the view if it is too thin for them."""
    try:
        return signed_distances(coverages)
    except BadInput as error:
        raise BadInput(f"The {view} view: {error.message}", remedy=error.remedy) from error


def _presence(name: str, coverages: Floats) -> Floats:
    """Above zero wherever a good part of the subject's best coverage is, so that thin parts count too."""
    del name
    return coverages - min(0.5, 0.5 * float(coverages.max()))


def _smooth_min(a: Floats, b: Floats) -> Floats:
    """The smaller of two distances, the crease rounded over _ROUNDING cells (polynomial smooth minimum)."""
    overlap = np.clip(_ROUNDING - np.abs(a - b), 0, None)
    return np.asarray(np.minimum(a, b) - overlap * overlap / (4 * _ROUNDING), np.float32)


def _planes(maps: Mapping[str, Floats]) -> dict[int, Floats]:
    """The views that look along the same axis, joined into one map; by that axis."""
    planes: dict[int, Floats] = {}
    for name, grid in maps.items():
        axis = depth_axis(name)
        planes[axis] = np.minimum(planes[axis], grid) if axis in planes else grid
    return planes


def _field(views: Mapping[str, OutlinedView], scaled: Scaled, resolution: int) -> Floats:
    """The body's field (X, Y, Z) in cells, positive inside."""
    planes = _planes(_maps(views, scaled.extents, resolution, _distances))
    field: Floats | None = None
    for axis, plane in sorted(planes.items()):
        spread = np.expand_dims(plane, axis)
        field = spread if field is None else _smooth_min(*np.broadcast_arrays(field, spread))
    assert field is not None
    return np.ascontiguousarray(field, np.float32)


def _cover(maps: Mapping[str, Floats]) -> dict[str, float]:
    """For each view, the share of its outline that the common body fills."""
    planes = _planes(maps)
    inside: NDArray[np.bool_] = np.ones((1, 1, 1), bool)
    for axis, plane in planes.items():
        inside = inside & np.expand_dims(plane > 0, axis)
    shares = {}
    for name, grid in maps.items():
        shadow = inside.any(axis=depth_axis(name))
        wanted = grid > 0
        shares[name] = float((shadow & wanted).sum() / max(wanted.sum(), 1))
    return shares


def _refuse_contradiction(views: Mapping[str, OutlinedView], scaled: Scaled) -> None:
    """Raises BadInput naming the view that stands against the others, if there is one."""
    maps = _maps(views, scaled.extents, 64, _presence)
    shares = _cover(maps)
    worst = min(shares.values())
    if worst >= _LEAST_COVER:
        return
    # The culprit is the view without which the others agree best.
    without = {}
    for name in maps:
        rest = {other: grid for other, grid in maps.items() if other != name}
        without[name] = min(_cover(rest).values())
    culprits = [name for name in maps if without[name] >= max(without.values()) - 0.02]
    starved = min(shares, key=lambda name: shares[name])
    named = culprits if len(culprits) < len(maps) else list(maps)
    what = "nothing in common" if worst == 0 else f"only {worst:.0%} of the {starved} view"
    raise BadInput(
        f"The views contradict each other: together they leave {what}. Look at: {', '.join(named)}.",
        remedy="Check that each picture is given as the side that it shows, upright and from one height.",
    )
