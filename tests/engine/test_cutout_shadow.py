"""A soft shadow goes, a subject stays: also a white one on white, which has a shadow's hue."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from engine.imaging.grabcut import cut_without_network

Floats = NDArray[np.float32]
SIDE = 400
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE].astype(np.float32)
BALL = np.clip(110.5 - np.hypot(COLUMNS - 200, ROWS - 200), 0, 1)
LIGHT = np.clip(0.6 - (COLUMNS - 200) / 400 - (ROWS - 200) / 300, 0, 1)


def shadow(softness_px: float) -> Floats:
    """How much light an ellipse under the ball takes away."""
    ellipse = (((COLUMNS - 240) / 120) ** 2 + ((ROWS - 315) / 28) ** 2 < 1).astype(np.float32)
    return 0.4 * (cv2.GaussianBlur(ellipse, (0, 0), softness_px) if softness_px else ellipse)


def overlap(colour: tuple[int, int, int], backdrop: int, taken: Floats) -> float:
    """IoU of the cut-out with the ball, painted in `colour` on a grey backdrop with a shadow."""
    ball = np.array(colour, np.float32) * (0.5 + 0.5 * LIGHT[..., None])
    ground = np.full((SIDE, SIDE, 3), backdrop, np.float32) * (1 - taken[..., None])
    picture = ball * BALL[..., None] + ground * (1 - BALL[..., None])
    found = cut_without_network(np.round(picture).astype(np.uint8)).rgba[..., 3] > 127
    wanted = BALL > 0.5
    return float((found & wanted).sum() / (found | wanted).sum())


@pytest.mark.parametrize("backdrop", [255, 235, 190])
def test_a_soft_shadow_is_not_part_of_the_subject(backdrop: int) -> None:
    assert overlap((205, 60, 40), backdrop, shadow(14)) > 0.97


def test_without_a_shadow_nothing_is_taken() -> None:
    assert overlap((205, 60, 40), 235, np.zeros((SIDE, SIDE), np.float32)) > 0.99


@pytest.mark.parametrize("colour", [(150, 150, 150), (120, 120, 120)])
def test_a_grey_subject_with_edges_is_no_shadow(colour: tuple[int, int, int]) -> None:
    assert overlap(colour, 240, np.zeros((SIDE, SIDE), np.float32)) > 0.97


def test_a_hard_shadow_is_left_for_it_may_be_paint() -> None:
    assert overlap((205, 60, 40), 235, shadow(0)) < 0.97
