"""Pictures become texels by looking back: each texel asks every view what it shows at the texel's place.

A view answers where the texel faces it and nothing nearer stands in between. Answers are blended by the
cosine between the surface and the view, to a power, so that the view that looks straightest wins. Colours
are blended as stored, sRGB in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.geometry.cameras import Orthographic, opposite
from engine.geometry.mesh import Mesh
from engine.geometry.rasterise import Raster, rasterise

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

# A texel may lie this much deeper than the depth map says and still be seen, in units of the object: at least
# this, for rounding and smooth normals; at most that, however slanted the surface.
_LEAST_TOLERANCE, _MOST_TOLERANCE = 0.004, 0.05
# Beyond 89 degrees a texel is seen edge-on. Slanted views have little say anyway (see cosine_power), so this
# only decides where no other view sees anything.
_LEAST_COSINE = 0.02


@dataclass(frozen=True, eq=False)
class View:
    """A picture and where it was taken from.

    `colours` (H, W, 3) float32 sRGB in [0, 1], the subject's colours carried beyond its outline; `weight`
    multiplies its say against other views.
    """

    name: str
    camera: Orthographic
    colours: Floats
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Texels:
    """The T texels inside charts of a square texture: flat `index` (T,), `positions` and `normals` (T, 3)."""

    size_px: int
    index: NDArray[np.int64]
    positions: Floats
    normals: Floats
    face_ids: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Baked:
    """`colours` (T, 3) float32 in [0, 1] and where they come from a view: `seen` (T,)."""

    colours: Floats
    seen: Bools


def locate_texels(mesh: Mesh, uv: Floats, size_px: int) -> Texels:
    """Finds for every texel centre inside a chart its point and smooth normal on the mesh.

    `uv` (M, 3, 2) in [0, 1], origin bottom-left; texel row 0 is the top of the texture.
    """
    n_faces = len(mesh.faces)
    flat = uv.reshape(-1, 2)
    points = np.stack(
        [flat[:, 0] * size_px, (1 - flat[:, 1]) * size_px, np.zeros(len(flat), np.float32)], axis=1
    )
    raster = rasterise(points, np.arange(3 * n_faces, dtype=np.int32).reshape(-1, 3), size_px, size_px)
    positions = raster.interpolate(mesh.corners)
    normals = raster.interpolate(mesh.vertex_normals[mesh.faces])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    index = np.flatnonzero(raster.face_ids.ravel() >= 0)
    return Texels(size_px, index, positions, normals, raster.face_ids.ravel()[index])


def facing(mesh: Mesh, camera: Orthographic) -> Bools:
    """Which faces (M,) turn their outside towards the camera."""
    _, normals = mesh.face_areas_normals
    return np.asarray(normals @ camera.basis[2] > 0)


def look(mesh: Mesh, view: View) -> Raster:
    """The mesh as the view's camera sees it; of a closed one only faces turned to it: they hide the rest."""
    width, height = view.camera.size_px
    drawn = facing(mesh, view.camera) if mesh.is_closed else None
    return rasterise(view.camera.project(mesh.vertices), mesh.faces, height, width, drawn)


def bake(
    mesh: Mesh,
    texels: Texels,
    views: Sequence[View],
    *,
    cosine_power: float = 4.0,
    looks: Sequence[Raster] | None = None,
    step: Callable[[int, int], None] = lambda step, n_steps: None,
) -> Baked:
    """Blends `views` into `texels`.

    `looks` are the views' own rasters, if the caller has them; else each is made and dropped in its turn, and
    memory does not grow with the number of views.
    """
    summed = np.zeros((len(texels.index), 3), np.float32)
    weights = np.zeros(len(texels.index), np.float32)
    for number, view in enumerate(views):
        raster = looks[number] if looks is not None else look(mesh, view)
        visible, cosines, projected = _visibility(raster.depths, texels, view.camera)
        weight = np.where(visible, view.weight * cosines**cosine_power, 0).astype(np.float32)
        summed[visible] += weight[visible, None] * sample(view.colours, projected[visible])
        weights += weight
        step(number + 1, len(views))
    seen = weights > 0
    colours = summed / np.maximum(weights, 1e-12)[:, None]
    return Baked(np.clip(colours, 0, 1), seen)


def mirrored(view: View) -> View:
    """The view from the other side, showing this view's mirror image: a guess at a back that no one saw."""
    camera, axis = opposite(view.camera)
    return replace(view, camera=camera, colours=np.ascontiguousarray(np.flip(view.colours, axis)))


def fill_unseen(baked: Baked, guess: Baked) -> Baked:
    """`baked`, with the colours of `guess` where it saw nothing."""
    taken = ~baked.seen & guess.seen
    return Baked(np.where(taken[:, None], guess.colours, baked.colours), baked.seen | guess.seen)


def sample(picture: Floats, points_px: Floats) -> Floats:
    """Bilinear colours (K, C) of `picture` (H, W, C) at pixel positions (K, 2 or 3), clamped."""
    if len(points_px) == 0:
        return np.zeros((0, picture.shape[2]), np.float32)
    # Pixel centres lie at + 0.5; cv2.remap counts from the first centre, and takes at most 32,767 rows.
    x = (points_px[:, 0] - 0.5).astype(np.float32)
    y = (points_px[:, 1] - 0.5).astype(np.float32)
    width = 1024
    pad = -len(x) % width
    grid_x = np.pad(x, (0, pad)).reshape(-1, width)
    grid_y = np.pad(y, (0, pad)).reshape(-1, width)
    rows = [
        cv2.remap(
            picture,
            grid_x[i : i + 30_000],
            grid_y[i : i + 30_000],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        for i in range(0, len(grid_x), 30_000)
    ]
    return np.asarray(np.concatenate(rows).reshape(-1, picture.shape[2])[: len(x)], np.float32)


def _visibility(depths: Floats, texels: Texels, camera: Orthographic) -> tuple[Bools, Floats, Floats]:
    """Which texels (T,) the camera sees, the cosines to it (T,), and where they fall (T, 3)."""
    height, width = depths.shape
    projected = camera.project(texels.positions)
    cosines = np.asarray(texels.normals @ camera.basis[2].astype(np.float32), np.float32)
    column = np.clip(projected[:, 0].astype(np.int64), 0, width - 1)
    row = np.clip(projected[:, 1].astype(np.int64), 0, height - 1)
    # At an outline the pixel's centre may miss the surface; the farthest neighbour then speaks for it.
    lenient = cv2.dilate(
        np.where(np.isinf(depths), -1e9, depths).astype(np.float32), np.ones((3, 3), np.uint8)
    )
    found = depths[row, column]
    nearest = np.where(np.isinf(found), lenient[row, column], found)
    # Within its pixel a slanted surface goes deeper by its slope; more than the most is another surface.
    slope = np.sqrt(np.clip(1 - cosines**2, 0, 1)) / np.maximum(cosines, 1e-3)
    deeper = np.clip(slope * (1.5 / min(camera.px_per_unit)), _LEAST_TOLERANCE, _MOST_TOLERANCE)
    in_front = projected[:, 2] <= nearest + deeper
    return np.asarray(in_front & (cosines > _LEAST_COSINE)), np.maximum(cosines, 0), projected
