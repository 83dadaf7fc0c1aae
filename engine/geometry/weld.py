"""A surface is one where its points are one, however its file splits them; it breaks where it has an edge.

Files repeat a vertex at each seam of texture, normal or material. Welded, such a mesh is closed again and can
be charted; broken at its sharp edges, its normals are those that are seen: flat sides stay flat up to their
border.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from engine.geometry.mesh import Mesh

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

# Blender's "shade auto smooth" breaks at 30 degrees; coarse round things have edges of up to 45 (8 sides).
CREASE_DEG = 46.0


def weld(points: NDArray[np.float64], groups: Ints, faces: Ints) -> tuple[NDArray[np.float64], Ints]:
    """Points (K, 3) without repetitions inside a group, and `faces` (M, 3) over them.

    `groups` (N,) keeps apart what only touches, such as two objects that stand on each other.
    """
    bits = np.ascontiguousarray(points + 0.0).view(np.int64)  # + 0.0 makes one zero of two
    keys = np.concatenate([groups[:, None].astype(np.int64), bits], axis=1)
    order = np.lexsort(keys.T[::-1])
    ranked = keys[order]
    is_new = np.ones(len(ranked), bool)
    is_new[1:] = (ranked[1:] != ranked[:-1]).any(axis=1)
    numbers = np.empty(len(points), np.int64)
    # The first of equal points speaks for them, so that the order of the file stays.
    firsts = np.minimum.reduceat(order, np.flatnonzero(is_new)) if len(order) else order
    by_place = np.argsort(firsts, kind="stable")
    rank = np.empty(len(firsts), np.int64)
    rank[by_place] = np.arange(len(firsts))
    numbers[order] = rank[np.cumsum(is_new) - 1]
    return points[firsts[by_place]], numbers[faces].astype(np.int32)


def broken_at_creases(mesh: Mesh, crease_deg: float = CREASE_DEG) -> Mesh:
    """`mesh` with its vertices repeated along edges sharper than `crease_deg`, or where windings disagree.

    The faces keep their order and their corners'. Edges of more or less than two faces break it too.
    """
    n_faces = len(mesh.faces)
    corners = np.arange(3 * n_faces).reshape(-1, 3)
    starts, ends = mesh.faces, np.roll(mesh.faces, -1, axis=1)
    # An edge that two faces run along in opposite directions joins them; sorting brings its sides together.
    low, high = np.minimum(starts, ends).ravel(), np.maximum(starts, ends).ravel()
    is_up = (starts < ends).ravel()
    order = np.lexsort([high, low])
    low, high, is_up = low[order], high[order], is_up[order]
    same = (low[1:] == low[:-1]) & (high[1:] == high[:-1])
    run = np.concatenate([[False], same, [False]])
    pairs = np.flatnonzero(same & ~run[:-2] & ~run[2:] & (is_up[1:] != is_up[:-1]))
    here, there = order[pairs], order[pairs + 1]
    _, normals = mesh.face_areas_normals
    cosines = np.einsum("ij,ij->i", normals[here // 3], normals[there // 3])
    smooth = cosines >= np.cos(np.deg2rad(crease_deg))
    here, there = here[smooth], there[smooth]
    # Corner c starts edge c; its end is the next corner of the same face.
    following = np.roll(corners, -1, axis=1).ravel()
    joined = np.concatenate([np.stack([here, following[there]], 1), np.stack([following[here], there], 1)])
    links = coo_matrix(
        (np.ones(len(joined), np.int8), (joined[:, 0], joined[:, 1])), shape=(3 * n_faces, 3 * n_faces)
    )
    n_vertices, labels = connected_components(links, directed=False)
    vertices = np.zeros((n_vertices, 3), np.float32)
    vertices[labels] = mesh.vertices[mesh.faces.ravel()]
    return Mesh(vertices, labels.reshape(-1, 3).astype(np.int32))


def flip(per_corner: NDArray[np.generic], flipped: Bools) -> NDArray[np.generic]:
    """Values (M, 3, …) with the corners of the `flipped` (M,) faces in the other order; its own inverse."""
    turned = per_corner.copy()
    turned[flipped] = per_corner[flipped][:, [0, 2, 1]]
    return turned


def is_degenerate(faces: Ints, areas: Floats) -> Bools:
    """Which faces (M,) name a vertex twice or have no area."""
    twice = (faces == np.roll(faces, 1, axis=1)).any(axis=1)
    return np.asarray(twice | ~(areas > 0))
