"""A baseline: the method of the public Hunyuan3D-2 texture pipeline as described by its equations.

Pixels are splatted forward into the atlas, each view's weight is its cosine to the fourth power, holes are
filled along the mesh from vertex to vertex and then by OpenCV over the whole atlas. Written from an account
of the method, not from its code. One thing differs: vertices take their colours all at once in each round,
where the original takes them one after the other, which only changes how many rounds it needs.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from engine.geometry.bake import View
from engine.geometry.mesh import Mesh
from engine.geometry.rasterise import rasterise

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

_LEAST_COSINE = np.cos(np.deg2rad(75))
_COSINE_POWER = 4
_NOTHING = 1e-8


def splat_texture(
    mesh: Mesh, uv: Floats, size_px: int, views: Sequence[View], weights: Sequence[float]
) -> NDArray[np.uint8]:
    """The texture (S, S, 3) that the method makes of `views`; row 0 is the top."""
    summed, total = np.zeros((size_px, size_px, 3)), np.zeros((size_px, size_px))
    for view, say in zip(views, weights, strict=True):
        colours, cosines = _splat_view(mesh, uv, size_px, view)
        covered = cosines > 0
        if not covered.any() or (total[covered] > 0).mean() > 0.99:
            continue
        weight = say * cosines**_COSINE_POWER
        summed += weight[..., None] * colours
        total += weight
    texture = summed / np.maximum(total, _NOTHING)[..., None]
    filled, known = _fill_vertices(mesh, uv, texture, total > _NOTHING)
    pixels = (np.clip(filled, 0, 1) * 255).astype(np.uint8)
    return np.asarray(cv2.inpaint(pixels, np.where(known, 0, 255).astype(np.uint8), 3, cv2.INPAINT_NS))


def in_its_own_texels(uv: Floats, size_px: int) -> Floats:
    """`uv` such that an ordinary lookup, centres at + 0.5, finds texels where the method put them.

    It puts 0 and 1 on the centres of the outermost texels, which no viewer does: up to half a texel of shift.
    """
    return ((uv * (size_px - 1) + 0.5) / size_px).astype(np.float32)


def _splat_view(
    mesh: Mesh, uv: Floats, size_px: int, view: View
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Colours (S, S, 3) and cosines (S, S) of one view in the atlas; a cosine is 0 where nothing arrived."""
    camera, (width, height) = view.camera, view.camera.size_px
    raster = rasterise(camera.project(mesh.vertices), mesh.faces, height, width)
    visible = raster.face_ids >= 0
    normals = raster.interpolate(_mean_normals(mesh)[mesh.faces])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    cosines = normals @ camera.basis[2].astype(np.float32)
    cosines[cosines < _LEAST_COSINE] = 0
    trusted = ~_is_border(raster.depths, visible)[visible]
    places = raster.interpolate(uv)[trusted].astype(np.float64)
    values = np.concatenate([view.colours[visible], cosines[:, None]], axis=1)[trusted]
    row, column = (1 - places[:, 1]) * (size_px - 1), places[:, 0] * (size_px - 1)
    top, left = np.floor(row).astype(np.int64), np.floor(column).astype(np.int64)
    down, right = row - top, column - left
    sums, shares = np.zeros((4, size_px * size_px)), np.zeros(size_px * size_px)
    for r, row_share in ((top, 1 - down), (top + 1, down)):
        for c, column_share in ((left, 1 - right), (left + 1, right)):
            place = np.clip(r, 0, size_px - 1) * size_px + np.clip(c, 0, size_px - 1)
            share = row_share * column_share
            shares += np.bincount(place, share, size_px * size_px)
            for channel in range(4):
                sums[channel] += np.bincount(place, share * values[:, channel], size_px * size_px)
    mean = np.where(shares > 0, sums / np.maximum(shares, 1e-300), 0).reshape(4, size_px, size_px)
    return np.moveaxis(mean[:3], 0, -1), mean[3]


def _mean_normals(mesh: Mesh) -> Floats:
    """Unit normals (N, 3): the plain mean over the faces around a vertex, whatever their size."""
    _, normals = mesh.face_areas_normals
    index, each = mesh.faces.ravel(), np.repeat(normals, 3, axis=0)
    summed = np.stack([np.bincount(index, each[:, i], len(mesh.vertices)) for i in range(3)], axis=1)
    return np.asarray(summed / np.maximum(np.linalg.norm(summed, axis=1), 1e-20)[:, None], np.float32)


def _is_border(depths: Floats, visible: Bools) -> Bools:
    """Pixels (H, W) whose surroundings touch the background or a jump in depth."""
    near = np.where(visible, -depths, 0)
    low, high = near[visible].min(), near[visible].max()
    scaled = np.where(visible, (near - low) / max(high - low, 1e-12), 0)
    jumps = cv2.Canny((scaled * 255).astype(np.uint8), 30, 80)
    reach_px = int(2 / 512 * max(depths.shape))
    box = np.ones((2 * reach_px + 1, 2 * reach_px + 1), np.uint8)
    inner = cv2.erode(visible.astype(np.uint8), box) > 0
    return np.asarray(~inner | (cv2.dilate(jumps, box) > 0))


def _fill_vertices(
    mesh: Mesh, uv: Floats, texture: NDArray[np.float64], known: Bools
) -> tuple[NDArray[np.float64], Bools]:
    """`texture` and `known` with texels of vertices filled along the mesh, within charts only."""
    size_px = len(known)
    corners = np.concatenate([mesh.faces.reshape(-1, 1).astype(np.float64), uv.reshape(-1, 2)], axis=1)
    # A vertex that lies on a seam is several, as an unwrapped mesh has it.
    nodes, number = np.unique(corners, axis=0, return_inverse=True)
    number = number.reshape(-1, 3)
    column = np.round(nodes[:, 1] * (size_px - 1)).astype(np.int64).clip(0, size_px - 1)
    row = np.round((1 - nodes[:, 2]) * (size_px - 1)).astype(np.int64).clip(0, size_px - 1)
    places = mesh.vertices[nodes[:, 0].astype(np.int64)].astype(np.float64)
    has = known[row, column].copy()
    colours = np.where(has[:, None], texture[row, column], 0)
    start, end = number.ravel(), number[:, [1, 2, 0]].ravel()
    weight = 1 / np.maximum(np.linalg.norm(places[start] - places[end], axis=1), 1e-4) ** 2
    empty = np.flatnonzero(~has)
    links = csr_matrix((weight, (start, end)), shape=(len(nodes), len(nodes)))[empty]
    counter, before = 2, -1
    while counter > 0:
        share = links @ has
        reached = share > 0
        mean = (links @ (colours * has[:, None])) / np.maximum(share, 1e-300)[:, None]
        colours[empty[reached]] = mean[reached]
        has[empty[reached]] = True
        left = int((~reached).sum())
        counter += -1 if left == before else 1
        before = left
    filled, known = texture.copy(), known.copy()
    filled[row[has], column[has]] = colours[has]
    known[row[has], column[has]] = True
    return filled, known
