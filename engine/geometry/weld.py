"""A surface is one where its points are one, however its file splits them; it breaks where it has an edge.

Files repeat a vertex at each seam of texture, normal or material. Welded, such a mesh is closed again and can
be charted; broken at its sharp edges, its normals are those that are seen: flat sides stay flat up to their
border.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.geometry.mending.edges import fans, mates_of
from engine.geometry.mesh import Mesh
from engine.geometry.rows import bits_of, distinct_rows

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

# Blender's "shade auto smooth" breaks at 30 degrees; coarse round things have edges of up to 45 (8 sides).
CREASE_DEG = 46.0


def weld(points: NDArray[np.float64], groups: Ints, faces: Ints) -> tuple[NDArray[np.float64], Ints]:
    """Points (K, 3) without repetitions inside a group, in their order, and `faces` (M, 3) over them.

    `groups` (N,) keeps apart what only touches, such as two objects that stand on each other.
    """
    keys = np.concatenate([groups[:, None].astype(np.int64), bits_of(points)], axis=1)
    firsts, numbers = distinct_rows(keys)
    return points[firsts], numbers[faces].astype(np.int32)


def broken_at_creases(mesh: Mesh, crease_deg: float = CREASE_DEG) -> Mesh:
    """`mesh` with its vertices repeated along edges sharper than `crease_deg`, or where windings disagree.

    The faces keep their order and their corners'. Edges of more or less than two faces break it too.
    """
    mates = mates_of(mesh)
    halves = np.flatnonzero(mates >= 0)
    _, normals = mesh.face_areas_normals
    cosines = np.einsum("ij,ij->i", normals[halves // 3], normals[mates[halves] // 3])
    mates[halves[cosines < np.cos(np.deg2rad(crease_deg))]] = -1
    n_vertices, labels = fans(mates)
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
