"""Pictures that a network got wrong as a whole are told apart from every picture that is merely odd."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.models.watchdog import look_at

SIDE = 64
RNG = np.random.default_rng(5)


def grain(level: float, deviation: float = 2.0) -> NDArray[np.uint8]:
    """A picture of one grey with the grain that a decoder leaves."""
    return np.clip(RNG.normal(level, deviation, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)


def corners(n: int, share: float = 1.0) -> NDArray[np.uint8]:
    """A mosaic of the first `n` corners of the colour cube, on `share` of the picture."""
    picture = grain(128, 30)
    numbers = RNG.integers(0, n, (SIDE, SIDE))
    cube = np.array([[255 * (c & 1), 255 * (c >> 1 & 1), 255 * (c >> 2 & 1)] for c in range(8)], np.uint8)
    where = RNG.random((SIDE, SIDE)) < share
    picture[where] = cube[numbers][where]
    return picture


def kinds(*pictures: NDArray[np.uint8], mask: NDArray[np.bool_] | None = None) -> list[tuple[int, str]]:
    masks = None if mask is None else np.stack([mask] * len(pictures))
    return [(trouble.number, trouble.kind) for trouble in look_at(np.stack(pictures), masks)]


def test_each_trouble_is_named_with_its_picture() -> None:
    flat = np.full((SIDE, SIDE, 3), (200, 10, 90), np.uint8)
    black = np.zeros((SIDE, SIDE, 3), np.uint8)
    troubles = look_at(np.stack([grain(120, 30), black, flat, corners(8)]))
    assert [(trouble.number, trouble.kind) for trouble in troubles] == [
        (1, "black"),
        (2, "flat"),
        (3, "saturated"),
    ]
    assert troubles[0].words == "Picture 2 of 4 is black: 100.0 % of its pixels."
    assert "(200, 10, 90)" in troubles[1].words


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_no_number_is_found(value: float) -> None:
    pictures = np.full((2, SIDE, SIDE, 3), 0.5, np.float32) + RNG.normal(0, 0.1, (2, SIDE, SIDE, 3))
    pictures[1, 3, 4, 1] = value
    (trouble,) = look_at(pictures)
    assert (trouble.number, trouble.kind) == (1, "not finite")
    assert "1 of 4,096 pixels" in trouble.words


def test_floats_and_bytes_are_judged_alike() -> None:
    for picture in (np.zeros((SIDE, SIDE, 3), np.uint8), grain(90), corners(8), grain(200, 0.2)):
        told = look_at(picture[None])
        again = look_at(picture[None] / 255)
        assert [trouble.kind for trouble in told] == [trouble.kind for trouble in again]


def test_dark_pale_and_grainy_pictures_are_no_trouble() -> None:
    assert kinds(grain(12, 6), grain(250, 6), grain(128, 2)) == []


def test_line_art_flags_and_bright_colours_are_no_trouble() -> None:
    line_art = np.where(RNG.random((SIDE, SIDE, 1)) < 0.1, 0, 255).astype(np.uint8).repeat(3, -1)
    assert kinds(line_art, corners(4), corners(8, share=0.5)) == []


def test_a_black_subject_on_white_is_found_by_its_mask() -> None:
    picture = np.full((SIDE, SIDE, 3), 255, np.uint8)
    mask = np.zeros((SIDE, SIDE), bool)
    mask[20:40, 20:40] = True
    picture[mask] = 1
    assert kinds(picture) == []
    assert kinds(picture, mask=mask) == [(0, "black")]


def test_a_white_ground_is_no_trouble_where_the_subject_is_fine() -> None:
    picture = np.full((SIDE, SIDE, 3), 255, np.uint8)
    mask = np.zeros((SIDE, SIDE), bool)
    mask[30:36, 30:36] = True
    picture[mask] = grain(100, 20)[mask]
    assert kinds(picture, mask=mask) == []


def test_a_little_dust_does_not_hide_a_black_picture() -> None:
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    picture[0, :3] = 200  # 3 of 4096
    assert kinds(picture) == [(0, "black")]
    picture[:2] = 200
    assert kinds(picture) == []


def test_a_picture_of_which_hardly_anything_counts_is_passed_over() -> None:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[0, :15] = True
    assert kinds(np.zeros((SIDE, SIDE, 3), np.uint8), mask=mask) == []


def test_other_shapes_are_refused_with_both() -> None:
    with pytest.raises(ValueError, match=r"not \(64, 64, 3\)"):
        look_at(grain(90))
    with pytest.raises(ValueError, match=r"\(1, 8, 8\).*\(1, 64, 64, 3\)"):
        look_at(grain(90)[None], np.ones((1, 8, 8), bool))
