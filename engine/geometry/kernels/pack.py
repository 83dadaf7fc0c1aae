"""Where a chart fits lowest on a grid of square blocks.

Its runs of blocks (see blocks) are tested against a row's 64-bit words, all places at a time. `occupied`
(rows, words) has one more word than the grid needs, always 0.
"""

import warp as wp

ONE = wp.constant(wp.uint64(1))
ALL = wp.constant(wp.uint64(0xFFFFFFFFFFFFFFFF))


@wp.func
def spread(words: wp.array(dtype=wp.uint64), n_words: int, distance: int):
    """Adds to each bit set the one `distance` below it."""
    whole = distance // 64
    part = wp.uint64(distance - 64 * whole)
    if part == wp.uint64(0):
        for i in range(n_words - whole):
            words[i] = words[i] | words[i + whole]
    else:
        rest = wp.uint64(64) - part
        for i in range(n_words - whole):
            words[i] = words[i] | (words[i + whole] >> part) | (words[i + whole + 1] << rest)


@wp.func
def shifted(words: wp.array(dtype=wp.uint64), n_words: int, i: int, distance: int):
    """Word `i` of the words with each bit `distance` lower."""
    whole = distance // 64
    part = wp.uint64(distance - 64 * whole)
    value = wp.uint64(0)
    if i + whole < n_words:
        if part == wp.uint64(0):
            value = words[i + whole]
        else:
            value = (words[i + whole] >> part) | (words[i + whole + 1] << (wp.uint64(64) - part))
    return value


@wp.func
def take_row(
    y: int,
    begin: int,
    end: int,
    runs: wp.array2d(dtype=wp.int32),
    occupied: wp.array2d(dtype=wp.uint64),
    smear: wp.array(dtype=wp.uint64),
    taken: wp.array(dtype=wp.uint64),
):
    """Marks in `taken` the places at which one of the runs would meet a block of row `y` that is occupied.

    Says how many words still have a free place.
    """
    n_words = smear.shape[0] - 1
    n_free = int(0)
    for at in range(begin, end):
        length = runs[at, 1]
        for i in range(n_words):
            smear[i] = occupied[y, i]
        # A block takes every place up to the run's length before it: doubled until that length is reached.
        reach = int(1)
        while 2 * reach <= length:
            spread(smear, n_words, reach)
            reach = 2 * reach
        if reach < length:
            spread(smear, n_words, length - reach)
        for i in range(n_words):
            taken[i] = taken[i] | shifted(smear, n_words, i, runs[at, 0])
    for i in range(n_words):
        if taken[i] != ALL:
            n_free += 1
    return n_free


@wp.func
def fence(beyond: int, taken: wp.array(dtype=wp.uint64), n_words: int):
    """Marks the places from `beyond` on as taken, and no others: from there a chart would leave the grid."""
    for i in range(n_words):
        value = wp.uint64(0)
        if 64 * i >= beyond:
            value = ALL
        elif 64 * (i + 1) > beyond:
            value = ALL << wp.uint64(beyond - 64 * i)
        taken[i] = value


@wp.func
def leftmost_place(
    y: int,
    across: int,
    up: int,
    n_grid: int,
    first_row: int,
    first_run: int,
    row_ends: wp.array(dtype=wp.int32),
    runs: wp.array2d(dtype=wp.int32),
    occupied: wp.array2d(dtype=wp.uint64),
    smear: wp.array(dtype=wp.uint64),
    taken: wp.array(dtype=wp.uint64),
):
    """The lowest column at which a chart fits with its lowest row at `y`, -1 if there is none."""
    n_words = smear.shape[0] - 1
    fence(n_grid - across + 1, taken, n_words)
    n_free = int(1)
    # Every eighth row first: where a chart does not fit, one of them mostly tells already.
    for phase in range(2):
        row = int(0)
        while row < up and n_free > 0:
            if phase == 0 or row % 8 != 0:
                begin = int(first_run)
                if row > 0:
                    begin = row_ends[first_row + row - 1]
                n_free = take_row(y + row, begin, row_ends[first_row + row], runs, occupied, smear, taken)
            if phase == 0:
                row += 8
            else:
                row += 1
    x = int(-1)
    if n_free > 0:
        for i in range(n_words):
            if x < 0 and taken[i] != ALL:
                bit = int(0)
                while (taken[i] >> wp.uint64(bit)) & ONE == ONE:
                    bit += 1
                x = 64 * i + bit
    return x


@wp.func
def lowest_place(
    start: int,
    last: int,
    across: int,
    up: int,
    n_grid: int,
    first_row: int,
    first_run: int,
    widest_row: int,
    widest: int,
    row_ends: wp.array(dtype=wp.int32),
    runs: wp.array2d(dtype=wp.int32),
    gaps: wp.array(dtype=wp.int32),
    occupied: wp.array2d(dtype=wp.uint64),
    smear: wp.array(dtype=wp.uint64),
    taken: wp.array(dtype=wp.uint64),
):
    """The lowest, then leftmost place (column, row) from row `start` to `last`; column -1 if none."""
    x = int(-1)
    y = int(start)
    if across > n_grid:
        y = last + 1
    while x < 0 and y <= last:
        # A row without a gap for the longest run needs no closer look.
        if gaps[y + widest_row] >= widest:
            x = leftmost_place(
                y, across, up, n_grid, first_row, first_run, row_ends, runs, occupied, smear, taken
            )
        if x < 0:
            y += 1
    return wp.vec2i(x, y)


@wp.func
def occupy(
    x: int,
    y: int,
    up: int,
    first_row: int,
    first_run: int,
    row_ends: wp.array(dtype=wp.int32),
    runs: wp.array2d(dtype=wp.int32),
    occupied: wp.array2d(dtype=wp.uint64),
    n_grid: int,
    gaps: wp.array(dtype=wp.int32),
):
    """Marks the blocks of a chart at (x, y) as its own, and finds the longest gap left in its rows."""
    at = int(first_run)
    for row in range(up):
        end = row_ends[first_row + row]
        while at < end:
            for column in range(x + runs[at, 0], x + runs[at, 0] + runs[at, 1]):
                word = column // 64
                occupied[y + row, word] = occupied[y + row, word] | (ONE << wp.uint64(column - 64 * word))
            at += 1
        gap = int(0)
        longest = int(0)
        for column in range(n_grid):
            word = column // 64
            if (occupied[y + row, word] >> wp.uint64(column - 64 * word)) & ONE == ONE:
                gap = 0
            else:
                gap += 1
                longest = wp.max(longest, gap)
        gaps[y + row] = longest


@wp.kernel
def place(
    first: int,
    low: int,
    high: int,
    order: wp.array(dtype=wp.int32),
    n_grid: int,
    counts: wp.array2d(dtype=wp.int32),
    row_starts: wp.array(dtype=wp.int32),
    run_starts: wp.array(dtype=wp.int32),
    row_ends: wp.array(dtype=wp.int32),
    runs: wp.array2d(dtype=wp.int32),
    widest: wp.array2d(dtype=wp.int32),
    gaps: wp.array(dtype=wp.int32),
    occupied: wp.array2d(dtype=wp.uint64),
    smear: wp.array(dtype=wp.uint64),
    taken: wp.array(dtype=wp.uint64),
    hints: wp.array2d(dtype=wp.int32),
    placed: wp.array2d(dtype=wp.int32),
    state: wp.array(dtype=wp.int32),
):
    """Places the charts `order[low:high]` one by one: `placed` (K, 3) is column, row, quarter turns.

    `state` is the height in use and whether a chart did not fit (then the rest is not tried). `hints` say for
    charts of a few blocks in which row one of their size last fitted.
    """
    height = occupied.shape[0]
    for number in range(low + first + wp.tid(), high):
        if state[1] == 0:
            chart = order[number]
            best_top = int(2147483647)
            best_x = int(0)
            best_y = int(0)
            best_turn = int(0)
            for turn in range(4):
                key = chart * 4 + turn
                across = int(counts[chart, 0])
                up = int(counts[chart, 1])
                if turn % 2 == 1:
                    across = counts[chart, 1]
                    up = counts[chart, 0]
                is_small = across < hints.shape[0] and up < hints.shape[0]
                y = int(0)
                if is_small:
                    y = hints[across, up]
                found = lowest_place(
                    y,
                    wp.min(height, best_top) - up,
                    across,
                    up,
                    n_grid,
                    row_starts[key],
                    run_starts[key],
                    widest[key, 0],
                    widest[key, 1],
                    row_ends,
                    runs,
                    gaps,
                    occupied,
                    smear,
                    taken,
                )
                x = found[0]
                y = found[1]
                if x >= 0:
                    if is_small:
                        hints[across, up] = y
                    if y + up < best_top or x < best_x:
                        best_top = y + up
                        best_x = x
                        best_y = y
                        best_turn = turn
            if best_top == 2147483647:
                state[1] = 1
            else:
                placed[chart, 0] = best_x
                placed[chart, 1] = best_y
                placed[chart, 2] = best_turn
                state[0] = wp.max(state[0], best_top)
                key = chart * 4 + best_turn
                up = int(counts[chart, 1])
                if best_turn % 2 == 1:
                    up = counts[chart, 0]
                occupy(
                    best_x,
                    best_y,
                    up,
                    row_starts[key],
                    run_starts[key],
                    row_ends,
                    runs,
                    occupied,
                    n_grid,
                    gaps,
                )
