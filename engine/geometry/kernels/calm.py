"""A surface is calmed where it stands: vertices move to the mean of those around them, each a little way.

One thread adds up, as faces share vertices; rows of it can be stopped and gone on with.
"""

import warp as wp


@wp.kernel
def gather(
    first: int,
    low: int,
    high: int,
    faces: wp.array2d(dtype=wp.int32),
    points: wp.array(dtype=wp.vec3f),
    sums: wp.array(dtype=wp.vec3f),
    counts: wp.array(dtype=wp.float32),
):
    """Adds to each corner of the faces low..high the other two, and how many they are."""
    for face in range(low + first + wp.tid(), high):
        a = faces[face, 0]
        b = faces[face, 1]
        c = faces[face, 2]
        total = points[a] + points[b] + points[c]
        sums[a] = sums[a] + total - points[a]
        sums[b] = sums[b] + total - points[b]
        sums[c] = sums[c] + total - points[c]
        counts[a] = counts[a] + 2.0
        counts[b] = counts[b] + 2.0
        counts[c] = counts[c] + 2.0


@wp.kernel
def move(
    first: int,
    origins: wp.array(dtype=wp.vec3f),
    reach: float,
    sums: wp.array(dtype=wp.vec3f),
    counts: wp.array(dtype=wp.float32),
    points: wp.array(dtype=wp.vec3f),
):
    """Moves each vertex to the mean, at most `reach` away from where it was at first; empties the sums."""
    vertex = first + wp.tid()
    if counts[vertex] > 0.0:
        away = sums[vertex] / counts[vertex] - origins[vertex]
        length = wp.length(away)
        if length > reach:
            away = away * (reach / length)
        points[vertex] = origins[vertex] + away
    sums[vertex] = wp.vec3f(0.0, 0.0, 0.0)
    counts[vertex] = 0.0
