"""What seen texels add to a smooth base colour is carried within the texture into the holes beside them."""

import warp as wp

# Blocks of so many texels a side are left alone where neither they nor their neighbours have an unseen texel;
# details are carried no farther.
BUSY_PX = wp.constant(32)


@wp.kernel
def find_busy(
    first: int,
    run: int,
    index: wp.array(dtype=wp.int64),
    size: int,
    seen: wp.array(dtype=wp.uint8),
    busy: wp.array(dtype=wp.uint8, ndim=2),
):
    """Marks the blocks of BUSY_PX texels that unseen ones lie in, and those around them."""
    start = (first + wp.tid()) * run
    for texel in range(start, wp.min(start + run, index.shape[0])):
        if seen[texel] == wp.uint8(0):
            place = int(index[texel])
            row = place / size / BUSY_PX
            column = place % size / BUSY_PX
            for r in range(wp.max(row - 1, 0), wp.min(row + 2, busy.shape[0])):
                for c in range(wp.max(column - 1, 0), wp.min(column + 2, busy.shape[1])):
                    busy[r, c] = wp.uint8(1)


@wp.kernel
def pull_details(
    first: int,
    busy: wp.array(dtype=wp.uint8, ndim=2),
    numbers: wp.array(dtype=wp.int32, ndim=2),
    colours: wp.array(dtype=wp.vec3),
    seen: wp.array(dtype=wp.uint8),
    bases: wp.array(dtype=wp.vec3),
    details: wp.array(dtype=wp.vec4, ndim=2),
):
    """Blocks of 2 x 2 texels: mean of what seen texels add to their nodes' colour, and 1; or zeros."""
    row, column = wp.tid()
    row += first
    total = wp.vec4()
    if busy[2 * row / BUSY_PX, 2 * column / BUSY_PX] == wp.uint8(0):
        details[row, column] = total
        return
    for tap in range(4):
        texel = numbers[2 * row + tap / 2, 2 * column + tap % 2]
        if texel >= 0:
            if seen[texel] == wp.uint8(1):
                d = colours[texel] - bases[texel]
                total += wp.vec4(d[0], d[1], d[2], 1.0)
    if total[3] > 0.0:
        total = total / total[3]
    details[row, column] = total


@wp.kernel
def pull_blocks(first: int, finer: wp.array(dtype=wp.vec4, ndim=2), details: wp.array(dtype=wp.vec4, ndim=2)):
    """Blocks of 2 x 2 blocks, the same."""
    row, column = wp.tid()
    row += first
    total = (
        finer[2 * row, 2 * column]
        + finer[2 * row, 2 * column + 1]
        + finer[2 * row + 1, 2 * column]
        + finer[2 * row + 1, 2 * column + 1]
    )
    if total[3] > 0.0:
        total = total / total[3]
    details[row, column] = total


@wp.func
def detail_at(coarser: wp.array(dtype=wp.vec4, ndim=2), row: int, column: int) -> wp.vec3:
    """Bilinear between the middles of coarser blocks, at the middle of a finer one."""
    u = wp.clamp((wp.float32(column) + 0.5) * 0.5 - 0.5, 0.0, wp.float32(coarser.shape[1] - 1))
    v = wp.clamp((wp.float32(row) + 0.5) * 0.5 - 0.5, 0.0, wp.float32(coarser.shape[0] - 1))
    c = int(u)
    r = int(v)
    right = wp.min(c + 1, coarser.shape[1] - 1)
    below = wp.min(r + 1, coarser.shape[0] - 1)
    du = u - wp.float32(c)
    dv = v - wp.float32(r)
    upper = coarser[r, c] * (1.0 - du) + coarser[r, right] * du
    lower = coarser[below, c] * (1.0 - du) + coarser[below, right] * du
    mixed = upper * (1.0 - dv) + lower * dv
    return wp.vec3(mixed[0], mixed[1], mixed[2])


@wp.kernel
def push_blocks(
    first: int,
    coarser: wp.array(dtype=wp.vec4, ndim=2),
    kept: wp.float32,
    details: wp.array(dtype=wp.vec4, ndim=2),
):
    """A block that knows nothing takes `kept` of what the coarser blocks have there."""
    row, column = wp.tid()
    row += first
    if details[row, column][3] == 0.0:
        d = kept * detail_at(coarser, row, column)
        details[row, column] = wp.vec4(d[0], d[1], d[2], 0.0)


@wp.kernel
def paint(
    first: int,
    run: int,
    index: wp.array(dtype=wp.int64),
    size: int,
    seen: wp.array(dtype=wp.uint8),
    bases: wp.array(dtype=wp.vec3),
    details: wp.array(dtype=wp.vec4, ndim=2),
    kept: wp.float32,
    colours: wp.array(dtype=wp.vec3),
):
    """Unseen texels take their nodes' colour and the detail that reaches them."""
    start = (first + wp.tid()) * run
    for texel in range(start, wp.min(start + run, index.shape[0])):
        if seen[texel] == wp.uint8(1):
            continue
        place = int(index[texel])
        c = bases[texel] + kept * detail_at(details, place / size, place % size)
        colours[texel] = wp.vec3(wp.clamp(c[0], 0.0, 1.0), wp.clamp(c[1], 0.0, 1.0), wp.clamp(c[2], 0.0, 1.0))
