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


@dataclass(frozen=True, eq=False)
class Raster:
    """`face_ids` (H, W) int32, -1 where empty; `barycentrics` (H, W, 3) float32; `depths` (H, W), inf if empty."""

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
    corners = points_px.astype(np.float64)[faces]
    x, y, z = corners[..., 0], corners[..., 1], corners[..., 2]
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    drawable = np.isfinite(corners).all(axis=(1, 2)) & (np.abs(area) > 1e-12)

    # A centre at c + 0.5 lies in [low, high] for the columns ceil(low - 0.5) to floor(high - 0.5).
    def span(values: NDArray[np.float64], limit: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        low = np.where(drawable, values.min(axis=1), 0.0)
        high = np.where(drawable, values.max(axis=1), -1.0)
        first = np.clip(np.ceil(low - 0.5), 0, limit).astype(np.int64)
        last = np.clip(np.floor(high - 0.5), -1, limit - 1).astype(np.int64)
        return first, np.maximum(last - first + 1, 0)

    x0, columns = span(x, width_px)
    y0, rows = span(y, height_px)
    counts = columns * rows
    best = np.full(height_px * width_px, np.iinfo(np.uint64).max, np.uint64)
    z_low = float(np.min(z[drawable], initial=0.0))
    for first, last in _chunks(counts):
        face = np.repeat(np.arange(first, last), counts[first:last])
        if len(face) == 0:
            continue
        starts = np.cumsum(counts[first:last]) - counts[first:last]
        local = np.arange(len(face)) - np.repeat(starts, counts[first:last])
        row = y0[face] + local // columns[face]
        column = x0[face] + local % columns[face]
        weights = _weights(x[face], y[face], area[face], column + 0.5, row + 0.5)
        inside = (weights >= -1e-9).all(axis=1)
        face, weights = face[inside], weights[inside]
        pixel = row[inside] * width_px + column[inside]
        depth = np.einsum("kc,kc->k", weights, z[face]) - z_low
        # Positive floats sort like their bits, so (depth, face) is one unsigned key.
        bits = np.maximum(depth, 0).astype(np.float32).view(np.uint32).astype(np.uint64)
        np.minimum.at(best, pixel, (bits << np.uint64(32)) | face.astype(np.uint64))
    return _resolve(best, x, y, area, z, height_px, width_px)


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


def _weights(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    area: NDArray[np.float64],
    px: NDArray[np.float64],
    py: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Barycentrics (K, 3) of points in triangles by signed areas."""
    w1 = ((px - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (py - y[:, 0])) / area
    w2 = ((x[:, 1] - x[:, 0]) * (py - y[:, 0]) - (px - x[:, 0]) * (y[:, 1] - y[:, 0])) / area
    return np.stack([1 - w1 - w2, w1, w2], axis=1)


def _resolve(
    best: NDArray[np.uint64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    area: NDArray[np.float64],
    z: NDArray[np.float64],
    height_px: int,
    width_px: int,
) -> Raster:
    covered = np.flatnonzero(best != np.iinfo(np.uint64).max)
    face = (best[covered] & np.uint64(0xFFFFFFFF)).astype(np.int64)
    row, column = covered // width_px, covered % width_px
    weights = _weights(x[face], y[face], area[face], column + 0.5, row + 0.5)
    face_ids = np.full(height_px * width_px, -1, np.int32)
    face_ids[covered] = face
    barycentrics = np.zeros((height_px * width_px, 3), np.float32)
    barycentrics[covered] = weights
    depths = np.full(height_px * width_px, np.inf, np.float32)
    depths[covered] = np.einsum("kc,kc->k", weights, z[face])
    shape = (height_px, width_px)
    return Raster(face_ids.reshape(shape), barycentrics.reshape(*shape, 3), depths.reshape(shape))
