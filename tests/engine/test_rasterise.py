"""A pixel belongs to the nearest face whose closed triangle holds its centre, and carries exact values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from shapes import ball

from engine.geometry.cameras import Camera, Perspective, framing_camera
from engine.geometry.compute import processor
from engine.geometry.rasterise import EMPTY, Raster, cover, project, rasterise

PINHOLE = Perspective(30, 20, 1.5, 110.0, (50.0, 47.0), (96, 96))


def points(*rows: tuple[float, float, float]) -> np.ndarray:
    return np.array(rows, np.float32)


def faces(*rows: tuple[int, int, int]) -> np.ndarray:
    return np.array(rows, np.int32).reshape(-1, 3)


def grid(n: int, size_px: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """A square of size_px pixels as a grid of n x n cells with wobbly inner points, two triangles a cell."""
    rng = np.random.default_rng(seed)
    lines = np.linspace(0, size_px, n + 1)
    x, y = np.meshgrid(lines, lines)
    wobble = rng.uniform(-0.3, 0.3, (2, n + 1, n + 1)) * size_px / n
    wobble[:, [0, -1]] = wobble[:, :, [0, -1]] = 0
    placed = np.stack([x + wobble[0], y + wobble[1], np.zeros_like(x)], axis=-1).reshape(-1, 3)
    corner = (np.arange(n)[:, None] * (n + 1) + np.arange(n)).ravel()
    a, b, c, d = corner, corner + 1, corner + n + 1, corner + n + 2
    cells = np.concatenate([np.stack([a, b, c], axis=1), np.stack([b, d, c], axis=1)])
    return placed.astype(np.float32), cells.astype(np.int32)


def test_a_triangle_covers_exactly_the_pixels_whose_centres_it_holds() -> None:
    corners = points((1.2, 2.1, 0), (27.7, 6.3, 0), (9.4, 29.8, 0))
    raster = rasterise(corners, faces((0, 1, 2)), 32, 30)
    y, x = np.mgrid[0:32, 0:30] + 0.5
    signs = []
    for i in range(3):
        (ax, ay), (bx, by) = corners[i, :2].astype(float), corners[(i + 1) % 3, :2].astype(float)
        signs.append((bx - ax) * (y - ay) - (by - ay) * (x - ax))
    inside = (np.stack(signs) > 0).all(axis=0)
    assert inside.sum() > 200
    assert np.array_equal(raster.face_ids == 0, inside)


def test_a_centre_on_the_edge_belongs_to_the_triangle() -> None:
    raster = rasterise(points((0.5, 0.5, 0), (3.5, 0.5, 0), (0.5, 3.5, 0)), faces((0, 1, 2)), 5, 5)
    assert (raster.face_ids == 0).sum() == 10


def test_both_windings_are_drawn() -> None:
    corners = points((0, 0, 0), (8, 0, 0), (0, 8, 0))
    one, other = (rasterise(corners, faces(face), 8, 8).face_ids for face in ((0, 1, 2), (0, 2, 1)))
    assert np.array_equal(one, other)
    assert (one == 0).sum() > 20


def test_barycentrics_carry_a_linear_function_exactly() -> None:
    corners = points((-3, 1, 2), (40, 9, -1), (11, 37, 5))
    raster = rasterise(corners, faces((0, 1, 2)), 32, 32)
    plane = np.array([[0.25, -0.5], [0.125, 0.75]])

    def values(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.stack([x, y], axis=-1) @ plane + 3

    rows, columns = np.nonzero(raster.face_ids == 0)
    per_corner = values(corners[:, 0], corners[:, 1])[None].astype(np.float32)
    carried = raster.interpolate(per_corner)
    assert len(carried) > 300
    assert np.abs(carried - values(columns + 0.5, rows + 0.5)).max() < 1e-4
    assert np.abs(raster.barycentrics[rows, columns].sum(axis=1) - 1).max() < 1e-6


def test_depths_are_interpolated_and_infinite_where_nothing_is() -> None:
    raster = rasterise(points((0, 0, -1), (16, 0, -1), (0, 16, 3)), faces((0, 1, 2)), 16, 16)
    rows, columns = np.nonzero(raster.face_ids == 0)
    assert np.abs(raster.depths[rows, columns] - (-1 + 4 * (rows + 0.5) / 16)).max() < 1e-5
    assert np.isinf(raster.depths[raster.face_ids < 0]).all()
    assert (raster.face_ids[-1, 1:] == -1).all()


def test_the_nearer_face_wins_whatever_the_order() -> None:
    far = [(0.0, 0.0, 5.0), (9.0, 0.0, 5.0), (0.0, 9.0, 5.0)]
    near = [(x, y, -5.0) for x, y, _ in far]
    for order, winner in (((far, near), 1), ((near, far), 0)):
        raster = rasterise(points(*order[0], *order[1]), faces((0, 1, 2), (3, 4, 5)), 9, 9)
        assert set(raster.face_ids.ravel()) == {-1, winner}
        assert (raster.depths[raster.face_ids >= 0] == -5).all()


def test_crossing_faces_share_the_picture_along_their_line() -> None:
    corners = points((0, 0, 0), (20, 0, 10), (0, 40, 0), (20, 40, 10), (0, 0, 5), (20, 0, 5), (0, 40, 5))
    raster = rasterise(corners, faces((0, 1, 2), (4, 5, 6)), 10, 10)
    assert (raster.face_ids[:, :9] == 0).all()
    wide = rasterise(corners, faces((0, 1, 2), (4, 5, 6)), 4, 18)
    assert (wide.face_ids[:, :9] == 0).all()
    assert (wide.face_ids[:, 11:] == 1).all()


def test_faces_that_are_not_drawn_cover_and_hide_nothing() -> None:
    corners = points((0, 0, 1), (9, 0, 1), (0, 9, 1), (0, 0, 5), (9, 0, 5), (0, 9, 5))
    both = faces((0, 1, 2), (3, 4, 5))
    shown = rasterise(corners, both, 9, 9, np.array([False, True]))
    assert set(shown.face_ids.ravel()) == {-1, 1}
    assert (rasterise(corners, both, 9, 9, np.zeros(2, bool)).face_ids == -1).all()


def test_equal_depths_go_to_the_lower_index() -> None:
    corners = points((0, 0, 1), (9, 0, 1), (0, 9, 1))
    raster = rasterise(corners, faces((2, 0, 1), (0, 1, 2), (1, 2, 0)), 9, 9)
    assert set(raster.face_ids.ravel()) == {-1, 0}


def test_faces_off_the_picture_cover_nothing_and_those_across_its_border_are_cut() -> None:
    shape = [(0.0, 0.0), (6.0, 0.0), (0.0, 6.0)]
    for dx, dy in ((-7, 0), (11, 0), (0, -7), (0, 11), (-5000, 3), (1e9, 1e9)):
        corners = points(*((x + dx, y + dy, 0.0) for x, y in shape))
        assert (rasterise(corners, faces((0, 1, 2)), 10, 10).face_ids == -1).all()
    huge = points((-1e5, -1e5, 0), (3e5, -1e5, 0), (-1e5, 3e5, 0))
    assert (rasterise(huge, faces((0, 1, 2)), 10, 12).face_ids == 0).all()


@pytest.mark.parametrize("seed", range(4))
def test_a_small_picture_is_a_window_on_a_large_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    corners = rng.uniform(-6, 46, (60, 3)).astype(np.float32)
    triangles = rng.integers(0, 60, (40, 3)).astype(np.int32)
    large = rasterise(corners, triangles, 40, 40).face_ids
    for height, width in ((23, 17), (17, 31), (9, 11)):
        assert np.array_equal(rasterise(corners, triangles, height, width).face_ids, large[:height, :width])
    assert len(set(large.ravel())) > 5


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
@pytest.mark.filterwarnings("error")
def test_points_that_are_not_finite_spoil_only_their_own_faces(poison: float) -> None:
    corners = points((0, 0, 0), (9, 0, 0), (0, 9, 0), (poison, 1, -1), (5, 5, poison))
    raster = rasterise(corners, faces((0, 1, 3), (0, 1, 4), (0, 1, 2)), 9, 9)
    assert set(raster.face_ids.ravel()) == {-1, 2}
    assert np.isfinite(raster.barycentrics).all()


def test_faces_without_area_cover_nothing() -> None:
    corners = points((0.5, 0.5, 0), (7.5, 7.5, 0), (3.5, 3.5, 0))
    assert (rasterise(corners, faces((0, 1, 2), (0, 0, 0), (0, 1, 1)), 9, 9).face_ids == -1).all()


def test_no_faces_are_an_empty_picture() -> None:
    raster = rasterise(np.zeros((0, 3), np.float32), faces(), 4, 6)
    assert raster.face_ids.shape == (4, 6)
    assert (raster.face_ids == -1).all()
    assert raster.interpolate(np.zeros((0, 3, 2), np.float32)).shape == (0, 2)


@pytest.mark.parametrize("n", [3, 16, 40])
def test_shared_edges_leave_no_gap(n: int) -> None:
    corners, cells = grid(n, 64)
    assert (rasterise(corners, cells, 64, 64).face_ids >= 0).all()


def test_a_grid_on_the_pixel_centres_leaves_no_gap() -> None:
    lines = np.arange(0.5, 17, 1.0)
    x, y = np.meshgrid(lines, lines)
    corners = np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3).astype(np.float32)
    corner = (np.arange(16)[:, None] * 17 + np.arange(16)).ravel()
    cells = np.stack([corner, corner + 1, corner + 17, corner + 1, corner + 18, corner + 17], axis=1)
    assert (rasterise(corners, cells.reshape(-1, 3).astype(np.int32), 17, 17).face_ids >= 0).all()


def same(a: Raster, b: Raster) -> bool:
    pairs = ((a.face_ids, b.face_ids), (a.barycentrics, b.barycentrics), (a.depths, b.depths))
    return all(np.array_equal(one, other) for one, other in pairs)


@pytest.mark.parametrize("n_threads", [1, 2, 7])
def test_the_result_does_not_depend_on_the_number_of_threads(n_threads: int) -> None:
    mesh = ball(2)
    projected = framing_camera("front", 40).project(mesh.vertices)
    points = np.concatenate([projected, np.ones((len(projected), 1), np.float32)], axis=1)
    whole = cover(processor(), points, mesh.faces, 40, 40)
    parts = cover(replace(processor(), n_threads=n_threads), points, mesh.faces, 40, 40)
    assert np.array_equal(parts.keys, whole.keys)
    assert (whole.keys != EMPTY).sum() > 800


@pytest.mark.parametrize("camera", [framing_camera("left", 96), PINHOLE])
def test_culling_leaves_out_what_turns_its_back(camera: Camera) -> None:
    mesh = ball(3)
    placed = project(processor(), mesh.vertices, camera.matrix)
    is_perspective = isinstance(camera, Perspective)
    ways = (
        cover(processor(), placed, faces, 96, 96, is_perspective=is_perspective, is_culled=True)
        for faces in (mesh.faces, np.ascontiguousarray(mesh.faces[:, ::-1]))
    )
    outside, inside = (way.resolved[0] for way in ways)
    whole = cover(processor(), placed, mesh.faces, 96, 96, is_perspective=is_perspective).resolved[0]
    assert np.array_equal(outside, whole)
    assert ((inside >= 0) == (whole >= 0)).mean() > 0.99
    assert not np.isin(inside[inside >= 0], whole).any()


def test_a_perspective_camera_carries_values_and_distances_exactly() -> None:
    mesh = ball(1, radius=0.6)
    placed = project(processor(), mesh.vertices, PINHOLE.matrix)
    raster = rasterise(placed[:, [0, 1, 2, 3]], mesh.faces, 96, 96)
    points = raster.interpolate(mesh.corners)
    rows, columns = np.nonzero(raster.face_ids >= 0)
    assert len(points) > 2000
    back = PINHOLE.project(points)
    assert np.abs(back[:, 0] - (columns + 0.5)).max() < 2e-3
    assert np.abs(back[:, 1] - (rows + 0.5)).max() < 2e-3
    assert np.abs(back[:, 2] - raster.depths[rows, columns]).max() < 1e-5
    # Faces are large and near: mixing as an orthographic camera does would be off by pixels.
    flat = rasterise(placed[:, :3], mesh.faces, 96, 96).interpolate(mesh.corners)
    assert np.abs(PINHOLE.project(flat)[:, 0] - (columns + 0.5)).max() > 0.5


def test_faces_behind_a_perspective_camera_are_not_drawn() -> None:
    near = replace(PINHOLE, distance=0.2)
    mesh = ball(2)
    placed = project(processor(), mesh.vertices, near.matrix)
    drawn = cover(processor(), placed, mesh.faces, 96, 96, is_perspective=True).resolved
    shown = np.unique(drawn[0][drawn[0] >= 0])
    assert len(shown) > 0
    assert (near.project(mesh.vertices)[mesh.faces[shown], 2] > 0).all()


def test_a_ball_shows_its_near_half() -> None:
    mesh = ball(3)
    camera = framing_camera("left", 64)
    raster = rasterise(camera.project(mesh.vertices), mesh.faces, 64, 64)
    shown = raster.interpolate(mesh.corners)
    assert (shown @ camera.basis[2] > 0).all()
