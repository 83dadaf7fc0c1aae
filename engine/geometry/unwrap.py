"""Every triangle gets its own place in the texture, and no two triangles share a texel.

Charts are grown on the surface (atlas/charts.py), made flat (atlas/flatten.py), cut again where they do not
come out well (atlas/settle.py) and packed on a grid of blocks (atlas/pack.py). What comes out is looked at as
the texture will see it: a texel that two faces cover sends one of them to a place of its own. The same mesh
gives the same bits.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.geometry.atlas.by_xatlas import chart_options, pack_options, unwrap_with_xatlas
from engine.geometry.atlas.calm import calm_surface, count_stretched
from engine.geometry.atlas.charts import chart_faces
from engine.geometry.atlas.flatten import FlatRules
from engine.geometry.atlas.links import link_faces, without_links
from engine.geometry.atlas.merge import ChartRules
from engine.geometry.atlas.overlap import claim_texels, shrink_overlaps
from engine.geometry.atlas.pack import Outlines, Packed, Spacing, pack
from engine.geometry.atlas.settle import Laid, LoneRules, alone, settle
from engine.geometry.atlas.spacing import choose_spacing
from engine.geometry.atlas.watch import Watch
from engine.geometry.mesh import Mesh

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

# No face is stretched or shrunk by more than this along any direction, against the mean of its chart.
STRETCH_BOUND = 3.0
_MAX_REPAIRS = 4
# More faces than this are about as small as texels: what is finer than those is not charted.
MANY_FACES = 1_500_000
# Of those faces, so many may be stretched before it is said.
_FEW_STRETCHED = 0.01
# Of so many faces, about as many clumps grow into charts.
_N_CLUMPS = 100_000
# Of the texture, what faces that lie alone may take.
_LONE_SHARE = 0.1
_FEW_CHARTS = 64  # so few are packed in no time, and fill a square worse
# Charts below this share of the surface have no area that a texel could show.
_LEAST_AREA = 1e-12
_MAX_RASTER_PX = 8192


@dataclass(frozen=True, eq=False)
class Unwrapped:
    """`uv` (M, 3, 2) in [0, 1] per corner, origin bottom-left; `n_charts`; `use` of the texture in [0, 1].

    `charts` (M,) are numbers from 0; `notes` say in words what was not done as asked.
    """

    uv: Floats
    n_charts: int
    use: float
    charts: Ints
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class UnwrapOptions:
    """The texture that the layout is for, and how it is made.

    `max_iterations`, `max_cost` and `brute_force` are xatlas' own and mean to it what they did. To our
    own method they are rounds of growing charts, how far a chart may bend, and packing for longer. After
    `time_limit_s` the rest is laid out in the quickest way.
    """

    texture_size_px: int = 1024
    padding: int = 4
    max_iterations: int = 1
    max_cost: float = 2.0
    brute_force: bool = False
    method: Literal["native", "xatlas"] = "native"
    time_limit_s: float = 60.0


def unwrap(
    vertices: Floats,
    faces: Ints,
    options: UnwrapOptions | None = None,
    densities: Floats | None = None,
    step: Callable[[int, int], None] = lambda step, n_steps: None,
    clock: Callable[[], float] = time.perf_counter,
) -> Unwrapped:
    """Lays the faces (M, 3) out in the unit square.

    `densities` (M,) says how many texels along a side each face should get relative to the others; faces of
    different density fall into different charts. None treats all alike. `step` hears of the work, of 100, and
    may raise; the limit of time is looked for on `clock`, in seconds. Raises BadInput if there are no faces
    or what is given does not fit together.
    """
    options = options or UnwrapOptions()
    mesh = Mesh(vertices, faces)
    if len(faces) == 0:
        raise BadInput("The mesh has no faces, so there is nothing to lay out in the texture.")
    if densities is not None and (densities.shape != (len(faces),) or not (densities > 0).all()):
        raise BadInput(f"Densities must be {len(faces)} numbers above 0, one for each face.")
    levels = (
        np.ones(len(faces), np.float32) if densities is None else np.maximum(np.round(densities, 2), 0.01)
    )
    watch = Watch(step, options.time_limit_s, clock=clock)
    watch.tell(0)
    mesh = _in_unit_box(mesh)
    watch.tell(0)
    if options.method == "xatlas":
        return _by_xatlas(mesh, levels, options, watch)
    bend = float(np.clip(0.16 * np.sqrt(options.max_cost / 2), 0.02, 0.4))
    rules = ChartRules(max_bend=bend, n_rounds=1 + options.max_iterations)
    flat_rules = FlatRules(bound=STRETCH_BOUND)
    # As finely as the texture will be, about half of which charts cover.
    surface = max(float(mesh.face_areas_normals[0].sum(dtype=np.float64)), 1e-30)
    fineness = min(float(np.sqrt(0.5 / surface)), 1.0) * min(options.texture_size_px, _MAX_RASTER_PX)
    is_fine = len(faces) > MANY_FACES
    lone_rules, given = LoneRules(_most_alone(options), is_fine), mesh
    if is_fine:
        mesh = calm_surface(mesh, fineness, watch.part(0, 0.01))
        rules = replace(rules, clump=-(-len(faces) // _N_CLUMPS), n_rounds=options.max_iterations)
        flat_rules = replace(flat_rules, n_rounds=3, n_first_steps=30)
    links = link_faces(mesh, watch.part(0.01, 0.02))
    if len(np.unique(levels)) > 1:
        links = without_links(links, np.unique(levels, return_inverse=True)[1].astype(np.int32))
    labels = chart_faces(mesh, links, rules, watch.part(0.02, 0.35))
    del links
    laid = settle(mesh, labels, rules, flat_rules, fineness, lone_rules, watch.part(0.35, 0.65))
    made = _packed_without_overlaps(mesh, laid, levels, options, lone_rules, watch)
    n_stretched = count_stretched(given, made.uv, made.charts, STRETCH_BOUND) if is_fine else 0
    if n_stretched <= _FEW_STRETCHED * len(faces):
        return made
    note = (
        f"The surface is rougher than the texture can show: {100 * n_stretched / len(faces):.0f} % of the "
        f"faces are stretched by more than {STRETCH_BOUND:g}."
    )
    return replace(made, notes=(*made.notes, note))


def _packed_without_overlaps(
    mesh: Mesh, laid: Laid, levels: Floats, options: UnwrapOptions, lone_rules: LoneRules, watch: Watch
) -> Unwrapped:
    """Packs the charts; faces that share a texel with others leave their chart, and all is packed again."""
    size_px = options.texture_size_px
    low = 0.65
    spacing: Spacing | None = None
    scale: float | None = None
    for number in range(_MAX_REPAIRS + 1):
        high = low + 0.6 * (1 - low)
        outlines = _outlines(mesh, laid, levels, watch.part(low, low))
        if outlines is None:
            uv = np.full((len(levels), 3, 2), 0.5, np.float32)
            note = "No face has an area, so the texture stays empty."
            claimed = claim_texels(uv, 1)
            break
        watch.tell(low)
        if spacing is None:
            spacing, note = choose_spacing(outlines, size_px, options.padding)
        n_rounds = 12 if options.brute_force else 4 if outlines.pieces.n_charts > _FEW_CHARTS else 6
        # Once packed, a few faces more change little.
        n_rounds = n_rounds if scale is None else 1
        packed = pack(outlines, size_px, spacing, watch.part(low, high), n_rounds, scale)
        watch.tell(high)
        uv, scale, low = _coordinates(outlines, packed, len(levels), size_px), packed.scale, high
        claimed = claim_texels(uv, min(size_px, _MAX_RASTER_PX))
        if claimed.n_contested == 0:
            break
        most = lone_rules.limit(watch)
        if number == _MAX_REPAIRS or (number and most is not None):
            break
        laid = alone(mesh, laid, np.flatnonzero(claimed.contested > 0), most)
    n_shrunk = shrink_overlaps(uv, claimed)
    watch.tell(1)
    use, n_charts = claimed.n_covered / claimed.owners.size, int(laid.labels.max()) + 1
    notes = [note] if note else []
    if n_shrunk:
        notes.append(
            f"{n_shrunk} of {len(uv)} faces would lie over others and have no area in the texture: "
            "they show the colour of a texel beside them."
        )
    if watch.is_over:
        notes.append(
            f"The layout took longer than {watch.limit_s:g} s, so the rest was made in the quickest way: "
            f"{n_charts} charts, {100 * use:.0f} % of the texture in use."
        )
    return Unwrapped(uv, n_charts, use, laid.labels, tuple(notes))


def _most_alone(options: UnwrapOptions) -> int:
    """How many faces may lie alone in the texture before what keeps them apart takes too much of it."""
    return 16 + int(_LONE_SHARE * options.texture_size_px**2 / (options.padding + 2) ** 2)


def _outlines(mesh: Mesh, laid: Laid, levels: Floats, watch: Watch) -> Outlines | None:
    """The charts that have an area, as large to each other as `levels` (M,) ask; None if there are none."""
    areas = mesh.face_areas_normals[0].astype(np.float64)
    n_charts = int(laid.labels.max()) + 1
    surface = np.bincount(laid.labels, areas, minlength=n_charts)
    density = np.zeros(n_charts, np.float32)
    density[laid.labels] = levels
    has_area = surface > _LEAST_AREA * surface.sum()
    if not has_area.any():
        return None
    numbers = np.where(has_area, np.cumsum(has_area) - 1, -1).astype(np.int32)
    watch.tell(0)
    shown = Laid(numbers[laid.labels], laid.places * density[laid.labels, None, None])
    pieces, places = shown.pieces(mesh, watch)
    watch.tell(0)
    return Outlines.of(pieces, places)


def _coordinates(outlines: Outlines, packed: Packed, n_faces: int, size_px: int) -> Floats:
    """Coordinates (M, 3, 2); faces of charts without area get a place without size."""
    placed = np.clip(packed.places_px / np.float32(size_px), 0, 1)
    uv = np.full((n_faces, 3, 2), placed[0], np.float32)
    uv[outlines.pieces.order] = placed[outlines.pieces.corners]
    return uv


def _in_unit_box(mesh: Mesh) -> Mesh:
    """The mesh moved and scaled so that its longest side is 1: units, small or huge, make no difference."""
    corners = mesh.corners.reshape(-1, 3)
    low, high = corners.min(axis=0).astype(np.float64), corners.max(axis=0).astype(np.float64)
    size = float((high - low).max())
    moved = (mesh.vertices.astype(np.float64) - (low + high) / 2) / (size if size > 0 else 1.0)
    # A vertex that no face uses may lie anywhere.
    return Mesh(np.clip(moved, -1, 1).astype(np.float32), mesh.faces)


def _by_xatlas(mesh: Mesh, levels: Floats, options: UnwrapOptions, watch: Watch) -> Unwrapped:
    chart = chart_options(options.max_iterations, options.max_cost)
    packing = pack_options(options.texture_size_px, options.padding, options.brute_force)
    uv, charts = unwrap_with_xatlas(mesh, levels, chart, packing, watch)
    claimed = claim_texels(uv, min(options.texture_size_px, _MAX_RASTER_PX))
    watch.tell(1)
    return Unwrapped(uv, int(charts.max()) + 1, claimed.n_covered / claimed.owners.size, charts)
