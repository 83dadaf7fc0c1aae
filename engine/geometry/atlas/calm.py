"""A mesh finer than its texture is laid out as the texture can show it, without what is finer than texels.

Faces smaller than texels are mostly noise to the layout: each leans another way, and none could lie flat
beside the next. So the vertices move to the height of the ones around them, by a few texels at most; the
layout of the calmed surface is the layout of the mesh, as both have the same faces.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.geometry.atlas.watch import Watch
from engine.geometry.compute import processor
from engine.geometry.kernels import calm as kernels
from engine.geometry.mesh import Mesh

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

# Rounds of moving to the mean: what is finer than about three edges goes.
_N_ROUNDS = 10
# How far a vertex may move, in texels: noise of twice the length of an edge lies within.
_REACH_PX = 4.0
_FACES_AT_ONCE = 3_000_000


def calm_surface(mesh: Mesh, texels_per_unit: float, watch: Watch) -> Mesh:
    """The faces of `mesh` with calmer vertices, none farther than a few texels from where it was."""
    compute = processor()
    alone = replace(compute, n_threads=1)
    n_faces, n_vertices = len(mesh.faces), len(mesh.vertices)
    faces, origins = np.ascontiguousarray(mesh.faces), np.ascontiguousarray(mesh.vertices)
    points = origins.copy()
    sums, normals = np.zeros((n_vertices, 3), np.float32), np.zeros((n_vertices, 3), np.float32)
    counts, areas = np.zeros(n_vertices, np.float32), np.zeros(n_vertices, np.float32)
    reach = _REACH_PX / texels_per_unit
    for number in range(_N_ROUNDS):
        for low in range(0, n_faces, _FACES_AT_ONCE):
            watch.tell(number / _N_ROUNDS)
            high = min(low + _FACES_AT_ONCE, n_faces)
            alone.launch(kernels.gather, 1, [low, high, faces, points, sums, counts, normals, areas])
        room = [sums, counts, normals, areas, points]
        compute.launch(kernels.move, n_vertices, [origins, reach, *room])
    return Mesh(points, mesh.faces)


def count_stretched(mesh: Mesh, uv: Floats, charts: Ints, bound: float) -> int:
    """How many faces `uv` (M, 3, 2) stretches or shrinks by more than `bound` against their chart (M,)."""
    one, two = uv[:, 1].astype(np.float64) - uv[:, 0], uv[:, 2].astype(np.float64) - uv[:, 0]
    placed = np.bincount(charts, np.abs(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]) / 2)
    surface = np.bincount(charts, mesh.face_areas_normals[0])
    scales = np.sqrt(placed / np.maximum(surface, 1e-30)).astype(np.float32)[charts]
    beyond = np.zeros(len(uv), np.uint8)
    inputs = [np.ascontiguousarray(mesh.faces), mesh.vertices, uv, np.maximum(scales, 1e-12), bound, beyond]
    processor().launch(kernels.measure, len(uv), inputs)
    return int(np.count_nonzero(beyond))
