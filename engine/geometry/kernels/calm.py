"""A surface is calmed where it stands: vertices move towards the mean of those around them, up and down only.

One thread adds up, as faces share vertices; `low` to `high` is as much as is done in one launch.
"""

import warp as wp

from engine.geometry.kernels.mend import is_bad, stretches

# The area of the faces around a vertex as their mean normal sees it, against their area: 1 is flat, a corner
# of a cube 0.58. Above the first vertices keep their place along the surface, below the second they do not.
CALM = wp.constant(0.98)
ROUGH = wp.constant(0.93)


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
    areas: wp.array(dtype=wp.float32),
):
    """Adds to each corner of the faces low..high the other two, their count, its normal and area."""
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
            areas[corner] = areas[corner] + wp.length(normal)


@wp.kernel
def move(
    first: int,
    origins: wp.array(dtype=wp.vec3f),
    reach: float,
    sums: wp.array(dtype=wp.vec3f),
    counts: wp.array(dtype=wp.float32),
    normals: wp.array(dtype=wp.vec3f),
    areas: wp.array(dtype=wp.float32),
    points: wp.array(dtype=wp.vec3f),
):
    """Moves each vertex to the mean or, where it is calm, along its normal to beside the mean.

    Moved along a calm surface, faces would take another shape for nothing. It stays within `reach` of its
    origin. The sums are empty afterwards.
    """
    vertex = first + wp.tid()
    if counts[vertex] > 0.0:
        normal = wp.normalize(normals[vertex])
        step = sums[vertex] / counts[vertex] - points[vertex]
        up = wp.dot(step, normal) * normal
        calmness = wp.length(normals[vertex]) / wp.max(areas[vertex], 1.0e-30)
        aside = wp.clamp((CALM - calmness) / (CALM - ROUGH), 0.0, 1.0)
        away = points[vertex] + up + aside * (step - up) - origins[vertex]
        length = wp.length(away)
        if length > reach:
            away = away * (reach / length)
        points[vertex] = origins[vertex] + away
    sums[vertex] = wp.vec3f(0.0, 0.0, 0.0)
    normals[vertex] = wp.vec3f(0.0, 0.0, 0.0)
    counts[vertex] = 0.0
    areas[vertex] = 0.0


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
    """Sets `beyond` (M,) to 1 where a face at its scale is stretched to its places beyond the bound."""
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
