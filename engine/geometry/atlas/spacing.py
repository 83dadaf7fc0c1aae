"""How far charts keep apart: the safest grid that costs little room, and in words what could not be kept.

The safest has blocks of 8 texels (16 in textures of 3072 and more), each of one chart alone, and at least 4
texels from a chart to the edge of its blocks. See pack.py for why that is safe down to mip level 3.
"""

from __future__ import annotations

from engine.geometry.atlas.pack import MAX_SEARCHED, Outlines, Spacing, guess_scale
from engine.geometry.compute import processor
from engine.geometry.kernels import blocks as shapes

# What a spacing must keep of the texels that the tightest one would give to charts: the safest, and the next.
_WORTH, _WORTH_NEXT = 0.72, 0.6
_SMALLEST_SAFE_PX = 512
_FINE_GRID = 256
# Of a grid's blocks, what the gutters around charts may fill before any chart has a texel.
_CROWDED = 0.4


def choose_spacing(outlines: Outlines, size_px: int, padding: int) -> tuple[Spacing, str]:
    """The spacing for charts in a texture of `size_px`, and a note if `padding` texels cannot be kept."""
    half = -(-padding // 2)
    n_charts = outlines.pieces.n_charts
    # A finer grid takes longer to search, and shelves are not searched.
    fine_px = size_px // _FINE_GRID if n_charts <= MAX_SEARCHED else 1
    wanted = [Spacing(max(1, fine_px), half)]
    if size_px >= _SMALLEST_SAFE_PX:
        block_px = 8 * max(1, round(size_px / 2048))
        wanted = [Spacing(block_px, max(4, half)), Spacing(block_px, half), *wanted]
    fitting = [spacing for spacing in wanted if _has_room(spacing, n_charts, size_px)]
    if fitting:
        guessed: dict[Spacing, float] = {}

        def guess(spacing: Spacing) -> None:
            guessed[spacing] = guess_scale(outlines, size_px, spacing)

        processor().each(fitting, guess, shapes.mark)
        scales = [guessed[spacing] for spacing in fitting]
        for spacing, scale in zip(fitting, scales, strict=True):
            worth = _WORTH if spacing == wanted[0] else _WORTH_NEXT
            if scale >= max(scales) * worth**0.5:
                return spacing, ""
    for gutter_px in range(half - 1, -1, -1):
        if _has_room(Spacing(1, gutter_px), n_charts, size_px):
            return Spacing(1, gutter_px), (
                f"The texture of {size_px} px is too small for {n_charts} charts: "
                f"they keep {2 * gutter_px} texels apart, not {padding}."
            )
    n_parts = 1
    while not _has_room(Spacing(1 / n_parts, 0), n_charts, size_px):
        n_parts += 1
    return Spacing(1 / n_parts, 0), (
        f"The texture of {size_px} px is too small for {n_charts} charts: some have no texel of their own."
    )


def _has_room(spacing: Spacing, n_charts: int, size_px: int) -> bool:
    """Whether the gutters alone leave room for charts."""
    n_grid = int(size_px / spacing.block_px + 1e-6)
    n_blocks = int(2 * spacing.gutter_px / spacing.block_px) + 1
    return n_charts == 1 or n_charts * n_blocks**2 <= _CROWDED * n_grid**2
