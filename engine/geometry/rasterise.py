"""Triangles to pixels: which face covers each pixel centre, where inside it, and how deep.

A pixel belongs to the nearest face whose closed triangle holds its centre; equal depths go to the lower face
index, so that results repeat. Both windings are drawn. Nothing here knows of cameras or textures: points come
in pixels, and a texture is a picture like any other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

# Candidate pixels handled at once: bounds the working memory to about 150 MB however large the faces are.
_CHUNK = 1_000_000
_EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
# A centre on a shared edge must fall to one of its faces whatever the rounding.
_SLACK = 1e-9


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


def rasterise(points_px: Floats, faces: Ints, height_px: int, width_px: int) -> Raster:
    """Rasterises faces (M, 3) over points (N, 3) of pixel x, pixel y and depth.

    Faces outside the picture, without area or with points that are not finite cover nothing.
    """
    planes = _Planes.of(points_px, faces)
    x0, columns = _span(planes.x, planes.drawable, width_px)
    y0, rows = _span(planes.y, planes.drawable, height_px)
    counts = columns * rows
    best = np.full(height_px * width_px, _EMPTY, np.uint64)
    nearest = float(np.min(planes.z, initial=0.0, where=planes.drawable[:, None]))
    for first, last in _chunks(counts):
        face = np.repeat(np.arange(first, last), counts[first:last])
        starts = np.cumsum(counts[first:last]) - counts[first:last]
        local = np.arange(len(face)) - np.repeat(starts, counts[first:last])
        down, across = np.divmod(local, columns[face])
        row, column = y0[face] + down, x0[face] + across
        w1, w2 = planes.weights(face, column, row)
        inside = (w1 >= -_SLACK) & (w2 >= -_SLACK) & (w1 + w2 <= 1 + _SLACK)
        face, w1, w2 = face[inside], w1[inside], w2[inside]
        pixel = row[inside] * width_px + column[inside]
        depth = planes.depths(face, w1, w2) - nearest
        # Positive floats sort like their bits, so (depth, face) is one unsigned key.
        bits = np.maximum(depth, 0).astype(np.float32).view(np.uint32).astype(np.uint64)
        np.minimum.at(best, pixel, (bits << np.uint64(32)) | face.astype(np.uint64))
    return _resolve(best, planes, height_px, width_px)


@dataclass(frozen=True, eq=False)
class _Planes:
    """Corner coordinates x, y, z (M, 3), and how the second and third barycentric weight grow from corner 0.

    `gradients` (M, 4) is dw1/dx, dw1/dy, dw2/dx, dw2/dy. `drawable` (M,) marks finite faces with an area.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    z: NDArray[np.float64]
    gradients: NDArray[np.float64]
    drawable: NDArray[np.bool_]

    @staticmethod
    def of(points_px: Floats, faces: Ints) -> _Planes:
        corners = points_px.astype(np.float64)[faces]
        finite = np.isfinite(corners).all(axis=(1, 2))
        corners[~finite] = 0
        x, y, z = (np.ascontiguousarray(corners[..., i]) for i in range(3))
        x1, x2, y1, y2 = x[:, 1] - x[:, 0], x[:, 2] - x[:, 0], y[:, 1] - y[:, 0], y[:, 2] - y[:, 0]
        area = x1 * y2 - x2 * y1
        drawable = finite & (np.abs(area) > 1e-12)
        area = np.where(drawable, area, 1.0)
        return _Planes(x, y, z, np.stack([y2, -x2, -y1, x1], axis=1) / area[:, None], drawable)

    def weights(
        self, face: NDArray[np.int64], column: NDArray[np.int64], row: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The second and third weight of faces at pixel centres."""
        dx, dy = column + 0.5 - self.x[face, 0], row + 0.5 - self.y[face, 0]
        gradient = self.gradients[face]
        return gradient[:, 0] * dx + gradient[:, 1] * dy, gradient[:, 2] * dx + gradient[:, 3] * dy

    def depths(
        self, face: NDArray[np.int64], w1: NDArray[np.float64], w2: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Depths of faces at weights."""
        z = self.z[face]
        return np.asarray(z[:, 0] * (1 - w1 - w2) + z[:, 1] * w1 + z[:, 2] * w2)


def _span(
    values: NDArray[np.float64], drawable: NDArray[np.bool_], limit: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First pixel and number of pixels whose centres lie within each face's extent along one axis."""
    # A centre at c + 0.5 lies in [low, high] for c from ceil(low - 0.5) to floor(high - 0.5).
    low = np.where(drawable, values.min(axis=1), 0.0)
    high = np.where(drawable, values.max(axis=1), -1.0)
    first = np.clip(np.ceil(low - 0.5), 0, limit).astype(np.int64)
    last = np.clip(np.floor(high - 0.5), -1, limit - 1).astype(np.int64)
    return first, np.maximum(last - first + 1, 0)


def _chunks(counts: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Ranges of faces whose candidates stay near _CHUNK; one huge face may exceed it alone."""
    ends = np.cumsum(counts)
    ranges, first = [], 0
    while first < len(counts):
        base = ends[first - 1] if first else 0
        last = max(int(np.searchsorted(ends, base + _CHUNK, side="right")), first + 1)
        ranges.append((first, last))
        first = last
    return ranges


def _resolve(best: NDArray[np.uint64], planes: _Planes, height_px: int, width_px: int) -> Raster:
    covered = np.flatnonzero(best != _EMPTY)
    face = (best[covered] & np.uint64(0xFFFFFFFF)).astype(np.int64)
    row, column = np.divmod(covered, width_px)
    w1, w2 = planes.weights(face, column, row)
    face_ids = np.full(height_px * width_px, -1, np.int32)
    face_ids[covered] = face
    barycentrics = np.zeros((height_px * width_px, 3), np.float32)
    barycentrics[covered] = np.stack([1 - w1 - w2, w1, w2], axis=1)
    depths = np.full(height_px * width_px, np.inf, np.float32)
    depths[covered] = planes.depths(face, w1, w2)
    shape = (height_px, width_px)
    return Raster(face_ids.reshape(shape), barycentrics.reshape(*shape, 3), depths.reshape(shape))
