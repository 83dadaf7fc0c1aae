"""Triangles to pixels: which face covers each pixel centre, where inside it, and how deep.

A pixel belongs to the nearest face whose closed triangle holds its centre; equal depths go to the lower face
index, so that results repeat. Both windings are drawn. Nothing here knows of cameras or textures: points come
in pixels, and a texture is a picture like any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

# Candidate pixels handled at once: bounds the working memory to 60 MB; one huge face may exceed it alone.
_CHUNK = 1_000_000
_EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
# A centre on a shared edge must fall to one of its faces whatever the rounding of single precision.
_SLACK = np.float32(1e-6)


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


def rasterise(
    points_px: Floats, faces: Ints, height_px: int, width_px: int, drawn: Bools | None = None
) -> Raster:
    """Rasterises faces (M, 3) over points (N, 3) of pixel x, pixel y and depth.

    Faces outside the picture, without area or with points that are not finite cover nothing, nor do those
    where `drawn` (M,) does not hold.
    """
    planes = _Planes.of(points_px, faces)
    drawable = planes.drawable if drawn is None else planes.drawable & drawn
    x0, columns = _span(planes.x, drawable, width_px)
    y0, rows = _span(planes.y, drawable, height_px)
    best = np.full(height_px * width_px, _EMPTY, np.uint64)
    nearest = float(np.min(planes.z, initial=0.0, where=drawable[:, None]))
    slopes = planes.gradients.astype(np.float32)
    # From a face's first corner to the centre of the first pixel of its box.
    across = (x0 + 0.5 - planes.x[:, 0]).astype(np.float32)
    down = (y0 + 0.5 - planes.y[:, 0]).astype(np.float32)
    for members, n_rows, n_columns in _batches(rows, columns):
        row, column = np.divmod(np.arange(n_rows * n_columns), n_columns)
        dx = across[members, None] + column.astype(np.float32)
        dy = down[members, None] + row.astype(np.float32)
        slope = slopes[members]
        w1 = slope[:, 0, None] * dx + slope[:, 1, None] * dy
        w2 = slope[:, 2, None] * dx + slope[:, 3, None] * dy
        inside = (w1 >= -_SLACK) & (w2 >= -_SLACK) & (w1 + w2 <= 1 + _SLACK)
        which, place = np.nonzero(inside)
        face = members[which]
        at_row, at_column = y0[face] + row[place], x0[face] + column[place]
        depth = planes.depths(face, w1[which, place], w2[which, place]) - nearest
        # Positive floats sort like their bits, so (depth, face) is one unsigned key.
        bits = np.maximum(depth, 0).astype(np.float32).view(np.uint32).astype(np.uint64)
        key = (bits << np.uint64(32)) | face.astype(np.uint64)
        on_picture = (at_row < height_px) & (at_column < width_px)
        np.minimum.at(best, (at_row * width_px + at_column)[on_picture], key[on_picture])
    return _resolve(best, planes, height_px, width_px)


def _batches(
    rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], int, int]]:
    """Faces with boxes of one size, which broadcast instead of being gathered, and that size.

    Boxes are taken a little larger than they are, so that there are tens of sizes, not hundreds.
    """
    high, wide = _round_up(rows), _round_up(columns)
    sizes = np.where((rows > 0) & (columns > 0), high * (1 << 32) + wide, 0)
    for size in np.unique(sizes[sizes > 0]):
        n_rows, n_columns = divmod(int(size), 1 << 32)
        members = np.flatnonzero(sizes == size)
        step = max(1, _CHUNK // (n_rows * n_columns))
        for first in range(0, len(members), step):
            yield members[first : first + step], n_rows, n_columns


def _round_up(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each count, or the next of 1, 2, ..., 8, 10, 12, 14, 16, 20, 24, ...: at most a quarter more."""
    step = 1 << np.maximum(np.ceil(np.log2(np.maximum(counts, 1))).astype(np.int64) - 3, 0)
    return np.asarray(-(-counts // step) * step)


@dataclass(frozen=True, eq=False)
class _Planes:
    """Corner coordinates x, y, z (M, 3), and how the second and third barycentric weight grow from corner 0.

    `gradients` (M, 4) is dw1/dx, dw1/dy, dw2/dx, dw2/dy. `drawable` (M,) marks finite faces with an area.
    """

    x: Doubles
    y: Doubles
    z: Doubles
    gradients: Doubles
    drawable: Bools

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

    def depths(self, face: NDArray[np.int64], w1: Floats | Doubles, w2: Floats | Doubles) -> Doubles:
        """Depths of faces (K,) at their second and third weights."""
        z = self.z[face]
        return np.asarray(z[:, 0] + (z[:, 1] - z[:, 0]) * w1 + (z[:, 2] - z[:, 0]) * w2)


def _span(values: Doubles, drawable: Bools, limit: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First pixel and number of pixels whose centres lie within each face's extent along one axis."""
    # A centre at c + 0.5 lies in [low, high] for c from ceil(low - 0.5) to floor(high - 0.5).
    low = np.where(drawable, values.min(axis=1), 0.0)
    high = np.where(drawable, values.max(axis=1), -1.0)
    first = np.clip(np.ceil(low - 0.5), 0, limit).astype(np.int64)
    last = np.clip(np.floor(high - 0.5), -1, limit - 1).astype(np.int64)
    return first, np.maximum(last - first + 1, 0)


def _resolve(best: NDArray[np.uint64], planes: _Planes, height_px: int, width_px: int) -> Raster:
    """The raster of the winning faces, their weights once more in double precision."""
    covered = np.flatnonzero(best != _EMPTY)
    face = (best[covered] & np.uint64(0xFFFFFFFF)).astype(np.int64)
    row, column = np.divmod(covered, width_px)
    dx, dy = column + 0.5 - planes.x[face, 0], row + 0.5 - planes.y[face, 0]
    slope = planes.gradients[face]
    w1, w2 = slope[:, 0] * dx + slope[:, 1] * dy, slope[:, 2] * dx + slope[:, 3] * dy
    face_ids = np.full(height_px * width_px, -1, np.int32)
    face_ids[covered] = face
    barycentrics = np.zeros((height_px * width_px, 3), np.float32)
    barycentrics[covered] = np.stack([1 - w1 - w2, w1, w2], axis=1)
    depths = np.full(height_px * width_px, np.inf, np.float32)
    depths[covered] = planes.depths(face, w1, w2)
    shape = (height_px, width_px)
    return Raster(face_ids.reshape(shape), barycentrics.reshape(*shape, 3), depths.reshape(shape))
