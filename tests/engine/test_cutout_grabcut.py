"""Without a network: exact on plain backdrops, a guess on clutter, and it knows which is which."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from drawn_pictures import (
    PLAIN,
    SIDE_PX,
    Drawn,
    Floats,
    gradient,
    overlap,
    random_shapes,
    subjects,
    white,
    white_subject,
)
from numpy.typing import NDArray

from engine.imaging.backdrop import find_backdrop
from engine.imaging.grabcut import Guess, cut_without_network


@cache
def guesses(backdrop: str) -> dict[str, tuple[Drawn, Guess]]:
    """Every subject over one plain backdrop, and what was made of it."""
    behind = PLAIN[backdrop]()
    return {name: (drawn, cut_without_network(drawn.over(behind))) for name, drawn in subjects().items()}


def inside(guess: Guess) -> NDArray[np.bool_]:
    return np.asarray(guess.rgba[..., 3] > 127)


@pytest.mark.parametrize("backdrop", PLAIN)
def test_outlines_before_a_plain_backdrop_are_the_true_ones(backdrop: str) -> None:
    cuts = guesses(backdrop)
    overlaps = {name: overlap(inside(guess), drawn.inside) for name, (drawn, guess) in cuts.items()}
    assert np.mean(list(overlaps.values())) >= 0.97, overlaps
    assert min(overlaps.values()) >= 0.93, overlaps


@pytest.mark.parametrize("backdrop", PLAIN)
def test_a_plain_backdrop_is_known_for_one(backdrop: str) -> None:
    assert all(guess.is_sure for _, guess in guesses(backdrop).values())


@pytest.mark.parametrize("backdrop", PLAIN)
@pytest.mark.parametrize("name", ["ring", "mug"])
def test_a_hole_stays_a_hole(backdrop: str, name: str) -> None:
    drawn, guess = guesses(backdrop)[name]
    middle = SIDE_PX // 2 + (56 if name == "mug" else 0)
    hole = np.s_[SIDE_PX // 2 - 12 : SIDE_PX // 2 + 12, middle + 2 : middle + 18]
    assert not drawn.inside[hole].any()
    assert (guess.rgba[..., 3][hole] == 0).all()


@pytest.mark.parametrize("backdrop", PLAIN)
def test_the_soft_edge_has_the_true_coverage(backdrop: str) -> None:
    off = []
    for drawn, guess in guesses(backdrop).values():
        edge = (drawn.alphas > 0.1) & (drawn.alphas < 0.9)
        off.append(np.abs(guess.rgba[..., 3] / 255 - drawn.alphas)[edge].mean())
    assert np.mean(off) < 0.15
    solid_or_clear = [
        np.abs(guess.rgba[..., 3] / 255 - drawn.alphas)[(drawn.alphas == 0) | (drawn.alphas == 1)].mean()
        for drawn, guess in guesses(backdrop).values()
    ]
    assert max(solid_or_clear) < 0.01


def fringe(drawn: Drawn, colours: Floats, alphas: Floats) -> float:
    """How far the soft edge, shown over black, is from the truth shown over black."""
    edge = (drawn.alphas > 0.1) & (drawn.alphas < 0.9)
    shown = colours * alphas[..., None]
    return float(np.abs(shown - drawn.colours * drawn.alphas[..., None])[edge].mean())


@pytest.mark.parametrize("backdrop", PLAIN)
def test_edges_are_free_of_the_backdrop_s_colour(backdrop: str) -> None:
    behind = PLAIN[backdrop]()
    left, without_unmixing = [], []
    for drawn, guess in guesses(backdrop).values():
        alphas = (guess.rgba[..., 3] / np.float32(255)).astype(np.float32)
        left.append(fringe(drawn, guess.rgba[..., :3].astype(np.float32), alphas))
        without_unmixing.append(fringe(drawn, drawn.over(behind).astype(np.float32), drawn.alphas))
    assert np.median(left) < 9
    assert np.median(left) < 0.4 * np.median(without_unmixing)


def test_a_white_subject_before_white_is_told_by_its_shading() -> None:
    drawn = white_subject()
    guess = cut_without_network(drawn.over(white()))
    assert guess.is_sure
    assert overlap(inside(guess), drawn.inside) >= 0.9
    assert inside(guess)[SIDE_PX // 2 - 30 : SIDE_PX // 2 + 30, SIDE_PX // 2].all()  # white, yet no hole


def test_a_patch_of_the_backdrop_s_colour_within_the_subject_is_no_hole() -> None:
    drawn = subjects()["disc"]
    rows, columns = np.mgrid[0:SIDE_PX, 0:SIDE_PX]
    distances = np.hypot(columns - SIDE_PX / 2, rows - SIDE_PX / 2)
    # A highlight: the backdrop's own colour, but with a soft edge.
    shares = np.clip(1 - (distances - 10) / 40, 0, 1)[..., None].astype(np.float32)
    lit = Drawn(drawn.colours * (1 - shares) + 255 * shares, drawn.alphas)
    guess = cut_without_network(lit.over(white()))
    assert overlap(inside(guess), drawn.inside) >= 0.97


def test_the_backdrop_s_own_colours_are_found_behind_the_subject() -> None:
    backdrop = find_backdrop(subjects()["blob"].over(gradient()))
    assert backdrop.is_plain
    assert np.abs(backdrop.colours - gradient()).max() < 4


@pytest.mark.parametrize("name", ["disc", "blob", "gear", "dark ball", "ring", "two discs"])
def test_clutter_is_known_for_clutter_and_the_guess_is_not_absurd(name: str) -> None:
    drawn = subjects()[name]
    guess = cut_without_network(drawn.over(random_shapes()))
    assert not guess.is_sure
    assert overlap(inside(guess), drawn.inside) >= 0.6
    assert guess.rgba.shape == (SIDE_PX, SIDE_PX, 4)


@pytest.mark.parametrize("behind", [gradient, random_shapes])
def test_the_same_picture_gives_the_same_bytes(behind: object) -> None:
    assert callable(behind)
    picture = subjects()["star"].over(behind())
    given = picture.copy()
    first = cut_without_network(picture).rgba
    np.random.seed(7)  # whatever others do to shared state must not matter
    assert (cut_without_network(picture).rgba == first).all()
    assert (picture == given).all()


@pytest.mark.parametrize("shape", [(16, 16), (17, 300), (300, 20), (1024, 64)])
def test_any_shape_of_picture_is_cut(shape: tuple[int, int]) -> None:
    height, width = shape
    rgb = np.full((height, width, 3), 240, np.uint8)
    rgb[height // 4 : -height // 4, width // 4 : -width // 4] = (150, 30, 60)
    truth = np.zeros(shape, bool)
    truth[height // 4 : -height // 4, width // 4 : -width // 4] = True
    assert overlap(inside(cut_without_network(rgb)), truth) > 0.9
