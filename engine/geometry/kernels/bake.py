"""Texels look for themselves in the views: where they fall, whether they are seen, what is shown.

A view is a picture and the keys of what its camera sees (see raster). Texels are those inside charts, each
with its point, its smooth normal and its face. Depths are distances along the camera's axis, in units of
the object.
"""

import warp as wp

from engine.geometry.kernels.raster import EMPTY, depth_of, face_of, weights_at


@wp.func
def distance_of(key: wp.int64, is_perspective: int) -> wp.float32:
    """The distance that a key holds."""
    z = depth_of(key)
    if is_perspective == 1:
        z = -1.0 / z
    return z


@wp.kernel
def locate(
    first: int,
    run: int,
    index: wp.array(dtype=wp.int64),
    width: int,
    keys: wp.array(dtype=wp.int64),
    points: wp.array(dtype=wp.vec4),
    faces: wp.array(dtype=wp.int32, ndim=2),
    vertices: wp.array(dtype=wp.vec3),
    vertex_normals: wp.array(dtype=wp.vec3),
    positions: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    face_ids: wp.array(dtype=wp.int32),
):
    """Finds each texel's face, point and smooth unit normal; `points` are three a face, in texels."""
    start = (first + wp.tid()) * run
    for texel in range(start, wp.min(start + run, index.shape[0])):
        place = int(index[texel])
        face = face_of(keys[place])
        x = wp.float64(place % width) + wp.float64(0.5)
        y = wp.float64(place / width) + wp.float64(0.5)
        w = weights_at(points[3 * face], points[3 * face + 1], points[3 * face + 2], x, y)
        a = faces[face, 0]
        b = faces[face, 1]
        c = faces[face, 2]
        positions[texel] = w[0] * vertices[a] + w[1] * vertices[b] + w[2] * vertices[c]
        normals[texel] = wp.normalize(
            w[0] * vertex_normals[a] + w[1] * vertex_normals[b] + w[2] * vertex_normals[c]
        )
        face_ids[texel] = face


@wp.kernel
def find_edges(
    first: int,
    keys: wp.array(dtype=wp.int64),
    width: int,
    height: int,
    is_perspective: int,
    block: int,
    jump: wp.float32,
    edges: wp.array(dtype=wp.uint8, ndim=2),
):
    """Marks blocks of pixels that hold an outline or a leap of depth by more than `jump`."""
    block_row, block_column = wp.tid()
    block_row += first
    nearest = wp.float32(wp.inf)
    farthest = wp.float32(-wp.inf)
    n_empty = int(0)
    for row in range(block_row * block, wp.min((block_row + 1) * block, height)):
        for column in range(block_column * block, wp.min((block_column + 1) * block, width)):
            key = keys[row * width + column]
            if key == EMPTY:
                n_empty += 1
            else:
                distance = distance_of(key, is_perspective)
                nearest = wp.min(nearest, distance)
                farthest = wp.max(farthest, distance)
    marked = wp.uint8(0)
    if n_empty > 0 or farthest - nearest > jump:
        marked = wp.uint8(1)
    edges[block_row, block_column] = marked


@wp.kernel
def measure_trust(
    first: int,
    edges: wp.array(dtype=wp.uint8, ndim=2),
    reach: int,
    per_block: wp.float32,
    trust: wp.array(dtype=wp.float32, ndim=2),
):
    """From 0 at an edge to 1 out of its reach, for the middle of each block.

    `reach` is the window in blocks, `per_block` how much a block farther away adds.
    """
    row, column = wp.tid()
    row += first
    nearest = wp.float32(1.0e9)
    for r in range(wp.max(row - reach, 0), wp.min(row + reach + 1, edges.shape[0])):
        for c in range(wp.max(column - reach, 0), wp.min(column + reach + 1, edges.shape[1])):
            if edges[r, c] == wp.uint8(1):
                dr = wp.float32(r - row)
                dc = wp.float32(c - column)
                nearest = wp.min(nearest, dr * dr + dc * dc)
    share = wp.clamp(wp.sqrt(nearest) * per_block, 0.0, 1.0)
    trust[row, column] = share * share * (3.0 - 2.0 * share)


@wp.func
def trust_at(
    trust: wp.array(dtype=wp.float32, ndim=2), per_block: wp.float32, x: wp.float32, y: wp.float32
) -> wp.float32:
    """Bilinear between the middles of blocks, clamped."""
    u = wp.clamp(x / per_block - 0.5, 0.0, wp.float32(trust.shape[1] - 1))
    v = wp.clamp(y / per_block - 0.5, 0.0, wp.float32(trust.shape[0] - 1))
    column = int(u)
    row = int(v)
    right = wp.min(column + 1, trust.shape[1] - 1)
    below = wp.min(row + 1, trust.shape[0] - 1)
    du = u - wp.float32(column)
    dv = v - wp.float32(row)
    upper = trust[row, column] * (1.0 - du) + trust[row, right] * du
    lower = trust[below, column] * (1.0 - du) + trust[below, right] * du
    return upper * (1.0 - dv) + lower * dv


@wp.func
def cubic(t: wp.float32) -> wp.vec4:
    """Catmull and Rom's weights of four neighbours, `t` from the second to the third."""
    return wp.vec4(
        t * (-0.5 + t * (1.0 - 0.5 * t)),
        1.0 + t * t * (-2.5 + 1.5 * t),
        t * (0.5 + t * (2.0 - 1.5 * t)),
        t * t * (-0.5 + 0.5 * t),
    )


@wp.func
def colour_at(picture: wp.array(dtype=wp.vec3, ndim=2), x: wp.float32, y: wp.float32) -> wp.vec3:
    """Bicubic between pixel centres, which keeps what bilinear mixing would blur; clamped at the border."""
    width = picture.shape[1]
    height = picture.shape[0]
    u = wp.clamp(x - 0.5, 0.0, wp.float32(width - 1))
    v = wp.clamp(y - 0.5, 0.0, wp.float32(height - 1))
    column = int(u)
    row = int(v)
    across = cubic(u - wp.float32(column))
    down = cubic(v - wp.float32(row))
    mixed = wp.vec3()
    for r in range(4):
        line = wp.clamp(row + r - 1, 0, height - 1)
        part = across[0] * picture[line, wp.max(column - 1, 0)]
        part += across[1] * picture[line, column]
        part += across[2] * picture[line, wp.min(column + 1, width - 1)]
        part += across[3] * picture[line, wp.min(column + 2, width - 1)]
        mixed += down[r] * part
    return wp.vec3(wp.clamp(mixed[0], 0.0, 1.0), wp.clamp(mixed[1], 0.0, 1.0), wp.clamp(mixed[2], 0.0, 1.0))


@wp.struct
class Eye:
    """A view as the kernels need it; see engine.geometry.bake for the meaning of the limits."""

    matrix: wp.mat44
    place: wp.vec4  # where the camera is, or with 0 at the end the direction towards it
    is_perspective: int
    width: int
    height: int
    px_per_unit: wp.float32
    least_tolerance: wp.float32
    most_tolerance: wp.float32
    least_cosine: wp.float32
    cosine_power: wp.float32
    weight: wp.float32
    least_trust: wp.float32
    block: wp.float32  # pixels along a side of a block of `trust`


@wp.func
def powered(cosine: wp.float32, power: wp.float32) -> wp.float32:
    """cosine^power; the usual fourth power without the costly general way."""
    if power == 4.0:
        return cosine * cosine * cosine * cosine
    return wp.pow(cosine, power)


@wp.struct
class Sight:
    """What a view says of a texel: `weight` is 0 where it does not see it."""

    weight: wp.float32
    x: wp.float32
    y: wp.float32


@wp.func
def look(
    eye: Eye,
    keys: wp.array(dtype=wp.int64),
    trust: wp.array(dtype=wp.float32, ndim=2),
    position: wp.vec3,
    normal: wp.vec3,
    face_normal: wp.vec3,
) -> Sight:
    """Whether the texel is seen, how much the view's say of it counts, and where it falls."""
    seen = Sight()
    seen.weight = 0.0
    towards = wp.vec3(eye.place[0], eye.place[1], eye.place[2])
    if eye.is_perspective == 1:
        towards = wp.normalize(towards - position)
    # A smooth normal alone would let a view paint the side of a box that it sees edge-on.
    flat = wp.dot(face_normal, towards)
    cosine = wp.min(wp.dot(normal, towards), 2.0 * flat)
    if cosine <= eye.least_cosine or flat <= eye.least_cosine:
        return seen
    h = eye.matrix * wp.vec4(position[0], position[1], position[2], 1.0)
    distance = h[2]
    per_unit = eye.px_per_unit
    if eye.is_perspective == 1:
        if h[3] <= 0.0:
            return seen
        distance = h[3]
        per_unit = eye.px_per_unit / h[3]
    seen.x = h[0] / h[3]
    seen.y = h[1] / h[3]
    column = wp.clamp(int(wp.floor(seen.x)), 0, eye.width - 1)
    row = wp.clamp(int(wp.floor(seen.y)), 0, eye.height - 1)
    nearest = wp.float32(-1.0e9)
    key = keys[row * eye.width + column]
    if key != EMPTY:
        nearest = distance_of(key, eye.is_perspective)
    else:
        # At an outline the pixel's centre may miss the surface; the farthest neighbour then speaks for it.
        for r in range(wp.max(row - 1, 0), wp.min(row + 2, eye.height)):
            for c in range(wp.max(column - 1, 0), wp.min(column + 2, eye.width)):
                beside = keys[r * eye.width + c]
                if beside != EMPTY:
                    nearest = wp.max(nearest, distance_of(beside, eye.is_perspective))
    # Within its pixel a slanted surface goes deeper by its slope; more than the most is another surface.
    steep = wp.min(flat, cosine)
    slope = wp.sqrt(wp.max(1.0 - steep * steep, 0.0)) / steep
    deeper = wp.clamp(slope * 1.5 / per_unit, eye.least_tolerance, eye.most_tolerance)
    if distance > nearest + deeper:
        return seen
    kept = float(1.0)
    if trust.shape[0] > 0:
        kept = wp.max(trust_at(trust, eye.block, seen.x, seen.y), eye.least_trust)
    seen.weight = eye.weight * powered(cosine, eye.cosine_power) * kept
    return seen


@wp.kernel
def gather(
    first: int,
    run: int,
    eye: Eye,
    keys: wp.array(dtype=wp.int64),
    trust: wp.array(dtype=wp.float32, ndim=2),
    picture: wp.array(dtype=wp.vec3, ndim=2),
    positions: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    face_ids: wp.array(dtype=wp.int32),
    face_normals: wp.array(dtype=wp.vec3),
    sums: wp.array(dtype=wp.vec3),
    weights: wp.array(dtype=wp.float32),
):
    """Adds what one view shows of each texel to `sums`, times its weight, and that to `weights`.

    A thread goes along `run` texels: on the processor starting one takes as long as looking once.
    """
    start = (first + wp.tid()) * run
    for texel in range(start, wp.min(start + run, weights.shape[0])):
        seen = look(eye, keys, trust, positions[texel], normals[texel], face_normals[face_ids[texel]])
        if seen.weight > 0.0:
            sums[texel] += seen.weight * colour_at(picture, seen.x, seen.y)
            weights[texel] += seen.weight


@wp.kernel
def divide(
    first: int,
    sums: wp.array(dtype=wp.vec3),
    weights: wp.array(dtype=wp.float32),
    seen: wp.array(dtype=wp.uint8),
):
    """Turns sums into means; `seen` is 1 where there was any weight."""
    texel = first + wp.tid()
    weight = weights[texel]
    if weight > 0.0:
        mean = sums[texel] / weight
        sums[texel] = wp.vec3(
            wp.clamp(mean[0], 0.0, 1.0), wp.clamp(mean[1], 0.0, 1.0), wp.clamp(mean[2], 0.0, 1.0)
        )
        seen[texel] = wp.uint8(1)
    else:
        seen[texel] = wp.uint8(0)
