"""An outline is known to a fraction of a pixel: its box, its coverage on any grid, its distance."""

from __future__ import annotations

import numpy as np
import pytest
from shapes import covered, disc, disc_distances, rectangle

from engine.errors import BadInput
from engine.geometry.outline import Box, outline_box, sample_alpha, signed_distances


@pytest.mark.parametrize(
    "sides",
    [(5.0, 7.0, 25.0, 19.0), (5.25, 7.75, 25.5, 19.125), (5.6, 7.4, 25.3, 19.9), (4.5, 4.5, 20.5, 20.5)],
)
def test_the_box_of_a_rectangle_has_its_fractional_edges(sides: tuple[float, float, float, float]) -> None:
    box = outline_box(rectangle(32, 40, sides))
    assert (box.x0, box.y0, box.x1, box.y1) == pytest.approx(sides, abs=1e-5)


def test_a_rectangle_that_fills_its_picture_has_the_picture_as_its_box() -> None:
    assert outline_box(np.ones((12, 20), np.float32)) == Box(0, 0, 20, 12)


def test_the_box_of_a_disc_is_round_its_radius() -> None:
    box = outline_box(disc(96, 30.3, (47.2, 50.9)))
    assert (box.x0, box.y0, box.x1, box.y1) == pytest.approx((16.9, 20.6, 77.5, 81.2), abs=0.1)


def test_a_box_knows_its_sides() -> None:
    box = Box(1, 2, 4.5, 10)
    assert (box.width_px, box.height_px, box.longest_px) == (3.5, 8, 8)


def test_a_picture_without_a_subject_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0\.5"):
        outline_box(np.full((8, 8), 0.4, np.float32))


@pytest.mark.parametrize(("columns", "rows"), [(17, 23), (64, 64), (100, 31), (200, 160)])
def test_resampling_conserves_the_area(columns: int, rows: int) -> None:
    alphas = disc(96, 30.3, (47.2, 50.9))
    box = outline_box(alphas)
    cells = sample_alpha(alphas, box, columns, rows, 2)
    cell_px = box.width_px / columns * box.height_px / rows
    assert cells.shape == (rows + 4, columns + 4)
    assert cells.sum() * cell_px == pytest.approx(alphas.sum(), rel=1e-3)


def test_cells_are_the_mean_of_what_they_cover() -> None:
    alphas = np.random.default_rng(0).uniform(0, 1, (24, 24)).astype(np.float32)
    cells = sample_alpha(alphas, Box(3, 6, 15, 18), 4, 3, 0)
    assert np.allclose(cells, alphas[6:18, 3:15].reshape(3, 4, 4, 3).mean(axis=(1, 3)), atol=1e-5)


def test_the_margin_beyond_the_picture_is_empty() -> None:
    cells = sample_alpha(np.ones((8, 8), np.float32), Box(0, 0, 8, 8), 8, 8, 3)
    assert (cells[3:-3, 3:-3] == 1).all()
    assert cells.sum() == 64


@pytest.mark.parametrize("shift", [0.0, 0.2, 0.35, 0.5, 0.75])
def test_the_distance_to_a_straight_edge_is_right_within_015_cells(shift: float) -> None:
    edge = 12 + shift
    distances = signed_distances(rectangle(16, 32, (edge, -100, 100, 100)))
    truth = np.arange(32) + 0.5 - edge
    assert np.abs(distances - truth).max() < 0.15


@pytest.mark.parametrize("angle_deg", [5, 20, 30, 45])
def test_the_distance_to_a_slanted_edge_is_right_within_a_quarter_of_a_cell(angle_deg: float) -> None:
    angle = np.deg2rad(angle_deg)
    y, x = np.mgrid[0:48, 0:48] - 23.3
    truth = x * np.cos(angle) + y * np.sin(angle)
    # Exact coverage by sampling each cell finely.
    fine = (np.arange(16) + 0.5) / 16 - 0.5
    parts = truth[..., None, None] + fine[:, None] * np.sin(angle) + fine * np.cos(angle)
    distances = signed_distances((parts > 0).mean(axis=(2, 3), dtype=np.float32))
    error = np.abs(distances - truth)[8:-8, 8:-8]
    assert error.max() < 0.25
    assert error.mean() < 0.05


@pytest.mark.parametrize("radius", [6.3, 25.7])
def test_the_distance_to_a_disc_is_right_within_half_a_cell(radius: float) -> None:
    truth = disc_distances(80, radius, (40.4, 39.1))
    error = np.abs(signed_distances(covered(truth)) - truth)
    near = np.abs(truth) < radius - 1  # at the very centre the distance has a kink
    assert error[near].max() < 0.5
    assert error[near].mean() < 0.12


def test_inside_is_positive_and_outside_negative() -> None:
    truth = disc_distances(64, 20.2, (32, 32))
    distances = signed_distances(covered(truth))
    clear = np.abs(truth) > 0.5
    assert np.array_equal(distances[clear] > 0, truth[clear] > 0)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_an_outline_without_two_sides_is_refused(value: float) -> None:
    with pytest.raises(BadInput, match=r"too thin|fills the whole"):
        signed_distances(np.full((8, 8), value, np.float32))
