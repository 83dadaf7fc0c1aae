"""A surface is closed and winds outward, whether it is swept along a path or meshed from distances."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import fast_simplification
import numpy as np
from numpy.typing import NDArray
from skimage import measure

from engine.geometry.mesh import Mesh, volume

Doubles = NDArray[np.float64]
Distance = Callable[[Doubles, Doubles, Doubles], Doubles]


def meshed(
    distance: Distance, reach: float, n_faces: int, centre: tuple[float, float, float] = (0, 0, 0)
) -> Mesh:
    """The surface where `distance` is 0 within `reach` of `centre`: marching cubes, then thinned out."""
    n = 40
    for _ in range(2):
        axes = [np.linspace(-reach, reach, n) + c for c in centre]
        values = distance(*np.meshgrid(*axes, indexing="ij", sparse=True))
        step = 2 * reach / (n - 1)
        vertices, faces, _, _ = measure.marching_cubes(values, 0.0, spacing=(step, step, step))
        # Twice as many are made as kept, so that they lie where the shape needs them.
        n = int(n * np.sqrt(2 * n_faces / len(faces))) + 1
    # Its threshold is absolute: a surface within [-1, 1] suits it.
    points, faces = fast_simplification.simplify(
        (vertices / reach - 1).astype(np.float32), faces.astype(np.int32), target_count=n_faces, agg=3
    )
    return Mesh((points * reach + centre).astype(np.float32), np.asarray(faces, np.int32))


def melted(distances: list[Doubles], radius: float) -> Doubles:
    """The union of bodies, rounded where they meet (polynomial smooth minimum: Quilez)."""
    total = distances[0]
    for one in distances[1:]:
        share = np.clip(0.5 + (one - total) / (2 * radius), 0, 1)
        total = one + (total - one) * share - radius * share * (1 - share)
    return total


def capsule(
    x: Doubles, y: Doubles, z: Doubles, start: Sequence[float], end: Sequence[float], radius: float
) -> Doubles:
    """Distances to a line from `start` to `end` with a radius."""
    (a, b, c), way = start, np.subtract(end, start)
    along = ((x - a) * way[0] + (y - b) * way[1] + (z - c) * way[2]) / (way @ way)
    t = np.clip(along, 0, 1)
    return np.asarray(
        np.sqrt((x - a - t * way[0]) ** 2 + (y - b - t * way[1]) ** 2 + (z - c - t * way[2]) ** 2) - radius
    )


def evenly(line: Doubles, count: int) -> Doubles:
    """`count` points evenly spaced on a line (K, D)."""
    walked = np.r_[0, np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))]
    at = np.linspace(0, walked[-1], count)
    return np.stack([np.interp(at, walked, axis) for axis in line.T], axis=1)


def tube(path: Doubles, radius: float, n_around: int) -> Doubles:
    """Rings (K, n_around, 3) around a path (K, 3)."""
    tangents = np.gradient(path, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    # No path here runs along this direction, so one reference serves for all of its rings.
    side = np.cross(tangents, [0.05, 0.1, 1.0])
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    other = np.cross(tangents, side)
    turn = np.linspace(0, 2 * np.pi, n_around, endpoint=False)[None, :, None]
    return path[:, None] + radius * (np.cos(turn) * side[:, None] + np.sin(turn) * other[:, None])


def swept(rings: Doubles, *, closed: bool) -> Mesh:
    """The closed surface through rings (U, V, 3): the last joins the first, or both ends are filled in."""
    n_rings, n_around, _ = rings.shape
    index = np.arange(n_rings * n_around).reshape(n_rings, n_around)
    lower = index if closed else index[:-1]
    upper = np.roll(index, -1, axis=0) if closed else index[1:]
    a, b, c, d = lower, np.roll(lower, -1, axis=1), np.roll(upper, -1, axis=1), upper
    faces = [np.stack([a, b, c], axis=-1).reshape(-1, 3), np.stack([a, c, d], axis=-1).reshape(-1, 3)]
    vertices = rings.reshape(-1, 3)
    if not closed:
        ends = len(vertices) + np.arange(2)
        vertices = np.concatenate([vertices, rings[[0, -1]].mean(axis=1)])
        for ring, end, way in ((index[0], ends[0], 1), (index[-1], ends[1], -1)):
            fan = np.stack([np.full(n_around, end), np.roll(ring, -1), ring], axis=1)
            faces.append(fan[:, ::way])
    mesh = Mesh(vertices.astype(np.float32), np.concatenate(faces).astype(np.int32))
    return mesh if volume(mesh) > 0 else Mesh(mesh.vertices, np.ascontiguousarray(mesh.faces[:, ::-1]))
