"""Pictures reach the shape networks as the public project would give them, without its slips unless asked."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from engine.errors import BadRequest
from engine.imaging.recentre import recentre
from engine.models.hunyuan3d.pictures import (
    VIEW_NUMBERS,
    dino_pixels,
    order_views,
    parity_picture,
    shape_picture,
    view_embedding,
)
from protocol.names import VIEWS

GOLDEN = Path(__file__).parents[2] / "golden" / "hunyuan_pictures"
PICTURES = np.load(GOLDEN / "pictures.npz")
DINO = np.load(GOLDEN / "dino_pixels.npz")
CASES = ("soft", "wide", "opaque", "border")
DINO_CASES = ("up", "down", "same", "high", "wide")


def disc(side_px: int, colour: tuple[int, int, int], hidden: tuple[int, int, int]) -> NDArray[np.uint8]:
    """A disc with an edge of four pixels on clear ground, whose hidden colour is another."""
    y, x = np.mgrid[:side_px, :side_px] + 0.5 - side_px / 2
    alphas = np.clip((side_px * 0.4 - np.hypot(x, y)) / 4 + 0.5, 0, 1)
    rgba = np.empty((side_px, side_px, 4), np.uint8)
    rgba[..., :3] = np.where(alphas[..., None] > 0, colour, hidden)
    rgba[..., 3] = np.round(alphas * 255)
    return rgba


def levels(picture: torch.Tensor) -> NDArray[np.float32]:
    """(3, H, W) in [-1, 1] as (H, W, 3) in [0, 255]."""
    return ((picture + 1) * 127.5).permute(1, 2, 0).numpy()


@pytest.mark.parametrize("case", CASES)
def test_the_parity_picture_is_the_references_bit_for_bit(case: str) -> None:
    border, size = PICTURES[f"{case}.border_size"]
    made = parity_picture(PICTURES[f"{case}.picture"], float(border), int(size)).numpy()
    wanted = PICTURES[f"{case}.image"]
    assert made.dtype == wanted.dtype == np.float32
    assert made.shape == wanted.shape
    # Another version of OpenCV may round otherwise, by one level.
    allowed = 0 if cv2.__version__ == str(PICTURES["opencv"]) else 2.01 / 255
    assert np.abs(made - wanted).max() <= allowed


@pytest.mark.parametrize(
    "box", [(slice(3, 3), slice(0, 9)), (slice(3, 4), slice(0, 9)), (slice(0, 9), slice(5, 6))]
)
def test_parity_refuses_what_the_reference_calls_empty(box: tuple[slice, slice]) -> None:
    rgba = np.zeros((10, 10, 4), np.uint8)
    rgba[box] = 255
    with pytest.raises(ValueError, match="steps from pixel to pixel"):
        parity_picture(rgba, 0.15, 16)


def test_parity_says_so_of_a_subject_too_thin_to_be_seen() -> None:
    rgba = np.zeros((2000, 40, 4), np.uint8)
    rgba[:, 3:5] = 255
    with pytest.raises(ValueError, match=r"0 x 1[0-9]{3} px"):
        parity_picture(rgba, 0.15, 16)


def test_a_subject_stands_on_white_in_its_own_colour() -> None:
    picture = shape_picture(disc(200, (10, 90, 200), (0, 0, 0)), 100)
    assert picture.shape == (3, 100, 100)
    assert picture.dtype == torch.float32
    assert torch.equal(picture[:, 0, 0], torch.ones(3))
    assert np.allclose(levels(picture)[50, 50], (10, 90, 200), atol=1e-3)


@pytest.mark.parametrize("size_px", [64, 100, 512])
def test_what_hides_under_clear_pixels_never_shows(size_px: int) -> None:
    white_below = shape_picture(disc(180, (200, 40, 40), (255, 255, 255)), size_px)
    black_below = shape_picture(disc(180, (200, 40, 40), (0, 0, 0)), size_px)
    assert torch.equal(white_below, black_below)


def test_values_stay_within_their_range_where_cubic_overshoots() -> None:
    rgba = np.full((30, 30, 4), 255, np.uint8)
    rgba[:, ::3, :3] = 0
    picture = shape_picture(rgba, 64)
    assert picture.min() == -1
    assert picture.max() == 1


def test_fine_stripes_of_a_large_picture_become_grey() -> None:
    rgba = np.full((960, 960, 4), 255, np.uint8)
    rgba[:, ::2, :3] = 0
    seen = levels(shape_picture(rgba, 64))
    assert np.abs(seen - 127.5).max() < 16  # cubic alone meets a black or a white stripe: 127.5


def test_without_slips_the_last_row_and_column_are_kept() -> None:
    rgba = np.zeros((64, 64, 4), np.uint8)
    rgba[20:44, 20:44] = (0, 0, 0, 255)
    rgba[43, 20:44] = (255, 0, 0, 255)
    clean = levels(shape_picture(recentre(rgba).rgba, 224))
    slipped = levels(parity_picture(rgba, 0.15, 224))
    red = [((seen[..., 0] > 150) & (seen[..., 1] < 80)).sum() for seen in (clean, slipped)]
    assert red[0] > 500
    assert red[1] == 0


def test_a_subject_that_is_not_square_is_refused_with_its_shape() -> None:
    with pytest.raises(ValueError, match=r"\(4, 5, 4\)"):
        shape_picture(np.zeros((4, 5, 4), np.uint8), 16)
    with pytest.raises(ValueError, match=r"\(4, 4, 3\)"):
        shape_picture(np.zeros((4, 4, 3), np.uint8), 16)


@pytest.mark.parametrize("case", DINO_CASES)
def test_dino_sees_what_the_references_transform_gives(case: str) -> None:
    images = torch.from_numpy(DINO[f"{case}.levels"]).float() / 255 * 2 - 1
    made = dino_pixels(images, int(DINO[f"{case}.size"])).numpy()
    wanted = DINO[f"{case}.pixels"]
    assert made.shape == wanted.shape
    assert np.abs(made - wanted).max() <= 1e-6 * np.abs(wanted).max()


def test_dino_computes_in_single_precision_whatever_it_is_given() -> None:
    made = dino_pixels(torch.zeros(1, 3, 16, 16, dtype=torch.float16), 14)
    assert made.dtype == torch.float32
    assert torch.allclose(made[0, :, 3, 3], torch.tensor([0.0655, 0.1964, 0.4178]), atol=1e-3)


# sin 0, sin 1, cos 0, cos 1 at 1536 channels, from the public project.
EMBEDDED = [
    (0, (0.0, 0.0, 1.0, 1.0)),
    (1, (0.84147, 0.83497, 0.5403, 0.55029)),
    (2, (0.9093, 0.91896, -0.41615, -0.39435)),
    (3, (0.14112, 0.17643, -0.98999, -0.98431)),
]


@pytest.mark.parametrize(("number", "wanted"), EMBEDDED)
def test_a_view_is_told_by_the_references_vector(number: int, wanted: tuple[float, ...]) -> None:
    vector = view_embedding(number, 1536)
    assert vector.shape == (1536,)
    assert vector.dtype == torch.float32
    assert vector[[0, 1, 768, 769]].tolist() == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize(("number", "n_channels"), [(4, 1536), (-1, 1536), (0, 15)])
def test_there_is_no_embedding_of_another_view_or_an_odd_width(number: int, n_channels: int) -> None:
    with pytest.raises(ValueError, match=f"view {number} in {n_channels} channels"):
        view_embedding(number, n_channels)


def test_views_are_sorted_as_the_model_numbers_them() -> None:
    order = order_views(("right", "back", "front", "left"), model="mv")
    assert order.positions == (2, 3, 1, 0)
    assert order.numbers == (0, 1, 2, 3)
    order = order_views(("back", "left"), model="mv")
    assert order.positions == (1, 0)
    assert order.numbers == (1, 2)


@pytest.mark.parametrize("view", [view for view in VIEWS if view not in VIEW_NUMBERS])
def test_a_view_that_the_model_does_not_know_is_refused_with_those_it_knows(view: str) -> None:
    with pytest.raises(BadRequest, match=f"mv-fast cannot use the view {view}") as caught:
        order_views(("front", view), model="mv-fast")
    assert "front, left, back, right" in caught.value.remedy


def test_a_model_of_one_view_refuses_a_second() -> None:
    assert order_views(("front",), model="mini", known=("front",)).numbers == (0,)
    with pytest.raises(BadRequest, match="mini cannot use the view left") as caught:
        order_views(("front", "left"), model="mini", known=("front",))
    assert caught.value.remedy == "It knows front."


def test_a_view_given_twice_is_refused_with_how_often() -> None:
    with pytest.raises(BadRequest, match="The view left is given 2 times"):
        order_views(("left", "front", "left"), model="mv")
