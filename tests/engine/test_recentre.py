"""A recentred subject fills its border's share of a square, stands in its middle, and keeps every pixel."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_pictures import Pixels, cut_ramp, subjects
from scipy import ndimage

from engine.imaging.recentre import bleed, recentre


def box_of(rgba: Pixels) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of what is above half alpha, the last two beyond it."""
    rows, columns = np.nonzero(rgba[..., 3] > 127)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def patch(height: int, width: int, at: tuple[int, int], of: tuple[int, int]) -> Pixels:
    """A noisy opaque patch (height, width) at (row, column) of a clear picture."""
    rgba = np.zeros((*of, 4), np.uint8)
    noise = np.random.default_rng(1).integers(0, 256, (height, width, 3))
    rgba[at[0] : at[0] + height, at[1] : at[1] + width] = np.dstack([noise, np.full((height, width), 255)])
    return rgba


PLACES = [
    patch(60, 30, (5, 7), (100, 90)),
    patch(31, 84, (0, 0), (40, 84)),
    patch(33, 33, (67, 0), (100, 300)),
    patch(100, 77, (0, 13), (100, 90)),
    patch(1, 50, (20, 3), (40, 60)),
]


@pytest.mark.parametrize("rgba", PLACES)
@pytest.mark.parametrize("border_ratio", [0.0, 0.15, 0.4])
def test_without_a_size_no_pixel_changes(rgba: Pixels, border_ratio: float) -> None:
    result = recentre(rgba, border_ratio)
    left, top, right, bottom = box_of(rgba)
    assert result.box == (left, top, right, bottom)
    assert result.scale == 1
    to_left, to_top, to_right, to_bottom = box_of(result.rgba)
    assert (result.rgba[to_top:to_bottom, to_left:to_right] == rgba[top:bottom, left:right]).all()
    assert (result.rgba[..., 3] > 0).sum() == (rgba[..., 3] > 0).sum()


@pytest.mark.parametrize("rgba", PLACES)
@pytest.mark.parametrize("border_ratio", [0.15, 0.4])
@pytest.mark.parametrize("size_px", [None, 128, 301])
def test_the_longest_side_fills_its_share_and_the_box_is_centred(
    rgba: Pixels, border_ratio: float, size_px: int | None
) -> None:
    result = recentre(rgba, border_ratio, size_px)
    height, width = result.rgba.shape[:2]
    assert height == width
    if size_px:
        assert height == size_px
    left, top, right, bottom = box_of(result.rgba)
    longest = max(right - left, bottom - top)
    assert abs(longest - (1 - border_ratio) * height) <= (1.5 if size_px else 1)
    tolerance_px = 1.0 if size_px else 0.5
    assert abs((left + right) / 2 - width / 2) <= tolerance_px
    assert abs((top + bottom) / 2 - height / 2) <= tolerance_px


def test_the_soft_edge_comes_along() -> None:
    rgba = cut_ramp()
    result = recentre(rgba)
    left, top, right, bottom = box_of(rgba)
    to_left, to_top, to_right, to_bottom = box_of(result.rgba)
    around = np.s_[top - 2 : bottom + 2, left - 2 : right + 2]
    to_around = np.s_[to_top - 2 : to_bottom + 2, to_left - 2 : to_right + 2]
    assert (result.rgba[to_around] == rgba[around]).all()
    assert (rgba[around][..., 3] % 255 > 0).any()


def test_a_resized_subject_looks_the_same() -> None:
    drawn = subjects()["blob"]
    rgba = np.dstack([drawn.colours.astype(np.uint8), np.round(drawn.alphas * 255).astype(np.uint8)])
    for size_px in (128, 512):
        result = recentre(rgba, size_px=size_px)
        assert result.rgba.shape == (size_px, size_px, 4)
        longest = max(result.box[2] - result.box[0], result.box[3] - result.box[1])
        assert result.scale == pytest.approx(0.85 * size_px / longest)
        area = (result.rgba[..., 3] / 255).sum()
        assert area == pytest.approx(drawn.alphas.sum() * result.scale**2, rel=0.02)
        solid = result.rgba[..., 3] > 250
        assert result.rgba[solid].mean(axis=0) == pytest.approx(rgba[rgba[..., 3] > 250].mean(axis=0), abs=3)


def test_nothing_above_half_alpha_cannot_be_centred() -> None:
    rgba = cut_ramp()
    rgba[..., 3] //= 3
    with pytest.raises(ValueError, match="above one half"):
        recentre(rgba)


# Colours beyond the outline.


def test_bleeding_carries_the_nearest_solid_colour_and_keeps_alpha() -> None:
    rgba = cut_ramp()
    rgba[rgba[..., 3] < 242, :3] = (0, 255, 0)  # what a background would leave behind
    given = rgba.copy()
    result = bleed(rgba)
    solid = rgba[..., 3] >= 242
    assert (rgba == given).all()
    assert (result[..., 3] == rgba[..., 3]).all()
    assert (result[solid] == rgba[solid]).all()
    rows, columns = np.nonzero(solid)
    colours = rgba[solid][:, :3].astype(int)
    for y, x in ((0, 0), (39, 59), (20, 2), (3, 30), (20, 58)):
        distances = np.hypot(rows - y, columns - x)
        nearest = colours[distances <= distances.min() + 1e-9]
        assert (nearest == result[y, x, :3]).all(axis=1).any()


def test_bleeding_leaves_no_step_at_the_outline() -> None:
    rgba = cut_ramp()
    rgba[rgba[..., 3] == 0, :3] = 255
    result = bleed(rgba)[..., :3].astype(int)
    ring = ndimage.binary_dilation(rgba[..., 3] > 127, iterations=3)
    assert np.abs(np.diff(result, axis=1))[ring[:, 1:]].max() < 60


def test_bleeding_starts_from_the_most_opaque_where_nothing_is_solid() -> None:
    rgba = np.zeros((20, 20, 4), np.uint8)
    rgba[8:12, 8:12] = (10, 200, 30, 140)
    assert (bleed(rgba)[..., :3] == (10, 200, 30)).all()
