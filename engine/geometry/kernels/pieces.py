"""Things are sorted by small numbers and vertices numbered anew by counting, which takes one look at each.

One thread, as each look needs the last; `low` to `high` is as much as is done in one launch.
"""

import warp as wp


@wp.kernel
def sort_by_number(
    first: int,
    low: int,
    high: int,
    numbers: wp.array(dtype=wp.int32),
    ends: wp.array(dtype=wp.int32),
    order: wp.array(dtype=wp.int32),
):
    """Puts each thing low..high behind those of its number so far; below 0 it is left out.

    `ends` are where the things of each number begin in `order`, and move on.
    """
    for thing in range(low + first + wp.tid(), high):
        number = numbers[thing]
        if number >= 0:
            order[ends[number]] = thing
            ends[number] = ends[number] + 1


@wp.kernel
def number_corners(
    first: int,
    low: int,
    high: int,
    order: wp.array(dtype=wp.int32),
    faces: wp.array2d(dtype=wp.int32),
    labels: wp.array(dtype=wp.int32),
    stamps: wp.array(dtype=wp.int32),
    numbers: wp.array(dtype=wp.int32),
    corners: wp.array2d(dtype=wp.int32),
    origins: wp.array(dtype=wp.int32),
    vertex_counts: wp.array(dtype=wp.int32),
    state: wp.array(dtype=wp.int32),
):
    """Gives each vertex a number for each chart (label) that has it, in the order of the faces.

    `stamps` and `numbers` (N,) hold for each vertex the last chart and the number there; `state` how many
    there are; `vertex_counts` (K,) how many a chart has.
    """
    size = int(state[0])
    for at in range(low + first + wp.tid(), high):
        face = order[at]
        chart = labels[face]
        for side in range(3):
            vertex = faces[face, side]
            if stamps[vertex] != chart:
                stamps[vertex] = chart
                numbers[vertex] = size
                origins[size] = vertex
                vertex_counts[chart] = vertex_counts[chart] + 1
                size += 1
            corners[at, side] = numbers[vertex]
    state[0] = size
