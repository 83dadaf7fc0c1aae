"""What decimation takes from a surface comes back as a picture of its normals, in tangent space.

The frame is glTF's and Blender's (MikkTSpace): at each corner the direction of u, averaged by angle over
the faces that share the vertex, its texture coordinates and the sense of turning, made square to the smooth
normal; the bitangent points towards v, so green is up. A texture of it is data, not sRGB: (0.5, 0.5, 1) is
flat.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp
from numpy.typing import NDArray

from engine.geometry.bake import Texels, corners_px
from engine.geometry.compute import Array
from engine.geometry.kernels import relief as kernels
from engine.geometry.mesh import Mesh

Floats = NDArray[np.float32]

# How far from the coarse surface the fine one is looked for, as a share of the object's longest side.
REACH = 0.02


@dataclass(frozen=True, eq=False)
class Relief:
    """`colours` (T, 3) float32 in [0, 1], and where the fine surface was found: `found` (T,)."""

    colours: Array
    found: Array


def bake_relief(mesh: Mesh, uv: Floats, texels: Texels, fine: Mesh, reach: float = REACH) -> Relief:
    """The normals of `fine` in the tangent space of `mesh`, at `texels`; flat where `fine` is out of reach.

    `uv` (M, 3, 2) are the coordinates that the texels were located with; both meshes are in one frame.
    """
    compute, n_texels = texels.compute, len(texels.index)
    colours, found = compute.empty((n_texels, 3), "float32"), compute.empty(n_texels, "uint8")
    if n_texels and len(fine.faces):
        longest = float((mesh.bounds[1] - mesh.bounds[0]).max())
        faces = compute.put(fine.faces.reshape(-1))
        held = compute.volume(compute.put(fine.vertices), faces)
        own = [texels.index, texels.size_px, compute.put(corners_px(uv, texels.size_px)), texels.face_ids]
        frame = [texels.positions, texels.normals, compute.put(tangents(mesh, uv).reshape(-1, 4))]
        other = [wp.uint64(held.id), faces, compute.put(fine.vertex_normals), reach * longest]
        compute.launch(kernels.bake_relief, n_texels, [*own, *frame, *other, colours, found])
    else:
        colours[...] = compute.put(np.array([0.5, 0.5, 1.0], np.float32))
        found[...] = 0
    return Relief(colours, compute.flags(found))


def tangents(mesh: Mesh, uv: Floats) -> Floats:
    """Tangents (M, 3, 4) per corner: the direction of u on the surface, and the sign of the bitangent."""
    corners, n_faces = mesh.corners.astype(np.float64), len(mesh.faces)
    edges, flat = corners[:, 1:] - corners[:, :1], uv[:, 1:].astype(np.float64) - uv[:, :1]
    turn = flat[:, 0, 0] * flat[:, 1, 1] - flat[:, 1, 0] * flat[:, 0, 1]
    sign = np.where(turn < 0, -1.0, 1.0)
    along = (flat[:, 1, 1, None] * edges[:, 0] - flat[:, 0, 1, None] * edges[:, 1]) * sign[:, None]
    normals = mesh.vertex_normals[mesh.faces].astype(np.float64)
    squared = _unit(along[:, None] - normals * np.einsum("mi,mci->mc", along, normals)[..., None])
    weighted = squared * _angles(corners)[..., None]
    keys = np.empty((3 * n_faces, 4), np.int64)
    keys[:, 0] = mesh.faces.ravel()
    keys[:, 1:3] = np.ascontiguousarray(uv.reshape(-1, 2), np.float32).view(np.int32)
    keys[:, 3] = np.repeat(sign, 3)
    _, groups = np.unique(keys, axis=0, return_inverse=True)
    groups = groups.reshape(-1)
    summed = np.zeros((int(groups.max(initial=-1)) + 1, 3))
    for axis in range(3):
        summed[:, axis] = np.bincount(groups, weighted[..., axis].ravel(), minlength=len(summed))
    mean = _unit(summed)[groups].reshape(n_faces, 3, 3)
    return np.concatenate([mean, np.broadcast_to(sign[:, None, None], (n_faces, 3, 1))], axis=2).astype(
        np.float32
    )


def _angles(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Angles (M, 3) at the corners (M, 3, 3), in radians."""
    ahead = _unit(np.roll(corners, -1, axis=1) - corners)
    behind = _unit(np.roll(corners, 1, axis=1) - corners)
    return np.asarray(np.arccos(np.clip(np.einsum("mci,mci->mc", ahead, behind), -1, 1)))


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-30))
