"""A mesh's normals and positions as pictures, with the cameras and colours of Hunyuan3D-2's paint network.

Facts of the public Hunyuan3D-2 texture pipeline: the object is centred on its box, its farthest vertex at a
radius of 0.575; cameras are orthographic and show 1.2 units from the first pixel's centre to the last
one's; the network's axes are (-x, z, -y) of ours, and normals are coded inward there. Colours are cut off
to whole numbers, not rounded, and the background is white.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.geometry.cameras import Orthographic
from engine.geometry.compute import Array, Compute
from engine.geometry.kernels import shade
from engine.geometry.mesh import Mesh
from engine.geometry.rasterise import cover, project

Floats = NDArray[np.float32]

_RADIUS = 0.575  # of the farthest vertex: positions then fill [0, 1] over 1.15
_SHOWN_UNITS = 1.2

# (azimuth, elevation) in degrees of the six standard views, in the network's order.
PAINT_VIEWS = ((0.0, 0.0), (90.0, 0.0), (180.0, 0.0), (270.0, 0.0), (0.0, 90.0), (180.0, -90.0))


@dataclass(frozen=True, eq=False)
class ControlMaps:
    """`normals` and `positions` (V, S, S, 3) uint8 on the device, white where the view shows nothing."""

    normals: Array
    positions: Array


def paint_camera(azimuth_deg: float, elevation_deg: float, size_px: int) -> Orthographic:
    """The network's camera on a mesh brought to its size by `paint_sized`."""
    per_unit = (size_px - 1) / _SHOWN_UNITS
    middle = size_px / 2
    return Orthographic(
        azimuth_deg, elevation_deg, (per_unit, per_unit), (middle, middle), (size_px, size_px)
    )


def paint_sized(vertices: Floats) -> Floats:
    """Vertices (N, 3) centred on their box, the farthest at the network's radius."""
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    centred = vertices - (low.astype(np.float64) + high) / 2
    farthest = float(np.linalg.norm(centred, axis=1).max())
    return np.asarray(centred * (_RADIUS / max(farthest, 1e-20)), np.float32)


def mean_normals(mesh: Mesh) -> Floats:
    """Unit normals (N, 3): the plain mean of the faces around each vertex, whatever their size."""
    _, normals = mesh.face_areas_normals
    index = mesh.faces.ravel()
    summed = np.stack(
        [np.bincount(index, np.repeat(normals[:, i], 3), minlength=len(mesh.vertices)) for i in range(3)],
        axis=1,
    )
    return np.asarray(summed / np.maximum(np.linalg.norm(summed, axis=1), 1e-20)[:, None], np.float32)


def encode_normals(normals: Floats) -> Floats:
    """Colours (…, 3) in [0, 1] of outward unit normals (…, 3) in our frame."""
    x, y, z = np.moveaxis(normals, -1, 0)
    return np.asarray(np.stack([1 + x, 1 - z, 1 + y], axis=-1) / 2, np.float32)


def encode_positions(points: Floats) -> Floats:
    """Colours (…, 3) in [0, 1] of points (…, 3) on a mesh of the network's size, in our frame."""
    x, y, z = np.moveaxis(points, -1, 0)
    return np.asarray(0.5 + np.stack([x, -z, y], axis=-1) / (2 * _RADIUS), np.float32)


def draw_control_maps(
    compute: Compute, mesh: Mesh, views: tuple[tuple[float, float], ...], size_px: int
) -> ControlMaps:
    """Renders `mesh` from `views` (azimuth, elevation in degrees); one rasterisation gives both pictures.

    Normals are the plain mean of the unit normals around a vertex, mixed and not made unit again.
    """
    vertices = paint_sized(mesh.vertices)
    held = compute.put(vertices)
    faces = compute.put(mesh.faces)
    # Both codes are affine, so coding the corners and mixing is the same as mixing and coding.
    normals = compute.put(encode_normals(mean_normals(mesh)))
    positions = compute.put(encode_positions(vertices))
    run = compute.run_px
    shape = (len(views), size_px * size_px, 3)
    coded, placed = compute.empty(shape, "uint8"), compute.empty(shape, "uint8")
    for number, (azimuth_deg, elevation_deg) in enumerate(views):
        camera = paint_camera(azimuth_deg, elevation_deg, size_px)
        drawn = cover(
            compute, project(compute, held, camera.matrix), faces, size_px, size_px, is_culled=mesh.is_closed
        )
        inputs = [
            drawn.points,
            faces,
            size_px,
            run,
            drawn.keys,
            normals,
            positions,
            coded[number],
            placed[number],
        ]
        compute.launch(shade.encode_two, (size_px, -(-size_px // run)), inputs)
    square = (len(views), size_px, size_px, 3)
    return ControlMaps(coded.reshape(square), placed.reshape(square))
