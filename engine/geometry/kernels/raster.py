"""Triangles to pixels on the device; of two keys (a depth above a face) the smaller is the nearer face.

Reads points as (pixel x, pixel y, z, 1/w): z grows with the distance and is affine on the screen, 1/w is 1
for orthographic cameras. Rows of pixels are written only between `row_low` and `row_high`.
"""

import warp as wp

EMPTY = wp.constant(wp.int64(0x7FFFFFFFFFFFFFFF))
FACE_BITS = wp.constant(wp.int64(0x7FFFFFFF))


@wp.func
def key_of(z: wp.float32, face: int) -> wp.int64:
    """Signed integers that sort like the floats z, above the face."""
    bits = wp.cast(z + 0.0, wp.int32)  # + 0.0 makes -0 and 0 the same depth
    if bits < 0:
        bits = bits ^ wp.int32(0x7FFFFFFF)
    return (wp.int64(bits) << wp.int64(32)) | wp.int64(face)


@wp.func
def face_of(key: wp.int64) -> int:
    """The face that a key names, -1 for none."""
    if key == EMPTY:
        return -1
    return int(key & FACE_BITS)


@wp.func
def depth_of(key: wp.int64) -> wp.float32:
    """The z that a key holds."""
    bits = wp.int32(key >> wp.int64(32))
    if bits < 0:
        bits = bits ^ wp.int32(0x7FFFFFFF)
    return wp.cast(bits, wp.float32)


@wp.func
def first_centre(low: wp.float64, limit: int) -> int:
    """The first pixel of 0..limit whose centre is not below `low`."""
    return int(wp.clamp(wp.ceil(low - wp.float64(0.5)), wp.float64(0.0), wp.float64(limit)))


@wp.func
def last_centre(high: wp.float64, limit: int) -> int:
    """The last pixel of -1..limit - 1 whose centre is not above `high`."""
    return int(wp.clamp(wp.floor(high - wp.float64(0.5)), wp.float64(-1.0), wp.float64(limit - 1)))


@wp.func
def crossing(a: wp.vec2d, b: wp.vec2d, y: wp.float64) -> wp.float64:
    """Where the edge meets the row y; the same number for both faces that share the edge."""
    low = a
    high = b
    if a[1] > b[1] or (a[1] == b[1] and a[0] > b[0]):
        low = b
        high = a
    return low[0] + (y - low[1]) * ((high[0] - low[0]) / (high[1] - low[1]))


@wp.func
def is_finite(p: wp.vec4) -> bool:
    return wp.isfinite(p[0]) and wp.isfinite(p[1]) and wp.isfinite(p[2]) and wp.isfinite(p[3])


@wp.func
def draw_row(
    pa: wp.vec4,
    pb: wp.vec4,
    pc: wp.vec4,
    slope: wp.vec2d,
    face: int,
    row: int,
    width: int,
    keys: wp.array(dtype=wp.int64),
):
    """Writes the pixels of one row whose centres lie in the closed triangle; `slope` is z by x and y."""
    a = wp.vec2d(wp.float64(pa[0]), wp.float64(pa[1]))
    b = wp.vec2d(wp.float64(pb[0]), wp.float64(pb[1]))
    c = wp.vec2d(wp.float64(pc[0]), wp.float64(pc[1]))
    y = wp.float64(row) + wp.float64(0.5)
    left = wp.float64(1.0e30)
    right = wp.float64(-1.0e30)
    # The row meets a convex shape between the least and the greatest of its crossings with the edges.
    if wp.min(a[1], b[1]) <= y and y <= wp.max(a[1], b[1]) and a[1] != b[1]:
        x = crossing(a, b, y)
        left = wp.min(left, x)
        right = wp.max(right, x)
    if wp.min(b[1], c[1]) <= y and y <= wp.max(b[1], c[1]) and b[1] != c[1]:
        x = crossing(b, c, y)
        left = wp.min(left, x)
        right = wp.max(right, x)
    if wp.min(c[1], a[1]) <= y and y <= wp.max(c[1], a[1]) and c[1] != a[1]:
        x = crossing(c, a, y)
        left = wp.min(left, x)
        right = wp.max(right, x)
    if left > right:
        return
    first = first_centre(left, width)
    last = last_centre(right, width)
    z = wp.float64(pa[2]) + slope[1] * (y - a[1]) + slope[0] * (wp.float64(first) + wp.float64(0.5) - a[0])
    for column in range(first, last + 1):
        wp.atomic_min(keys, row * width + column, key_of(wp.float32(z), face))
        z += slope[0]


@wp.func
def area_of(a: wp.vec4, b: wp.vec4, c: wp.vec4) -> wp.float64:
    """Twice the signed area on the screen."""
    x1 = wp.float64(b[0]) - wp.float64(a[0])
    y1 = wp.float64(b[1]) - wp.float64(a[1])
    x2 = wp.float64(c[0]) - wp.float64(a[0])
    y2 = wp.float64(c[1]) - wp.float64(a[1])
    return x1 * y2 - x2 * y1


@wp.func
def slope_of(a: wp.vec4, b: wp.vec4, c: wp.vec4) -> wp.vec2d:
    """How z grows with x and with y on the screen."""
    area = area_of(a, b, c)
    x1 = wp.float64(b[0]) - wp.float64(a[0])
    y1 = wp.float64(b[1]) - wp.float64(a[1])
    z1 = wp.float64(b[2]) - wp.float64(a[2])
    x2 = wp.float64(c[0]) - wp.float64(a[0])
    y2 = wp.float64(c[1]) - wp.float64(a[1])
    z2 = wp.float64(c[2]) - wp.float64(a[2])
    return wp.vec2d((z1 * y2 - z2 * y1) / area, (z2 * x1 - z1 * x2) / area)


@wp.kernel
def project(first: int, vertices: wp.array(dtype=wp.vec3), matrix: wp.mat44, points: wp.array(dtype=wp.vec4)):
    """Vertices to points, by a camera's matrix."""
    place = first + wp.tid()
    v = vertices[place]
    h = matrix * wp.vec4(v[0], v[1], v[2], 1.0)
    points[place] = wp.vec4(h[0] / h[3], h[1] / h[3], h[2] / h[3], 1.0 / h[3])


@wp.kernel
def draw(
    first: int,
    points: wp.array(dtype=wp.vec4),
    faces: wp.array(dtype=wp.int32, ndim=2),
    drawn: wp.array(dtype=wp.uint8),
    is_culled: int,
    width: int,
    row_low: int,
    row_high: int,
    max_px: int,
    keys: wp.array(dtype=wp.int64),
    large: wp.array(dtype=wp.int32),
):
    """Draws one face; those with a box of more than `max_px` pixels are listed in `large` (count, faces)."""
    face = first + wp.tid()
    if drawn.shape[0] > 0 and drawn[face] == wp.uint8(0):
        return
    a = points[faces[face, 0]]
    b = points[faces[face, 1]]
    c = points[faces[face, 2]]
    if not (is_finite(a) and is_finite(b) and is_finite(c)) or wp.min(wp.min(a[3], b[3]), c[3]) <= 0.0:
        return
    top = wp.max(first_centre(wp.float64(wp.min(wp.min(a[1], b[1]), c[1])), row_high), row_low)
    bottom = last_centre(wp.float64(wp.max(wp.max(a[1], b[1]), c[1])), row_high)
    if top > bottom:
        return
    left = first_centre(wp.float64(wp.min(wp.min(a[0], b[0]), c[0])), width)
    right = last_centre(wp.float64(wp.max(wp.max(a[0], b[0]), c[0])), width)
    area = area_of(a, b, c)
    if left > right or wp.abs(area) <= wp.float64(1.0e-12):
        return
    # Rows go down, so what winds counter-clockwise to a viewer has a negative area here.
    if is_culled == 1 and area > wp.float64(0.0):
        return
    if (bottom - top + 1) * (right - left + 1) > max_px:
        place = wp.atomic_add(large, 0, 1)
        large[place + 1] = face
        return
    slope = slope_of(a, b, c)
    for row in range(top, bottom + 1):
        draw_row(a, b, c, slope, face, row, width, keys)


@wp.kernel
def draw_large(
    first: int,
    points: wp.array(dtype=wp.vec4),
    faces: wp.array(dtype=wp.int32, ndim=2),
    width: int,
    height: int,
    n_slots: int,
    n_lanes: int,
    large: wp.array(dtype=wp.int32),
    keys: wp.array(dtype=wp.int64),
):
    """Draws the listed faces, each by `n_lanes` threads that take its rows in turns."""
    slot, lane = wp.tid()
    slot += first
    number = slot
    while number < large[0]:
        face = large[number + 1]
        a = points[faces[face, 0]]
        b = points[faces[face, 1]]
        c = points[faces[face, 2]]
        top = first_centre(wp.float64(wp.min(wp.min(a[1], b[1]), c[1])), height)
        bottom = last_centre(wp.float64(wp.max(wp.max(a[1], b[1]), c[1])), height)
        slope = slope_of(a, b, c)
        row = top + lane
        while row <= bottom:
            draw_row(a, b, c, slope, face, row, width, keys)
            row += n_lanes
        number += n_slots


@wp.func
def weights_at(a: wp.vec4, b: wp.vec4, c: wp.vec4, x: wp.float64, y: wp.float64) -> wp.vec3:
    """Barycentric weights of a pixel's place, perspective taken into account."""
    area = area_of(a, b, c)
    dx = x - wp.float64(a[0])
    dy = y - wp.float64(a[1])
    x1 = wp.float64(b[0]) - wp.float64(a[0])
    y1 = wp.float64(b[1]) - wp.float64(a[1])
    x2 = wp.float64(c[0]) - wp.float64(a[0])
    y2 = wp.float64(c[1]) - wp.float64(a[1])
    w1 = wp.float32((dx * y2 - x2 * dy) / area)
    w2 = wp.float32((x1 * dy - dx * y1) / area)
    weights = wp.vec3((1.0 - w1 - w2) * a[3], w1 * b[3], w2 * c[3])
    return weights / (weights[0] + weights[1] + weights[2])


@wp.kernel
def resolve(
    first: int,
    points: wp.array(dtype=wp.vec4),
    faces: wp.array(dtype=wp.int32, ndim=2),
    width: int,
    is_perspective: int,
    keys: wp.array(dtype=wp.int64),
    face_ids: wp.array(dtype=wp.int32),
    barycentrics: wp.array(dtype=wp.vec3),
    depths: wp.array(dtype=wp.float32),
):
    """Per pixel: face or -1, weights of its corners or 0, distance or infinity."""
    row, column = wp.tid()
    row += first
    place = row * width + column
    face = face_of(keys[place])
    face_ids[place] = face
    if face < 0:
        barycentrics[place] = wp.vec3(0.0, 0.0, 0.0)
        depths[place] = wp.inf
        return
    x = wp.float64(column) + wp.float64(0.5)
    y = wp.float64(row) + wp.float64(0.5)
    barycentrics[place] = weights_at(
        points[faces[face, 0]], points[faces[face, 1]], points[faces[face, 2]], x, y
    )
    z = depth_of(keys[place])
    if is_perspective == 1:
        z = -1.0 / z
    depths[place] = z
