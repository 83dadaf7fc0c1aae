"""An outline becomes a closed body with the same outline: round where it is round, thin where it is thin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage
from shapes import cross, disc, disc_distances, figure_eight, iou, rectangle, ring, silhouette, two_discs

from engine.geometry.cameras import Orthographic
from engine.geometry.inflate import Inflation, inflate, squared_heights
from engine.geometry.mesh import Mesh, topology, volume
from engine.geometry.outline import outline_box

BALL = Inflation(depth=1.0, resolution=96)
SHAPES = {
    "disc": (disc, 1, 2),
    "ring": (ring, 1, 0),
    "figure eight": (figure_eight, 1, -2),
    "cross": (cross, 1, 2),
    "two discs": (two_discs, 2, 4),
    "flag": (lambda: np.maximum(rectangle(128, 128, (20, 10, 30, 118)), disc(128, 26, (50, 40))), 1, 2),
}


def inflated(alphas: np.ndarray, how: Inflation = BALL, luminances: np.ndarray | None = None) -> Mesh:
    return inflate(alphas, luminances, outline_box(alphas), how)


def thickness(mesh: Mesh, near: tuple[float, float], reach: float = 0.02) -> float:
    """Between the highest and the lowest vertex within `reach` of a place (x, y)."""
    close = np.hypot(*(mesh.vertices[:, :2] - near).T) < reach
    return float(np.ptp(mesh.vertices[close, 2]))


@pytest.mark.parametrize("longest_cells", [64, 87, 128, 195, 235, 411, 512])
def test_the_squared_height_of_a_disc_is_that_of_a_ball(longest_cells: int) -> None:
    radius, size = longest_cells / 2, longest_cells + 6
    distances = disc_distances(size, radius, (size / 2, size / 2))
    heights = np.sqrt(np.maximum(squared_heights(distances.astype(np.float32), 0.0, longest_cells), 0))
    truth = np.sqrt(np.maximum(radius**2 - (radius - distances) ** 2, 0))
    assert heights.max() == pytest.approx(radius, rel=0.03)
    inner = distances > 2
    assert np.abs(heights - truth)[inner].max() < max(0.03 * radius, 1.5)


def test_a_disc_becomes_a_ball() -> None:
    mesh = inflated(disc(), replace(BALL, resolution=128))
    low, high = mesh.bounds
    assert np.allclose(high, 0.5, atol=0.015)
    assert np.allclose(low, -0.5, atol=0.015)
    assert np.abs(np.linalg.norm(mesh.vertices, axis=1) - 0.5).max() < 0.02
    assert volume(mesh) == pytest.approx(np.pi / 6, rel=0.04)


@pytest.mark.parametrize("name", SHAPES)
def test_holes_and_parts_of_the_outline_are_those_of_a_closed_body_that_winds_outward(name: str) -> None:
    draw, n_components, euler = SHAPES[name]
    mesh = inflated(draw())
    facts = topology(mesh)
    assert (facts.n_components, facts.euler, facts.is_watertight) == (n_components, euler, True)
    assert volume(mesh) > 0


@pytest.mark.parametrize("name", SHAPES)
def test_from_the_front_the_body_has_the_outline_of_the_picture(name: str) -> None:
    alphas = SHAPES[name][0]()
    box = outline_box(alphas)
    per_unit = (box.longest_px, box.longest_px)
    camera = Orthographic(0, 0, per_unit, ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2), (128, 128))
    assert iou(silhouette(inflated(alphas), camera, 1) > 0, alphas > 0.5) >= 0.97


def test_a_subject_in_the_corner_is_centred_and_its_longest_side_is_one() -> None:
    mesh = inflated(rectangle(160, 120, (10.5, 20.25, 50.5, 110.25)))
    low, high = mesh.bounds
    assert np.allclose((low + high) / 2, 0, atol=0.01)
    assert high[1] - low[1] == pytest.approx(1, abs=0.02)
    assert high[0] - low[0] == pytest.approx(40 / 90, abs=0.02)


def test_a_thin_strip_stays_about_as_thick_as_it_is_wide() -> None:
    width = 6.4 / 102.4  # of the cross' arms, in units of its longest side
    mesh = inflated(cross(), replace(BALL, resolution=192))
    for place in ((0.3, 0.0), (-0.3, 0.0), (0.0, 0.3), (0.0, -0.3)):
        assert 0.7 * width < thickness(mesh, place) < 2 * width
    assert thickness(inflated(disc()), (0.0, 0.0)) > 0.95


def test_a_soft_outline_makes_the_body_of_a_sharp_one() -> None:
    soft = ndimage.gaussian_filter(disc(), 4).astype(np.float32)
    assert volume(inflated(soft)) == pytest.approx(volume(inflated(disc())), rel=0.05)


def test_a_handle_stays_thinner_than_what_it_is_on() -> None:
    alphas = np.maximum(disc(128, 30, (45, 64)), rectangle(128, 128, (74, 61, 122, 67)))
    mesh = inflated(alphas)
    low, _ = mesh.bounds
    box = outline_box(alphas)
    per_px = 1 / box.longest_px
    at_disc = thickness(mesh, (float(low[0]) + (45 - box.x0) * per_px, 0.0))
    at_handle = thickness(mesh, (float(low[0]) + (110 - box.x0) * per_px, 0.0))
    assert at_disc > 50 * per_px
    assert at_handle < 14 * per_px


def test_depth_scales_the_thickness_and_nothing_else() -> None:
    one, half = inflated(disc()), inflated(disc(), replace(BALL, depth=0.5))
    assert half.bounds[1][2] == pytest.approx(one.bounds[1][2] / 2, rel=0.02)
    assert np.allclose(half.bounds[1][:2], one.bounds[1][:2], atol=0.005)


def test_flatness_bounds_the_thickness_of_broad_parts_only() -> None:
    round_body, flat = inflated(disc()), inflated(disc(), replace(BALL, flatness=1.0))
    assert round_body.bounds[1][2] > 0.45
    assert 0.05 < flat.bounds[1][2] < 0.105
    thin, thin_flat = inflated(cross()), inflated(cross(), replace(BALL, flatness=1.0))
    assert thickness(thin_flat, (0.3, 0.0)) > 0.6 * thickness(thin, (0.3, 0.0))


def test_relief_moves_the_front_only_and_towards_the_bright() -> None:
    alphas = disc()
    bright = disc(128, 6.0, (80, 50))
    plain = inflated(alphas, luminances=bright)
    pressed = inflated(alphas, replace(BALL, relief=1.0), luminances=bright)
    place = ((80 - 64) / 100.6, (64 - 50) / 100.6)

    def near(mesh: Mesh) -> np.ndarray:
        return mesh.vertices[np.hypot(*(mesh.vertices[:, :2] - place).T) < 0.03, 2]

    assert near(pressed).max() > near(plain).max() + 0.005
    assert near(pressed).max() < near(plain).max() + 0.025
    assert near(pressed).min() == pytest.approx(near(plain).min(), abs=1e-4)
    assert pressed.bounds[0][2] == pytest.approx(plain.bounds[0][2], abs=1e-4)
    assert topology(pressed).euler == 2


def test_relief_without_shading_changes_nothing() -> None:
    plain, pressed = (
        inflated(disc()),
        inflated(disc(), replace(BALL, relief=1.0), np.ones((128, 128), np.float32)),
    )
    assert np.allclose(plain.bounds, pressed.bounds, atol=1e-3)


def test_the_same_outline_gives_the_same_body() -> None:
    one, other = inflated(figure_eight()), inflated(figure_eight())
    assert np.array_equal(one.vertices, other.vertices)
    assert np.array_equal(one.faces, other.faces)


def test_a_mirrored_outline_gives_the_mirrored_body() -> None:
    alphas = np.maximum(two_discs(), rectangle(128, 128, (20, 60, 50, 120)))
    one, other = inflated(alphas), inflated(np.ascontiguousarray(alphas[:, ::-1]))
    assert volume(one) == pytest.approx(volume(other), rel=0.01)
    mean = one.vertices.mean(axis=0)
    assert np.allclose(mean * (-1, 1, 1), other.vertices.mean(axis=0), atol=0.01)
    assert abs(mean[0]) > 0.02


def test_the_steps_are_told_in_order() -> None:
    steps: list[tuple[int, int]] = []
    inflate(disc(), None, outline_box(disc()), replace(BALL, resolution=48), lambda *step: steps.append(step))
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_thin_subjects_get_finer_cells_than_thick_ones() -> None:
    thin = rectangle(64, 256, (8, 30, 248, 34))
    automatic = inflated(thin, Inflation())
    assert topology(automatic).euler == 2
    facing_front = automatic.face_areas_normals[1][:, 2] > 0.9
    assert facing_front.sum() > 2000  # 240 x 4 pixels
