"""A mesh finer than its texture is laid out as the texture can show it, without what is finer than texels.

Faces smaller than texels are mostly noise to the layout: each leans another way, and none could be flat beside
the next. So the vertices move to where the ones around them are, by a few texels at most; the layout of the
calmed surface is the layout of the mesh, as both have the same faces.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.geometry.atlas.watch import Watch
from engine.geometry.compute import processor
from engine.geometry.kernels import calm as kernels
from engine.geometry.mesh import Mesh

# Rounds of moving to the mean: what is finer than about three edges goes.
_N_ROUNDS = 10
# How far a vertex may move, in texels: noise of twice the length of an edge lies within.
_REACH_PX = 4.0
_FACES_AT_ONCE = 4_000_000


def calm_surface(mesh: Mesh, texels_per_unit: float, watch: Watch) -> Mesh:
    """The faces of `mesh` with calmer vertices, none farther than a few texels from where it was."""
    compute = processor()
    alone = replace(compute, n_threads=1)
    n_faces, n_vertices = len(mesh.faces), len(mesh.vertices)
    faces, origins = np.ascontiguousarray(mesh.faces), np.ascontiguousarray(mesh.vertices)
    points = origins.copy()
    sums, counts = np.zeros((n_vertices, 3), np.float32), np.zeros(n_vertices, np.float32)
    for number in range(_N_ROUNDS):
        watch.tell(number / _N_ROUNDS)
        for low in range(0, n_faces, _FACES_AT_ONCE):
            high = min(low + _FACES_AT_ONCE, n_faces)
            alone.launch(kernels.gather, 1, [low, high, faces, points, sums, counts])
        compute.launch(kernels.move, n_vertices, [origins, _REACH_PX / texels_per_unit, sums, counts, points])
    return Mesh(points, mesh.faces)
