"""A surface is calmed where it stands: vertices move towards the mean of those around them, up and down only.

One thread adds up, as faces share vertices; `low` to `high` is as much as is done in one launch.
"""

import warp as wp

from engine.geometry.kernels.mend import is_bad, stretches


@wp.kernel
def gather(
    first: int,
    low: int,
    high: int,
    faces: wp.array2d(dtype=wp.int32),
    points: wp.array(dtype=wp.vec3f),
    sums: wp.array(dtype=wp.vec3f),
    counts: wp.array(dtype=wp.float32),
    normals: wp.array(dtype=wp.vec3f),
):
    """Adds to each corner of the faces low..high the other two, how many they are, and the face's normal."""
    for face in range(low + first + wp.tid(), high):
        a = faces[face, 0]
        b = faces[face, 1]
        c = faces[face, 2]
        total = points[a] + points[b] + points[c]
        normal = wp.cross(points[b] - points[a], points[c] - points[a])
        for side in range(3):
            corner = faces[face, side]
            sums[corner] = sums[corner] + total - points[corner]
            counts[corner] = counts[corner] + 2.0
            normals[corner] = normals[corner] + normal


@wp.kernel
def move(
    first: int,
    origins: wp.array(dtype=wp.vec3f),
    reach: float,
    sums: wp.array(dtype=wp.vec3f),
    counts: wp.array(dtype=wp.float32),
    normals: wp.array(dtype=wp.vec3f),
    points: wp.array(dtype=wp.vec3f),
):
    """Moves each vertex along its normal to beside the mean, at most `reach` away from its origin.

    Moved along the surface, faces would take another shape. The sums are empty afterwards.
    """
    vertex = first + wp.tid()
    if counts[vertex] > 0.0:
        normal = wp.normalize(normals[vertex])
        up = wp.dot(sums[vertex] / counts[vertex] - points[vertex], normal)
        away = points[vertex] + up * normal - origins[vertex]
        length = wp.length(away)
        if length > reach:
            away = away * (reach / length)
        points[vertex] = origins[vertex] + away
    sums[vertex] = wp.vec3f(0.0, 0.0, 0.0)
    normals[vertex] = wp.vec3f(0.0, 0.0, 0.0)
    counts[vertex] = 0.0


@wp.kernel
def measure(
    first: int,
    faces: wp.array2d(dtype=wp.int32),
    vertices: wp.array(dtype=wp.vec3f),
    places: wp.array2d(dtype=wp.vec2f),
    scales: wp.array(dtype=wp.float32),
    bound: float,
    beyond: wp.array(dtype=wp.uint8),
):
    """Sets `beyond` (M,) to 1 where a face's places (M, 3), over its scale, are stretched beyond the bound."""
    face = first + wp.tid()
    a = vertices[faces[face, 0]]
    along = vertices[faces[face, 1]] - a
    aside = vertices[faces[face, 2]] - a
    length = wp.length(along)
    beyond[face] = wp.uint8(0)
    if length > 0.0:
        x = wp.dot(aside, along) / length
        height = wp.length(wp.cross(along, aside)) / length
        # What has no height has no shape to keep.
        if height > 0.01 * wp.max(length, wp.length(aside)):
            shape = wp.vec3f(length, x, height) * scales[face]
            if is_bad(stretches(shape, places[face, 0], places[face, 1], places[face, 2]), bound):
                beyond[face] = wp.uint8(1)
