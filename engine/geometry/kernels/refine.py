"""Pixels tell the texels that they mix how far the mix is from what the view shows there."""

import warp as wp

from engine.geometry.kernels.bake import Eye, powered, trust_at
from engine.geometry.kernels.raster import face_of
from engine.geometry.kernels.shade import slopes_of


@wp.kernel
def observe(
    first: int,
    run: int,
    eye: Eye,
    points: wp.array(dtype=wp.vec4),
    faces: wp.array(dtype=wp.int32, ndim=2),
    keys: wp.array(dtype=wp.int64),
    trust: wp.array(dtype=wp.float32, ndim=2),
    picture: wp.array(dtype=wp.vec3, ndim=2),
    face_normals: wp.array(dtype=wp.vec3),
    uv: wp.array(dtype=wp.vec2),
    texels: wp.array(dtype=wp.int32, ndim=2),
    colours: wp.array(dtype=wp.vec3),
    steps: wp.array(dtype=wp.vec3),
    touched: wp.array(dtype=wp.float32),
):
    """Adds each pixel's error, times its say, to the four texels that it mixes, and its say to `touched`.

    `uv` holds three corners a face; `texels` (S, S) numbers the texels that are solved for, -1 for others.
    """
    row, part = wp.tid()
    row += first
    start = part * run
    for column in range(start, wp.min(start + run, eye.width)):
        face = face_of(keys[row * eye.width + column])
        if face < 0:
            continue
        towards = wp.vec3(eye.place[0], eye.place[1], eye.place[2])
        a = points[faces[face, 0]]
        b = points[faces[face, 1]]
        c = points[faces[face, 2]]
        cosine = wp.dot(face_normals[face], wp.normalize(towards))
        # Of a near camera this is the direction from the origin, which only weighs.
        if cosine <= 0.0 and eye.is_perspective == 0:
            continue
        w = slopes_of(a, b, c, row, column).at_zero
        w = w / (w[0] + w[1] + w[2])
        place = w[0] * uv[3 * face] + w[1] * uv[3 * face + 1] + w[2] * uv[3 * face + 2]
        size = texels.shape[0]
        x = place[0] * wp.float32(size) - 0.5
        y = (1.0 - place[1]) * wp.float32(size) - 0.5
        if not (wp.isfinite(x) and wp.isfinite(y)):
            continue
        left = int(wp.floor(x))
        top = int(wp.floor(y))
        share_right = x - wp.float32(left)
        share_lower = y - wp.float32(top)
        mix = wp.vec3()
        total = float(0.0)
        for tap in range(4):
            r = wp.clamp(top + tap / 2, 0, size - 1)
            s = wp.clamp(left + tap % 2, 0, size - 1)
            share = wp.where(tap / 2 == 0, 1.0 - share_lower, share_lower)
            share *= wp.where(tap % 2 == 0, 1.0 - share_right, share_right)
            texel = texels[r, s]
            if texel >= 0:
                mix += share * colours[texel]
                total += share
        # A pixel beside a seam mixes in texels that are no one's; it speaks only if most of it is a chart's.
        if total <= 0.5:
            continue
        say = eye.weight * powered(wp.max(cosine, 0.05), eye.cosine_power)
        if trust.shape[0] > 0:
            x_px = wp.float32(column) + 0.5
            say *= wp.max(trust_at(trust, eye.block, x_px, wp.float32(row) + 0.5), eye.least_trust)
        error = picture[row, column] - mix / total
        for tap in range(4):
            r = wp.clamp(top + tap / 2, 0, size - 1)
            s = wp.clamp(left + tap % 2, 0, size - 1)
            share = wp.where(tap / 2 == 0, 1.0 - share_lower, share_lower)
            share *= wp.where(tap % 2 == 0, 1.0 - share_right, share_right)
            texel = texels[r, s]
            if texel >= 0 and share > 0.0:
                amount = say * share / total
                wp.atomic_add(steps, texel, amount * error)
                wp.atomic_add(touched, texel, amount)


@wp.kernel
def advance(
    first: int,
    steps: wp.array(dtype=wp.vec3, ndim=2),
    touched: wp.array(dtype=wp.float32, ndim=2),
    least_touch: wp.float32,
    colours: wp.array(dtype=wp.vec3),
):
    """Moves each texel by the mean error of the pixels that mix it; all accumulators count."""
    texel = first + wp.tid()
    change = wp.vec3()
    weight = float(0.0)
    for part in range(steps.shape[0]):
        change += steps[part, texel]
        weight += touched[part, texel]
    moved = colours[texel] + change / wp.max(weight, least_touch)
    colours[texel] = wp.vec3(
        wp.clamp(moved[0], 0.0, 1.0), wp.clamp(moved[1], 0.0, 1.0), wp.clamp(moved[2], 0.0, 1.0)
    )
