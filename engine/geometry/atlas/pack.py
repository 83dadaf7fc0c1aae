"""Charts lie on a grid of blocks and own their blocks alone, so that averages over a block never mix.

With blocks of 8 texels and a gutter of 4 inside a chart's own blocks, every bilinear sample down to mip
level 3 stays among texels of its chart. Charts are turned, never mirrored. The scale is the largest that
fits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.geometry.atlas.flatten import Pieces
from engine.geometry.atlas.watch import Watch
from engine.geometry.compute import processor
from engine.geometry.kernels import blocks as shapes
from engine.geometry.kernels import pack as kernels

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

_SMALL_BLOCKS = (
    6  # charts below this many blocks a side start their search where one of their size last fitted
)
_FULLNESS = 0.88  # of a grid's blocks, what usually gets used
MAX_SEARCHED = 4000  # more charts than these go on shelves
_TRIED_VERTICES = 400_000  # of which the turn of charts is told
_HASTILY_SEARCHED = 1000  # the same once the time is over
# Parts of a block that charts lie off the middle: straight edges shall not run through centres of texels.
_ASIDE = (0.031, -0.023)
_BATCH = 200  # charts placed between two looks at the caller


@dataclass(frozen=True)
class Spacing:
    """A grid of `block_px`; charts keep `gutter_px` to the edge of their blocks, twice that to each other."""

    block_px: float
    gutter_px: float


@dataclass(frozen=True, eq=False)
class Outlines:
    """Charts to be packed: their pieces, and the places (V, 2) of the vertices, in one unit and upright."""

    pieces: Pieces
    places: Floats
    low: Floats
    sides: Floats

    @staticmethod
    def of(pieces: Pieces, places: Floats) -> Outlines:
        """The charts, each turned so that its bounding rectangle is small."""
        upright = _upright(pieces, places)
        starts = pieces.vertex_starts[:-1]
        low = np.minimum.reduceat(upright, starts, axis=0)
        return Outlines(pieces, upright, low, np.maximum.reduceat(upright, starts, axis=0) - low)


@dataclass(frozen=True, eq=False)
class Packed:
    """`places_px` (V, 2) in texels of the texture; `scale` in texels a unit."""

    places_px: Floats
    scale: float


@dataclass(frozen=True, eq=False)
class _Blocks:
    """The blocks of all charts at one scale: where in its rectangle each chart lies, and its shape."""

    offsets: Floats
    counts: Ints
    starts: Ints
    blocks: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class _Trial:
    """Where the charts come to lie at one scale: `placed` (K, 3) is column, row and quarter turns.

    `state` holds the rows of blocks in use and whether there was no place for a chart.
    """

    scale: float
    offsets: Floats
    counts: Ints
    placed: Ints
    state: Ints
    inputs: list[object]

    def fits(self, n_grid: int) -> bool:
        """Whether all charts lie in the grid."""
        return bool(self.state[1] == 0 and self.state[0] <= n_grid)


def pack(
    outlines: Outlines,
    size_px: int,
    spacing: Spacing,
    watch: Watch,
    n_rounds: int = 4,
    scale: float | None = None,
) -> Packed:
    """Packs the charts into a square of `size_px`, as large as `n_rounds` find; `scale` is where to begin."""
    n_grid = int(size_px / spacing.block_px + 1e-6)
    if outlines.pieces.n_charts > (_HASTILY_SEARCHED if watch.is_over else MAX_SEARCHED):
        return _placed(outlines, _on_shelves(outlines, spacing, n_grid, watch), spacing)
    factors = (1.0, 0.965) if scale is None else (1.0, 0.99)
    scale = guess_scale(outlines, size_px, spacing) if scale is None else scale
    best: _Trial | None = None
    too_large = np.inf
    number = 0
    while best is None or (number < n_rounds and not watch.is_over):
        low, high = number / (number + 1), (number + 1) / (number + 2)
        trials = _prepare_all(outlines, [scale * factor for factor in factors], spacing, n_grid)
        _run(trials, n_grid, watch.part(low, high))
        for trial in sorted(trials, key=lambda trial: trial.scale):
            if not trial.fits(n_grid):
                too_large = min(too_large, trial.scale)
            elif best is None or trial.scale > best.scale:
                best = trial
        number += 1
        if best is None:
            if number > (3 if watch.is_over else 30):
                best = _on_shelves(outlines, spacing, n_grid, watch)
            scale, factors = scale * factors[-1] * 0.96, (1.0, 0.94)
        elif np.isinf(too_large):
            scale, factors = best.scale * 1.06, (1.0, 0.97)
        else:
            scale, gap = best.scale, too_large / best.scale - 1
            factors = (1 + gap * 2 / 3, 1 + gap / 3)
    assert best is not None
    return _placed(outlines, best, spacing)


def guess_scale(outlines: Outlines, size_px: int, spacing: Spacing) -> float:
    """The scale, in texels a unit, at which the charts' blocks are about as many as get used of a grid."""
    n_grid = int(size_px / spacing.block_px + 1e-6)
    wanted = _FULLNESS * n_grid * n_grid
    area = float(np.prod(outlines.sides, axis=1).sum())
    scale = float(np.sqrt(0.6 * wanted / max(area, 1e-30)) * spacing.block_px)
    for _ in range(4):
        n_blocks = int(_mark(outlines, scale, spacing).blocks.sum(dtype=np.int64))
        scale *= float(np.clip(np.sqrt(wanted / n_blocks), 0.1, 2.0))
    # A chart must not be longer than the grid is.
    longest = float(outlines.sides.max())
    return min(scale, (n_grid * spacing.block_px - 2 * spacing.gutter_px) * 0.99 / max(longest, 1e-30))


def _upright(pieces: Pieces, places: Floats) -> Floats:
    starts = pieces.vertex_starts[:-1]
    tried = places
    if len(places) > _TRIED_VERTICES:
        # So many vertices tell as well how a chart lies.
        every = -(-len(places) // _TRIED_VERTICES)
        kept = np.union1d(starts, np.arange(0, len(places), every))
        tried, starts = places[kept], np.searchsorted(kept, starts).astype(np.int32)
    best = np.full(pieces.n_charts, np.inf)
    chosen = np.zeros(pieces.n_charts)
    for angle in np.arange(24) * (np.pi / 48):
        x = tried @ np.array([np.cos(angle), np.sin(angle)], np.float32)
        y = tried @ np.array([-np.sin(angle), np.cos(angle)], np.float32)
        area = (np.maximum.reduceat(x, starts) - np.minimum.reduceat(x, starts)) * (
            np.maximum.reduceat(y, starts) - np.minimum.reduceat(y, starts)
        )
        better = area < best * (1 - 1e-5)
        best[better], chosen[better] = area[better], angle
    turn = np.repeat(chosen, np.diff(pieces.vertex_starts))
    cosine, sine = np.cos(turn), np.sin(turn)
    x, y = places[:, 0], places[:, 1]
    return np.stack([cosine * x + sine * y, cosine * y - sine * x], axis=1).astype(np.float32)


def _counts(outlines: Outlines, scale: float, spacing: Spacing) -> Ints:
    """Columns and rows (K, 2) of blocks that each chart's rectangle needs."""
    taken_px = outlines.sides.astype(np.float64) * scale + 2 * spacing.gutter_px
    return np.maximum(np.ceil(taken_px / spacing.block_px + 2 * _ASIDE[0]), 1).astype(np.int32)


def _offsets(outlines: Outlines, scale: float, spacing: Spacing, counts: Ints) -> Floats:
    """What brings each chart at `scale` into the middle of its rectangle, or a little aside of it."""
    middles = (counts * spacing.block_px - outlines.sides * scale) / 2
    aside = np.array(_ASIDE) * spacing.block_px
    return (middles - outlines.low * scale + aside).astype(np.float32)


def _mark(outlines: Outlines, scale: float, spacing: Spacing) -> _Blocks:
    counts = _counts(outlines, scale, spacing)
    offsets = _offsets(outlines, scale, spacing, counts)
    n_blocks = counts[:, 0].astype(np.int64) * counts[:, 1]
    starts = np.concatenate([[0], np.cumsum(n_blocks)]).astype(np.int32)
    blocks = np.zeros(int(starts[-1]), np.uint8)
    pieces = outlines.pieces
    inputs = [pieces.face_starts, pieces.corners, outlines.places, scale, offsets, float(spacing.block_px)]
    inputs += [float(spacing.gutter_px), counts, starts, blocks]
    replace(processor(), n_threads=1).launch(shapes.mark, pieces.n_charts, inputs)
    return _Blocks(offsets, counts, starts, blocks)


def _prepare(outlines: Outlines, scale: float, spacing: Spacing, n_grid: int) -> _Trial:
    """A trial at one scale, in a grid that is half as high again, before any chart is placed."""
    marked = _mark(outlines, scale, spacing)
    wide, high = marked.counts[:, 0].astype(np.int64), marked.counts[:, 1].astype(np.int64)
    across, up = np.stack([wide, high, wide, high], axis=1), np.stack([high, wide, high, wide], axis=1)
    row_starts = np.concatenate([[0], np.cumsum(up.reshape(-1))]).astype(np.int32)
    run_starts = np.concatenate([[0], np.cumsum((up * ((across + 1) // 2)).reshape(-1))]).astype(np.int32)
    row_ends = np.empty(int(row_starts[-1]), np.int32)
    runs = np.empty((int(run_starts[-1]), 2), np.int32)
    widest = np.zeros((4 * len(wide), 2), np.int32)
    shape = [marked.counts, marked.starts, marked.blocks, row_starts, run_starts, row_ends, runs, widest]
    replace(processor(), n_threads=1).launch(shapes.find_runs, 4 * len(wide), shape)
    order = np.lexsort((np.arange(len(wide)), -(wide * high), -np.maximum(wide, high))).astype(np.int32)
    n_words = -(-n_grid // 64)
    occupied = np.zeros((n_grid + n_grid // 2, n_words + 1), np.uint64)
    gaps = np.full(len(occupied), n_grid, np.int32)
    room = [np.zeros(n_words + 1, np.uint64), np.zeros(n_words + 1, np.uint64)]
    hints = np.zeros((_SMALL_BLOCKS, _SMALL_BLOCKS), np.int32)
    placed, state = np.zeros((len(wide), 3), np.int32), np.zeros(2, np.int32)
    inputs = [
        order,
        n_grid,
        marked.counts,
        row_starts,
        run_starts,
        row_ends,
        runs,
        widest,
        gaps,
        occupied,
        *room,
        hints,
    ]
    return _Trial(scale, marked.offsets, marked.counts, placed, state, [*inputs, placed, state])


def _prepare_all(outlines: Outlines, scales: list[float], spacing: Spacing, n_grid: int) -> list[_Trial]:
    """Trials at several scales, made side by side."""
    made: dict[float, _Trial] = {}

    def prepare(scale: float) -> None:
        made[scale] = _prepare(outlines, scale, spacing, n_grid)

    processor().each(scales, prepare, shapes.mark, shapes.find_runs)
    return [made[scale] for scale in scales]


def _run(trials: list[_Trial], n_grid: int, watch: Watch) -> None:
    """Places the charts of several trials side by side."""
    alone = replace(processor(), n_threads=1)
    n_charts = len(trials[0].placed)
    for low in range(0, n_charts, _BATCH):
        watch.tell(low / n_charts)
        high = min(low + _BATCH, n_charts)
        processor().each(
            [trial for trial in trials if trial.state[1] == 0 and trial.state[0] <= n_grid],
            lambda trial, a=low, b=high: alone.launch(kernels.place, 1, [a, b, *trial.inputs]),  # type: ignore[misc]
            kernels.place,
        )


def _on_shelves(outlines: Outlines, spacing: Spacing, n_grid: int, watch: Watch) -> _Trial:
    """Rectangles side by side in rows, the highest first: quick for any number of charts, and looser."""
    low, high = 0.0, n_grid * spacing.block_px / max(float(outlines.sides.max()), 1e-30)
    best: _Trial | None = None
    for number in range(24):
        watch.tell(number / 24)
        scale = (low + high) / 2 if number else high
        trial = _shelve(outlines, scale, spacing, n_grid)
        if trial.fits(n_grid):
            low, best = scale, trial
        else:
            high = scale
    return best or _shelve(outlines, 0.0, spacing, n_grid)


def _shelve(outlines: Outlines, scale: float, spacing: Spacing, n_grid: int) -> _Trial:
    counts = _counts(outlines, scale, spacing)
    wide, high = counts.max(axis=1).astype(np.int64), counts.min(axis=1).astype(np.int64)
    order = np.lexsort((np.arange(len(wide)), -wide, -high))
    ends = np.cumsum(wide[order])
    placed = np.zeros((len(wide), 3), np.int32)
    placed[:, 2] = counts[:, 1] > counts[:, 0]
    firsts = [0]
    while firsts[-1] < len(order) and wide.max() <= n_grid:
        before = int(ends[firsts[-1] - 1]) if firsts[-1] else 0
        firsts.append(int(np.searchsorted(ends, before + n_grid, side="right")))
    edges = np.asarray(firsts)
    shelf_heights = high[order[edges[:-1]]]
    tops = np.cumsum(shelf_heights) - shelf_heights
    sizes = np.diff(edges)
    begins = np.repeat(np.concatenate([[0], ends])[edges[:-1]], sizes)
    members = order[: edges[-1]]
    placed[members, 0] = ends[: edges[-1]] - wide[members] - begins
    placed[members, 1] = np.repeat(tops, sizes)
    state = np.array([shelf_heights.sum(), edges[-1] < len(order)], np.int32)
    return _Trial(scale, _offsets(outlines, scale, spacing, counts), counts, placed, state, [])


def spread_out(outlines: Outlines, scale: float, limit_px: int) -> tuple[Packed, int]:
    """The charts side by side, a texel apart, at `scale` or at what fits in a square of `limit_px`.

    The other value is the side in texels of the square that holds them.
    """
    spacing = Spacing(1, 1)
    while True:
        counts = _counts(outlines, scale, spacing).astype(np.int64)
        size_px = int(max(counts.max(), np.sqrt(1.2 * np.prod(counts, axis=1).sum()))) + 1
        trial = _shelve(outlines, scale, spacing, size_px)
        while size_px <= limit_px and not trial.fits(size_px):
            size_px += size_px // 8 + 1
            trial = _shelve(outlines, scale, spacing, size_px)
        if size_px <= limit_px or scale < 1e-3:
            return _placed(outlines, trial, spacing), size_px
        scale *= 0.7


def _placed(outlines: Outlines, trial: _Trial, spacing: Spacing) -> Packed:
    """The places in texels, each chart turned and moved to its blocks."""
    pieces = outlines.pieces
    charts = np.repeat(np.arange(pieces.n_charts), np.diff(pieces.vertex_starts))
    local = outlines.places.astype(np.float64) * trial.scale + trial.offsets[charts]
    x, y = local[:, 0], local[:, 1]
    wide, high = trial.counts[charts, 0] * spacing.block_px, trial.counts[charts, 1] * spacing.block_px
    turn = trial.placed[charts, 2]
    turned_x = np.choose(turn, [x, high - y, wide - x, y])
    turned_y = np.choose(turn, [y, x, high - y, wide - x])
    origin = trial.placed[charts, :2] * spacing.block_px
    places_px = np.stack([turned_x + origin[:, 0], turned_y + origin[:, 1]], axis=1).astype(np.float32)
    return Packed(places_px, trial.scale)
