"""What a camera sees of a body whose colours are known: the mean over points inside each pixel, unfiltered.

Six cameras are those of the public Hunyuan3D-2 texture pipeline, 1.2 units wide, outermost pixel centres on
the rim; twelve more look from between them and are never baked from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from textured_bodies import SHOWN, TexturedBody

from engine.geometry.bake import View
from engine.geometry.cameras import Orthographic
from engine.geometry.mesh import Mesh
from engine.geometry.rasterise import Raster, rasterise
from engine.imaging.recentre import bleed

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

SIX = ((0, 0), (90, 0), (180, 0), (270, 0), (0, 90), (180, -90))
"""Azimuths and elevations in degrees: front, left, back, right, top, bottom."""
REFERENCE_WEIGHTS = (1.0, 0.1, 0.5, 0.1, 0.05, 0.05)
BETWEEN = tuple(
    (azimuth + 90 * quarter, elevation)
    for azimuth, elevation in ((45, 0), (20, 35), (70, -35))
    for quarter in range(4)
)


def camera_at(azimuth_deg: float, elevation_deg: float, size_px: int) -> Orthographic:
    per_unit = (size_px - 1) / SHOWN
    middle = (size_px / 2, size_px / 2)
    return Orthographic(azimuth_deg, elevation_deg, (per_unit, per_unit), middle, (size_px, size_px))


def six_cameras(size_px: int) -> tuple[Orthographic, ...]:
    return tuple(camera_at(azimuth, elevation, size_px) for azimuth, elevation in SIX)


def between_cameras(size_px: int) -> tuple[Orthographic, ...]:
    return tuple(camera_at(azimuth, elevation, size_px) for azimuth, elevation in BETWEEN)


@dataclass(frozen=True, eq=False)
class Shot:
    """One point inside each pixel: `raster` at the camera's size, and where it hits, flat `index` (K,)."""

    raster: Raster
    index: NDArray[np.int64]


def shots(mesh: Mesh, camera: Orthographic, n_across: int) -> Iterator[Shot]:
    """n_across x n_across rasters of the mesh, through points spread evenly inside the pixels."""
    width, height = camera.size_px
    # Of a closed body what looks away is hidden by the rest.
    drawn = mesh.face_areas_normals[1] @ camera.basis[2] > 0 if mesh.is_closed else None
    steps = (np.arange(n_across) + 0.5) / n_across - 0.5
    for dy in steps:
        for dx in steps:
            # The picture moves the other way, so that the points move inside their pixels.
            x, y = camera.centre_px
            moved = replace(camera, centre_px=(x - dx, y - dy))
            raster = rasterise(moved.project(mesh.vertices), mesh.faces, height, width, drawn)
            yield Shot(raster, np.flatnonzero(raster.face_ids.ravel() >= 0))


def true_colours(body: TexturedBody, raster: Raster) -> Floats:
    """The body's colours (K, 3) at the K covered pixels of a raster of its mesh."""
    points = raster.interpolate(body.mesh.corners)
    normals = raster.interpolate(body.mesh.vertex_normals[body.mesh.faces])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return np.asarray(body.colour(points, normals), np.float32)


def picture(body: TexturedBody, camera: Orthographic, n_across: int = 2) -> NDArray[np.uint8]:
    """RGBA (H, W, 4) with straight alpha: the share of points that hit, and the mean of their colours."""
    width, height = camera.size_px
    summed, hits = np.zeros((height * width, 3), np.float32), np.zeros(height * width, np.float32)
    for shot in shots(body.mesh, camera, n_across):
        summed[shot.index] += true_colours(body, shot.raster)
        hits[shot.index] += 1
    colours = summed / np.maximum(hits, 1)[:, None]
    rgba = np.concatenate([colours, hits[:, None] / n_across**2], axis=1)
    return np.round(rgba * 255).astype(np.uint8).reshape(height, width, 4)


def true_views(
    pictures: tuple[NDArray[np.uint8], ...], cameras: tuple[Orthographic, ...]
) -> tuple[View, ...]:
    """The pictures as the engine hands them to the bake: colours carried outward, all of equal say."""
    return tuple(
        View(
            f"{camera.azimuth_deg:g} {camera.elevation_deg:g}",
            camera,
            np.ascontiguousarray(bleed(rgba)[..., :3].astype(np.float32) / 255),
        )
        for rgba, camera in zip(pictures, cameras, strict=True)
    )
