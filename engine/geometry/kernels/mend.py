"""Folded and overstretched faces are mended by moving their corners to where the faces around are content.

What a face feels is the symmetric Dirichlet energy with a determinant that never reaches zero (Escobar et
al. 2003, "Simultaneous untangling and smoothing"), so that folded faces know the way back. A thread takes a
chart.
"""

import warp as wp

SOFT = wp.constant(0.05)


@wp.func
def stretches(shape: wp.vec3f, a: wp.vec2f, b: wp.vec2f, c: wp.vec2f):
    """Sum of squares and product (negative if folded) of the stretches of a face at rest to these corners."""
    one = (b - a) / shape[0]
    two = (c - a - shape[1] * one) / shape[2]
    return wp.vec2f(wp.dot(one, one) + wp.dot(two, two), one[0] * two[1] - one[1] * two[0])


@wp.func
def is_bad(both: wp.vec2f, bound: float):
    """Whether a face is folded or stretched by more than `bound` or its inverse in some direction."""
    large = wp.sqrt(0.5 * (both[0] + wp.sqrt(wp.max(both[0] * both[0] - 4.0 * both[1] * both[1], 0.0))))
    return both[1] <= 0.0 or large > bound or both[1] * bound < large


@wp.func
def unease(
    vertex: int,
    at: wp.vec2f,
    around_starts: wp.array(dtype=wp.int32),
    around: wp.array(dtype=wp.int32),
    corners: wp.array2d(dtype=wp.int32),
    rest: wp.array(dtype=wp.vec3f),
    places: wp.array(dtype=wp.vec2f),
):
    """The energy of the faces around a vertex if it lay at `at`."""
    total = float(0.0)
    for i in range(around_starts[vertex], around_starts[vertex + 1]):
        face = around[i] // 3
        side = around[i] - 3 * face
        a = places[corners[face, 0]]
        b = places[corners[face, 1]]
        c = places[corners[face, 2]]
        if side == 0:
            a = at
        elif side == 1:
            b = at
        else:
            c = at
        both = stretches(rest[face], a, b, c)
        area = 0.5 * (both[1] + wp.sqrt(both[1] * both[1] + 4.0 * SOFT * SOFT))
        total += both[0] + both[0] / (area * area)
    return total


@wp.func
def improve(
    vertex: int,
    reach: float,
    around_starts: wp.array(dtype=wp.int32),
    around: wp.array(dtype=wp.int32),
    corners: wp.array2d(dtype=wp.int32),
    rest: wp.array(dtype=wp.vec3f),
    places: wp.array(dtype=wp.vec2f),
):
    """Moves a vertex along the best of eight directions, in steps that get shorter where none is better."""
    best = unease(vertex, places[vertex], around_starts, around, corners, rest, places)
    length = float(reach)
    tries = int(0)
    # Counted by hand: loops over constants would be written out, and take seconds to compile.
    while tries < 8:
        tries += 1
        here = places[vertex]
        chosen = here
        direction = int(0)
        while direction < 8:
            angle = 0.78539816 * wp.float32(direction)
            tried = here + length * wp.vec2f(wp.cos(angle), wp.sin(angle))
            energy = unease(vertex, tried, around_starts, around, corners, rest, places)
            if energy < best:
                best = energy
                chosen = tried
            direction += 1
        if chosen[0] == here[0] and chosen[1] == here[1]:
            length = 0.4 * length
        else:
            places[vertex] = chosen


@wp.kernel
def judge(
    first: int,
    corners: wp.array2d(dtype=wp.int32),
    rest: wp.array(dtype=wp.vec3f),
    places: wp.array(dtype=wp.vec2f),
    bounds: wp.array(dtype=wp.float32),
    bad: wp.array(dtype=wp.uint8),
    strains: wp.array(dtype=wp.float32),
):
    """Sets `bad` (M,) to 1 where a face is folded or stretched beyond the bound, else to 0.

    `strains` (M,) are the sums of (stretch - 1) squared over the two main directions.
    """
    face = first + wp.tid()
    bad[face] = wp.uint8(0)
    both = stretches(rest[face], places[corners[face, 0]], places[corners[face, 1]], places[corners[face, 2]])
    strains[face] = both[0] + 2.0 - 2.0 * wp.sqrt(both[0] + 2.0 * wp.abs(both[1]))
    if is_bad(both, bounds[face]):
        bad[face] = wp.uint8(1)


@wp.kernel
def mend(
    first: int,
    members: wp.array(dtype=wp.int32),
    face_starts: wp.array(dtype=wp.int32),
    corners: wp.array2d(dtype=wp.int32),
    rest: wp.array(dtype=wp.vec3f),
    around_starts: wp.array(dtype=wp.int32),
    around: wp.array(dtype=wp.int32),
    n_sweeps: int,
    bounds: wp.array(dtype=wp.float32),
    places: wp.array(dtype=wp.vec2f),
):
    """Moves the corners of bad faces, each along the best of eight directions, until none is bad."""
    chart = members[first + wp.tid()]
    sweep = int(0)
    while sweep < n_sweeps:
        sweep += 1
        n_bad = int(0)
        for face in range(face_starts[chart], face_starts[chart + 1]):
            both = stretches(
                rest[face], places[corners[face, 0]], places[corners[face, 1]], places[corners[face, 2]]
            )
            if is_bad(both, bounds[face]):
                n_bad += 1
                reach = 0.5 * (rest[face][0] + rest[face][2])
                for side in range(3):
                    improve(corners[face, side], reach, around_starts, around, corners, rest, places)
        if n_bad == 0:
            sweep = n_sweeps
