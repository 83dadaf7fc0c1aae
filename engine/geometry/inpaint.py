"""A texel that no view shows takes its colour from the surface around it, not from beside it in the atlas.

Space is cut into cells; those that the surface passes are nodes, and seen texels colour theirs. The others
are found by relaxation (the mean of the nodes around, which is a membrane's shape), from coarse grids to
fine, so colour crosses seams, however far, and never jumps to a chart that happens to lie beside it. What
seen texels add to their nodes' colour is then carried into the hole within the texture, fading over a few
texels, so that a hole's rim does not show. Every step is linear in the number of texels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import warp as wp
from numpy.typing import NDArray

from engine.geometry.bake import Baked, Texels
from engine.geometry.compute import Array, Compute
from engine.geometry.kernels import details
from engine.geometry.kernels import inpaint as kernels

Floats = NDArray[np.float32]

# Cells along the longest side: one for 16 texels of the texture's side, or 4 to 8 texels on the surface.
_TEXELS_PER_CELL, _LEAST_CELLS, _MOST_CELLS = 16, 16, 128
# Rounds of relaxation: each level starts from the coarser one's result, and fine ones have little left to do.
_N_ROUNDS, _N_FINE_ROUNDS, _FINE_CELLS = 12, 6, 64
# On grids this small the object is a few cells, and what no view shows of one way must come from others.
_SMALL_GRID = 4
_N_DETAIL_LEVELS = 4  # blocks of 2, 4, 8, 16 texels
_DETAIL_KEPT = 0.8  # of the detail, at each level farther from what is seen
_MAX_PARTS = 4  # accumulators side by side, see engine.geometry.compute


@dataclass(frozen=True, eq=False)
class _Level:
    """Nodes of a grid: `grid` (6 n^3,) numbers them, `places` (K,) are theirs, `values` (K, 4): colour, 1."""

    n: int
    grid: Array
    places: Array
    values: Array


def inpaint(
    texels: Texels, baked: Baked, step: Callable[[int, int], None] = lambda step, n_steps: None
) -> Array:
    """Colours (T, 3) for all texels; seen ones stay as they are. If nothing is seen, all is mid grey."""
    compute, n_texels = texels.compute, len(texels.index)
    if not n_texels or bool(baked.seen.all()):
        return baked.colours
    if not bool(baked.seen.any()):
        return compute.full((n_texels, 3), 0.5, "float32")
    seen = compute.bytes_of(baked.seen)
    low, cell, n_cells = _frame(texels)
    levels = _levels(texels, baked.colours, seen, low, cell, n_cells)
    step(1, 3)
    _spread(compute, levels)
    step(2, 3)
    finest = levels[0]
    n_blocks = -(-texels.size_px // details.BUSY_PX) + 1
    busy = compute.full((n_blocks, n_blocks), 0, "uint8")
    compute.launch_runs(details.find_busy, n_texels, [texels.index, texels.size_px, seen, busy])
    bases = compute.empty((n_texels, 3), "float32")
    where = [texels.index, texels.size_px, busy, texels.positions, texels.normals, low, cell, n_cells]
    compute.launch_runs(kernels.read_nodes, n_texels, [*where, finest.grid, finest.values, bases])
    carried = _details(texels, baked.colours, seen, bases, busy)
    colours = compute.copy(baked.colours)
    inputs = [texels.index, texels.size_px, seen, bases, carried, _DETAIL_KEPT, colours]
    compute.launch_runs(details.paint, n_texels, inputs)
    step(3, 3)
    return colours


def _frame(texels: Texels) -> tuple[wp.vec3, float, int]:
    """Where the grid begins, the size of its cells, and how many there are along a side (a power of two)."""
    wanted = np.clip(texels.size_px / _TEXELS_PER_CELL, _LEAST_CELLS, _MOST_CELLS)
    n_cells = 1 << int(np.ceil(np.log2(wanted)))
    low, high = (texels.compute.get(bound) for bound in _bounds(texels.positions))
    longest = max(float((high - low).max()), 1e-6)
    return wp.vec3(*(float(x) for x in low)), longest * 1.0001 / n_cells, n_cells


def _bounds(positions: Array) -> tuple[Array, Array]:
    if isinstance(positions, np.ndarray):
        # Column by column: numpy reduces a long first axis ten times as fast that way.
        columns = [positions[:, i] for i in range(3)]
        low, high = [c.min() for c in columns], [c.max() for c in columns]
        return np.array(low, np.float32), np.array(high, np.float32)
    return positions.amin(dim=0), positions.amax(dim=0)


def _levels(
    texels: Texels, colours: Array, seen: Array, low: wp.vec3, cell: float, n_cells: int
) -> list[_Level]:
    """All levels, the finest first, with what is known at each."""
    compute, n_texels = texels.compute, len(texels.index)
    grid = compute.full(6 * n_cells**3, -1, "int32")
    compute.launch_runs(kernels.mark, n_texels, [texels.positions, texels.normals, low, cell, n_cells, grid])
    places = _number(compute, grid)
    n_parts = 1 if compute.is_card else min(compute.n_threads, _MAX_PARTS)
    sums = compute.full((n_parts, len(places), 4), 0, "float32")

    n_runs = -(-n_texels // compute.run_px)

    def add(part: int) -> None:
        first, last = n_runs * part // n_parts, n_runs * (part + 1) // n_parts
        inputs = [
            first,
            compute.run_px,
            texels.positions,
            texels.normals,
            colours,
            seen,
            low,
            cell,
            n_cells,
            grid,
            sums[part],
        ]
        wp.launch(kernels.collect, dim=last - first, inputs=inputs, device=compute.device)

    compute.each(range(n_parts), add, kernels.collect)
    values = compute.empty((len(places), 4), "float32")
    compute.launch(kernels.average, len(places), [sums, values])
    levels = [_Level(n_cells, grid, places, values)]
    while (finer := levels[-1]).n > 1:
        n = finer.n // 2
        grid = compute.full(6 * n**3, -1, "int32")
        compute.launch(kernels.mark_parents, len(finer.places), [finer.places, finer.n, grid])
        places = _number(compute, grid)
        values = compute.empty((len(places), 4), "float32")
        compute.launch(kernels.pull, len(places), [places, n, finer.grid, finer.values, values])
        levels.append(_Level(n, grid, places, values))
    return levels


def _number(compute: Compute, grid: Array) -> Array:
    """Numbers the marked cells of `grid` and returns their places."""
    places = compute.where(grid == 0)
    numbers = np.arange(len(places), dtype=np.int32)
    grid[places] = compute.put(numbers)
    return places


def _spread(compute: Compute, levels: list[_Level]) -> None:
    """Gives every node of every level a colour, from the coarsest to the finest."""
    # A way that no seen texel faces begins with the mean of the others.
    whole = levels[-1].values
    known = whole[:, 3] > 0
    whole[~known, :3] = whole[known, :3].mean(0)
    for finer, coarser in zip(levels[-2::-1], levels[:0:-1], strict=True):
        unknown = compute.where(finer.values[:, 3] == 0)
        count = len(unknown)
        where = [unknown, finer.places, finer.n]
        takes_all = int(finer.n <= _SMALL_GRID)
        compute.launch(kernels.push, count, [*where, coarser.grid, coarser.values, finer.values])
        relaxed = compute.empty((count, 4), "float32")
        for _ in range(_N_FINE_ROUNDS if finer.n > _FINE_CELLS else _N_ROUNDS):
            compute.launch(kernels.relax, count, [*where, takes_all, finer.grid, finer.values, relaxed])
            compute.launch(kernels.settle, count, [unknown, relaxed, finer.values])


def _details(texels: Texels, colours: Array, seen: Array, bases: Array, busy: Array) -> Array:
    """What seen texels add to their nodes' colour, (S / 2, S / 2, 4), carried into holes to fade there."""
    compute, size = texels.compute, texels.size_px
    half = -(-size // 2**_N_DETAIL_LEVELS) * 2 ** (_N_DETAIL_LEVELS - 1)
    numbers = compute.full(4 * half * half, -1, "int32").reshape(2 * half, 2 * half)
    rows, columns = texels.index // size, texels.index % size
    numbers[rows, columns] = compute.put(np.arange(len(texels.index), dtype=np.int32))
    shape = (half, half)
    pyramid = [compute.empty((*shape, 4), "float32")]
    compute.launch(details.pull_details, shape, [busy, numbers, colours, seen, bases, pyramid[0]])
    for _ in range(_N_DETAIL_LEVELS - 1):
        shape = (shape[0] // 2, shape[1] // 2)
        pyramid.append(compute.empty((*shape, 4), "float32"))
        compute.launch(details.pull_blocks, shape, [pyramid[-2], pyramid[-1]])
    for finer, coarser in zip(pyramid[-2::-1], pyramid[:0:-1], strict=True):
        compute.launch(details.push_blocks, finer.shape[:2], [coarser, _DETAIL_KEPT, finer])
    return pyramid[0]
