"""A hole is a loop of edges with a face on one side only; a patch closes it and continues the surface.

Each vertex of a loop must lie on that loop alone (engine.geometry.mending.joints sees to it); others are
left out. A patch brings no edge that is there already. What encloses nothing, a sheet, is left open: a
patch would only be its other side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.geometry.mending.edges import Edges, edge_keys, edges_of, group
from engine.geometry.mending.patches import continue_surface
from engine.geometry.mending.triangulate import span
from engine.geometry.mesh import Mesh

Indices = NDArray[np.int64]
Bools = NDArray[np.bool_]

# 36 pi V^2 / A^3 is 1 for a ball and 4e-4 for a plate 1 x 1 x 0.005; below this a body is a sheet.
_LEAST_BODY = 1e-4


@dataclass(frozen=True)
class Filling:
    """Which holes are filled: at most `max_edges` around and `max_share` of the body's diagonal across."""

    max_edges: int | None = None
    max_share: float = 1.0
    is_smooth: bool = True


@dataclass(frozen=True, eq=False)
class Filled:
    """The mesh with its holes filled, their number, and which of its faces (M,) lie on sheets left open."""

    mesh: Mesh
    n_filled: int
    is_sheet: Bools


def boundary_loops(mesh: Mesh) -> tuple[list[Indices], list[Indices]]:
    """Loops of halves that have no face across, each in the order in which they run, and their vertices.

    Loops that meet in a vertex are left out.
    """
    edges = edges_of(mesh)
    halves = edges.order[edges.firsts[edges.counts == 1]]
    starts, ends = edges.starts[halves], edges.ends[halves]
    n = len(mesh.vertices)
    leaving, arriving = np.bincount(starts, minlength=n), np.bincount(ends, minlength=n)
    is_plain = (leaving == arriving) & (leaving < 2)
    _, labels = group(starts, ends, n)
    is_spoilt = np.bincount(labels, ~is_plain, minlength=n) > 0
    kept = ~is_spoilt[labels[starts]]
    halves, starts, ends = halves[kept], starts[kept], ends[kept]
    if not len(halves):
        return [], []
    place = np.empty(n, np.int64)
    place[starts] = np.arange(len(halves))
    order, counts = _cycles(place[ends])
    pieces = np.split(halves[order], np.cumsum(counts)[:-1])
    return pieces, [edges.starts[piece].astype(np.int64) for piece in pieces]


def _cycles(after: Indices) -> tuple[Indices, Indices]:
    """The cycles of a permutation one behind the other, each from its lowest number on; their lengths."""
    n = len(after)
    lowest, jump = np.arange(n), after.copy()
    for _ in range(int(n).bit_length()):  # pointers that double their reach
        lowest, jump = np.minimum(lowest, lowest[jump]), jump[jump]
    is_head = lowest == np.arange(n)
    # The way to go until the head comes up again: lists end before it.
    ends_here = is_head[after]
    reach, jump = np.where(ends_here, 0, 1), np.where(ends_here, np.arange(n), after)
    for _ in range(int(n).bit_length()):
        reach, jump = reach + reach[jump], jump[jump]
    order = np.lexsort((-reach, lowest))
    return order, np.unique(lowest, return_counts=True)[1]


def fill_holes(mesh: Mesh, how: Filling = Filling()) -> Filled:
    """`mesh` with its holes filled as `how` says; what is not filled keeps its open edge."""
    halves, rings = boundary_loops(mesh)
    chosen = _chosen(mesh, rings, how)
    if not chosen:
        return Filled(mesh, 0, np.zeros(len(mesh.faces), bool))
    # Faces across a loop run along it, so the patch runs the other way.
    loops = [rings[i][::-1] for i in chosen]
    _, unit = mesh.face_areas_normals
    normals = [np.roll(unit[halves[i] // 3][::-1], -1, axis=0).astype(np.float64) for i in chosen]
    points, patches = _spanned(mesh, loops, normals)
    part_of_face = _parts(mesh)
    owners = np.array([part_of_face[halves[i][0] // 3] for i in chosen])
    is_sheet = _sheets(points, mesh, part_of_face, patches, owners)
    left = [part_of_face[halves[i][0] // 3] for i in set(range(len(halves))) - set(chosen)]
    is_sheet[left] = False  # it stays open, so its patches are not its other side
    kept = [patch for patch, owner in zip(patches, owners, strict=True) if not is_sheet[owner]]
    on_sheet = is_sheet[part_of_face]
    if not kept:
        return Filled(mesh, 0, on_sheet)
    patch = np.concatenate(kept)
    whole = _compact(points, mesh, patch)
    if how.is_smooth:
        whole = continue_surface(whole, len(mesh.faces), len(mesh.vertices))
    return Filled(whole, len(kept), np.append(on_sheet, np.zeros(len(whole.faces) - len(on_sheet), bool)))


def _chosen(mesh: Mesh, rings: list[Indices], how: Filling) -> list[int]:
    low, high = mesh.bounds
    widest = how.max_share * float(np.linalg.norm(high.astype(np.float64) - low))
    chosen = []
    for number, ring in enumerate(rings):
        if how.max_edges is not None and len(ring) > how.max_edges:
            continue
        if how.max_share < 1:
            places = mesh.vertices[ring].astype(np.float64)
            if float(np.linalg.norm(places.max(axis=0) - places.min(axis=0))) > widest:
                continue
        chosen.append(number)
    return chosen


def _spanned(
    mesh: Mesh, loops: list[Indices], normals: list[NDArray[np.float64]]
) -> tuple[NDArray[np.float64], list[Indices]]:
    """All vertices, those of the patches behind those of `mesh`, and the faces of each loop's patch."""
    n = len(mesh.vertices)
    edges: Edges = edges_of(mesh)
    firsts = edges.order[edges.firsts]
    known = edge_keys(edges.starts[firsts], edges.ends[firsts], n)  # in order already

    def are_joined(one: Indices, other: Indices) -> Bools:
        keys = edge_keys(one, other, n)
        return np.asarray(known[np.minimum(np.searchsorted(known, keys), len(known) - 1)] == keys)

    points = mesh.vertices.astype(np.float64)
    patches = span(points, loops, normals, are_joined)
    middles: list[NDArray[np.float64]] = []
    made = []
    for loop, patch in zip(loops, patches, strict=True):
        if patch is None:  # a fan around the middle brings new edges only
            middle = np.full(len(loop), n + len(middles))
            middles.append(points[loop].mean(axis=0))
            made.append(np.stack([loop, np.roll(loop, -1), middle], axis=1))
        else:
            made.append(patch)
    return np.concatenate([points, *(middle[None] for middle in middles)]), made


def _parts(mesh: Mesh) -> NDArray[np.int32]:
    _, labels = group(mesh.faces[:, [0, 1]].ravel(), mesh.faces[:, [1, 2]].ravel(), len(mesh.vertices))
    return labels[mesh.faces[:, 0]]


def _sheets(
    points: NDArray[np.float64],
    mesh: Mesh,
    part_of_face: NDArray[np.int32],
    patches: list[Indices],
    owners: NDArray[np.int32],
) -> Bools:
    """Which parts of `mesh` enclose next to nothing once their patches are there."""
    patch = np.concatenate(patches)
    labels = np.concatenate([part_of_face, np.repeat(owners, [len(each) for each in patches])])
    faces = np.concatenate([mesh.faces.astype(np.int64), patch])
    n_parts = int(part_of_face.max()) + 1
    # About a corner of the part itself, so that what is far away loses no digits.
    anchors = np.zeros((n_parts, 3))
    anchors[part_of_face] = points[mesh.faces[:, 0]]
    a, b, c = (points[faces[:, i]] - anchors[labels] for i in range(3))
    normal = np.cross(b - a, c - a)
    volumes = np.bincount(labels, np.einsum("ij,ij->i", a, np.cross(b, c)) / 6, minlength=n_parts)
    areas = np.bincount(labels, np.linalg.norm(normal, axis=1) / 2, minlength=n_parts)
    is_filled = np.bincount(owners, minlength=n_parts) > 0
    return np.asarray(is_filled & (36 * np.pi * volumes**2 < _LEAST_BODY * areas**3))


def _compact(points: NDArray[np.float64], mesh: Mesh, patch: Indices) -> Mesh:
    """`mesh` with the faces `patch`, and of the vertices behind its own only those in use."""
    n = len(mesh.vertices)
    used = np.unique(patch[patch >= n])
    names = np.arange(len(points))
    names[used] = n + np.arange(len(used))
    vertices = np.concatenate([mesh.vertices, points[used].astype(np.float32)])
    return Mesh(vertices, np.concatenate([mesh.faces, names[patch].astype(np.int32)]))
