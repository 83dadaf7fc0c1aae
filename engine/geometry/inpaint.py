"""A texel that no view shows takes its colour from the surface around it, not from beside it in the atlas.

Neighbours are found in space, so colour crosses seams and never jumps to a foreign chart that happens to lie
beside it. Outside the charts colours are carried outward, so that filtering never meets an empty texel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from engine.geometry.bake import Baked, Texels

Floats = NDArray[np.float32]

_NEIGHBOURS = 8
# Sources are thinned to about this many: the nearest of 200,000 points is never far on a texture.
_MAX_SOURCES = 200_000


def inpaint(texels: Texels, baked: Baked) -> Floats:
    """Colours (T, 3) for all texels: unseen ones by inverse squared distance from the 8 nearest seen ones.

    Measured against diffusion and OpenCV's in-painting it was the best near the seen surface (20 to 30 dB,
    2026-11). If nothing is seen at all, everything is mid grey.
    """
    if baked.seen.all():
        return baked.colours
    if not baked.seen.any():
        return np.full_like(baked.colours, 0.5)
    sources = np.flatnonzero(baked.seen)
    sources = sources[:: max(1, len(sources) // _MAX_SOURCES)]
    holes = np.flatnonzero(~baked.seen)
    tree = cKDTree(texels.positions[sources], balanced_tree=False, compact_nodes=False)
    k = min(_NEIGHBOURS, len(sources))
    distances, nearest = tree.query(texels.positions[holes], k=range(1, k + 1), workers=-1)
    weights = 1 / np.maximum(distances, 1e-4) ** 2
    weights /= weights.sum(axis=1, keepdims=True)
    colours = baked.colours.copy()
    colours[holes] = np.einsum("kn,knc->kc", weights, baked.colours[sources[nearest]])
    return colours


def dilate(texels: Texels, colours: Floats) -> NDArray[np.uint8]:
    """The texture (S, S, 3) uint8 sRGB: texels in their places, all between charts from the nearest."""
    size = texels.size_px
    flat = np.zeros((size * size, 3), np.uint8)
    flat[texels.index] = np.round(np.clip(colours, 0, 1) * 255)
    empty = np.ones(size * size, bool)
    empty[texels.index] = False
    if not empty.any() or empty.all():
        return flat.reshape(size, size, 3)
    _, (rows, columns) = ndimage.distance_transform_edt(empty.reshape(size, size), return_indices=True)
    return np.asarray(flat.reshape(size, size, 3)[rows, columns])
