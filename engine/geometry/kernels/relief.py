"""Texels look for the fine surface that a coarse one stands for, and for the sky."""

import warp as wp

from engine.geometry.kernels.bake import Eye, look
from engine.geometry.kernels.raster import weights_at


@wp.func
def normal_on(
    faces: wp.array(dtype=wp.int32), normals: wp.array(dtype=wp.vec3), face: int, u: wp.float32, v: wp.float32
) -> wp.vec3:
    """The smooth normal at a place of the fine surface, by the weights of the face's first two corners."""
    a = normals[faces[3 * face]]
    b = normals[faces[3 * face + 1]]
    c = normals[faces[3 * face + 2]]
    return wp.normalize(u * a + v * b + (1.0 - u - v) * c)


@wp.kernel
def bake_relief(
    first: int,
    index: wp.array(dtype=wp.int64),
    width: int,
    points: wp.array(dtype=wp.vec4),
    face_ids: wp.array(dtype=wp.int32),
    positions: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    tangents: wp.array(dtype=wp.vec4),
    fine: wp.uint64,
    fine_faces: wp.array(dtype=wp.int32),
    fine_normals: wp.array(dtype=wp.vec3),
    reach: wp.float32,
    relief: wp.array(dtype=wp.vec3),
    found: wp.array(dtype=wp.uint8),
):
    """The fine surface's normal at each texel, as a colour in the coarse one's tangent space.

    The fine surface is where the line along the texel's normal meets it nearest, within `reach`; else
    its point closest to the texel. `tangents` (three a face) hold u's direction and the bitangent's sign.
    """
    texel = first + wp.tid()
    p = positions[texel]
    n = normals[texel]
    face = face_ids[texel]
    best = float(reach)
    there = n
    is_found = int(0)
    for side in range(2):
        along = wp.where(side == 0, 1.0, -1.0) * n
        # From a hair behind the texel, so that a fine surface through it is met.
        hit = wp.mesh_query_ray(fine, p - along * 1.0e-5, along, best)
        if hit.result:
            normal = normal_on(fine_faces, fine_normals, hit.face, hit.u, hit.v)
            if wp.dot(normal, n) > 0.0:
                best = hit.t
                there = normal
                is_found = 1
    if is_found == 0:
        near = wp.mesh_query_point_no_sign(fine, p, reach)
        if near.result:
            normal = normal_on(fine_faces, fine_normals, near.face, near.u, near.v)
            if wp.dot(normal, n) > 0.0:
                there = normal
                is_found = 1
    place = int(index[texel])
    x = wp.float64(place % width) + wp.float64(0.5)
    y = wp.float64(place / width) + wp.float64(0.5)
    w = weights_at(points[3 * face], points[3 * face + 1], points[3 * face + 2], x, y)
    t = w[0] * tangents[3 * face] + w[1] * tangents[3 * face + 1] + w[2] * tangents[3 * face + 2]
    tangent = wp.vec3(t[0], t[1], t[2])
    tangent = tangent - wp.dot(tangent, n) * n
    if wp.length(tangent) < 1.0e-6:
        relief[texel] = wp.vec3(0.5, 0.5, 1.0)
        found[texel] = wp.uint8(0)
        return
    tangent = wp.normalize(tangent)
    sign = wp.where(tangents[3 * face][3] < 0.0, -1.0, 1.0)
    bitangent = sign * wp.cross(n, tangent)
    local = wp.vec3(wp.dot(there, tangent), wp.dot(there, bitangent), wp.max(wp.dot(there, n), 0.0))
    relief[texel] = 0.5 * wp.normalize(local) + wp.vec3(0.5, 0.5, 0.5)
    found[texel] = wp.uint8(is_found)


@wp.kernel
def see_sky(
    first: int,
    run: int,
    eye: Eye,
    keys: wp.array(dtype=wp.int64),
    trust: wp.array(dtype=wp.float32, ndim=2),
    positions: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    face_ids: wp.array(dtype=wp.int32),
    face_normals: wp.array(dtype=wp.vec3),
    seen: wp.array(dtype=wp.vec2),
):
    """Adds, for one direction of the sky, its cosine where it is seen, and its cosine at all."""
    towards = wp.vec3(eye.place[0], eye.place[1], eye.place[2])
    start = (first + wp.tid()) * run
    for texel in range(start, wp.min(start + run, seen.shape[0])):
        cosine = wp.dot(normals[texel], towards)
        if cosine <= 0.0:
            continue
        view = look(eye, keys, trust, positions[texel], normals[texel], face_normals[face_ids[texel]])
        open_ = wp.where(view.weight > 0.0, cosine, 0.0)
        seen[texel] += wp.vec2(open_, cosine)
