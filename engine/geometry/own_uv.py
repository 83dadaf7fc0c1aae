"""An artist's own texture coordinates are kept if a texture can be painted through them; if not, it says why.

They must give every face a place of its own inside one texture: stacked and mirrored islands, faces beyond
the square and UDIM tiles would all paint several places of the surface at once, or none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.geometry.atlas.overlap import claim_texels

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

_FIRST_TILE = 1001
# Coordinates may leave the square by this much: what exporters lose in rounding, below a texel of 1024.
_SLACK = 1e-3
# Small folds where a layout pinches are harmless: up to this share of the texels in use, or of the faces.
_MAX_OVERLAP_SHARE = 0.01
_MAX_FLAT_SHARE = 0.02
# Bounds of the raster on which overlaps are sought: four texels a face where that fits.
_MIN_RASTER_PX, _MAX_RASTER_PX = 512, 4096
_MAX_TILES = 8


@dataclass(frozen=True)
class UvVerdict:
    """What is wrong with a layout, and whether it can be painted all the same.

    `overlap_share` of the texels in use belong to several faces, `n_overlapping` faces among them;
    `outside_share` of the faces leave [0, 1], `flat_share` have no area there, `n_unset` are not finite.
    `tiles` are UDIM numbers, 1001 the first. `why` is one sentence for the user, empty if nothing is wrong.
    """

    is_usable: bool
    why: str
    tiles: tuple[int, ...]
    overlap_share: float
    outside_share: float
    n_overlapping: int
    flat_share: float
    n_unset: int


def examine_uv(uv: Floats, *, faces: Ints | None = None, texture_size_px: int = 2048) -> UvVerdict:
    """Judges the coordinates `uv` (M, 3, 2) of the corners for a texture of `texture_size_px`.

    With `faces` (M, 3), those that name a vertex twice are left out: they have no area on the surface either.
    Raises BadInput if the shapes do not fit.
    """
    if uv.ndim != 3 or uv.shape[1:] != (3, 2):
        raise BadInput(f"Texture coordinates have the shape {uv.shape}, not (M, 3, 2).")
    if faces is not None:
        if faces.shape != (len(uv), 3):
            raise BadInput(f"{len(uv)} faces have texture coordinates, {len(faces)} are in the mesh.")
        twice = (faces == np.roll(faces, 1, axis=1)).any(axis=1)
        uv = uv[~twice]
    n_faces = len(uv)
    if n_faces == 0:
        return UvVerdict(False, "There are no faces with texture coordinates.", (), 0.0, 0.0, 0, 0.0, 0)
    is_set = np.isfinite(uv).all(axis=(1, 2))
    held = uv[is_set].astype(np.float64)
    n_unset = n_faces - len(held)
    outside = (held < -_SLACK).any(axis=(1, 2)) | (held > 1 + _SLACK).any(axis=(1, 2))
    outside_share = float(outside.sum() / n_faces)
    flat_share = float((_doubled_areas(held) <= 1e-12).sum() / n_faces)
    columns, rows = _tile_places(held)
    overlap_share, n_overlapping = _overlaps(held, columns, rows, texture_size_px)
    in_range = (columns >= 0) & (columns < 10) & (rows >= 0)
    tiles = tuple(int(tile) for tile in np.unique(_FIRST_TILE + columns[in_range] + 10 * rows[in_range]))
    why = _why(n_faces, n_unset, outside_share, tiles, overlap_share, n_overlapping, flat_share)
    return UvVerdict(why == "", why, tiles, overlap_share, outside_share, n_overlapping, flat_share, n_unset)


def _why(
    n_faces: int,
    n_unset: int,
    outside_share: float,
    tiles: tuple[int, ...],
    overlap_share: float,
    n_overlapping: int,
    flat_share: float,
) -> str:
    """The first reason that forbids the layout, in words with its number."""
    if n_unset:
        return f"{n_unset} of {n_faces} faces have no finite texture coordinates."
    if len(tiles) > 1 and outside_share > 0:
        named = ", ".join(str(tile) for tile in tiles[:4]) + (", ..." if len(tiles) > 4 else "")
        return (
            f"The texture coordinates lie on {len(tiles)} UDIM tiles ({named}), and one texture is painted."
        )
    if outside_share > 0:
        return f"{_percent(outside_share)} of the faces lie outside the texture's square, 0 to 1."
    if overlap_share > _MAX_OVERLAP_SHARE:
        return (
            f"{n_overlapping} of {n_faces} faces overlap in the texture ({_percent(overlap_share)} of the "
            f"texels in use, {_percent(_MAX_OVERLAP_SHARE)} are allowed), as stacked or mirrored islands do."
        )
    if flat_share > _MAX_FLAT_SHARE:
        return (
            f"{_percent(flat_share)} of the faces have no area in the texture, "
            f"{_percent(_MAX_FLAT_SHARE)} are allowed."
        )
    return ""


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.001 else "less than 0.1 %"


def _doubled_areas(uv: NDArray[np.float64]) -> NDArray[np.float64]:
    along, aside = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    return np.asarray(np.abs(along[:, 0] * aside[:, 1] - along[:, 1] * aside[:, 0]))


def _tile_places(uv: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Column and row (M,) of the square in which each face's middle lies."""
    middles = np.clip(uv.mean(axis=1), -1e6, 1e6)
    places = np.floor(middles).astype(np.int64)
    return places[:, 0], places[:, 1]


def _overlaps(
    uv: NDArray[np.float64], columns: NDArray[np.int64], rows: NDArray[np.int64], texture_size_px: int
) -> tuple[float, int]:
    """Share of the texels in use that several faces cover, and how many faces those are; square by square."""
    wanted_px = 2 ** int(np.ceil(np.log2(2 * np.sqrt(len(uv) + 1))))
    size_px = int(np.clip(max(wanted_px, texture_size_px), _MIN_RASTER_PX, _MAX_RASTER_PX))
    squares, number, counts = np.unique(
        np.stack([columns, rows], axis=1), axis=0, return_inverse=True, return_counts=True
    )
    n_used = n_contested = n_overlapping = 0
    for square in np.argsort(-counts, kind="stable")[:_MAX_TILES]:
        shifted = uv[number.reshape(-1) == square] - squares[square]
        claimed = claim_texels(shifted, size_px)
        n_used += claimed.n_covered
        n_contested += claimed.n_contested
        n_overlapping += int(np.count_nonzero(claimed.contested))
    return n_contested / max(n_used, 1), n_overlapping
