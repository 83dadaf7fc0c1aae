"""A patch over a hole gets faces as small as those around it and goes on as the surface around it does.

Refinement and flips after Liepa, "Filling holes in meshes" (2003). Places: each new vertex, and each vertex
of the rim by how gently the surface bends there, is to be the mean of its neighbours, in the least-squares
sense. So a hole in a wall is closed like the wall, and an open end, whose rim is a sharp edge, by a lid.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, diags, identity
from scipy.sparse.linalg import splu

from engine.geometry.mending.edges import edge_keys, edges_of, next_corners
from engine.geometry.mesh import Mesh

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Bools = NDArray[np.bool_]

# An edge this much longer than those around the rim is halved: halves are then not shorter than wanted.
_TOO_LONG = 1.6
_MOST_NEW = 20_000
_MOST_ROUNDS, _MOST_TURNS = 40, 4
# Bends of the flat patch at the rim, as cosines: from 60 degrees on the surface around has less of a say,
# above 84 degrees none.
_GENTLE, _SHARP = 0.5, 0.1


def continue_surface(mesh: Mesh, first_face: int, first_vertex: int) -> Mesh:
    """`mesh` with its patches, the faces from `first_face` on, refined and brought into shape.

    Vertices from `first_vertex` on belong to patches alone; those before, and faces before, stay as they are.
    """
    named, faces = np.unique(mesh.faces[first_face:].astype(np.int64), return_inverse=True)
    faces = faces.reshape(-1, 3)
    points = mesh.vertices[named].astype(np.float64)
    n_rim = int(np.searchsorted(named, first_vertex))
    old = mesh.faces[:first_face]
    is_rim = np.zeros(len(mesh.vertices), bool)
    is_rim[named[:n_rim]] = True
    near = old[is_rim[old].any(axis=1)]
    targets = _targets(mesh, near, named, n_rim, points, faces)
    known = _known_edges(near, is_rim, named, len(mesh.vertices))
    points, faces = _refined(points, faces, targets, known)
    if len(points) == n_rim:
        return Mesh(mesh.vertices, np.concatenate([old, named[faces].astype(np.int32)]))
    names = np.concatenate([named[:n_rim], first_vertex + np.arange(len(points) - n_rim)])
    vertices = np.concatenate([mesh.vertices[:first_vertex].astype(np.float64), points[n_rim:]])
    patch = names[faces]
    vertices[first_vertex:] = _shaped(vertices, near, patch, first_vertex)
    whole = np.concatenate([old, patch.astype(np.int32)])
    return Mesh(vertices.astype(np.float32), whole)


def _targets(
    mesh: Mesh, near: NDArray[np.int32], named: Indices, n_rim: int, points: Floats, faces: Indices
) -> Floats:
    """The length that edges should have at each vertex of the patches: the mean of those around it."""
    starts, ends = near.ravel(), near[:, [1, 2, 0]].ravel()
    lengths = np.linalg.norm(mesh.vertices[starts].astype(np.float64) - mesh.vertices[ends], axis=1)
    n = len(mesh.vertices)
    both = np.concatenate([starts, ends])
    sums = np.bincount(both, np.tile(lengths, 2), minlength=n)
    targets = sums[named] / np.maximum(np.bincount(both, minlength=n)[named], 1)
    # The middle of a fan, always the last corner of its faces, takes the mean of its rim.
    fan = faces[faces[:, 2] >= n_rim]
    middles = np.bincount(fan[:, 2], targets[fan[:, :2]].mean(axis=1), minlength=len(named))
    counts = np.bincount(fan[:, 2], minlength=len(named))
    targets[n_rim:] = (middles / np.maximum(counts, 1))[n_rim:]
    a, b, c = (points[faces[:, i]] for i in range(3))
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    # An even triangle with edges of length t has the area 0.43 t^2, and there are half as many vertices.
    expected = float((areas / (0.86 * np.maximum(targets[faces].mean(axis=1), 1e-30) ** 2)).sum())
    return np.asarray(targets * max(1.0, float(np.sqrt(expected / _MOST_NEW))))


def _known_edges(near: NDArray[np.int32], is_rim: Bools, named: Indices, n: int) -> tuple[Indices, Indices]:
    """Edges of the surface around, rims included, between two vertices of rims, as places in `named`."""
    starts, ends = near.ravel(), near[:, [1, 2, 0]].ravel()
    both = is_rim[starts] & is_rim[ends]
    place = np.zeros(n, np.int64)
    place[named] = np.arange(len(named))
    return place[starts[both]], place[ends[both]]


def _refined(
    points: Floats, faces: Indices, targets: Floats, known: tuple[Indices, Indices]
) -> tuple[Floats, Indices]:
    """Points and faces of the patches with long edges halved and edges turned where that is better."""
    for _ in range(_MOST_ROUNDS):
        grown = _halved(points, faces, targets)
        if grown is None:
            break
        points, faces, targets = grown
        for _ in range(_MOST_TURNS):
            turned = _turned(points, faces, known)
            if turned is None:
                break
            faces = turned
    return points, faces


def _inner_halves(points: Floats, faces: Indices) -> tuple[Indices, Indices]:
    """The two halves of every edge between two faces of the patches."""
    return edges_of(Mesh(np.zeros((len(points), 3), np.float32), faces.astype(np.int32))).pairs


def _best_of_faces(one: Indices, other: Indices, scores: Floats, n_faces: int) -> Bools:
    """Which edges, with halves `one` and `other`, have the highest score in both of their faces."""
    ranks = np.empty(len(scores), np.int64)
    ranks[np.argsort(scores, kind="stable")] = np.arange(len(scores))
    best = np.full(n_faces, -1)
    np.maximum.at(best, one // 3, ranks)
    np.maximum.at(best, other // 3, ranks)
    return np.asarray((best[one // 3] == ranks) & (best[other // 3] == ranks))


def _halved(points: Floats, faces: Indices, targets: Floats) -> tuple[Floats, Indices, Floats] | None:
    one, other = _inner_halves(points, faces)
    ring = faces.ravel()
    start, end = ring[one], ring[next_corners(one)]
    wanted = (targets[start] + targets[end]) / 2 * _TOO_LONG
    ratios = np.linalg.norm(points[start] - points[end], axis=1) / np.maximum(wanted, 1e-300)
    is_long = ratios > 1
    if not is_long.any():
        return None
    one, other = one[is_long], other[is_long]
    chosen = _best_of_faces(one, other, ratios[is_long], len(faces))
    one, other = one[chosen], other[chosen]
    start, end = ring[one], ring[next_corners(one)]
    middles = len(points) + np.arange(len(one))
    halves, middle = np.concatenate([one, other]), np.concatenate([middles, middles])
    first, last = ring[halves], ring[next_corners(halves)]
    apex = ring[next_corners(next_corners(halves))]
    faces = faces.copy()
    faces[halves // 3] = np.stack([first, middle, apex], axis=1)
    more = np.stack([middle, last, apex], axis=1)
    return (
        np.concatenate([points, (points[start] + points[end]) / 2]),
        np.concatenate([faces, more]),
        np.concatenate([targets, (targets[start] + targets[end]) / 2]),
    )


def _turned(points: Floats, faces: Indices, known: tuple[Indices, Indices]) -> Indices | None:
    """Faces with edges turned whose opposite angles make more than half a turn; None if there are none."""
    one, other = _inner_halves(points, faces)
    ring = faces.ravel()
    p, q = ring[one], ring[next_corners(one)]
    b, d = ring[next_corners(next_corners(one))], ring[next_corners(next_corners(other))]
    flatness = _cotangents(points, b, p, q) + _cotangents(points, d, q, p)
    could = np.flatnonzero((flatness < -1e-6) & (b != d))
    new_one = _normals(points, p[could], d[could], b[could])
    new_other = _normals(points, d[could], q[could], b[could])
    could = could[np.einsum("ij,ij->i", new_one, new_other) > 0]
    n = len(points)
    wanted = edge_keys(b, d, n)
    if len(could):
        taken = np.concatenate([edge_keys(ring[one], ring[next_corners(one)], n), edge_keys(*known, n)])
        taken.sort()
        found = np.minimum(np.searchsorted(taken, wanted[could]), len(taken) - 1)
        could = could[taken[found] != wanted[could]]
    if not len(could):
        return None
    one, other, p, q, b, d = (each[could] for each in (one, other, p, q, b, d))
    chosen = np.flatnonzero(_best_of_faces(one, other, -flatness[could], len(faces)))
    chosen = chosen[np.unique(wanted[could][chosen], return_index=True)[1]]
    faces = faces.copy()
    faces[one[chosen] // 3] = np.stack([p, d, b], axis=1)[chosen]
    faces[other[chosen] // 3] = np.stack([d, q, b], axis=1)[chosen]
    return faces


def _normals(points: Floats, a: Indices, b: Indices, c: Indices) -> Floats:
    return np.cross(points[b] - points[a], points[c] - points[a])


def _cotangents(points: Floats, at: Indices, one: Indices, other: Indices) -> Floats:
    """The cotangent of the angle at a vertex between two others."""
    u, v = points[one] - points[at], points[other] - points[at]
    return np.asarray(
        np.einsum("ij,ij->i", u, v) / np.maximum(np.linalg.norm(np.cross(u, v), axis=1), 1e-300)
    )


def _shaped(vertices: Floats, near: NDArray[np.int32], patch: Indices, first_new: int) -> Floats:
    """Places of the vertices from `first_new` on, so that the surface goes on over them."""
    faces = np.concatenate([near.astype(np.int64), patch])
    named, local = np.unique(faces, return_inverse=True)
    local = local.reshape(-1, 3)
    n, n_old = len(named), int(np.searchsorted(named, first_new))
    points = vertices[named]
    starts, ends = local.ravel(), local[:, [1, 2, 0]].ravel()
    keys = np.sort(edge_keys(starts, ends, n))
    keys = keys[np.concatenate([[True], keys[1:] != keys[:-1]])]
    starts, ends = keys // n, keys % n
    # Near neighbours count more (Fujiwara, 1995): faces of uneven size do not bend the surface.
    lengths = np.linalg.norm(points[starts] - points[ends], axis=1)
    both = np.concatenate([starts, ends])
    usual = np.bincount(both, np.tile(lengths, 2), minlength=n) / np.bincount(both, minlength=n)
    weights = 1 / np.maximum(lengths, np.maximum(0.1 * np.maximum(usual[starts], usual[ends]), 1e-300))
    links = coo_matrix((np.tile(weights, 2), (both, np.concatenate([ends, starts]))), shape=(n, n)).tocsr()
    says = _says(points, local, len(near), n)
    says[n_old:] = 1
    rows = np.flatnonzero(says > 0)
    mean = diags(1 / np.asarray(links.sum(axis=1)).ravel()) @ links
    lacks = (identity(n) - mean).tocsr()[rows]
    lacks = (diags(says[rows]) @ lacks).tocsc()
    system, known = lacks[:, n_old:], -(lacks[:, :n_old] @ points[:n_old])
    # A trace of the places as they are keeps it solvable where nothing else holds a vertex.
    hold = 1e-9
    normal = (system.T @ system + hold * identity(n - n_old)).tocsc()
    factors = splu(normal, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
    return np.asarray(factors.solve(np.asarray(system.T @ known) + hold * points[n_old:]))


def _says(points: Floats, faces: Indices, n_near: int, n: int) -> Floats:
    """How much of a say each vertex of the rim has, 0 to 1, by the bend between the patch and the rest."""
    starts, ends = faces.ravel(), faces[:, [1, 2, 0]].ravel()
    keys = edge_keys(starts, ends, n)
    is_patch = np.arange(len(keys)) >= 3 * n_near
    order = np.lexsort((is_patch, keys))
    pairs = np.flatnonzero(
        (keys[order][1:] == keys[order][:-1]) & ~is_patch[order][:-1] & is_patch[order][1:]
    )
    one, other = order[pairs] // 3, order[pairs + 1] // 3
    normals = _normals(points, *faces.T)
    normals /= np.maximum(np.linalg.norm(normals, axis=1), 1e-300)[:, None]
    cosines = np.einsum("ij,ij->i", normals[one], normals[other])
    share = np.clip((cosines - _SHARP) / (_GENTLE - _SHARP), 0, 1)
    rim = np.concatenate([starts[order[pairs]], ends[order[pairs]]])
    counts = np.bincount(rim, minlength=n)
    return np.asarray(np.bincount(rim, np.tile(share, 2), minlength=n) / np.maximum(counts, 1))
