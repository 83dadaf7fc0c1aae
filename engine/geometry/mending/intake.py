"""Whatever numbers come in, a mesh goes out; what had to be dropped is said in words.

Networks hand over half precision, files hand over anything. A mesh that is in order comes out as it is.
Lengths are judged by the size of the body, so that kilometres and micrometres are the same. What is closed
is not opened: only vertices on open edges are welded, and a face without area goes together with the edge
that it lies along.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from engine.errors import BadInput
from engine.geometry.clean import Cleaned, flat_faces, nudge_flat_faces
from engine.geometry.mending.edges import edge_keys, edges_of, group, mates_of
from engine.geometry.mesh import Mesh, keep_faces, topology

Bools = NDArray[np.bool_]
Ints = NDArray[np.int32]
Indices = NDArray[np.int64]

# Squares of areas must stay within float32 (3e38), and areas of small faces above its smallest numbers.
_LARGEST, _SMALLEST = 1e9, 1e-9
# When more vertices than this share are no numbers, what made them has failed.
_MOST_LOST = 0.5
# Any surface taken out of a field has a few faces without area; more than this share of them is worth saying.
_WORTH_SAYING = 1e-3


def take_in(vertices: NDArray[Any], faces: NDArray[Any], *, weld_share: float = 0.0) -> Cleaned:
    """A mesh of `vertices` (N, 3), any floats, and `faces` (M, 3), any integers, fit to be worked on.

    Vertices on open edges are welded where they are equal, or closer than `weld_share` of the longest side.
    Faces with a vertex that is no number, that name a vertex twice, that have no area or that are there
    already are dropped, then vertices that nothing uses. Raises BadInput if no surface is left, if more than
    half of the vertices are no numbers, or if the size is beyond what can be computed with.
    """
    mesh, notes = _read(vertices, faces)
    _refuse_sizes(mesh)
    mesh = weld(mesh, weld_share)
    mesh, n_flat = drop_flat_faces(mesh)
    if n_flat > _WORTH_SAYING * len(mesh.faces):
        notes.append(
            "Dropped one face without area." if n_flat == 1 else f"Dropped {n_flat} faces without area."
        )
    mesh, n_twice = drop_twice(mesh)
    if n_twice:
        notes.append(
            "Dropped one face that was there already."
            if n_twice == 1
            else f"Dropped {n_twice} faces that were there already."
        )
    if not len(mesh.faces):
        raise BadInput("No face of the mesh has an area.")
    return Cleaned(_without_unused(mesh), tuple(notes))


def _read(vertices: NDArray[Any], faces: NDArray[Any]) -> tuple[Mesh, list[str]]:
    """The mesh in single precision without what is no number, and what there is to say of that."""
    vertices, faces = np.asarray(vertices), np.asarray(faces)
    if vertices.ndim != 2 or vertices.shape[1] != 3 or vertices.dtype.kind not in "fiu":
        raise BadInput(
            f"Vertices have the shape {vertices.shape} of {vertices.dtype}, not (N, 3) of numbers."
        )
    if faces.ndim != 2 or faces.shape[1] != 3 or faces.dtype.kind not in "iu":
        raise BadInput(f"Faces have the shape {faces.shape} of {faces.dtype}, not (M, 3) of integers.")
    if not len(faces):
        raise BadInput("The mesh has no faces.")
    if faces.min() < 0 or faces.max() >= len(vertices):  # before int32 could wrap them
        raise BadInput(f"Faces name vertices {faces.min()} to {faces.max()} of {len(vertices)}.")
    with np.errstate(over="ignore"):
        points = np.ascontiguousarray(vertices, np.float32)
    indices = np.ascontiguousarray(faces, np.int32)
    lost: Bools = ~np.asarray(np.isfinite(points).all(axis=1))
    n_lost = int(lost.sum())
    if not n_lost:
        return Mesh(points, indices), []
    if n_lost > _MOST_LOST * len(points):
        raise BadInput(f"{n_lost} of {len(points)} vertices are not finite numbers.")
    indices = indices[~lost[indices].any(axis=1)]
    if not len(indices):
        raise BadInput(f"Every face has one of the {n_lost} vertices that are not finite numbers.")
    n_gone = len(faces) - len(indices)
    note = f"Dropped {n_lost} vertices that are not finite numbers, and {n_gone} faces with them."
    return Mesh(np.where(lost[:, None], np.float32(0), points), indices), [note]


def _refuse_sizes(mesh: Mesh) -> None:
    used = mesh.vertices[np.bincount(mesh.faces.ravel(), minlength=len(mesh.vertices)) > 0]
    low, high = used.min(axis=0).astype(np.float64), used.max(axis=0).astype(np.float64)
    size, reach = float((high - low).max()), float(np.maximum(np.abs(low), np.abs(high)).max())
    if size == 0:
        raise BadInput("No face of the mesh has an area.")
    if not _SMALLEST <= size <= _LARGEST or reach > _LARGEST:
        raise BadInput(
            f"The mesh is {size:.3g} units long and reaches {reach:.3g} units from the origin.",
            remedy=f"Scale it to a length of {_SMALLEST:.0e} to {_LARGEST:.0e} units, near the origin.",
        )


def weld(mesh: Mesh, share: float = 0.0) -> Mesh:
    """`mesh` with equal vertices on open edges made one, or those closer than `share` of its longest side."""
    edges = edges_of(mesh)
    is_open = edges.counts == 1
    if not is_open.any():
        return mesh
    halves = edges.order[edges.firsts[is_open]]
    is_rim = np.zeros(len(mesh.vertices), bool)
    is_rim[edges.starts[halves]] = is_rim[edges.ends[halves]] = True
    rim = np.flatnonzero(is_rim)
    low, high = mesh.bounds
    twins = _twins(mesh.vertices[rim], share * float((high - low).max()))
    names = np.arange(len(mesh.vertices), dtype=np.int32)
    names[rim] = rim[twins]
    return mesh if np.array_equal(names[rim], rim) else Mesh(mesh.vertices, names[mesh.faces])


def _twins(points: NDArray[np.float32], distance: float) -> NDArray[np.int64]:
    """For each point (R, 3) the number of the first one that is equal to it, or nearer than `distance`."""
    if distance > 0:
        pairs = cKDTree(points).query_pairs(distance, output_type="ndarray")
        _, labels = group(pairs[:, 0], pairs[:, 1], len(points))
    else:
        bits = (points + np.float32(0)).view(np.uint32).astype(np.int64)  # +0 makes -0 and 0 the same bits
        # 96 bits in two numbers of 63 at most
        order = np.lexsort((bits[:, 1] % 2 * 2**32 + bits[:, 2], bits[:, 0] * 2**31 + bits[:, 1] // 2))
        is_new = (np.diff(bits[order], axis=0) != 0).any(axis=1)
        labels = np.empty(len(points), np.int64)
        labels[order] = np.concatenate([[0], np.cumsum(is_new)])
    _, firsts, back = np.unique(labels, return_index=True, return_inverse=True)
    return np.asarray(firsts[back])


def drop_flat_faces(mesh: Mesh) -> tuple[Mesh, int]:
    """`mesh` without faces that have no area, and their number; what was closed stays closed.

    Edges without length are collapsed; a face pressed onto its longest edge is given to the neighbour across
    it, which is split there. What neither mends is dropped from an open surface and bent a little in a closed
    one.
    """
    flat = flat_faces(mesh)
    n_flat = int(flat.sum())
    if not n_flat:
        return mesh, 0
    was_closed = topology(mesh).is_watertight
    collapsed = _without_short_edges(mesh, flat)
    if not was_closed or topology(collapsed).is_watertight or not len(collapsed.faces):
        mesh = collapsed
    flat, n_before = flat_faces(mesh), len(mesh.faces) + 1
    while flat.any() and int(flat.sum()) < n_before:
        n_before = int(flat.sum())
        faces = _flip_flat(mesh, flat)
        if faces is None:
            break
        mesh = Mesh(mesh.vertices, faces)
        flat = flat_faces(mesh)
    if not flat.any():
        return mesh, n_flat
    if was_closed:
        return nudge_flat_faces(mesh), n_flat
    return Mesh(mesh.vertices, mesh.faces[~flat]), n_flat


def _without_short_edges(mesh: Mesh, flat: Bools) -> Mesh:
    """Ends of edges without length in `flat` faces made one vertex; faces that name it twice are gone."""
    sides = mesh.faces[flat][:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    sides = sides[(mesh.vertices[sides[:, 0]] == mesh.vertices[sides[:, 1]]).all(axis=1)]
    _, labels = group(sides[:, 0], sides[:, 1], len(mesh.vertices))
    _, firsts, back = np.unique(labels, return_index=True, return_inverse=True)
    faces = firsts[back][mesh.faces].astype(np.int32)
    a, b, c = faces.T
    return Mesh(mesh.vertices, faces[(a != b) & (b != c) & (c != a)])


def _flip_flat(mesh: Mesh, flat: Bools) -> Ints | None:
    """Faces with the longest edge of `flat` ones turned to join the corners opposite; None if none can."""
    numbers = np.flatnonzero(flat)
    if not len(numbers):
        return None
    corners = mesh.corners[numbers].astype(np.float64)
    lengths = np.linalg.norm(corners[:, [1, 2, 0]] - corners, axis=2)
    halves = 3 * numbers + lengths.argmax(axis=1)
    mates = mates_of(mesh)[halves]
    halves, mates = halves[mates >= 0], mates[mates >= 0]
    ring = mesh.faces.ravel()
    before = _before(halves)
    p, q, b, d = ring[halves], ring[mates], ring[before], ring[_before(mates)]
    n = len(mesh.vertices)
    edges = edges_of(mesh)
    known = edge_keys(edges.starts, edges.ends, n)[edges.order[edges.firsts]]
    wanted = edge_keys(b, d, n)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    free = (b != d) & (known[at] != wanted)  # `known` is in order, and few are wanted
    taken: set[int] = set()
    chosen = []
    for i in np.flatnonzero(free):  # few: flat faces only
        touched = {int(halves[i] // 3), int(mates[i] // 3), -1 - int(wanted[i])}
        if not touched & taken:
            taken |= touched
            chosen.append(i)
    if not chosen:
        return None
    faces = mesh.faces.copy()
    faces[halves[chosen] // 3] = np.stack([p, d, b], axis=1)[chosen]
    faces[mates[chosen] // 3] = np.stack([d, q, b], axis=1)[chosen]
    return faces


def _before(halves: NDArray[np.int64]) -> NDArray[np.int64]:
    """The corner of each half's face that does not lie on it."""
    return np.asarray(np.where(halves % 3 == 0, halves + 2, halves - 1))


def drop_twice(mesh: Mesh) -> tuple[Mesh, int]:
    """`mesh` with one face for each three vertices, and the number of faces dropped.

    Two that run against each other are the wall between two bodies, where edges of it belong to other faces
    besides and none ends: then both go. Otherwise one is kept: the sheet was there twice.
    """
    triples, turns = face_triples(mesh)
    n_once = int(triples.max()) + 1 if len(triples) else 0
    if n_once == len(triples):
        return mesh, 0
    kept = np.zeros(len(triples), bool)
    kept[np.unique(triples, return_index=True)[1]] = True
    once = Mesh(mesh.vertices, mesh.faces[kept])
    walls = (np.bincount(triples, turns) == 0)[triples[kept]]
    if walls.any():
        # In a closed surface they are two faces back to back and nothing else: a body without a volume.
        is_pillow = topology(mesh).is_watertight and not walls.all()
        gone = walls if is_pillow else _are_between_bodies(once, walls)
        kept[np.flatnonzero(kept)[gone]] = False
    return keep_faces(mesh, kept), int((~kept).sum())


def face_triples(mesh: Mesh) -> tuple[Indices, Indices]:
    """A number (M,) for the three vertices of each face in any order, and the way round it goes: 1 or -1."""
    a, b, c = mesh.faces.T
    low, high = np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)
    middle = a.astype(np.int64) + b + c - low - high
    keys = edge_keys(low, high, len(mesh.vertices))
    order = np.lexsort((middle, keys))
    is_new = (np.diff(keys[order]) != 0) | (np.diff(middle[order]) != 0)
    triples = np.empty(len(order), np.int64)
    triples[order] = np.concatenate([[0], np.cumsum(is_new)])[: len(order)]
    return triples, np.where((a < b).astype(np.int64) + (b < c) + (c < a) == 2, 1, -1)


def _are_between_bodies(mesh: Mesh, walls: Bools) -> Bools:
    """Which of the faces `walls` (M,) form sheets that end nowhere and border on other faces."""
    edges = edges_of(mesh)
    sizes = np.repeat(edges.counts, edges.counts)
    n_walls = np.add.reduceat(walls[edges.order // 3].astype(np.int64), edges.firsts)
    inner = (edges.counts == 2) & (n_walls == 2)
    firsts = edges.firsts[inner]
    _, labels = group(edges.order[firsts] // 3, edges.order[firsts + 1] // 3, len(mesh.faces))
    part = labels[edges.order // 3]
    n_parts = int(labels.max()) + 1
    ends = np.bincount(part, sizes == 1, minlength=n_parts) > 0
    borders = np.bincount(part, sizes > 2, minlength=n_parts) > 0
    return np.asarray(walls & (borders & ~ends)[labels])


def _without_unused(mesh: Mesh) -> Mesh:
    used = np.bincount(mesh.faces.ravel(), minlength=len(mesh.vertices)) > 0
    if used.all():
        return mesh
    index = np.cumsum(used, dtype=np.int32) - np.int32(1)
    return Mesh(mesh.vertices[used], index[mesh.faces])
