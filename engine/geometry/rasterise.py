"""Triangles to pixels: which face covers each pixel centre, where inside it, and how deep.

A pixel belongs to the nearest face whose closed triangle holds its centre; equal depths go to the lower
face index, so that results repeat. Both windings are drawn. Nothing here knows of views or textures: points
come in pixels or through a camera's matrix, and a texture is a picture like any other.

Faces that share an edge cut a row at the same number, so no centre between them is missed (the interval of
each row is found in double precision, then filled: measured on 99,856 faces at 2048 x 2048, one core,
2026-11: 41 ms, against 77 ms for a test at every pixel of each face's box).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import warp as wp
from numpy.typing import NDArray

from engine.geometry.compute import Array, Compute, processor
from engine.geometry.kernels import raster as kernels

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

# The key of a pixel that nothing covers.
EMPTY = int(np.iinfo(np.int64).max)
# On a card a face whose box holds more pixels is drawn by many threads; on the processor the bands share it.
_LARGE_PX = 1024
_N_SLOTS, _N_LANES = 512, 128


@dataclass(frozen=True, eq=False)
class Raster:
    """`face_ids` (H, W), -1 if empty; `barycentrics` (H, W, 3); `depths` (H, W), inf if empty."""

    face_ids: Ints
    barycentrics: Floats
    depths: Floats

    def interpolate(self, per_corner: Floats) -> Floats:
        """Values (K, C) of the K covered pixels, in row order, from values per corner (M, 3, C)."""
        covered = self.face_ids >= 0
        weights = self.barycentrics[covered]
        corners = per_corner[self.face_ids[covered]]
        return np.asarray(np.einsum("kc,kcd->kd", weights, corners), np.float32)


@dataclass(frozen=True, eq=False)
class Coverage:
    """What is drawn, still on the device: `keys` (H * W,) int64, see engine.geometry.kernels.raster.

    `points` (N, 4) and `faces` (M, 3) are what was drawn; `is_perspective` says what z and 1/w mean.
    """

    compute: Compute
    points: Array
    faces: Array
    height_px: int
    width_px: int
    is_perspective: bool
    keys: Array

    @cached_property
    def resolved(self) -> tuple[Array, Array, Array]:
        """Face ids (H * W,), barycentrics (H * W, 3) and depths (H * W,) on the device."""
        n_px = self.height_px * self.width_px
        made = (
            self.compute.empty(n_px, "int32"),
            self.compute.empty((n_px, 3), "float32"),
            self.compute.empty(n_px, "float32"),
        )
        self.compute.launch(
            kernels.resolve,
            (self.height_px, self.width_px),
            [self.points, self.faces, self.width_px, int(self.is_perspective), self.keys, *made],
        )
        return made


def rasterise(
    points_px: Floats, faces: Ints, height_px: int, width_px: int, drawn: Bools | None = None
) -> Raster:
    """Rasterises faces (M, 3) over points (N, 3) of pixel x, pixel y and depth, on the processor.

    With points (N, 4) the fourth number is 1/w of a perspective camera and the third -1/w.
    Faces outside the picture, without area or with points that are not finite cover nothing, nor do those
    where `drawn` (M,) does not hold.
    """
    n_points, width = points_px.shape
    is_perspective = width == 4
    homogenous = np.ones((n_points, 4), np.float32)
    homogenous[:, :width] = points_px
    covered = cover(processor(), homogenous, faces, height_px, width_px, drawn, is_perspective=is_perspective)
    face_ids, barycentrics, depths = covered.resolved
    shape = (height_px, width_px)
    return Raster(face_ids.reshape(shape), barycentrics.reshape(*shape, 3), depths.reshape(shape))


def project(compute: Compute, vertices: Array, matrix: Floats) -> Array:
    """Points (N, 4) on the device of vertices (N, 3) there, by a camera's matrix (4, 4)."""
    points = compute.empty((len(vertices), 4), "float32")
    compute.launch(kernels.project, len(vertices), [vertices, wp.mat44(matrix), points])
    return points


def cover(
    compute: Compute,
    points: Array,
    faces: Array,
    height_px: int,
    width_px: int,
    drawn: Array | None = None,
    *,
    is_perspective: bool = False,
    is_culled: bool = False,
) -> Coverage:
    """Draws faces (M, 3) int32 over points (N, 4), both on the device; see `rasterise`.

    `is_culled` leaves out faces that turn their back: they wind clockwise on the screen.
    """
    n_faces = len(faces)
    keys = compute.full(height_px * width_px, EMPTY, "int64")
    mask = compute.empty(0, "uint8") if drawn is None else compute.bytes_of(drawn)
    large = compute.full(n_faces + 1 if compute.is_card else 1, 0, "int32")
    if n_faces:
        max_px = _LARGE_PX if compute.is_card else height_px * width_px

        def draw(low: int, high: int) -> None:
            inputs = [0, points, faces, mask, int(is_culled), width_px, low, high, max_px, keys, large]
            wp.launch(kernels.draw, dim=n_faces, inputs=inputs, device=compute.device)

        compute.bands(height_px, draw, kernels.draw)
        if compute.is_card:
            inputs = [points, faces, width_px, height_px, _N_SLOTS, _N_LANES, large, keys]
            compute.launch(kernels.draw_large, (_N_SLOTS, _N_LANES), inputs)
    return Coverage(compute, points, faces, height_px, width_px, is_perspective, keys)
