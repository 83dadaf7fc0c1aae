"""A card finds what the processor finds: run with `pytest -m gpu` on a machine with a CUDA card."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from engine.geometry.bake import Blend, View, bake, locate_texels
from engine.geometry.cameras import Camera, Perspective, framing_camera
from engine.geometry.compute import Compute, card, processor
from engine.geometry.encodings import PAINT_VIEWS, draw_control_maps
from engine.geometry.exposure import match_exposure
from engine.geometry.gutter import dilate
from engine.geometry.inpaint import inpaint
from engine.geometry.mesh import Mesh
from engine.geometry.outline import outline_box
from engine.geometry.rasterise import cover, project, rasterise
from engine.geometry.refine import refine
from engine.runner import Listener, Runner
from engine.settings import BakeSettings
from engine.stages.bake import bake_views
from engine.stages.inpaint import inpaint as inpaint_stage
from engine.stages.values import Body, Charted, Subject

pytestmark = pytest.mark.gpu
SIZE_PX = 512


class Silent(Listener):
    """Hears everything and says nothing."""


@cache
def ring(n_major: int = 240, n_minor: int = 120) -> tuple[Mesh, np.ndarray]:
    """A bumpy ring and texture coordinates (M, 3, 2): one chart that fills the square but for a rim."""
    u, v = np.meshgrid(np.arange(n_major + 1) / n_major, np.arange(n_minor + 1) / n_minor, indexing="ij")
    a, b = 2 * np.pi * u, 2 * np.pi * v
    minor = 0.13 + 0.01 * np.sin(7 * a) * np.cos(5 * b)
    points = np.stack(
        [(0.35 + minor * np.cos(b)) * np.cos(a), (0.35 + minor * np.cos(b)) * np.sin(a), minor * np.sin(b)],
        -1,
    )
    i, j = np.meshgrid(np.arange(n_major), np.arange(n_minor), indexing="ij")

    def corners(wide: int, high: int, stride: int) -> np.ndarray:
        at = lambda x, y: ((i + x) % wide) * stride + (j + y) % high  # noqa: E731
        quads = np.stack([at(0, 0), at(1, 0), at(1, 1), at(0, 0), at(1, 1), at(0, 1)], -1)
        return quads.reshape(-1, 3).astype(np.int32)

    faces = corners(n_major, n_minor, n_minor)
    vertices = points[:-1, :-1].reshape(-1, 3).astype(np.float32)
    laid = np.stack([u, v], -1).reshape(-1, 2)[corners(n_major + 1, n_minor + 1, n_minor + 1)]
    return Mesh(vertices, faces), (0.02 + 0.96 * laid).astype(np.float32)


def colours_of(points: np.ndarray) -> np.ndarray:
    return (0.5 + 0.4 * np.sin(points @ np.array([[9, 2, 4], [-3, 11, 2], [5, -4, 8]], np.float32))).astype(
        np.float32
    )


def views() -> list[View]:
    mesh, _ = ring()
    made = []
    for name in ("front", "left", "back", "top"):
        camera = framing_camera(name, SIZE_PX)
        raster = rasterise(camera.project(mesh.vertices), mesh.faces, SIZE_PX, SIZE_PX)
        picture = np.full((SIZE_PX, SIZE_PX, 3), 0.5, np.float32)
        picture[raster.face_ids >= 0] = colours_of(raster.interpolate(mesh.corners))
        made.append(View(name, camera, picture))
    return made


CAMERAS = [
    framing_camera("left", SIZE_PX),
    Perspective(30, 20, 1.6, 600.0, (250.0, 260.0), (SIZE_PX, SIZE_PX)),
]


@pytest.mark.parametrize("camera", CAMERAS)
def test_faces_depths_and_weights_are_the_same(camera: Camera) -> None:
    mesh, _ = ring()
    drawn = []
    for compute in (processor(), card()):
        points = project(compute, compute.put(mesh.vertices), camera.matrix)
        is_perspective = isinstance(camera, Perspective)
        seen = cover(
            compute, points, compute.put(mesh.faces), SIZE_PX, SIZE_PX, is_perspective=is_perspective
        )
        drawn.append([compute.get(part) for part in seen.resolved])
    (ids, weights, depths), (card_ids, card_weights, card_depths) = drawn
    same = ids == card_ids
    assert (ids >= 0).sum() > 30_000
    assert same.mean() > 0.9998  # centres on an edge may fall to either side
    assert np.abs(weights - card_weights)[same].max() < 2e-3
    both = same & (ids >= 0)
    assert np.abs(depths[both] - card_depths[both]).max() < 1e-5


def test_a_face_as_large_as_the_picture_is_drawn_as_on_the_processor() -> None:
    vertices = np.array(
        [[-2, -2, 0], [3, -2, 0.5], [-2, 3, -0.5], [0.1, 0.1, 0.4], [0.2, 0.1, 0.4], [0.1, 0.2, 0.4]],
        np.float32,
    )
    faces = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
    camera = framing_camera("front", 1024)
    keys = []
    for compute in (processor(), card()):
        points = project(compute, compute.put(vertices), camera.matrix)
        keys.append(compute.get(cover(compute, points, compute.put(faces), 1024, 1024).resolved[0]))
    assert (keys[0] == 0).sum() > 500_000
    assert (keys[0] == 1).sum() > 2000
    assert (keys[0] == keys[1]).mean() > 0.9999


def test_control_maps_are_the_same() -> None:
    mesh, _ = ring()
    one, other = (draw_control_maps(compute, mesh, PAINT_VIEWS, SIZE_PX) for compute in (processor(), card()))
    pairs = ((one.normals, card().get(other.normals)), (one.positions, card().get(other.positions)))
    for a, b in pairs:
        differing = np.abs(a.astype(int) - b).max(axis=-1) > 1
        assert differing.mean() < 2e-4


@pytest.mark.parametrize("n_rounds", [0, 3])
def test_textures_are_the_same(n_rounds: int) -> None:
    mesh, uv = ring()
    textures = []
    for compute in (processor(), card()):
        texels = locate_texels(mesh, uv, SIZE_PX, compute)
        matched = match_exposure(mesh, texels, views(), Blend())
        baked = bake(mesh, texels, matched)
        baked = refine(mesh, uv, texels, baked, matched, n_rounds=n_rounds)
        assert 0.05 < 1 - float(compute.get(baked.seen).mean()) < 0.7
        textures.append(dilate(texels, inpaint(texels, baked)).astype(int))
    apart = np.abs(textures[0] - textures[1]).max(axis=-1)
    assert (apart > 2).mean() < 2e-3
    assert np.median(apart) == 0


def test_the_stages_give_the_same_texture_and_maps() -> None:
    mesh, uv = ring(96, 48)
    fine, _ = ring()
    camera = framing_camera("front", 256)
    raster = rasterise(camera.project(mesh.vertices), mesh.faces, 256, 256)
    rgba = np.zeros((256, 256, 4), np.uint8)
    inside = raster.face_ids >= 0
    rgba[inside, :3] = 255 * colours_of(raster.interpolate(mesh.corners))
    rgba[inside, 3] = 255
    subject = Subject("front", "ring", rgba, outline_box(inside.astype(np.float32)), "alpha")
    body = Body(mesh, {"front": camera}, (subject,), dense=fine)
    made = []
    for name in ("cpu", "cuda"):
        settings = BakeSettings(256, normal_map=True, occlusion=True, exposure=True, compute=name)
        runner = Runner(Silent(), n_stages=2)
        painted = runner.run(bake_views(settings), Charted(body, uv, 1))
        made.append(runner.run(inpaint_stage(), painted))
    one, other = made
    assert one.seen_fraction == pytest.approx(other.seen_fraction, abs=1e-3)
    assert set(one.maps) == set(other.maps) == {"normal", "occlusion"}
    for a, b in ((one.texture, other.texture), *((one.maps[name], other.maps[name]) for name in one.maps)):
        apart = np.abs(a.astype(int) - b).max(axis=-1)
        assert (apart > 3).mean() < 5e-3
        assert a.std() > 1


def test_an_empty_mesh_and_an_empty_atlas_are_no_trouble() -> None:
    compute: Compute = card()
    mesh = Mesh(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))
    texels = locate_texels(mesh, np.zeros((0, 3, 2), np.float32), 64, compute)
    assert len(texels.index) == 0
    assert (dilate(texels, inpaint(texels, bake(mesh, texels, views()[:1]))) == 0).all()
