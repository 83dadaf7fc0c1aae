"""Who covers which texel: faces claim texel centres that lie well inside them.

`claim` writes to places that faces share, so a thread runs it over all faces for rows that are its own.
"""

import warp as wp


@wp.func
def edge_line(a: wp.vec2d, b: wp.vec2d, side: wp.float64):
    """The line through `a` and `b` as (nx, ny, d): nx x + ny y + d is the distance of (x, y) to its left.

    With `side` -1 to its right; for points in one place it is -1 everywhere.
    """
    length = wp.length(b - a)
    line = wp.vec3d(wp.float64(0.0), wp.float64(0.0), wp.float64(-1.0))
    if length > wp.float64(0.0):
        nx = (a[1] - b[1]) * side / length
        ny = (b[0] - a[0]) * side / length
        line = wp.vec3d(nx, ny, -(nx * a[0] + ny * a[1]))
    return line


@wp.func
def winding(a: wp.vec2d, b: wp.vec2d, c: wp.vec2d):
    """1 if the corners run counter-clockwise, -1 if clockwise."""
    area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    return wp.where(area < wp.float64(0.0), wp.float64(-1.0), wp.float64(1.0))


@wp.func
def depth_inside(ab: wp.vec3d, bc: wp.vec3d, ca: wp.vec3d, column: int, row: int):
    """Distance of a texel's centre to the nearest of a triangle's edges, in texels; negative outside."""
    x = wp.float64(column) + wp.float64(0.5)
    y = wp.float64(row) + wp.float64(0.5)
    one = ab[0] * x + ab[1] * y + ab[2]
    two = bc[0] * x + bc[1] * y + bc[2]
    three = ca[0] * x + ca[1] * y + ca[2]
    return wp.min(wp.min(one, two), three)


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
        side = winding(a, b, c)
        ab = edge_line(a, b, side)
        bc = edge_line(b, c, side)
        ca = edge_line(c, a, side)
        for row in range(low, high):
            for column in range(left, right):
                if depth_inside(ab, bc, ca, column, row) > slack_px:
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
    side = winding(a, b, c)
    ab = edge_line(a, b, side)
    bc = edge_line(b, c, side)
    ca = edge_line(c, a, side)
    n_covered = int(0)
    n_contested = int(0)
    for row in range(low, high):
        for column in range(left, right):
            if depth_inside(ab, bc, ca, column, row) > slack_px:
                n_covered += 1
                n_contested += wp.int32(contested[row, column])
    counts[face, 0] = n_covered
    counts[face, 1] = n_contested
