"""Who covers which texel: faces claim texel centres that lie well inside them.

`claim` writes to places that faces share, so a thread runs it over all faces for rows that are its own.
"""

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.func
def depth_inside(a: wp.vec2d, b: wp.vec2d, c: wp.vec2d, p: wp.vec2d):
    """Distance of `p` to the nearest edge of the triangle, in texels; negative outside, -1 without area."""
    area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    longest = wp.max(wp.max(wp.length(b - a), wp.length(c - b)), wp.length(a - c))
    nearest = wp.float64(-1.0)
    if wp.abs(area) > wp.float64(1.0e-12) * longest * longest and longest > wp.float64(0.0):
        side = wp.sign(area)
        ab = ((b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])) * side / wp.length(b - a)
        bc = ((c[0] - b[0]) * (p[1] - b[1]) - (c[1] - b[1]) * (p[0] - b[0])) * side / wp.length(c - b)
        ca = ((a[0] - c[0]) * (p[1] - c[1]) - (a[1] - c[1]) * (p[0] - c[0])) * side / wp.length(a - c)
        nearest = wp.min(wp.min(ab, bc), ca)
    return nearest


@wp.func
def first_texel(low: wp.float64, size_px: int):
    """The first texel whose centre is not below `low`."""
    return wp.int32(wp.clamp(wp.ceil(low - wp.float64(0.5)), wp.float64(0.0), wp.float64(size_px)))


@wp.func
def end_texel(high: wp.float64, size_px: int):
    """One after the last texel whose centre is not above `high`."""
    return wp.int32(
        wp.clamp(wp.floor(high - wp.float64(0.5)) + wp.float64(1.0), wp.float64(0.0), wp.float64(size_px))
    )


@wp.kernel
def claim(
    first: int,
    corners_px: wp.array2d(dtype=wp.vec2d),
    slack_px: wp.float64,
    row_low: int,
    row_high: int,
    owners: wp.array2d(dtype=wp.int32),
    contested: wp.array2d(dtype=wp.uint8),
):
    """Writes the first face that covers each texel of some rows, and 1 where a second one does."""
    face = first + wp.tid()
    a = corners_px[face, 0]
    b = corners_px[face, 1]
    c = corners_px[face, 2]
    size_px = owners.shape[0]
    low = wp.max(first_texel(wp.min(wp.min(a[1], b[1]), c[1]), size_px), row_low)
    high = wp.min(end_texel(wp.max(wp.max(a[1], b[1]), c[1]), size_px), row_high)
    if low < high:
        left = first_texel(wp.min(wp.min(a[0], b[0]), c[0]), size_px)
        right = end_texel(wp.max(wp.max(a[0], b[0]), c[0]), size_px)
        for row in range(low, high):
            for column in range(left, right):
                p = wp.vec2d(wp.float64(column) + wp.float64(0.5), wp.float64(row) + wp.float64(0.5))
                if depth_inside(a, b, c, p) > slack_px:
                    if owners[row, column] < 0:
                        owners[row, column] = face
                    else:
                        contested[row, column] = wp.uint8(1)


@wp.kernel
def count(
    first: int,
    corners_px: wp.array2d(dtype=wp.vec2d),
    slack_px: wp.float64,
    contested: wp.array2d(dtype=wp.uint8),
    counts: wp.array2d(dtype=wp.int32),
):
    """Writes how many texels each face covers and how many of them are contested, (M, 2)."""
    face = first + wp.tid()
    a = corners_px[face, 0]
    b = corners_px[face, 1]
    c = corners_px[face, 2]
    size_px = contested.shape[0]
    left = first_texel(wp.min(wp.min(a[0], b[0]), c[0]), size_px)
    right = end_texel(wp.max(wp.max(a[0], b[0]), c[0]), size_px)
    low = first_texel(wp.min(wp.min(a[1], b[1]), c[1]), size_px)
    high = end_texel(wp.max(wp.max(a[1], b[1]), c[1]), size_px)
    n_covered = int(0)
    n_contested = int(0)
    for row in range(low, high):
        for column in range(left, right):
            p = wp.vec2d(wp.float64(column) + wp.float64(0.5), wp.float64(row) + wp.float64(0.5))
            if depth_inside(a, b, c, p) > slack_px:
                n_covered += 1
                n_contested += wp.int32(contested[row, column])
    counts[face, 0] = n_covered
    counts[face, 1] = n_contested
