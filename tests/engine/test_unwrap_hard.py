"""Meshes as they come: every one gets a layout without overlaps, or is refused in words."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import trimesh
from shapes import ball, chair, noisy

from engine.errors import BadInput
from engine.geometry.atlas.overlap import claim_texels
from engine.geometry.atlas.regions import calm_regions
from engine.geometry.mesh import Mesh
from engine.geometry.unwrap import UnwrapOptions, Unwrapped, unwrap

CORNER = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
SIDES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32)


def made(vertices: object, faces: object) -> Mesh:
    return Mesh(np.asarray(vertices, np.float32), np.asarray(faces, np.int32))


def tetrahedra(n: int) -> Mesh:
    places = np.random.default_rng(1).uniform(0, 50, (n, 1, 3))
    faces = SIDES + 4 * np.arange(n, dtype=np.int32)[:, None, None]
    return made((CORNER + places).reshape(-1, 3), faces.reshape(-1, 3))


def loose_triangles(n: int) -> Mesh:
    return made(np.random.default_rng(2).normal(size=(3 * n, 3)), np.arange(3 * n).reshape(-1, 3))


def soup() -> Mesh:
    """Faces between random points: edges in many faces, self-intersections, vertices named twice."""
    random = np.random.default_rng(3)
    return made(random.normal(size=(60, 3)), random.integers(0, 60, (600, 3)))


def doubled(turned: bool) -> Mesh:
    body = ball(3)
    again = body.faces[:, ::-1] if turned else body.faces
    return Mesh(body.vertices, np.ascontiguousarray(np.concatenate([body.faces, again])))


def random_winding() -> Mesh:
    body = ball(3)
    turned = np.random.default_rng(4).random(len(body.faces)) < 0.5
    return Mesh(body.vertices, np.where(turned[:, None], body.faces[:, ::-1], body.faces))


def spiral_ramp() -> Mesh:
    """A stair without steps, six times around: from above it lies over itself."""
    angle = np.linspace(0, 12 * np.pi, 700)
    inner = np.stack([np.cos(angle), np.sin(angle), 0.02 * angle], axis=1)
    vertices = np.stack([inner, inner * (2, 2, 1)], axis=1).reshape(-1, 3)
    i = np.arange(0, 1398, 2)
    return made(
        vertices, np.concatenate([np.stack([i, i + 2, i + 1], 1), np.stack([i + 1, i + 2, i + 3], 1)])
    )


def slivers() -> Mesh:
    places = np.random.default_rng(5).uniform(-1e-4, 1e-4, (400, 3)) + np.arange(400)[:, None] * (0.1, 0, 0)
    i = np.arange(398)
    return made(places, np.stack([i, i + 1, i + 2], axis=1))


def fan() -> Mesh:
    """Five sheets that meet in one edge."""
    angle = np.arange(5) * 1.1
    outer = np.stack([np.cos(angle), np.sin(angle), np.full(5, 0.5)], axis=1)
    return made(np.concatenate([[[0, 0, 0], [0, 0, 1]], outer]), [[0, 1, 2 + i] for i in range(5)])


def with_flat_faces() -> Mesh:
    """A ball with faces that have no area: a vertex twice, three points in a line, one point thrice."""
    body = ball(3)
    middle = (body.vertices[body.faces[5, 0]] + body.vertices[body.faces[5, 1]]) / 2
    vertices = np.concatenate([body.vertices, [middle], np.repeat(body.vertices[:1], 3, axis=0)])
    a, b, n = *body.faces[5, :2], len(body.vertices)
    return made(vertices, np.concatenate([body.faces, [[a, a, b], [a, b, n], [n + 1, n + 2, n + 3]]]))


HARD: dict[str, Callable[[], Mesh]] = {
    "one triangle": lambda: made(CORNER[:3], [[0, 1, 2]]),
    "5,000 tetrahedra": lambda: tetrahedra(5000),
    "6,000 loose triangles": lambda: loose_triangles(6000),
    "soup": soup,
    "all faces twice": lambda: doubled(turned=False),
    "all faces twice, once inside out": lambda: doubled(turned=True),
    "random winding": random_winding,
    "spiral ramp": spiral_ramp,
    "slivers": slivers,
    "five sheets in one edge": fan,
    "faces without area": with_flat_faces,
    "all noise": lambda: noisy(ball(4), 0.3),
    "open tube": lambda: made(*_tube()),
    "huge": lambda: Mesh(ball(3).vertices * np.float32(1e5) + np.float32(3e5), ball(3).faces),
    "tiny": lambda: Mesh(ball(3).vertices * np.float32(1e-5), ball(3).faces),
    "hard edges": chair,
}


def _tube() -> tuple[np.ndarray, np.ndarray]:
    body = trimesh.creation.cylinder(1, 3, sections=48)
    return body.vertices, body.faces[np.abs(body.face_normals[:, 2]) < 0.5]


@pytest.mark.parametrize("name", HARD)
def test_a_hard_mesh_is_laid_out_without_overlaps(name: str) -> None:
    mesh = HARD[name]()
    laid = unwrap(mesh.vertices, mesh.faces, UnwrapOptions(1024))
    assert laid.uv.shape == (len(mesh.faces), 3, 2)
    assert np.isfinite(laid.uv).all()
    assert 0 <= laid.uv.min() <= laid.uv.max() <= 1
    assert claim_texels(laid.uv, 1024).n_contested == 0
    along, aside = (laid.uv[:, i].astype(float) - laid.uv[:, 0] for i in (1, 2))
    assert (along[:, 0] * aside[:, 1] - along[:, 1] * aside[:, 0]).min() > -1e-12
    assert len(np.unique(laid.charts)) == laid.n_charts


def test_units_make_no_difference() -> None:
    body = ball(3)
    plain = unwrap(body.vertices, body.faces)
    kilometres = unwrap(body.vertices * np.float32(2**17), body.faces)
    assert np.array_equal(plain.uv, kilometres.uv)


def test_a_mesh_without_faces_is_refused() -> None:
    with pytest.raises(BadInput, match="no faces"):
        unwrap(CORNER, np.zeros((0, 3), np.int32))


@pytest.mark.parametrize("densities", [np.ones(3), np.array([1, 1, 0, 1]), np.array([1, np.nan, 1, 1])])
def test_densities_that_do_not_fit_are_refused(densities: np.ndarray) -> None:
    with pytest.raises(BadInput, match="4 numbers above 0"):
        unwrap(CORNER, SIDES, None, densities.astype(np.float32))


def test_a_mesh_without_area_has_a_layout_without_area() -> None:
    laid = unwrap(np.zeros((3, 3), np.float32), np.array([[0, 1, 2]], np.int32))
    assert (laid.uv == laid.uv[0, 0]).all()
    assert "No face has an area" in laid.notes[0]


def test_faces_without_area_take_no_room() -> None:
    mesh = with_flat_faces()
    alone = unwrap(ball(3).vertices, ball(3).faces, UnwrapOptions(512))
    laid = unwrap(mesh.vertices, mesh.faces, UnwrapOptions(512))
    assert laid.use == pytest.approx(alone.use, abs=0.1)


@pytest.mark.parametrize(("size_px", "words"), [(256, "apart, not 4"), (64, "no texel of their own")])
def test_too_small_a_texture_is_filled_and_it_is_said(size_px: int, words: str) -> None:
    mesh = loose_triangles(6000)
    laid = unwrap(mesh.vertices, mesh.faces, UnwrapOptions(size_px))
    assert claim_texels(laid.uv, size_px).n_contested == 0
    assert len(laid.notes) == 1
    assert f"{size_px} px" in laid.notes[0]
    assert f"{laid.n_charts} charts" in laid.notes[0]
    assert words in laid.notes[0]


def test_a_face_that_lies_over_another_would_be_found() -> None:
    mesh = ball(2)
    laid: Unwrapped = unwrap(mesh.vertices, mesh.faces, UnwrapOptions(512))
    moved = laid.uv.copy()
    moved[7] = laid.uv[3]
    found = claim_texels(moved, 512)
    assert found.n_contested > 0
    assert set(np.flatnonzero(found.contested)) >= {3, 7}


def test_a_shared_edge_is_no_overlap() -> None:
    # The diagonal of a square runs exactly through the centres of texels.
    square = np.array([[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [0, 1]]], np.float32)
    assert claim_texels(square, 64).n_contested == 0


def test_speckles_take_the_mark_around_them() -> None:
    mesh = ball(4)
    front = mesh.face_areas_normals[1][:, 2] > 0
    speckled = front ^ (np.random.default_rng(6).random(len(front)) < 0.1)
    calm = calm_regions(mesh, speckled)
    away = np.abs(mesh.corners.mean(axis=1)[:, 2]) > 0.1
    assert (calm == front)[away].mean() > 0.995
    assert (speckled == front)[away].mean() < 0.95


def test_a_small_part_of_the_mesh_keeps_its_mark() -> None:
    small = made(ball(1).vertices * np.float32(0.01) + np.float32(2), ball(1).faces)
    body = ball(3)
    mesh = made(
        np.concatenate([body.vertices, small.vertices]),
        np.concatenate([body.faces, small.faces + len(body.vertices)]),
    )
    marked = np.arange(len(mesh.faces)) >= len(body.faces)
    assert np.array_equal(calm_regions(mesh, marked), marked)


def test_a_vertex_that_no_face_uses_makes_no_difference() -> None:
    body = ball(3)
    stray = np.concatenate([body.vertices, np.full((1, 3), 1e9, np.float32)])
    assert np.array_equal(unwrap(stray, body.faces).uv, unwrap(body.vertices, body.faces).uv)


@pytest.mark.parametrize("size_px", [1, 3, 16, 64])
def test_the_smallest_textures_are_laid_out(size_px: int) -> None:
    body = ball(2)
    laid = unwrap(body.vertices, body.faces, UnwrapOptions(size_px))
    assert claim_texels(laid.uv, size_px).n_contested == 0
    assert 0 <= laid.uv.min() <= laid.uv.max() <= 1
