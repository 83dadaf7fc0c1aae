"""Covered pixels take their vertices' values, weighted within the face; the others a background.

A thread goes along `run` pixels of a row and works a face out once: its values, times 1/w, are affine along
the row. On a card a run is one pixel.
"""

import warp as wp

from engine.geometry.kernels.raster import area_of, face_of


@wp.struct
class Slopes:
    """Weights (times 1/w) of a face's corners at a row's pixel 0, and their growth a pixel."""

    at_zero: wp.vec3
    per_x: wp.vec3


@wp.func
def slopes_of(a: wp.vec4, b: wp.vec4, c: wp.vec4, row: int, column: int) -> Slopes:
    """The slopes of a face along a row; `at_zero` is at the pixel `column`."""
    area = area_of(a, b, c)
    dx = wp.float64(column) + wp.float64(0.5) - wp.float64(a[0])
    dy = wp.float64(row) + wp.float64(0.5) - wp.float64(a[1])
    x1 = wp.float64(b[0]) - wp.float64(a[0])
    y1 = wp.float64(b[1]) - wp.float64(a[1])
    x2 = wp.float64(c[0]) - wp.float64(a[0])
    y2 = wp.float64(c[1]) - wp.float64(a[1])
    inverse = wp.float64(1.0) / area
    w1 = wp.float32((dx * y2 - x2 * dy) * inverse)
    w2 = wp.float32((x1 * dy - dx * y1) * inverse)
    d1 = wp.float32(y2 * inverse)
    d2 = wp.float32(-y1 * inverse)
    made = Slopes()
    made.at_zero = wp.vec3((1.0 - w1 - w2) * a[3], w1 * b[3], w2 * c[3])
    made.per_x = wp.vec3(-(d1 + d2) * a[3], d1 * b[3], d2 * c[3])
    return made


@wp.struct
class Affine:
    """A face's values times 1/w at a pixel of a row, and their growth a pixel."""

    value: wp.vec3
    per_x: wp.vec3


@wp.func
def affine_of(s: Slopes, values: wp.array(dtype=wp.vec3), a: int, b: int, c: int) -> Affine:
    """The values of the corners a, b, c along the row of `s`."""
    made = Affine()
    made.value = s.at_zero[0] * values[a] + s.at_zero[1] * values[b] + s.at_zero[2] * values[c]
    made.per_x = s.per_x[0] * values[a] + s.per_x[1] * values[b] + s.per_x[2] * values[c]
    return made


@wp.kernel
def interpolate(
    first: int,
    points: wp.array(dtype=wp.vec4),
    faces: wp.array(dtype=wp.int32, ndim=2),
    width: int,
    run: int,
    keys: wp.array(dtype=wp.int64),
    values: wp.array(dtype=wp.vec3),
    background: wp.vec3,
    picture: wp.array(dtype=wp.vec3),
):
    """Writes the values themselves."""
    row, part = wp.tid()
    row += first
    start = part * run
    last_face = int(-1)
    value = wp.vec3()
    value_per_x = wp.vec3()
    share = float(1.0)
    share_per_x = float(0.0)
    for column in range(start, wp.min(start + run, width)):
        place = row * width + column
        face = face_of(keys[place])
        if face < 0:
            picture[place] = background
        else:
            if face != last_face:
                a = faces[face, 0]
                b = faces[face, 1]
                c = faces[face, 2]
                s = slopes_of(points[a], points[b], points[c], row, column)
                mixed = affine_of(s, values, a, b, c)
                value = mixed.value
                value_per_x = mixed.per_x
                share = s.at_zero[0] + s.at_zero[1] + s.at_zero[2]
                share_per_x = s.per_x[0] + s.per_x[1] + s.per_x[2]
            picture[place] = value / share
        last_face = face
        value += value_per_x
        share += share_per_x


@wp.func
def write(picture: wp.array(dtype=wp.uint8, ndim=2), place: int, value: wp.vec3):
    """255 times the value, cut off."""
    picture[place, 0] = wp.uint8(wp.int32(wp.clamp(value[0], 0.0, 1.0) * 255.0))
    picture[place, 1] = wp.uint8(wp.int32(wp.clamp(value[1], 0.0, 1.0) * 255.0))
    picture[place, 2] = wp.uint8(wp.int32(wp.clamp(value[2], 0.0, 1.0) * 255.0))


@wp.kernel
def encode_two(
    first: int,
    points: wp.array(dtype=wp.vec4),
    faces: wp.array(dtype=wp.int32, ndim=2),
    width: int,
    run: int,
    keys: wp.array(dtype=wp.int64),
    values: wp.array(dtype=wp.vec3),
    others: wp.array(dtype=wp.vec3),
    picture: wp.array(dtype=wp.uint8, ndim=2),
    other_picture: wp.array(dtype=wp.uint8, ndim=2),
):
    """Writes two pictures at once, 255 times the values and cut off; the background is white."""
    row, part = wp.tid()
    row += first
    start = part * run
    last_face = int(-1)
    one = wp.vec3()
    one_per_x = wp.vec3()
    two = wp.vec3()
    two_per_x = wp.vec3()
    share = float(1.0)
    share_per_x = float(0.0)
    white = wp.vec3(1.0, 1.0, 1.0)
    for column in range(start, wp.min(start + run, width)):
        place = row * width + column
        face = face_of(keys[place])
        if face < 0:
            write(picture, place, white)
            write(other_picture, place, white)
        else:
            if face != last_face:
                a = faces[face, 0]
                b = faces[face, 1]
                c = faces[face, 2]
                s = slopes_of(points[a], points[b], points[c], row, column)
                first_mixed = affine_of(s, values, a, b, c)
                one = first_mixed.value
                one_per_x = first_mixed.per_x
                other_mixed = affine_of(s, others, a, b, c)
                two = other_mixed.value
                two_per_x = other_mixed.per_x
                share = s.at_zero[0] + s.at_zero[1] + s.at_zero[2]
                share_per_x = s.per_x[0] + s.per_x[1] + s.per_x[2]
            inverse = 1.0 / share
            write(picture, place, one * inverse)
            write(other_picture, place, two * inverse)
        last_face = face
        one += one_per_x
        two += two_per_x
        share += share_per_x
