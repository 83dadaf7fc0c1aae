"""Charts become flat with every face nearly in its own shape: all charts at once, each by itself.

The first turn of a face is the shortest one from its normal to its chart's, so that steep faces start
upright.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.geometry.atlas.order import AT_ONCE, order_by_number
from engine.geometry.atlas.watch import Watch
from engine.geometry.compute import Compute, processor
from engine.geometry.kernels import flatten as kernels
from engine.geometry.kernels import mend as mending
from engine.geometry.kernels import pieces as cutting
from engine.geometry.mesh import Mesh

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

# Cotangents of thin faces are kept in here, so that no weight is negative or drowns the others.
_LOWEST_WEIGHT, _HIGHEST_WEIGHT = 0.05, 5.0
# The squared residual, against the first one, at which conjugate gradients stop.
_TOLERANCE = 1e-4
_FACE_ROUNDS_AT_ONCE = 400_000
# Fewer faces than these are done before another thread has started.
_WORTH_A_THREAD = 4000
# Charts that are given to the thread with the least to do; what is smaller is given out in turn.
_DEALT_BY_SIZE = 4000
_THINNEST, _THIN_BOUND = 0.01, 30.0


@dataclass(frozen=True)
class FlatRules:
    """What a flat chart must keep, and how long it is worked on.

    `bound`: no face is stretched or shrunk more along any direction; `max_strain`: the mean over a chart of
    (stretch - 1) squared, both directions together. `n_rounds` of turning and placing, with `n_first_steps`
    of conjugate gradients in the first and `n_steps` in every later one; `n_sweeps` of mending.
    """

    bound: float = 3.0
    max_strain: float = 0.02
    n_rounds: int = 5
    n_first_steps: int = 60
    n_steps: int = 20
    n_sweeps: int = 20


@dataclass(frozen=True, eq=False)
class Pieces:
    """Faces sorted by chart, their corners as vertices that belong to one chart alone.

    `order` (M,) are the faces; `corners` (M, 3) their vertices here; `face_starts`, `vertex_starts` (K + 1,)
    where each chart begins; `origins` (V,) are the mesh's vertices.
    """

    order: Ints
    corners: Ints
    face_starts: Ints
    vertex_starts: Ints
    origins: Ints

    @property
    def n_charts(self) -> int:
        """How many charts there are."""
        return len(self.face_starts) - 1


def cut_into_pieces(mesh: Mesh, labels: Ints, watch: Watch) -> Pieces:
    """The pieces of `mesh` by chart (M,); labels run from 0 without gaps, -1 leaves a face out."""
    n_charts = int(labels.max(initial=-1)) + 1
    order, face_starts = order_by_number(labels, n_charts, watch)
    n_faces, n_vertices = len(order), len(mesh.vertices)
    corners, origins = np.empty((n_faces, 3), np.int32), np.empty(3 * n_faces, np.int32)
    stamps, numbers = np.full(n_vertices, -1, np.int32), np.empty(n_vertices, np.int32)
    counts, state = np.zeros(n_charts, np.int32), np.zeros(1, np.int32)
    inputs = [order, np.ascontiguousarray(mesh.faces), np.ascontiguousarray(labels), stamps, numbers, corners]
    inputs += [origins, counts, state]
    alone = Compute(processor().device, 1)
    for low in range(0, n_faces, AT_ONCE):
        watch.tell(0)
        alone.launch(cutting.number_corners, 1, [low, min(low + AT_ONCE, n_faces), *inputs])
    vertex_starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return Pieces(order, corners, face_starts, vertex_starts, origins[: state[0]].copy())


@dataclass(frozen=True, eq=False)
class Flat:
    """`places` (V, 2) of the pieces' vertices in the mesh's unit.

    `bad` (M,), in the pieces' order, are faces that are folded or stretched beyond the rules all the same.
    """

    places: Floats
    bad: Bools


def flatten(mesh: Mesh, pieces: Pieces, rules: FlatRules, watch: Watch) -> Flat:
    """Flattens the pieces, each to the area that it has on the surface."""
    compute = processor()
    areas, normals = mesh.face_areas_normals
    areas, normals = areas[pieces.order], normals[pieces.order]
    corners = mesh.corners[pieces.order]
    watch.tell(0)
    rest, weights, thin = _rest_shapes(corners, areas)
    watch.tell(0)
    bounds = np.where(thin, _THIN_BOUND, rules.bound).astype(np.float32)
    axes = _axes(normals, areas, pieces)
    across, along = _bases(axes)
    charts = np.repeat(np.arange(pieces.n_charts), np.diff(pieces.face_starts))
    watch.tell(0)
    turns = _first_turns(corners[:, 1] - corners[:, 0], normals, axes[charts], across[charts], along[charts])
    del corners
    watch.tell(0)
    owners = np.repeat(np.arange(pieces.n_charts), np.diff(pieces.vertex_starts))
    points = mesh.vertices[pieces.origins]
    # From the chart's own first vertex, as single precision is finest near zero.
    points = points - points[pieces.vertex_starts[:-1]][owners]
    places = np.stack(
        [np.einsum("vi,vi->v", points, across[owners]), np.einsum("vi,vi->v", points, along[owners])], axis=1
    ).astype(np.float32)
    state = [pieces.corners, rest, weights]
    room = [np.empty(len(places), np.float32), *(np.empty((len(places), 2), np.float32) for _ in range(3))]
    shared = [pieces.face_starts, pieces.vertex_starts, *state, turns]
    everyone = np.arange(pieces.n_charts, dtype=np.int32)
    # So many rounds at a time that the caller is asked twice a second.
    at_once = max(1, _FACE_ROUNDS_AT_ONCE // len(turns))
    for number in range(0, rules.n_rounds, at_once):
        watch.tell(number / rules.n_rounds)
        if number and watch.is_over:
            break
        rounds = [number, min(number + at_once, rules.n_rounds), rules.n_first_steps, rules.n_steps]
        launch_by_size(
            compute, kernels.flatten, everyone, pieces, [*shared, *rounds, _TOLERANCE, *room, places]
        )
    watch.tell(1.0)
    _restore_areas(pieces, rest, places)
    watch.tell(1.0)
    bad, strains = np.zeros(len(turns), np.uint8), np.zeros(len(turns), np.float32)
    judged = [pieces.corners, rest, places, bounds, bad, strains]
    compute.launch(mending.judge, len(bad), judged)
    members = np.unique(charts[bad > 0]).astype(np.int32)
    if len(members):
        around, starts = order_by_number(pieces.corners.reshape(-1), len(places), watch.part(1, 1))
        inputs = [pieces.face_starts, pieces.corners, rest, starts, around, rules.n_sweeps, bounds, places]
        launch_by_size(compute, mending.mend, members, pieces, inputs)
        compute.launch(mending.judge, len(bad), judged)
    return Flat(places, (bad > 0) | _strained(pieces, charts, rest, strains, rules.max_strain))


def _strained(
    pieces: Pieces, charts: NDArray[np.int64], rest: Floats, strains: Floats, limit: float
) -> Bools:
    """The most strained faces of the charts whose mean strain is above the limit."""
    starts = pieces.face_starts[:-1]
    areas = rest[:, 0] * rest[:, 2]
    means = np.add.reduceat(strains * areas, starts) / np.add.reduceat(areas, starts)
    most = np.maximum.reduceat(strains, starts)
    return np.asarray((means > limit)[charts] & (strains >= 0.5 * most[charts]))


def _restore_areas(pieces: Pieces, rest: Floats, places: Floats) -> None:
    """Scales the places of each chart so that its faces have the area together that they have at rest."""
    corners = places[pieces.corners].astype(np.float64)
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    areas = np.abs(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0])
    starts = pieces.face_starts[:-1]
    placed = np.add.reduceat(areas, starts)
    wanted = np.add.reduceat((rest[:, 0] * rest[:, 2]).astype(np.float64), starts)
    # A chart that has collapsed is not saved by this, and is found by its stretch.
    scales = np.clip(np.sqrt(wanted / np.maximum(placed, 1e-30)), 0.5, 2.0)
    places *= np.repeat(scales, np.diff(pieces.vertex_starts))[:, None].astype(np.float32)


def lay_alone(mesh: Mesh, members: NDArray[np.int64]) -> Floats:
    """Corners (P, 3, 2) of the faces `members`, each flat by itself."""
    rest, _, _ = _rest_shapes(mesh.corners[members], mesh.face_areas_normals[0][members])
    placed = np.zeros((len(members), 3, 2), np.float32)
    placed[:, 1, 0], placed[:, 2] = rest[:, 0], rest[:, 1:]
    return placed


def launch_by_size(
    compute: Compute, kernel: object, members: Ints, pieces: Pieces, inputs: list[object]
) -> None:
    """Launches over charts in groups of like work, one for each thread."""
    sizes = np.diff(pieces.face_starts)[members]
    order = np.argsort(-sizes, kind="stable")
    n_groups = min(compute.n_threads, len(members)) if sizes.sum() > _WORTH_A_THREAD else 1
    loads = np.zeros(n_groups)
    groups: list[list[int]] = [[] for _ in range(n_groups)]
    for chart in order[:_DEALT_BY_SIZE]:
        lightest = int(np.argmin(loads))
        groups[lightest].append(int(members[chart]))
        loads[lightest] += float(sizes[chart]) + 10
    rest = members[order[_DEALT_BY_SIZE:]]
    dealt = [np.concatenate([group, rest[at::n_groups]]) for at, group in enumerate(groups)]
    alone = Compute(compute.device, 1)
    compute.each(
        [group.astype(np.int32) for group in dealt],
        lambda group: alone.launch(kernel, len(group), [group, *inputs]),
        kernel,
    )


def _rest_shapes(corners: Floats, areas: Floats) -> tuple[Floats, Floats, Bools]:
    """Each face laid flat by itself (M, 3), the cotangent weight (M, 3) of each side, and which are thin.

    Thin faces are given a hundredth of their longest side as their least height: what is thinner has no shape
    of its own to keep, and would weigh without bounds.
    """
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    sides = np.roll(corners, -1, axis=1) - corners
    squares = np.einsum("mij,mij->mi", sides, sides)
    least = np.maximum(np.sqrt(squares.max(axis=1)) * _THINNEST, 1e-9)
    length = np.sqrt(squares[:, 0])
    x = np.einsum("mi,mi->m", one, two) / np.maximum(length, 1e-30)
    height = 2 * areas / np.maximum(length, 1e-30)
    thin = (length < least) | (height < least) | (2 * areas < least * np.sqrt(squares.max(axis=1)))
    rest = np.stack([np.maximum(length, least), x, np.maximum(height, least)], axis=1)
    # Cotangent of the angle opposite side i: (the other two sides' squares - its own) / (4 area).
    cotangents = (squares.sum(axis=1, keepdims=True) - 2 * squares) / np.maximum(4 * areas, 1e-30)[:, None]
    weights = np.clip(cotangents, _LOWEST_WEIGHT, _HIGHEST_WEIGHT)
    return rest.astype(np.float32), weights.astype(np.float32), thin


def _axes(normals: Floats, areas: Floats, pieces: Pieces) -> Doubles:
    """The mean normal (K, 3) of each chart."""
    sums = np.add.reduceat(
        normals * np.maximum(areas, 1e-30)[:, None], pieces.face_starts[:-1], axis=0, dtype=np.float64
    )
    lengths = np.linalg.norm(sums, axis=1)
    sums[lengths == 0] = (0, 0, 1)
    return np.asarray(sums / np.where(lengths == 0, 1, lengths)[:, None])


def _bases(axes: Doubles) -> tuple[Doubles, Doubles]:
    """Two directions (K, 3) that span each chart's plane, right-handed with its axis."""
    helper = np.where(np.abs(axes[:, 1:2]) < 0.9, [[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])
    across = np.cross(helper, axes)
    across /= np.linalg.norm(across, axis=1)[:, None]
    return across, np.cross(axes, across)


def _first_turns(sides: Floats, normals: Floats, axes: Doubles, across: Doubles, along: Doubles) -> Floats:
    """The directions (M, 2) of `sides` once the shortest rotation has brought `normals` to `axes`."""
    pivot = np.cross(normals, axes)
    cosine = np.einsum("mi,mi->m", normals, axes)
    once = np.cross(pivot, sides)
    turned = sides + once + np.cross(pivot, once) / np.maximum(1 + cosine, 1e-3)[:, None]
    flat = np.stack([np.einsum("mi,mi->m", turned, across), np.einsum("mi,mi->m", turned, along)], axis=1)
    length = np.linalg.norm(flat, axis=1)
    flat[length == 0] = (1, 0)
    return (flat / np.where(length == 0, 1, length)[:, None]).astype(np.float32)
