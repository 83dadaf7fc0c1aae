"""A shape is an array of points: what can be said in numpy is said in numpy, Blender only receives it.

Lengths are metres, z is up, and every subject faces -y, which is Blender's own front.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import bpy
import numpy as np
from mathutils import Euler, Matrix, Vector
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]
Paint = Callable[[Points], Points]
"""Takes points (..., 3) and returns linear colours (..., 3)."""


def curve(knots: ArrayLike, count: int, closed: bool = False) -> Points:
    """Return `count` points, evenly spaced, on the Catmull-Rom curve through `knots` (K, D)."""
    knots = np.asarray(knots, float)
    if closed:
        padded = np.concatenate([knots[-1:], knots, knots[:2]])
    else:
        padded = np.concatenate([[2 * knots[0] - knots[1]], knots, [2 * knots[-1] - knots[-2]]])
    t = np.linspace(0, 1, 24, endpoint=False)[None, :, None]
    a, b, c, d = (padded[i : len(padded) - 3 + i, None] for i in range(4))
    dense = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    dense = np.concatenate([dense.reshape(-1, knots.shape[1]), padded[-2:-1]])
    walked = np.r_[0, np.cumsum(np.linalg.norm(np.diff(dense, axis=0), axis=1))]
    at = np.linspace(0, walked[-1], count, endpoint=not closed)
    return np.stack([np.interp(at, walked, axis) for axis in dense.T], axis=1)


def sheet(
    name: str,
    points: Points,
    material: bpy.types.Material,
    colours: Points | None = None,
    wrap: tuple[bool, bool] = (False, False),
) -> bpy.types.Object:
    """Return a smooth object over a grid of points (U, V, 3), joined at its ends where `wrap` says so.

    `colours` (U, V, 3), linear, become the point attribute "colour" that `paint.painted` shows.
    """
    U, V, _ = points.shape
    index = np.arange(U * V).reshape(U, V)
    index = np.pad(index, ((0, wrap[0]), (0, wrap[1])), mode="wrap")
    quads = np.stack([index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]], axis=-1).reshape(-1, 4)
    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(U * V)
    mesh.vertices.foreach_set("co", points.astype(np.float32).ravel())
    mesh.loops.add(quads.size)
    mesh.loops.foreach_set("vertex_index", quads.astype(np.int32).ravel())
    mesh.polygons.add(len(quads))
    mesh.polygons.foreach_set("loop_start", np.arange(0, quads.size, 4, dtype=np.int32))
    if colours is not None:
        rgba = np.ones((U * V, 4), np.float32)
        rgba[:, :3] = np.broadcast_to(colours, points.shape).reshape(-1, 3)
        mesh.attributes.new("colour", "FLOAT_COLOR", "POINT").data.foreach_set("color", rgba.ravel())
    mesh.update(calc_edges=True)
    mesh.shade_smooth()
    return _link(name, mesh, material)


def lathe(
    name: str,
    profile: ArrayLike,
    material: bpy.types.Material,
    paint: Paint | None = None,
    warp: Callable[[Points], Points] | None = None,
    *,
    detail: tuple[int, int] = (256, 160),
) -> bpy.types.Object:
    """Return the body that a profile (K, 2) of radius and height, bottom first, sweeps around z.

    `warp` moves the points (U, V, 3) after `paint` has coloured them, so that a relief may follow a pattern.
    """
    angles = np.linspace(-np.pi, np.pi, detail[0], endpoint=False)[:, None]
    radius, height = np.maximum(curve(profile, detail[1]), [1e-4, -np.inf]).T
    points = np.stack(
        [radius * np.sin(angles), -radius * np.cos(angles), np.broadcast_to(height, (detail[0], detail[1]))],
        -1,
    )
    colours = paint(points) if paint else None
    return sheet(name, warp(points) if warp else points, material, colours, wrap=(True, False))


def ball(
    name: str,
    radii: Sequence[float],
    material: bpy.types.Material,
    paint: Paint | None = None,
    warp: Callable[[Points], Points] | None = None,
    *,
    detail: tuple[int, int] = (96, 64),
) -> bpy.types.Object:
    """Return an ellipsoid around the origin; `warp` acts on the unit sphere, `paint` sees it unwarped."""
    arc = np.linspace(-np.pi / 2, np.pi / 2, 33)
    unit = np.stack([np.cos(arc), np.sin(arc)], axis=1)
    scale = np.asarray(radii, float)
    moved = (lambda p: warp(p) * scale) if warp else (lambda p: p * scale)
    return lathe(name, unit, material, paint, moved, detail=detail)


def tube(
    name: str,
    knots: ArrayLike,
    radius_m: float | Callable[[Points], Points],
    material: bpy.types.Material,
    *,
    closed: bool = False,
    flat: float = 1.0,
    paint: Callable[[Points, Points], Points] | None = None,
    relief: Callable[[Points, Points], Points] | None = None,
    detail: tuple[int, int] = (160, 32),
) -> bpy.types.Object:
    """Return a tube along a curve through `knots` (K, 3), with round ends unless `closed`.

    `radius_m` may depend on the way along (0 to 1); `flat` squeezes the section along its second axis;
    `paint` and `relief` take the way along and the angle around, each (U, V).
    """
    path = curve(knots, detail[0], closed)
    along = np.linspace(0, 1, detail[0])
    radius = radius_m(along) if callable(radius_m) else np.full(detail[0], radius_m)
    if not closed:
        length = np.linalg.norm(np.diff(path, axis=0), axis=1).sum()
        end = np.minimum(along, 1 - along) * length
        cap = np.clip(1 - end / np.maximum(radius, 1e-9), 0, 1)
        radius = np.maximum(radius * np.sqrt(1 - cap**2), 1e-4)
    tangent = np.roll(path, -1, 0) - np.roll(path, 1, 0) if closed else np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    side = np.zeros_like(path)
    side[0] = np.cross(tangent[0], [0, 0, 1] if abs(tangent[0, 2]) < 0.9 else [0, 1, 0])
    for i in range(len(path)):  # each frame is the one before, turned as little as the path allows
        side[i] = side[max(i - 1, 0)]
        side[i] -= tangent[i] * (side[i] @ tangent[i])
        side[i] /= np.linalg.norm(side[i])
    other = np.cross(tangent, side)
    u, v = np.broadcast_arrays(along[:, None], np.linspace(0, 2 * np.pi, detail[1], endpoint=False)[None])
    r = radius[:, None] + (relief(u, v) if relief else 0.0)
    points = (
        path[:, None]
        + (r * np.cos(v))[..., None] * side[:, None]
        + (r * np.sin(v) * flat)[..., None] * other[:, None]
    )
    return sheet(name, points, material, paint(u, v) if paint else None, wrap=(closed, True))


def block(
    name: str, size: Sequence[float], radius_m: float, material: bpy.types.Material, taper: float = 1.0
) -> bpy.types.Object:
    """Return a box around the origin with rounded edges; `taper` scales its top."""
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
    points = signs * np.asarray(size, float) / 2
    points[signs[:, 2] > 0, :2] *= taper
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return _rounded(name, points, faces, radius_m, material)


def plate(
    name: str, outline: ArrayLike, depth_m: float, radius_m: float, material: bpy.types.Material
) -> bpy.types.Object:
    """Return an outline (K, 2), counter-clockwise in x and z, as a slab around y = 0 that faces -y."""
    outline = np.asarray(outline, float)
    K = len(outline)
    points = np.array([(x, y, z) for y in (-depth_m / 2, depth_m / 2) for x, z in outline])
    rim = [(i, K + i, K + (i + 1) % K, (i + 1) % K) for i in range(K)]
    faces = [tuple(range(K)), tuple(range(2 * K - 1, K - 1, -1)), *rim]
    return _rounded(name, points, faces, radius_m, material)


def place(
    thing: bpy.types.Object,
    at: Sequence[float] = (0, 0, 0),
    turn_deg: Sequence[float] = (0, 0, 0),
    scale: float = 1.0,
) -> bpy.types.Object:
    """Move an object, on top of where it is: scale, then turn around x, y, z, then shift; return it."""
    turn = Euler(np.radians(turn_deg).tolist(), "XYZ")
    thing.matrix_world = Matrix.LocRotScale(Vector(at), turn, Vector((scale,) * 3)) @ thing.matrix_world
    return thing


def group(parts: Sequence[bpy.types.Object]) -> bpy.types.Object:
    """Return an empty that carries the parts, so that `place` moves them all."""
    empty = bpy.data.objects.new("group", None)
    bpy.context.collection.objects.link(empty)
    for part in parts:
        part.parent = empty
    return empty


def _rounded(
    name: str, points: Points, faces: Sequence[Sequence[int]], radius_m: float, material: bpy.types.Material
) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points.tolist(), [], faces)
    mesh.update()
    mesh.shade_smooth()
    thing = _link(name, mesh, material)
    bevel = thing.modifiers.new("round", "BEVEL")
    bevel.width, bevel.segments, bevel.limit_method, bevel.angle_limit = radius_m, 6, "ANGLE", 0.6
    bevel.harden_normals = True
    return thing


def _link(name: str, mesh: bpy.types.Mesh, material: bpy.types.Material) -> bpy.types.Object:
    mesh.materials.append(material)
    thing = bpy.data.objects.new(name, mesh)
    bpy.context.collection.objects.link(thing)
    return thing
