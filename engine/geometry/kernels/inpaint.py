"""Colour spreads through the cells of space that the surface passes, then finely within the texture.

A level is a grid of n x n x n cells with six nodes each, one for each direction that a surface there may
face, so that the two sides of a thin wall stay apart. Only nodes that hold texels are there: `grid` numbers
them, -1 for others. A texel belongs to up to three nodes of its cell, by how far it faces each way; a node
knows its colour if a seen texel belongs to it.
"""

import warp as wp

from engine.geometry.kernels.details import BUSY_PX

# A texel belongs to a direction if the square of its normal along it (they add up to 1) is more than this.
LEAST_SHARE = wp.constant(0.2)
# Nodes that face other ways count less than those that face the same way.
OTHER_WAY = wp.constant(0.25)


@wp.func
def cell_of(position: wp.vec3, low: wp.vec3, cell: wp.float32, n: int) -> wp.vec3i:
    p = (position - low) / cell
    return wp.vec3i(
        wp.clamp(int(p[0]), 0, n - 1), wp.clamp(int(p[1]), 0, n - 1), wp.clamp(int(p[2]), 0, n - 1)
    )


@wp.func
def place_of(x: int, y: int, z: int, way: int, n: int) -> int:
    """The place of a node; ways are +x, -x, +y, -y, +z, -z, so that way ^ 1 is the opposite one."""
    return ((x * n + y) * n + z) * 6 + way


@wp.func
def facing_of(normal: wp.vec3) -> wp.vec3:
    """The normal, or up where there is none: every texel belongs to some node."""
    if wp.dot(normal, normal) < 0.5:
        return wp.vec3(0.0, 1.0, 0.0)
    return normal


@wp.func
def share_of(normal: wp.vec3, axis: int) -> wp.float32:
    """How much a texel belongs to the way along an axis that it faces; it goes to 0 without a step."""
    return wp.max(normal[axis] * normal[axis] - LEAST_SHARE, 0.0)


@wp.func
def way_of(normal: wp.vec3, axis: int) -> int:
    return 2 * axis + wp.where(normal[axis] < 0.0, 1, 0)


@wp.kernel
def mark(
    first: int,
    run: int,
    positions: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    low: wp.vec3,
    cell: wp.float32,
    n: int,
    grid: wp.array(dtype=wp.int32),
):
    """Marks the nodes that texels belong to with 0."""
    start = (first + wp.tid()) * run
    for texel in range(start, wp.min(start + run, positions.shape[0])):
        c = cell_of(positions[texel], low, cell, n)
        normal = facing_of(normals[texel])
        for axis in range(3):
            if share_of(normal, axis) > 0.0:
                grid[place_of(c[0], c[1], c[2], way_of(normal, axis), n)] = 0


@wp.kernel
def mark_parents(first: int, places: wp.array(dtype=wp.int64), n: int, grid: wp.array(dtype=wp.int32)):
    """Marks the nodes of the next coarser level, which has n / 2 cells a side."""
    place = int(places[first + wp.tid()])
    at = place / 6
    grid[place_of(at / (n * n) / 2, (at / n) % n / 2, at % n / 2, place % 6, n / 2)] = 0


@wp.kernel
def collect(
    first: int,
    run: int,
    positions: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    colours: wp.array(dtype=wp.vec3),
    seen: wp.array(dtype=wp.uint8),
    low: wp.vec3,
    cell: wp.float32,
    n: int,
    grid: wp.array(dtype=wp.int32),
    sums: wp.array(dtype=wp.vec4),
):
    """Adds each seen texel's colour and 1, times its share, to its nodes."""
    start = (first + wp.tid()) * run
    for texel in range(start, wp.min(start + run, positions.shape[0])):
        if seen[texel] == wp.uint8(0):
            continue
        at = cell_of(positions[texel], low, cell, n)
        normal = facing_of(normals[texel])
        c = colours[texel]
        for axis in range(3):
            share = share_of(normal, axis)
            if share > 0.0:
                node = grid[place_of(at[0], at[1], at[2], way_of(normal, axis), n)]
                wp.atomic_add(sums, node, share * wp.vec4(c[0], c[1], c[2], 1.0))


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
    at = place / 6
    x = at / (n * n) * 2
    y = (at / n) % n * 2
    z = at % n * 2
    total = wp.vec4()
    for child in range(8):
        other = finer_grid[place_of(x + child / 4, y + child / 2 % 2, z + child % 2, place % 6, 2 * n)]
        if other >= 0:
            total += finer[other]
    if total[3] > 0.0:
        total = total / total[3]
    values[node] = total


@wp.func
def blend_nodes(
    p: wp.vec3, way: int, n: int, grid: wp.array(dtype=wp.int32), values: wp.array(dtype=wp.vec4)
) -> wp.vec3:
    """Trilinear colour at p, in cells, of those of the eight nodes around that face the same way."""
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
            node = grid[place_of(a, b, c, way, n)]
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
    at = place / 6
    middle = wp.vec3(
        (wp.float32(at / (n * n)) + 0.5) * 0.5,
        (wp.float32((at / n) % n) + 0.5) * 0.5,
        (wp.float32(at % n) + 0.5) * 0.5,
    )
    colour = blend_nodes(middle, place % 6, n / 2, coarser_grid, coarser)
    values[node] = wp.vec4(colour[0], colour[1], colour[2], 0.0)


@wp.kernel
def relax(
    first: int,
    unknown: wp.array(dtype=wp.int64),
    places: wp.array(dtype=wp.int64),
    n: int,
    takes_all: int,
    grid: wp.array(dtype=wp.int32),
    values: wp.array(dtype=wp.vec4),
    relaxed: wp.array(dtype=wp.vec4),
):
    """An unknown node becomes the mean of the nodes around it, the nearer the stronger (1 / distance^2).

    Nodes that face the opposite way do not count, but where `takes_all` is 1 (coarse levels without others).
    """
    number = first + wp.tid()
    node = int(unknown[number])
    place = int(places[node])
    way = place % 6
    at = place / 6
    x = at / (n * n)
    y = (at / n) % n
    z = at % n
    total = wp.vec4()
    weight = float(0.0)
    for a in range(wp.max(x - 1, 0), wp.min(x + 2, n)):
        for b in range(wp.max(y - 1, 0), wp.min(y + 2, n)):
            for c in range(wp.max(z - 1, 0), wp.min(z + 2, n)):
                away = (a - x) * (a - x) + (b - y) * (b - y) + (c - z) * (c - z)
                near = 1.0 / wp.max(wp.float32(away), 0.5)
                for other_way in range(6):
                    if other_way == way:
                        if away > 0:
                            other = grid[place_of(a, b, c, other_way, n)]
                            if other >= 0:
                                total += near * values[other]
                                weight += near
                    elif other_way != (way ^ 1) or takes_all == 1:
                        other = grid[place_of(a, b, c, other_way, n)]
                        if other >= 0:
                            total += OTHER_WAY * near * values[other]
                            weight += OTHER_WAY * near
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
    run: int,
    index: wp.array(dtype=wp.int64),
    size: int,
    busy: wp.array(dtype=wp.uint8, ndim=2),
    positions: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    low: wp.vec3,
    cell: wp.float32,
    n: int,
    grid: wp.array(dtype=wp.int32),
    values: wp.array(dtype=wp.vec4),
    bases: wp.array(dtype=wp.vec3),
):
    """What the nodes say at each texel of busy blocks."""
    start = (first + wp.tid()) * run
    for texel in range(start, wp.min(start + run, positions.shape[0])):
        place = int(index[texel])
        if busy[place / size / BUSY_PX, place % size / BUSY_PX] == wp.uint8(0):
            continue
        p = (positions[texel] - low) / cell
        normal = facing_of(normals[texel])
        total = wp.vec3()
        weight = float(0.0)
        for axis in range(3):
            share = share_of(normal, axis)
            if share > 0.0:
                total += share * blend_nodes(p, way_of(normal, axis), n, grid, values)
                weight += share
        bases[texel] = total / wp.max(weight, 1.0e-6)
