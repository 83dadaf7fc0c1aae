"""A chart as blocks of a square grid, and those as runs in rows, for each of four turns.

A chart's blocks are bytes in rows, `counts` (K, 2) wide and high, from `block_starts`. Turned by 0, 90, 180
and 270 degrees they become runs, (column, length).
"""

import warp as wp


@wp.func
def is_clear(a: wp.vec2f, b: wp.vec2f, low: wp.vec2f, high: wp.vec2f):
    """Whether the box lies wholly to the right of the line from `a` to `b`."""
    nx = b[1] - a[1]
    ny = a[0] - b[0]
    # The corner of the box that lies farthest to the left.
    x = wp.where(nx > 0.0, low[0], high[0])
    y = wp.where(ny > 0.0, low[1], high[1])
    return (x - a[0]) * nx + (y - a[1]) * ny > 0.0


@wp.kernel
def mark(
    first: int,
    face_starts: wp.array(dtype=wp.int32),
    corners: wp.array2d(dtype=wp.int32),
    places: wp.array(dtype=wp.vec2f),
    scale: float,
    offsets: wp.array(dtype=wp.vec2f),
    block_px: float,
    gutter_px: float,
    counts: wp.array2d(dtype=wp.int32),
    block_starts: wp.array(dtype=wp.int32),
    blocks: wp.array(dtype=wp.uint8),
):
    """Sets to 1 the blocks that a chart comes nearer to than the gutter, along x and y."""
    chart = first + wp.tid()
    wide = counts[chart, 0]
    high = counts[chart, 1]
    base = block_starts[chart]
    offset = offsets[chart]
    for face in range(face_starts[chart], face_starts[chart + 1]):
        a = places[corners[face, 0]] * scale + offset
        b = places[corners[face, 1]] * scale + offset
        c = places[corners[face, 2]] * scale + offset
        if (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) < 0.0:
            swapped = b
            b = c
            c = swapped
        left = wp.int32((wp.min(wp.min(a[0], b[0]), c[0]) - gutter_px) / block_px)
        right = wp.int32((wp.max(wp.max(a[0], b[0]), c[0]) + gutter_px) / block_px)
        bottom = wp.int32((wp.min(wp.min(a[1], b[1]), c[1]) - gutter_px) / block_px)
        top = wp.int32((wp.max(wp.max(a[1], b[1]), c[1]) + gutter_px) / block_px)
        for row in range(wp.max(bottom, 0), wp.min(top + 1, high)):
            for column in range(wp.max(left, 0), wp.min(right + 1, wide)):
                at = base + row * wide + column
                if blocks[at] == wp.uint8(0):
                    low_corner = wp.vec2f(
                        wp.float32(column) * block_px - gutter_px, wp.float32(row) * block_px - gutter_px
                    )
                    reach = block_px + 2.0 * gutter_px
                    high_corner = low_corner + wp.vec2f(reach, reach)
                    if not is_clear(a, b, low_corner, high_corner):
                        if not is_clear(b, c, low_corner, high_corner):
                            if not is_clear(c, a, low_corner, high_corner):
                                blocks[at] = wp.uint8(1)


@wp.func
def turned_block(
    blocks: wp.array(dtype=wp.uint8), base: int, wide: int, high: int, turn: int, x: int, y: int
):
    """The block at (x, y) of a chart turned counter-clockwise by `turn` quarters."""
    column = int(x)
    row = int(y)
    if turn == 1:
        column = y
        row = high - 1 - x
    if turn == 2:
        column = wide - 1 - x
        row = high - 1 - y
    if turn == 3:
        column = wide - 1 - y
        row = x
    return blocks[base + row * wide + column]


@wp.kernel
def find_runs(
    first: int,
    counts: wp.array2d(dtype=wp.int32),
    block_starts: wp.array(dtype=wp.int32),
    blocks: wp.array(dtype=wp.uint8),
    row_starts: wp.array(dtype=wp.int32),
    run_starts: wp.array(dtype=wp.int32),
    row_ends: wp.array(dtype=wp.int32),
    runs: wp.array2d(dtype=wp.int32),
    widest: wp.array2d(dtype=wp.int32),
):
    """Writes the runs of a chart in one turn; `row_ends` says where those of each row end.

    `widest` (4 K, 2) is the row of the longest run, and its length.
    """
    turn_of_chart = first + wp.tid()
    chart = turn_of_chart // 4
    turn = turn_of_chart - 4 * chart
    wide = counts[chart, 0]
    high = counts[chart, 1]
    across = int(wide)
    up = int(high)
    if turn % 2 == 1:
        across = high
        up = wide
    at = int(run_starts[turn_of_chart])
    longest = int(0)
    for row in range(up):
        length = int(0)
        for column in range(across):
            if turned_block(blocks, block_starts[chart], wide, high, turn, column, row) != wp.uint8(0):
                length += 1
            elif length > 0:
                runs[at, 0] = column - length
                runs[at, 1] = length
                at += 1
                length = int(0)
        if length > 0:
            runs[at, 0] = across - length
            runs[at, 1] = length
            at += 1
        row_ends[row_starts[turn_of_chart] + row] = at
    at = int(run_starts[turn_of_chart])
    for row in range(up):
        while at < row_ends[row_starts[turn_of_chart] + row]:
            if runs[at, 1] > longest:
                longest = runs[at, 1]
                widest[turn_of_chart, 0] = row
                widest[turn_of_chart, 1] = longest
            at += 1
