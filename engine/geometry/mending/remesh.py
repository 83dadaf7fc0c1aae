"""Closed at any price: a surface is made anew around whatever is there, on a grid of cubes.

What can be reached from outside without coming nearer to the surface than a wall's half thickness is outside;
all else is body. So soups, sheets and surfaces that cut through each other all give one closed surface. Sharp
edges and what is finer than a cube are lost, and sheets become as thick as a wall.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from engine.geometry.clean import Cleaned, smooth
from engine.geometry.mending.repair import repair
from engine.geometry.mesh import Mesh
from engine.geometry.surface import extract_surface

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# All lengths here are in cubes. Samples lie so close that the nearest is on or beside the nearest face.
_SPACING = 0.5
# A path of unit steps meets a wall of two halves of more than 0.5 wherever it crosses the surface.
_WALL = 0.7
# Where faces are smaller than this, a face may stand for its neighbours: the wall is so much thicker.
_BOX = 0.2
_BAND = 3
_MARGIN = 5
_ROUNDS = 2
_MOST_SAMPLES = 40_000_000


def voxel_remesh(mesh: Mesh, resolution: int = 192) -> Cleaned:
    """A closed surface around `mesh`, with `resolution` cubes along its longest side.

    Raises ValueError if the resolution is below 8 or the faces are so long and many that sampling is
    hopeless.
    """
    if resolution < 8:
        raise ValueError(f"a resolution of {resolution} is below 8")
    mesh = repair(mesh).mesh  # what has its holes filled is not hollow
    low, high = (bound.astype(np.float64) for bound in mesh.bounds)
    cell = float((high - low).max()) / resolution
    corners = (mesh.corners.astype(np.float64) - low) / cell + _MARGIN
    shape = tuple(int(n) for n in np.ceil((high - low) / cell).astype(int) + 2 * _MARGIN + 1)
    distances = _distances(corners, shape)
    is_wall = distances <= _WALL
    labels, _ = ndimage.label(~is_wall)
    is_inside = (labels != labels[0, 0, 0]) & ~is_wall
    field = np.where(is_inside, _WALL + distances, _WALL - distances).astype(np.float32)
    swollen = extract_surface(field, (0.0, 0.0, 0.0), 1.0)
    fitted = smooth(_drawn_in(swollen, is_inside), _ROUNDS)
    made = Mesh(((fitted.vertices - _MARGIN) * cell + low).astype(np.float32), fitted.faces)
    note = f"Built the surface anew from cubes of {1 / resolution:.2%} of the size."
    return Cleaned(repair(made).mesh, (note,))


def _samples(corners: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Points on the faces (M, 3, 3), no further than _SPACING from each other, and the face of each."""
    lengths = np.linalg.norm(corners[:, [1, 2, 0]] - corners, axis=2)
    longest = lengths.argmax(axis=1)
    rows = np.arange(len(corners))
    p, q, apex = (corners[rows, (longest + i) % 3] for i in range(3))
    base = lengths[rows, longest]
    heights = np.linalg.norm(np.cross(q - p, apex - p), axis=1) / np.maximum(base, 1e-30)
    n_along, n_up = (np.ceil(each / _SPACING).astype(np.int64) for each in (base, heights))
    is_tiny = base < _SPACING
    n_along[is_tiny] = n_up[is_tiny] = 0
    counts = (n_along + 1) * (n_up + 1)
    if counts.sum() > _MOST_SAMPLES:
        raise ValueError(f"{counts.sum()} samples of {len(corners)} faces are more than {_MOST_SAMPLES}")
    face = np.repeat(rows, counts)
    local = np.arange(len(face)) - np.repeat(np.cumsum(counts) - counts, counts)
    across, up = local % (n_along[face] + 1), local // (n_along[face] + 1)
    u = np.where(is_tiny[face], 0.5, across / np.maximum(n_along[face], 1))[:, None]
    v = np.where(is_tiny[face], 1 / 3, up / np.maximum(n_up[face], 1))[:, None]
    return (1 - v) * (p[face] + u * (q[face] - p[face])) + v * apex[face], face


def _distances(corners: Floats, shape: tuple[int, ...]) -> Floats:
    """The distance of each grid point to the surface, exact within _BAND and at least that beyond."""
    points, face = _samples(corners)
    near = np.zeros(shape, bool)
    nearest = np.round(points).astype(np.int64)
    near[tuple(nearest.T)] = True
    near = np.asarray(ndimage.maximum_filter(near.view(np.uint8), size=2 * _BAND - 1), bool)
    nodes = np.argwhere(near)
    # One sample for each little box is enough; it stands for its face.
    boxes = np.floor(points / _BOX).astype(np.int64)
    wide = [int(n / _BOX) + 2 for n in shape]
    keys = (boxes[:, 0] * wide[1] + boxes[:, 1]) * wide[2] + boxes[:, 2]
    kept = np.unique(keys, return_index=True)[1]
    _, found = cKDTree(points[kept], balanced_tree=False, compact_nodes=False).query(nodes, workers=-1)
    distances = np.full(shape, float(_BAND))
    distances[near] = np.minimum(_to_triangles(nodes.astype(np.float64), corners[face[kept[found]]]), _BAND)
    return distances


def _to_triangles(points: Floats, corners: Floats) -> Floats:
    """The distance of each point (P, 3) to its own triangle (P, 3, 3)."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    normal = np.cross(b - a, c - a)
    size = np.maximum(np.linalg.norm(normal, axis=1), 1e-30)[:, None]
    normal = normal / size
    height = np.einsum("ij,ij->i", points - a, normal)
    foot = points - height[:, None] * normal
    inside = np.ones(len(points), bool)
    best = np.full(len(points), np.inf)
    for one, other in ((a, b), (b, c), (c, a)):
        side = other - one
        inside &= np.einsum("ij,ij->i", np.cross(side, foot - one), normal) >= 0
        along = np.einsum("ij,ij->i", points - one, side) / np.maximum(
            np.einsum("ij,ij->i", side, side), 1e-30
        )
        gap = points - one - np.clip(along, 0, 1)[:, None] * side
        best = np.minimum(best, np.einsum("ij,ij->i", gap, gap))
    flat = (size <= 1e-12)[:, 0]
    return np.asarray(np.where(inside & ~flat, np.abs(height), np.sqrt(best)))


def _drawn_in(swollen: Mesh, is_inside: Bools) -> Mesh:
    """`swollen` drawn in by the wall's half thickness, but for sheets, which would vanish."""
    normals = swollen.vertex_normals
    deep = swollen.vertices - (2 * _WALL + 0.6) * normals
    places = np.clip(np.round(deep).astype(np.int64), 0, np.array(is_inside.shape) - 1)
    amounts = is_inside[tuple(places.T)].astype(np.float32)
    # The amounts, as heights of a surface, are smoothed as that would be.
    soft = smooth(Mesh(np.repeat(amounts[:, None], 3, axis=1), swollen.faces), _ROUNDS).vertices[:, :1]
    return Mesh(swollen.vertices - np.clip(soft, 0, 1) * np.float32(_WALL) * normals, swollen.faces)
