"""Made-up subjects whose truth is known: outlines from distance functions, bodies from formulas, pictures.

Alphas are (H, W) float32 in [0, 1], anti-aliased; meshes are in the engine's frame and wind outward.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from engine.geometry.bake import View
from engine.geometry.cameras import Orthographic, framing_camera
from engine.geometry.frame import bring_into_frame
from engine.geometry.hull import OutlinedView
from engine.geometry.mesh import Mesh
from engine.geometry.outline import outline_box
from engine.geometry.rasterise import rasterise

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Colour = Callable[[Floats], Floats]


# Outlines: distances are positive inside, in pixels; a pixel's coverage follows from that of its centre.


def pixel_grid(size_px: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows, columns = np.mgrid[0:size_px, 0:size_px]
    return columns + 0.5, rows + 0.5


def covered(distances: NDArray[np.float64]) -> Floats:
    return np.clip(0.5 + distances, 0, 1).astype(np.float32)


def disc_distances(size_px: int, radius_px: float, centre_px: tuple[float, float]) -> NDArray[np.float64]:
    x, y = pixel_grid(size_px)
    return radius_px - np.hypot(x - centre_px[0], y - centre_px[1])


def disc(size_px: int = 128, radius_px: float = 50.3, centre_px: tuple[float, float] | None = None) -> Floats:
    return covered(disc_distances(size_px, radius_px, centre_px or (size_px / 2, size_px / 2)))


def ring(size_px: int = 128, outer_px: float = 50.3, inner_px: float = 22.6) -> Floats:
    middle = (size_px / 2, size_px / 2)
    hole = disc_distances(size_px, inner_px, middle)
    return covered(np.minimum(disc_distances(size_px, outer_px, middle), -hole))


def figure_eight(size_px: int = 128) -> Floats:
    distances = np.full((size_px, size_px), -np.inf)
    for y in (0.3, 0.7):
        centre = (size_px / 2, y * size_px)
        distances = np.maximum(distances, disc_distances(size_px, 0.235 * size_px, centre))
    for y in (0.3, 0.7):
        distances = np.minimum(distances, -disc_distances(size_px, 0.1 * size_px, (size_px / 2, y * size_px)))
    return covered(distances)


def two_discs(size_px: int = 128) -> Floats:
    left = disc_distances(size_px, 0.2 * size_px, (0.27 * size_px, 0.5 * size_px))
    right = disc_distances(size_px, 0.16 * size_px, (0.77 * size_px, 0.5 * size_px))
    return covered(np.maximum(left, right))


def cross(size_px: int = 128, half_width_px: float = 3.2, reach: float = 0.4) -> Floats:
    x, y = pixel_grid(size_px)
    x, y = np.abs(x - size_px / 2), np.abs(y - size_px / 2)
    arm = np.minimum(half_width_px - x, reach * size_px - y)
    return covered(np.maximum(arm, np.minimum(half_width_px - y, reach * size_px - x)))


def islands(seed: int, size_px: int = 128) -> Floats:
    """Many irregular parts with thin necks, some of them with holes, as a bad cut-out leaves them."""
    noise = np.random.default_rng(seed).normal(size=(size_px, size_px))
    hills = ndimage.gaussian_filter(noise, size_px / 42)
    return np.clip((hills / hills.std() - 0.3) * 4, 0, 1).astype(np.float32)


def rectangle(height_px: int, width_px: int, box: tuple[float, float, float, float]) -> Floats:
    """The exact coverage of the rectangle (x0, y0, x1, y1)."""

    def shares(low: float, high: float, n: int) -> NDArray[np.float64]:
        edges = np.arange(n + 1)
        return np.diff(np.clip(edges, low, high))

    return np.outer(shares(box[1], box[3], height_px), shares(box[0], box[2], width_px)).astype(np.float32)


# Bodies.


def mesh_of(body: trimesh.Trimesh) -> Mesh:
    return Mesh(np.asarray(body.vertices, np.float32), np.asarray(body.faces, np.int32))


def joined(meshes: Sequence[Mesh]) -> Mesh:
    counts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    faces = [mesh.faces + np.int32(first) for mesh, first in zip(meshes, counts, strict=False)]
    return Mesh(np.concatenate([mesh.vertices for mesh in meshes]), np.concatenate(faces))


def box_body(low: Sequence[float], high: Sequence[float]) -> Mesh:
    return mesh_of(trimesh.creation.box(bounds=[low, high]))


def ball(
    subdivisions: int = 3,
    radius: float = 0.5,
    centre: Sequence[float] = (0, 0, 0),
    axes: Sequence[float] = (1, 1, 1),
) -> Mesh:
    """A ball, or with `axes` an ellipsoid; 3 subdivisions are 1,280 faces."""
    body = trimesh.creation.icosphere(subdivisions=subdivisions, radius=radius)
    body.vertices = body.vertices * np.asarray(axes) + np.asarray(centre)
    return mesh_of(body)


def torus(major: float = 0.35, minor: float = 0.13, n_major: int = 48, n_minor: int = 24) -> Mesh:
    """A ring that faces the front: its hole runs along z."""
    return mesh_of(trimesh.creation.torus(major, minor, major_sections=n_major, minor_sections=n_minor))


def tilted_torus() -> Mesh:
    turn = trimesh.transformations.rotation_matrix(0.6, [1, 0.4, 0])[:3, :3]
    ring_body = torus()
    return framed(Mesh((ring_body.vertices @ turn.T).astype(np.float32), ring_body.faces))


def chair() -> Mesh:
    """Seat, back and four legs; the back rest stands at the rear, so front and left differ."""
    seat = box_body((-0.3, -0.05, -0.3), (0.3, 0.05, 0.3))
    rest = box_body((-0.3, 0.0, -0.3), (0.3, 0.6, -0.22))
    legs = [box_body((x, -0.5, z), (x + 0.08, 0.0, z + 0.08)) for x in (-0.3, 0.22) for z in (-0.3, 0.22)]
    return framed(joined([seat, rest, *legs]))


def head() -> Mesh:
    """An asymmetric head: skull, muzzle at the front, two ears, the one at the object's left the larger."""
    blobs = (
        ((0.0, 0.0, 0.0), (0.9, 1.0, 0.85), 0.40),
        ((0.0, -0.15, 0.33), (1.0, 0.8, 0.9), 0.22),
        ((0.45, 0.10, -0.05), (1.0, 1.2, 0.4), 0.20),
        ((-0.40, 0.15, -0.05), (0.9, 1.1, 0.4), 0.12),
        ((0.08, 0.40, -0.15), (0.6, 1.0, 0.6), 0.15),
    )
    return framed(joined([ball(3, radius, centre, axes) for centre, axes, radius in blobs]))


def framed(mesh: Mesh) -> Mesh:
    return bring_into_frame(mesh, {}).mesh


def noisy(mesh: Mesh, amount: float, seed: int = 0) -> Mesh:
    shifts = np.random.default_rng(seed).normal(0, amount, mesh.vertices.shape)
    return Mesh((mesh.vertices + shifts).astype(np.float32), mesh.faces)


# Pictures of bodies.


def silhouette(mesh: Mesh, camera: Orthographic, samples: int = 4) -> Floats:
    """Coverage of the body's picture, the mean of samples x samples points a pixel."""
    width, height = camera.size_px
    fine = replace(
        camera,
        px_per_unit=(camera.px_per_unit[0] * samples, camera.px_per_unit[1] * samples),
        centre_px=(camera.centre_px[0] * samples, camera.centre_px[1] * samples),
        size_px=(width * samples, height * samples),
    )
    face_ids = rasterise(fine.project(mesh.vertices), mesh.faces, height * samples, width * samples).face_ids
    hits = (face_ids >= 0).reshape(height, samples, width, samples)
    return np.asarray(hits.mean(axis=(1, 3)), np.float32)


def outlined(mesh: Mesh, view: str, size_px: int = 192) -> OutlinedView:
    alphas = silhouette(mesh, framing_camera(view, size_px))
    return OutlinedView(alphas, outline_box(alphas))


def seen_colours(mesh: Mesh, camera: Orthographic, colour: Colour) -> tuple[Floats, Bools]:
    """The picture (H, W, 3) of the body in `colour` of its points, and where the body is; elsewhere grey."""
    width, height = camera.size_px
    raster = rasterise(camera.project(mesh.vertices), mesh.faces, height, width)
    picture = np.full((height, width, 3), 0.5, np.float32)
    inside = raster.face_ids >= 0
    picture[inside] = colour(raster.interpolate(mesh.corners))
    return picture, inside


def view_of(mesh: Mesh, view: str, colour: Colour, size_px: int = 128) -> View:
    """A view whose colours go on smoothly beyond the outline, as a bled picture's do."""
    camera = framing_camera(view, size_px)
    picture, inside = seen_colours(mesh, camera, colour)
    # The nearest point inside speaks for what lies outside.
    rows, columns = ndimage.distance_transform_edt(~inside, return_distances=False, return_indices=True)
    return View(view, camera, np.ascontiguousarray(picture[rows, columns]))


def rainbow(points: Floats) -> Floats:
    """A smooth colour in [0, 1] of every point in space."""
    waves = np.stack(
        [points @ np.array(axis, np.float32) for axis in ((4, 1, 2), (-1, 5, 1), (2, -2, 4))], axis=-1
    )
    return (0.5 + 0.4 * np.sin(waves)).astype(np.float32)


def png_of(alphas: Floats, colours: Floats | None = None) -> bytes:
    """A PNG with straight alpha; without `colours` (H, W, 3) a smooth pattern of the pixels' places."""
    height, width = alphas.shape
    if colours is None:
        x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
        colours = np.stack([x, y, 0.5 + 0.3 * np.sin(4 * (x + y))], axis=-1).astype(np.float32)
    rgba = np.concatenate([colours, alphas[..., None]], axis=2)
    file = io.BytesIO()
    Image.fromarray(np.round(rgba * 255).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


# Measures.


def iou(a: Bools, b: Bools) -> float:
    return float((a & b).sum() / (a | b).sum())


def psnr(a: Floats, b: Floats) -> float:
    return float(-10 * np.log10(np.mean((a.astype(np.float64) - b) ** 2)))


def voxel_centres(n: int) -> NDArray[np.float64]:
    """Centres along one axis of n cells over [-0.55, 0.55], shifted a little to keep off the vertices."""
    return (np.arange(n) + 0.5) / n * 1.1 - 0.55 + 1.7e-4


def occupancy(mesh: Mesh, n: int = 64) -> Bools:
    """Which voxel centres (x, y, z) lie inside: crossings of the surface are counted along z, with sign."""
    centres = voxel_centres(n)
    corners = mesh.corners.astype(np.float64)
    x, y, z = corners[..., 0], corners[..., 1], corners[..., 2]
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    first_x, last_x = np.searchsorted(centres, [x.min(axis=1), x.max(axis=1)])
    first_y, last_y = np.searchsorted(centres, [y.min(axis=1), y.max(axis=1)])
    n_x = last_x - first_x
    counts = np.where(area == 0, 0, n_x * (last_y - first_y))
    face = np.repeat(np.arange(len(corners)), counts)
    local = np.arange(len(face)) - np.repeat(np.cumsum(counts) - counts, counts)
    i, j = first_x[face] + local % n_x[face], first_y[face] + local // n_x[face]
    px, py = centres[i], centres[j]
    x, y, z, area = x[face], y[face], z[face], area[face]
    w1 = ((px - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (py - y[:, 0])) / area
    w2 = ((x[:, 1] - x[:, 0]) * (py - y[:, 0]) - (px - x[:, 0]) * (y[:, 1] - y[:, 0])) / area
    hit = (w1 >= 0) & (w2 >= 0) & (w1 + w2 <= 1)
    depth = z[:, 0] + w1 * (z[:, 1] - z[:, 0]) + w2 * (z[:, 2] - z[:, 0])
    above = np.searchsorted(centres, depth[hit])
    # Going up, a face that looks down (area < 0 seen from +z) is an entrance.
    crossings = np.zeros((n, n, n + 1), np.int32)
    np.add.at(crossings, (i[hit], j[hit], above), np.where(area[hit] < 0, 1, -1))
    return np.asarray(np.cumsum(crossings, axis=2)[..., :n] > 0)


def true_hull(mesh: Mesh, views: Sequence[str], n: int = 64, size_px: int = 512) -> Bools:
    """The voxel centres (x, y, z) that every named view's outline allows."""
    centres = voxel_centres(n)
    points = np.stack(np.meshgrid(centres, centres, centres, indexing="ij"), axis=-1).astype(np.float32)
    inside = np.ones((n, n, n), bool)
    for view in views:
        camera = framing_camera(view, size_px)
        shown = silhouette(mesh, camera, 1) > 0.5
        pixels = np.clip(camera.project(points)[..., :2].astype(int), 0, size_px - 1)
        inside &= shown[pixels[..., 1], pixels[..., 0]]
    return inside
