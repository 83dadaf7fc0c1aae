"""xatlas charts and packs instead of us, with its own options under their own names.

It works on one connected mesh with one core and more than linearly in its faces, so the mesh goes in as
parts of at most 600 faces, cut by position. It cannot be cancelled while it works, and it holds the
interpreter.
"""

from __future__ import annotations

import numpy as np
import xatlas
from numpy.typing import NDArray

from engine.geometry.atlas.watch import Watch
from engine.geometry.mesh import Mesh

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

_FACES_PER_PART = 600


def unwrap_with_xatlas(
    mesh: Mesh,
    levels: Floats,
    chart: xatlas.ChartOptions,
    packing: xatlas.PackOptions,
    watch: Watch,
) -> tuple[Floats, Ints]:
    """Coordinates (M, 3, 2) in [0, 1] and the chart (M,) of each face; `levels` (M,) are densities."""
    parts = [
        (part, float(level))
        for level in np.unique(levels)
        for part in _bisect(mesh, np.flatnonzero(levels == level))
    ]
    atlas = xatlas.Atlas()
    for part, density in parts:
        used, index = np.unique(mesh.faces[part], return_inverse=True)
        # A part's density is the scale at which it is handed over: xatlas gives equal areas equal texels.
        atlas.add_mesh(mesh.vertices[used] * np.float32(density), index.reshape(-1, 3).astype(np.uint32))
    watch.tell(0.1)
    atlas.generate(chart, packing)
    watch.tell(0.9)
    uv = np.zeros((len(mesh.faces), 3, 2), np.float32)
    charts = np.zeros((len(mesh.faces), 2), np.int64)
    for number, (part, _) in enumerate(parts):
        _, corner_index, corner_uv = atlas[number]
        uv[part] = corner_uv[corner_index]
        charts[part, 0] = number
        charts[part, 1] = atlas.get_mesh_vertex_assignment(number)[1][corner_index[:, 0]]
    numbered = np.unique(charts, axis=0, return_inverse=True)[1].reshape(-1)
    return np.clip(uv, 0, 1), numbered.astype(np.int32)


def chart_options(max_iterations: int, max_cost: float) -> xatlas.ChartOptions:
    """Options of xatlas for charting."""
    chart = xatlas.ChartOptions()
    chart.max_iterations = max_iterations
    chart.max_cost = max_cost
    return chart


def pack_options(texture_size_px: int, padding: int, brute_force: bool) -> xatlas.PackOptions:
    """Options of xatlas for packing."""
    packing = xatlas.PackOptions()
    packing.resolution = texture_size_px
    packing.padding = padding
    packing.bruteForce = brute_force
    # Its rotation swaps the axes, which mirrors most charts; without it only few are.
    packing.rotate_charts = False
    return packing


def _bisect(mesh: Mesh, part: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Splits the faces numbered in `part` across their longest axis until each part is small enough."""
    if len(part) == 0:
        return []
    if len(part) <= _FACES_PER_PART:
        return [part]
    centres = mesh.corners[part].mean(axis=1, dtype=np.float64)
    centred = centres - centres.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    order = np.argsort(centred @ axes[:, -1], kind="stable")
    middle = len(part) // 2
    return [*_bisect(mesh, np.sort(part[order[:middle]])), *_bisect(mesh, np.sort(part[order[middle:]]))]
