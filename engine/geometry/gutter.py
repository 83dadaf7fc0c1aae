"""The texture itself: texels in their places, and around every chart a rim of its own colours.

Filtering and smaller copies of a texture (mip levels) read beyond a chart's border; what they find there is
the colour of the nearest texel of the same block of 8 x 8, or of the nearest at all where a block has none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from warp import vec3i

from engine.geometry.bake import Texels
from engine.geometry.compute import Array
from engine.geometry.kernels import gutter as kernels

# Texels around charts that are filled from the nearest; farther away, where only the coarsest copies look,
# the mean colour does. A chart's own blocks at mip level 4 are 16 texels wide.
_REACH_PX = 16
# The unwrap gives a block of this side to one chart alone, where the texture has room: what a copy of the
# texture an eighth as large makes one texel of must hold that chart's colours only.
BLOCK_PX = 8


def dilate(texels: Texels, colours: Array) -> NDArray[np.uint8]:
    """The texture (S, S, 3) uint8 sRGB, top row first: `colours` (T, 3) in place, the rest around them."""
    compute, size = texels.compute, texels.size_px
    texture = compute.full((size, size, 3), 0, "uint8")
    n_texels = len(texels.index)
    if n_texels == 0:
        return compute.get(texture)
    filled = compute.full((size, size), 0, "uint8")
    flat = [texture.reshape(-1, 3), filled.reshape(-1)]
    compute.launch_runs(kernels.lay, n_texels, [texels.index, colours, *flat])
    if n_texels < size * size:
        sparse = compute.get(colours[:: max(1, n_texels // 10_000)])
        mean = [round(float(x)) for x in np.clip(sparse.mean(axis=0), 0, 1) * 255]
        n_blocks = -(-size // BLOCK_PX)
        compute.launch(kernels.fill_blocks, (n_blocks, n_blocks), [BLOCK_PX, filled, texture])
        nearest = compute.empty((size, size), "int32")
        compute.launch(kernels.nearest_in_row, size, [filled, nearest])
        run = compute.run_px
        inputs = [run, filled, nearest, _REACH_PX, vec3i(*mean), texture]
        compute.launch(kernels.carry, (size, -(-size // run)), inputs)
    return compute.get(texture)
