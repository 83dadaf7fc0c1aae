"""What comes Y up and one unit long stands Z up in its real size."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scene_values import box


@pytest.fixture(scope="module")
def axes(maquette: ModuleType) -> Any:
    import maquette.scene.axes as found

    return found


def test_up_becomes_z_and_the_front_becomes_minus_y(axes: Any) -> None:
    tip_up, tip_front, tip_right = [0, 0.5, 0], [0, 0, 0.4], [0.3, 0, 0]
    opposite = [[0, -0.5, 0], [0, 0, -0.4], [-0.3, 0, 0]]
    placed = axes.stand(np.array([tip_up, tip_front, tip_right, *opposite], np.float32), axes.Height(1.0))
    expected = [[0, 0, 1], [0, -0.4, 0.5], [0.3, 0, 0.5], [0, 0, 0], [0, 0.4, 0.5], [-0.3, 0, 0.5]]
    np.testing.assert_allclose(placed, expected, atol=1e-6)


def test_the_object_stands_on_its_origin_in_its_height(axes: Any) -> None:
    placed = axes.stand(box()[0] + np.float32(3.0), axes.Height(1.8))
    np.testing.assert_allclose(placed.min(axis=0), [-0.45, -0.225, 0.0], atol=1e-5)
    np.testing.assert_allclose(placed.max(axis=0), [0.45, 0.225, 1.8], atol=1e-5)
    assert placed.dtype == np.float32
    assert placed.flags.c_contiguous


def test_faces_still_look_outwards(axes: Any) -> None:
    vertices, faces, _ = box()
    a, b, c = (axes.stand(vertices, axes.Height(1.0))[faces[:, corner]] for corner in range(3))
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6
    assert volume == pytest.approx(0.5 * 1 * 0.25, rel=1e-5)


@pytest.mark.parametrize(
    ("room", "sides"),
    [
        ((1, 1, 1), (0.5, 0.25, 1.0)),
        ((0.5, 9, 9), (0.5, 0.25, 1.0)),
        ((9, 0.5, 9), (1.0, 0.5, 2.0)),
        ((2, 3, 0), (2.0, 1.0, 4.0)),  # onto a flat plane: its height is no limit
    ],
)
def test_it_fills_the_room_it_is_fitted_into(axes: Any, room: Any, sides: Any) -> None:
    placed = axes.stand(box()[0], axes.Fit(room))
    np.testing.assert_allclose(np.ptp(placed, axis=0), sides, rtol=1e-5)


def test_a_flat_object_gets_its_height_as_its_longest_side(axes: Any) -> None:
    rug = np.array([[-0.5, 0, -0.3], [0.5, 0, -0.3], [0.5, 0, 0.3]], np.float32)
    np.testing.assert_allclose(np.ptp(axes.stand(rug, axes.Height(2.0)), axis=0), [2.0, 1.2, 0], atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_refused_with_their_count(axes: Any, bad: float) -> None:
    vertices = box()[0]
    vertices[2, 1] = bad
    with pytest.raises(ValueError, match="1 of 8 vertices"):
        axes.stand(vertices, axes.Height(1.0))


def test_a_single_point_has_no_size(axes: Any) -> None:
    with pytest.raises(ValueError, match="one point"):
        axes.stand(np.ones((4, 3), np.float32), axes.Height(1.0))


@pytest.mark.parametrize("height", [0.0, -1.0, float("nan"), float("inf")])
def test_a_height_that_is_none_is_refused(axes: Any, height: float) -> None:
    with pytest.raises(ValueError, match="height"):
        axes.Height(height)


def test_a_box_without_room_is_refused(axes: Any) -> None:
    with pytest.raises(ValueError, match="no room"):
        axes.Fit((0.0, 0.0, 0.0))
