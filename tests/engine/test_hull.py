"""Named outlines carve the body that they have in common, whatever their scales; contradictions are named."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from shapes import (
    chair,
    cross,
    disc,
    head,
    iou,
    occupancy,
    outlined,
    rectangle,
    tilted_torus,
    true_hull,
)

from engine.errors import BadInput
from engine.geometry.cameras import NAMED_VIEWS
from engine.geometry.hull import OutlinedView, align, carve, depth_axis
from engine.geometry.mesh import Mesh, topology, volume
from engine.geometry.outline import Box, outline_box, sample_alpha

BODIES = {"tilted torus": tilted_torus, "chair": chair, "head": head}
AROUND = ("front", "left", "back", "right")
RESOLUTION = 112


@cache
def body(name: str) -> Mesh:
    return BODIES[name]()


@cache
def view(name: str, side: str) -> OutlinedView:
    return outlined(body(name), side)


def views(name: str, sides: tuple[str, ...]) -> dict[str, OutlinedView]:
    return {side: view(name, side) for side in sides}


def placed(alphas: np.ndarray) -> OutlinedView:
    return OutlinedView(alphas, outline_box(alphas))


@pytest.mark.parametrize("sides", [AROUND, ("front", "left", "top")], ids=" ".join)
@pytest.mark.parametrize("name", BODIES)
def test_the_carved_body_is_the_visual_hull(name: str, sides: tuple[str, ...]) -> None:
    mesh, _ = carve(views(name, sides), RESOLUTION)
    assert iou(occupancy(mesh), true_hull(body(name), sides)) >= 0.95
    assert topology(mesh).is_watertight
    assert volume(mesh) > 0


def test_six_views_leave_less_than_two() -> None:
    two, _ = carve(views("head", ("front", "left")), RESOLUTION)
    six, _ = carve(views("head", tuple(NAMED_VIEWS)), RESOLUTION)
    assert iou(occupancy(six), true_hull(body("head"), tuple(NAMED_VIEWS))) >= 0.95
    assert volume(six) < 0.97 * volume(two)


def test_the_hull_of_an_untilted_ring_keeps_its_hole() -> None:
    x, y = np.mgrid[0:96, 0:96] + 0.5
    radius = np.hypot(x - 48, y - 48)
    front = np.clip(0.5 + np.minimum(40 - radius, radius - 18), 0, 1).astype(np.float32)
    mesh, scaled = carve({"front": placed(front), "left": placed(rectangle(96, 96, (40, 8, 56, 88)))}, 80)
    assert topology(mesh).euler == 0
    assert scaled.extents == pytest.approx((1, 1, 0.2), abs=0.01)


def test_views_in_other_scales_and_places_give_the_same_body() -> None:
    sides = ("front", "left", "top")
    plain, _ = carve(views("head", sides), RESOLUTION)
    moved = {}
    for side, (factor, shift) in zip(sides, ((1.0, (0, 0)), (0.61, (13, 40)), (1.37, (5, -9))), strict=True):
        given = view("head", side)
        n = round(given.alphas.shape[0] * factor)
        grown = sample_alpha(given.alphas, Box(0, 0, *given.alphas.shape[::-1]), n, n, 0)
        moved[side] = placed(np.roll(np.pad(grown, 45), shift, (0, 1)))
    other, _ = carve(moved, RESOLUTION)
    assert iou(occupancy(other), occupancy(plain)) > 0.97


def test_swapped_left_and_right_mirror_the_body_in_depth() -> None:
    sides = ("front", "left", "right")
    plain = occupancy(carve(views("chair", sides), RESOLUTION)[0], 48)
    wrong = {"front": view("chair", "front"), "left": view("chair", "right"), "right": view("chair", "left")}
    swapped = occupancy(carve(wrong, RESOLUTION)[0], 48)
    assert iou(swapped, plain[:, :, ::-1]) > 0.95
    assert iou(swapped, plain) < 0.7


def test_muzzle_and_ears_are_where_the_pictures_show_them() -> None:
    full = occupancy(carve(views("head", (*AROUND, "top")), RESOLUTION)[0])
    towards_left = full[32:].sum() / full[:32].sum()
    towards_front = full[..., 32:].sum() / full[..., :32].sum()
    truth = occupancy(body("head"))
    assert towards_left == pytest.approx(truth[32:].sum() / truth[:32].sum(), rel=0.15)
    assert towards_front == pytest.approx(truth[..., 32:].sum() / truth[..., :32].sum(), rel=0.15)
    assert abs(towards_left - 1) > 0.15
    assert abs(towards_front - 1) > 0.15


def test_wires_thinner_than_the_cells_of_a_check_are_no_contradiction() -> None:
    wires = placed(cross(400, 1.5))  # 3 of 320 pixels: less than a cell of 64
    mesh, _ = carve({"front": wires, "left": wires}, 256)
    assert topology(mesh).is_watertight
    assert volume(mesh) > 0


def test_opposite_views_that_differ_leave_what_both_allow() -> None:
    wide = placed(rectangle(96, 96, (8, 8, 88, 88)))
    notched = rectangle(96, 96, (8, 8, 88, 88))
    notched[8:40, 8:40] = 0  # at the top left of the back, which is the front's top right
    mesh, _ = carve({"front": wide, "back": placed(notched), "left": wide}, 64)
    full = occupancy(mesh, 40)
    assert full[8:14, 28:34, 15:25].mean() == 1
    assert full[28:34, 28:34, 15:25].mean() == 0


def test_extents_come_from_the_boxes_of_all_views() -> None:
    scaled = align(
        {
            "front": placed(rectangle(100, 100, (10, 10, 50, 90))),  # 40 wide, 80 high
            "left": placed(rectangle(60, 60, (10, 10, 20, 50))),  # 10 deep, 40 high: half the scale
            "top": placed(rectangle(90, 90, (5, 5, 85, 45))),  # 80 wide, 40 deep: twice the scale
        }
    )
    assert scaled.extents == pytest.approx((0.5, 1.0, 0.25))
    assert scaled.px_per_unit["front"] == pytest.approx((80, 80))
    assert scaled.px_per_unit["left"] == pytest.approx((40, 40))
    assert scaled.px_per_unit["top"] == pytest.approx((160, 160))


def test_small_differences_in_proportion_are_shared_between_the_views() -> None:
    scaled = align(
        {
            "front": placed(rectangle(100, 100, (10, 10, 50, 90))),
            "back": placed(rectangle(100, 100, (10, 10, 54, 90))),
            "left": placed(rectangle(100, 100, (10, 10, 50, 90))),
        }
    )
    assert 0.5 < scaled.extents[0] < 0.55


def test_views_of_different_proportions_are_refused_by_name_and_size() -> None:
    tall, square = placed(rectangle(100, 100, (30, 5, 70, 95))), placed(disc(100, 40))
    with pytest.raises(BadInput, match=r"front.*\(40 x 90 px\)") as caught:
        align({"front": tall, "back": square, "left": tall})
    assert "back" in caught.value.message
    assert "left" not in caught.value.message
    assert caught.value.remedy


def test_views_with_nothing_in_common_are_refused_by_name() -> None:
    upper = np.zeros((96, 96), np.float32)
    upper[8:88, 8:16] = upper[8:16, 8:88] = 1  # a corner: top row and left column
    lower = np.ascontiguousarray(upper[::-1, ::-1])
    with pytest.raises(BadInput, match="contradict") as caught:
        carve({"front": placed(upper), "back": placed(lower[:, ::-1])}, 64)
    assert "front" in caught.value.message
    assert "back" in caught.value.message


def test_the_one_view_that_stands_against_the_others_is_named_alone() -> None:
    full = placed(rectangle(96, 96, (8, 8, 88, 88)))
    apart = np.zeros((96, 96), np.float32)
    apart[8:14, 8:88] = apart[82:88, 8:88] = 1  # two thin bars, nothing between them
    with pytest.raises(BadInput, match=r"contradict.*Look at: left\.") as caught:
        align({"front": full, "back": full, "left": placed(apart), "right": full})
    assert caught.value.remedy


def test_the_same_views_give_the_same_body() -> None:
    one, _ = carve(views("chair", AROUND), 64)
    other, _ = carve(views("chair", AROUND), 64)
    assert np.array_equal(one.vertices, other.vertices)
    assert np.array_equal(one.faces, other.faces)


def test_the_longest_side_is_one_and_the_middle_is_the_origin() -> None:
    mesh, scaled = carve(views("head", AROUND), RESOLUTION)
    low, high = mesh.bounds
    assert (high - low).max() == pytest.approx(1, abs=0.02)
    assert np.allclose(high - low, scaled.extents, atol=0.02)
    assert np.allclose(low + high, 0, atol=0.02)


def test_every_named_view_looks_along_one_axis() -> None:
    axes = {view: depth_axis(view) for view in NAMED_VIEWS}
    assert axes == {"front": 2, "back": 2, "left": 0, "right": 0, "top": 1, "bottom": 1}
