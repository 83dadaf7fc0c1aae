"""Pictures become texels by looking back: each texel asks every view what it shows at the texel's place.

A view answers where the texel faces it and nothing nearer stands in between. Answers are blended by the
cosine between the surface and the view, to a power, so that the view that looks straightest wins, and a
view's say fades towards its own outlines and leaps of depth, so that it never ends abruptly and its
doubtful pixels count least. Views are taken one after the other: memory does not grow with their number.
Colours are blended as stored, sRGB in [0, 1]. Arrays lie where the texels' `compute` says: numpy, or torch
on a card.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from engine.geometry.cameras import Camera, Orthographic, Perspective, opposite
from engine.geometry.compute import Array, Compute, processor
from engine.geometry.kernels import bake as kernels
from engine.geometry.mesh import Mesh
from engine.geometry.rasterise import EMPTY, Coverage, cover, project

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

# A texel may lie this much deeper than the depth map says and still be seen, in units of the object: at least
# this, for rounding and smooth normals; at most that, however slanted the surface.
_LEAST_TOLERANCE, _MOST_TOLERANCE = 0.004, 0.05
# Beyond 89 degrees a texel is seen edge-on. Slanted views have little say anyway (see cosine_power), so this
# only decides where no other view sees anything.
_LEAST_COSINE = 0.02
# Edges are looked for in blocks of at most so many pixels a side; the way to them need not be exact.
_MAX_BLOCK_PX = 4
# A surface at 80 degrees goes 5.7 pixels deeper a pixel; more is a leap to another one.
_LEAP = 5.7


@dataclass(frozen=True, eq=False)
class View:
    """A picture and where it was taken from.

    `colours` (H, W, 3) float32 sRGB in [0, 1], the subject's colours carried beyond its outline; `weight`
    multiplies its say against other views.
    """

    name: str
    camera: Camera
    colours: Floats
    weight: float = 1.0


@dataclass(frozen=True)
class Blend:
    """How views share a texel.

    `cosine_power`: how strongly straight views win. `edge`: the share of a picture's longer side over which a
    view fades towards its outlines and leaps of depth (2/512 in Hunyuan3D-2, which drops those pixels);
    `edge_floor`: what is left of its say there, 0 to drop it; where no other view sees, what is left decides.
    """

    cosine_power: float = 4.0
    edge: float = 2 / 512
    edge_floor: float = 1e-3

    def block_px(self, camera: Camera) -> int:
        """Pixels along a side of the blocks in which the camera's edges are looked for."""
        return int(np.clip(self.edge * max(camera.size_px) / 2, 1, _MAX_BLOCK_PX))


@dataclass(frozen=True, eq=False)
class Texels:
    """The T texels inside charts of a square texture: flat `index` (T,), `positions` and `normals` (T, 3)."""

    size_px: int
    index: Array
    positions: Array
    normals: Array
    face_ids: Array
    compute: Compute = field(default_factory=processor)


@dataclass(frozen=True, eq=False)
class Baked:
    """`colours` (T, 3) float32 in [0, 1] and where they come from a view: `seen` (T,)."""

    colours: Array
    seen: Array


@dataclass(frozen=True, eq=False)
class Placed:
    """A mesh on the device, and what views see of it."""

    compute: Compute
    mesh: Mesh

    @cached_property
    def vertices(self) -> Array:
        """(N, 3) float32."""
        return self.compute.put(self.mesh.vertices)

    @cached_property
    def faces(self) -> Array:
        """(M, 3) int32."""
        return self.compute.put(self.mesh.faces)

    @cached_property
    def face_normals(self) -> Array:
        """(M, 3) float32."""
        return self.compute.put(self.mesh.face_areas_normals[1].astype(np.float32))

    def seen_by(self, camera: Camera) -> Coverage:
        """What the camera sees; of a closed mesh only faces turned to it: they hide the rest."""
        width, height = camera.size_px
        return cover(
            self.compute,
            project(self.compute, self.vertices, camera.matrix),
            self.faces,
            height,
            width,
            is_perspective=isinstance(camera, Perspective),
            is_culled=self.mesh.is_closed,
        )


def locate_texels(mesh: Mesh, uv: Floats, size_px: int, compute: Compute | None = None) -> Texels:
    """Finds for every texel centre inside a chart its point and smooth normal on the mesh.

    `uv` (M, 3, 2) in [0, 1], origin bottom-left; texel row 0 is the top of the texture. A face whose
    coordinates are not finite has no texels.
    """
    compute = compute or processor()
    n_faces = len(mesh.faces)
    points = compute.put(corners_px(uv, size_px))
    own = compute.put(np.arange(3 * n_faces, dtype=np.int32).reshape(-1, 3))
    laid = cover(compute, points, own, size_px, size_px)
    index = compute.where(laid.keys != EMPTY)
    n_texels = len(index)
    made = Texels(
        size_px,
        index,
        compute.empty((n_texels, 3), "float32"),
        compute.empty((n_texels, 3), "float32"),
        compute.empty(n_texels, "int32"),
        compute,
    )
    where = [index, size_px, laid.keys, points, compute.put(mesh.faces), compute.put(mesh.vertices)]
    normals = compute.put(mesh.vertex_normals)
    compute.launch_runs(
        kernels.locate, n_texels, [*where, normals, made.positions, made.normals, made.face_ids]
    )
    return made


def corners_px(uv: Floats, size_px: int) -> Floats:
    """Points (3 M, 4) that lay the faces of `uv` (M, 3, 2) out in a texture, as `cover` takes them."""
    corners = np.zeros((uv.shape[0] * 3, 4), np.float32)
    corners[:, 0] = uv[..., 0].ravel() * size_px
    corners[:, 1] = (1 - uv[..., 1].ravel()) * size_px
    corners[:, 3] = 1
    return corners


def bake(
    mesh: Mesh,
    texels: Texels,
    views: Sequence[View],
    *,
    blend: Blend | None = None,
    step: Callable[[int, int], None] = lambda step, n_steps: None,
) -> Baked:
    """Blends `views` into `texels`; `step` is told of each view and may raise to end it."""
    compute, n_texels = texels.compute, len(texels.index)
    sums = compute.full((n_texels, 3), 0, "float32")
    weights = compute.full(n_texels, 0, "float32")
    placed = Placed(compute, mesh)
    for number, view in enumerate(views):
        add_view(placed, texels, view, blend or Blend(), sums, weights)
        step(number + 1, len(views))
    seen = compute.empty(n_texels, "uint8")
    compute.launch(kernels.divide, n_texels, [sums, weights, seen])
    return Baked(sums, compute.flags(seen))


def add_view(placed: Placed, texels: Texels, view: View, blend: Blend, sums: Array, weights: Array) -> None:
    """Adds what `view` shows of `texels`, times its say, to `sums` (T, 3), and its say to `weights` (T,)."""
    compute = texels.compute
    seen = placed.seen_by(view.camera)
    trust = measure_trust(seen, view.camera, blend)
    texel_arrays = [texels.positions, texels.normals, texels.face_ids, placed.face_normals]
    shown = [eye_of(view, blend), seen.keys, trust, compute.put(view.colours)]
    compute.launch_runs(kernels.gather, len(texels.index), [*shown, *texel_arrays, sums, weights])


def measure_trust(seen: Coverage, camera: Camera, blend: Blend) -> Array:
    """How far blocks of pixels are from an edge of the view: 0 at it, 1 out of its reach; empty if unused."""
    compute = seen.compute
    reach_px, block_px = blend.edge * max(camera.size_px), blend.block_px(camera)
    if reach_px <= 0 or blend.edge_floor >= 1:
        return compute.empty((0, 0), "float32")
    shape = (-(-seen.height_px // block_px), -(-seen.width_px // block_px))
    edges, trust = compute.empty(shape, "uint8"), compute.empty(shape, "float32")
    leap = max(block_px - 1, 1) * _LEAP / camera.px_at_origin
    compute.launch(
        kernels.find_edges,
        shape,
        [seen.keys, seen.width_px, seen.height_px, int(seen.is_perspective), block_px, leap, edges],
    )
    per_block = block_px / max(reach_px, block_px)
    compute.launch(kernels.measure_trust, shape, [edges, int(np.ceil(1 / per_block)), per_block, trust])
    return trust


def eye_of(view: View, blend: Blend) -> Any:
    """The view as kernels take it."""
    camera = view.camera
    eye = kernels.Eye()
    eye.matrix = wp.mat44(camera.matrix)
    eye.place = wp.vec4(*camera.eye)
    eye.is_perspective = int(isinstance(camera, Perspective))
    eye.width, eye.height = camera.size_px
    eye.px_per_unit = camera.focal_px if isinstance(camera, Perspective) else camera.px_at_origin
    eye.least_tolerance, eye.most_tolerance = _LEAST_TOLERANCE, _MOST_TOLERANCE
    eye.least_cosine, eye.cosine_power = _LEAST_COSINE, blend.cosine_power
    eye.weight, eye.least_trust = view.weight, blend.edge_floor
    eye.block = blend.block_px(camera)
    return eye


def mirrored(view: View) -> View:
    """The view from the other side, showing this view's mirror image: a guess at a back that no one saw."""
    assert isinstance(view.camera, Orthographic)
    camera, axis = opposite(view.camera)
    return replace(view, camera=camera, colours=np.ascontiguousarray(np.flip(view.colours, axis)))


def fill_unseen(baked: Baked, guess: Baked) -> Baked:
    """`baked`, with the colours of `guess` where it saw nothing."""
    taken = ~baked.seen & guess.seen
    colours = baked.colours + taken[:, None] * (guess.colours - baked.colours)
    return Baked(colours, baked.seen | guess.seen)


def facing(mesh: Mesh, camera: Orthographic) -> Bools:
    """Which faces (M,) turn their outside towards the camera."""
    _, normals = mesh.face_areas_normals
    return np.asarray(normals @ camera.basis[2] > 0)


def sample(picture: Floats, points_px: Floats) -> Floats:
    """Bilinear colours (K, C) of `picture` (H, W, C) at pixel positions (K, 2 or 3), clamped."""
    height, width, _ = picture.shape
    # Pixel centres lie at + 0.5.
    x = np.clip(points_px[:, 0] - 0.5, 0, width - 1).astype(np.float32)
    y = np.clip(points_px[:, 1] - 0.5, 0, height - 1).astype(np.float32)
    left, top = x.astype(np.int64), y.astype(np.int64)
    right, below = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = (x - left)[:, None], (y - top)[:, None]
    upper = picture[top, left] * (1 - across) + picture[top, right] * across
    lower = picture[below, left] * (1 - across) + picture[below, right] * across
    return np.asarray(upper * (1 - down) + lower * down, np.float32)
