"""Colour spreads through the cells of space that the surface passes, then finely within the texture.

A level is a grid of n x n x n cells; only those that hold texels are nodes. `grid` numbers them, -1 for
others. A node knows its colour if a seen texel lies in it.
"""

import warp as wp


@wp.func
def cell_of(position: wp.vec3, low: wp.vec3, cell: wp.float32, n: int) -> wp.vec3i:
    p = (position - low) / cell
    return wp.vec3i(
        wp.clamp(int(p[0]), 0, n - 1), wp.clamp(int(p[1]), 0, n - 1), wp.clamp(int(p[2]), 0, n - 1)
    )


@wp.func
def place_of(c: wp.vec3i, n: int) -> int:
    return (c[0] * n + c[1]) * n + c[2]


@wp.kernel
def mark(
    first: int,
    positions: wp.array(dtype=wp.vec3),
    low: wp.vec3,
    cell: wp.float32,
    n: int,
    grid: wp.array(dtype=wp.int32),
):
    """Marks the cells that hold texels with 0."""
    grid[place_of(cell_of(positions[first + wp.tid()], low, cell, n), n)] = 0


@wp.kernel
def mark_parents(first: int, places: wp.array(dtype=wp.int64), n: int, grid: wp.array(dtype=wp.int32)):
    """Marks the cells of the next coarser level, which has n / 2 cells a side."""
    place = int(places[first + wp.tid()])
    half = n / 2
    c = wp.vec3i(place / (n * n) / 2, (place / n) % n / 2, place % n / 2)
    grid[place_of(c, half)] = 0


@wp.kernel
def collect(
    first: int,
    positions: wp.array(dtype=wp.vec3),
    colours: wp.array(dtype=wp.vec3),
    seen: wp.array(dtype=wp.uint8),
    low: wp.vec3,
    cell: wp.float32,
    n: int,
    grid: wp.array(dtype=wp.int32),
    sums: wp.array(dtype=wp.vec4),
):
    """Adds each seen texel's colour and 1 to its node."""
    texel = first + wp.tid()
    if seen[texel] == wp.uint8(0):
        return
    node = grid[place_of(cell_of(positions[texel], low, cell, n), n)]
    c = colours[texel]
    wp.atomic_add(sums, node, wp.vec4(c[0], c[1], c[2], 1.0))


@wp.kernel
def average(first: int, sums: wp.array(dtype=wp.vec4, ndim=2), values: wp.array(dtype=wp.vec4)):
    """Mean colour of each node and 1, or zeros where nothing is known; all accumulators count."""
    node = first + wp.tid()
    total = wp.vec4()
    for part in range(sums.shape[0]):
        total += sums[part, node]
    if total[3] > 0.0:
        total = total / total[3]
    values[node] = total


@wp.kernel
def pull(
    first: int,
    places: wp.array(dtype=wp.int64),
    n: int,
    finer_grid: wp.array(dtype=wp.int32),
    finer: wp.array(dtype=wp.vec4),
    values: wp.array(dtype=wp.vec4),
):
    """A coarse node's colour is the mean of its known children's; n cells a side here, 2 n there."""
    node = first + wp.tid()
    place = int(places[node])
    x = place / (n * n) * 2
    y = (place / n) % n * 2
    z = place % n * 2
    total = wp.vec4()
    for child in range(8):
        c = wp.vec3i(x + child / 4, y + child / 2 % 2, z + child % 2)
        other = finer_grid[place_of(c, 2 * n)]
        if other >= 0:
            total += finer[other]
    if total[3] > 0.0:
        total = total / total[3]
    values[node] = total


@wp.func
def blend_nodes(
    p: wp.vec3, n: int, grid: wp.array(dtype=wp.int32), values: wp.array(dtype=wp.vec4)
) -> wp.vec3:
    """Trilinear colour at p, in cells, of those of the eight nodes around that there are."""
    x = p[0] - 0.5
    y = p[1] - 0.5
    z = p[2] - 0.5
    i = int(wp.floor(x))
    j = int(wp.floor(y))
    k = int(wp.floor(z))
    total = wp.vec3()
    weight = float(0.0)
    for corner in range(8):
        a = i + corner / 4
        b = j + corner / 2 % 2
        c = k + corner % 2
        if a >= 0 and b >= 0 and c >= 0 and a < n and b < n and c < n:
            node = grid[place_of(wp.vec3i(a, b, c), n)]
            if node >= 0:
                share = (
                    (1.0 - wp.abs(x - wp.float32(a)))
                    * (1.0 - wp.abs(y - wp.float32(b)))
                    * (1.0 - wp.abs(z - wp.float32(c)))
                )
                value = values[node]
                total += share * wp.vec3(value[0], value[1], value[2])
                weight += share
    return total / wp.max(weight, 1.0e-6)


@wp.kernel
def push(
    first: int,
    unknown: wp.array(dtype=wp.int64),
    places: wp.array(dtype=wp.int64),
    n: int,
    coarser_grid: wp.array(dtype=wp.int32),
    coarser: wp.array(dtype=wp.vec4),
    values: wp.array(dtype=wp.vec4),
):
    """An unknown node begins with what the coarser level, n / 2 cells a side, has at its middle."""
    node = int(unknown[first + wp.tid()])
    place = int(places[node])
    middle = wp.vec3(
        (wp.float32(place / (n * n)) + 0.5) * 0.5,
        (wp.float32((place / n) % n) + 0.5) * 0.5,
        (wp.float32(place % n) + 0.5) * 0.5,
    )
    colour = blend_nodes(middle, n / 2, coarser_grid, coarser)
    values[node] = wp.vec4(colour[0], colour[1], colour[2], 0.0)


@wp.kernel
def relax(
    first: int,
    unknown: wp.array(dtype=wp.int64),
    places: wp.array(dtype=wp.int64),
    n: int,
    grid: wp.array(dtype=wp.int32),
    values: wp.array(dtype=wp.vec4),
    relaxed: wp.array(dtype=wp.vec4),
):
    """An unknown node becomes the mean of the nodes around it, the nearer the stronger (1 / distance^2)."""
    number = first + wp.tid()
    node = int(unknown[number])
    place = int(places[node])
    x = place / (n * n)
    y = (place / n) % n
    z = place % n
    total = wp.vec4()
    weight = float(0.0)
    for a in range(wp.max(x - 1, 0), wp.min(x + 2, n)):
        for b in range(wp.max(y - 1, 0), wp.min(y + 2, n)):
            for c in range(wp.max(z - 1, 0), wp.min(z + 2, n)):
                away = (a - x) * (a - x) + (b - y) * (b - y) + (c - z) * (c - z)
                if away > 0:
                    other = grid[place_of(wp.vec3i(a, b, c), n)]
                    if other >= 0:
                        share = 1.0 / wp.float32(away)
                        total += share * values[other]
                        weight += share
    mean = values[node]
    if weight > 0.0:
        mean = total / weight
    relaxed[number] = wp.vec4(mean[0], mean[1], mean[2], 0.0)


@wp.kernel
def settle(
    first: int,
    unknown: wp.array(dtype=wp.int64),
    relaxed: wp.array(dtype=wp.vec4),
    values: wp.array(dtype=wp.vec4),
):
    """Puts the relaxed values in their places."""
    number = first + wp.tid()
    values[int(unknown[number])] = relaxed[number]


@wp.kernel
def read_nodes(
    first: int,
    positions: wp.array(dtype=wp.vec3),
    low: wp.vec3,
    cell: wp.float32,
    n: int,
    grid: wp.array(dtype=wp.int32),
    values: wp.array(dtype=wp.vec4),
    bases: wp.array(dtype=wp.vec3),
):
    """What the nodes say at each texel."""
    texel = first + wp.tid()
    bases[texel] = blend_nodes((positions[texel] - low) / cell, n, grid, values)


@wp.kernel
def pull_details(
    first: int,
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
    index: wp.array(dtype=wp.int64),
    size: int,
    seen: wp.array(dtype=wp.uint8),
    bases: wp.array(dtype=wp.vec3),
    details: wp.array(dtype=wp.vec4, ndim=2),
    kept: wp.float32,
    colours: wp.array(dtype=wp.vec3),
):
    """Unseen texels take their nodes' colour and the detail that reaches them."""
    texel = first + wp.tid()
    if seen[texel] == wp.uint8(1):
        return
    place = int(index[texel])
    c = bases[texel] + kept * detail_at(details, place / size, place % size)
    colours[texel] = wp.vec3(wp.clamp(c[0], 0.0, 1.0), wp.clamp(c[1], 0.0, 1.0), wp.clamp(c[2], 0.0, 1.0))
