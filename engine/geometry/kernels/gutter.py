"""Between charts a texel takes the colour of the nearest one inside a chart, within a reach."""

import warp as wp

NONE = wp.constant(1 << 29)


@wp.kernel
def fill_blocks(
    first: int,
    block: int,
    filled: wp.array(dtype=wp.uint8, ndim=2),
    texture: wp.array(dtype=wp.uint8, ndim=3),
):
    """Within blocks that hold texels (1), the others become copies (2) of the nearest; a thread a block."""
    block_row, block_column = wp.tid()
    block_row += first
    top = block_row * block
    left = block_column * block
    bottom = wp.min(top + block, filled.shape[0])
    right = wp.min(left + block, filled.shape[1])
    count = int(0)
    for r in range(top, bottom):
        for c in range(left, right):
            count += int(filled[r, c])
    if count == 0 or count == (bottom - top) * (right - left):
        return
    for r in range(top, bottom):
        for c in range(left, right):
            if filled[r, c] == wp.uint8(0):
                best = int(NONE)
                best_row = int(0)
                best_column = int(0)
                for other_row in range(top, bottom):
                    for other_column in range(left, right):
                        if filled[other_row, other_column] == wp.uint8(1):
                            away = (other_row - r) * (other_row - r) + (other_column - c) * (other_column - c)
                            if away < best:
                                best = away
                                best_row = other_row
                                best_column = other_column
                for channel in range(3):
                    texture[r, c, channel] = texture[best_row, best_column, channel]
                filled[r, c] = wp.uint8(2)


@wp.kernel
def nearest_in_row(
    first: int,
    filled: wp.array(dtype=wp.uint8, ndim=2),
    nearest: wp.array(dtype=wp.int32, ndim=2),
):
    """For each texel the column of the nearest filled one in its row, NONE without one; a thread a row."""
    row = first + wp.tid()
    width = filled.shape[1]
    last = int(-NONE)
    for column in range(width):
        if filled[row, column] != wp.uint8(0):
            last = column
        nearest[row, column] = last
    last = int(NONE)
    for back in range(width):
        column = width - 1 - back
        if filled[row, column] != wp.uint8(0):
            last = column
        if last - column < column - nearest[row, column]:
            nearest[row, column] = last
        if wp.abs(nearest[row, column]) >= NONE:
            nearest[row, column] = NONE


@wp.kernel
def carry(
    first: int,
    run: int,
    filled: wp.array(dtype=wp.uint8, ndim=2),
    nearest: wp.array(dtype=wp.int32, ndim=2),
    reach: int,
    rest: wp.vec3i,
    texture: wp.array(dtype=wp.uint8, ndim=3),
):
    """Fills the empty texels: the nearest filled one within `reach` rows, else the colour `rest`."""
    row, part = wp.tid()
    row += first
    height = filled.shape[0]
    start = part * run
    for column in range(start, wp.min(start + run, filled.shape[1])):
        if filled[row, column] != wp.uint8(0):
            continue
        best = int(NONE)
        best_row = int(-1)
        for away in range(reach + 1):
            if away * away >= best:
                break
            for side in range(2):
                r = row + wp.where(side == 0, away, -away)
                if r >= 0 and r < height:
                    c = nearest[r, column]
                    if c != NONE:
                        distance = (c - column) * (c - column) + away * away
                        if distance < best:
                            best = distance
                            best_row = r
        if best_row < 0:
            texture[row, column, 0] = wp.uint8(rest[0])
            texture[row, column, 1] = wp.uint8(rest[1])
            texture[row, column, 2] = wp.uint8(rest[2])
        else:
            c = nearest[best_row, column]
            for channel in range(3):
                texture[row, column, channel] = texture[best_row, c, channel]


@wp.kernel
def lay(
    first: int,
    run: int,
    index: wp.array(dtype=wp.int64),
    colours: wp.array(dtype=wp.vec3),
    texture: wp.array(dtype=wp.uint8, ndim=2),
    filled: wp.array(dtype=wp.uint8),
):
    """Puts the texels in their places, rounded."""
    start = (first + wp.tid()) * run
    for texel in range(start, wp.min(start + run, index.shape[0])):
        place = int(index[texel])
        c = colours[texel]
        for channel in range(3):
            texture[place, channel] = wp.uint8(wp.int32(wp.clamp(c[channel], 0.0, 1.0) * 255.0 + 0.5))
        filled[place] = wp.uint8(1)
