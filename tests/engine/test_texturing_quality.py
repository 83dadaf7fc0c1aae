"""Textures hold against the truth: seen from between the views that they come from, across seams, in holes.

The plain tests work at a quarter of the size, with detail as much coarser; the bars are the slow tests.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from splat_baseline import splat_texture
from texture_measures import (
    between_psnr,
    bleed_at_mip,
    chart_numbers,
    seam_ratios,
    unfilled,
)
from textured_bodies import names, textured_body
from texturing_trial import Figures, Subject, filled, subject, texture_ours, tried
from truth_pictures import REFERENCE_WEIGHTS

from engine.geometry.bake import Baked, Texels
from engine.geometry.gutter import dilate

FEW = ("figure", "cup")


@cache
def small(name: str) -> Subject:
    return subject(name, 512, 512, 256, n_faces=4000)


@cache
def small_figures(name: str) -> Figures:
    return tried(small(name))[0]


@cache
def whole_figures(name: str, mode: str) -> Figures:
    return tried(subject(name, 2048, 2048, 1024, kept=True), mode)[0]


@pytest.mark.parametrize("name", FEW)
def test_a_texture_looks_right_from_between_its_views(name: str) -> None:
    assert small_figures(name).psnr >= 30
    assert small_figures(name).seen_psnr >= 34


@pytest.mark.parametrize("name", FEW)
def test_a_texture_is_well_above_the_splatted_one(name: str) -> None:
    assert small_figures(name).gain >= 2


@pytest.mark.parametrize("name", FEW)
def test_no_seam_shows_from_between_the_views(name: str) -> None:
    assert small_figures(name).seams.visible <= 1.1


@pytest.mark.parametrize("name", FEW)
def test_every_texel_in_and_around_charts_is_filled(name: str) -> None:
    assert small_figures(name).unfilled == 0


def test_solving_for_texels_beats_blending_them() -> None:
    one = small("cup")
    ours = [texture_ours(one.body.mesh, one.uv, one.texels, one.views, mode)[0] for mode in ("fast", "opt")]
    blended, solved = (between_psnr(one.between, texture) for texture in ours)
    assert solved > blended


# The measures themselves can fail.


def test_the_truth_is_above_anything_baked_from_it() -> None:
    for name in FEW:
        figures = small_figures(name)
        assert figures.atlas_psnr > max(figures.psnr, figures.splat_psnr) + 2


def test_a_shift_of_one_texel_costs_decibels() -> None:
    one = small("cup")
    atlas = dilate(one.texels, one.true_texels)
    assert between_psnr(one.between, np.roll(atlas, 1, axis=1)) < between_psnr(one.between, atlas) - 5


def test_charts_of_uneven_brightness_are_visible_seams() -> None:
    one = small("cup")
    shades = np.random.default_rng(0).uniform(-0.1, 0.1, int(one.charts.max()) + 1).astype(np.float32)
    uneven = np.clip(one.true_texels + shades[one.charts[one.texels.face_ids]][:, None], 0, 1)
    even, broken = (seam_ratios(one.between, dilate(one.texels, t)) for t in (one.true_texels, uneven))
    assert even.visible == pytest.approx(1, abs=0.05)
    assert broken.visible > 1.2
    assert broken.error > even.error * 2


def test_a_hole_left_open_is_counted() -> None:
    one = small("figure")
    seen = np.arange(len(one.texels.index)) % 10 > 0

    def without_filling(texels: Texels, baked: Baked) -> np.ndarray:
        return dilate(texels, baked.colours)

    assert unfilled(one.texels, seen, without_filling) > 0.08
    assert unfilled(one.texels, seen, filled) == 0


def test_charts_side_by_side_bleed_at_a_high_mip_level() -> None:
    """Far enough down every block holds many charts: the measure must see that."""
    one = small("figure")
    assert bleed_at_mip(one.texels, one.charts, dilate, 0, bilinear=False).share == 0
    assert bleed_at_mip(one.texels, one.charts, dilate, 6, bilinear=False).share > 0.2


def test_two_triangles_with_a_common_edge_in_uv_are_one_chart() -> None:
    faces = np.array([[0, 1, 2], [2, 1, 3], [3, 1, 4]], np.int32)
    places = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [2, 0]], np.float32) / 4
    uv = places[faces]
    uv[2] += 0.3
    assert chart_numbers(faces, uv).tolist() == [0, 0, 1]


def test_the_baseline_keeps_what_it_sees_and_loses_what_it_does_not() -> None:
    one = small("figure")
    whole = splat_texture(one.body.mesh, one.uv, 512, one.views, REFERENCE_WEIGHTS)
    front = splat_texture(one.body.mesh, one.uv, 512, one.views[:1], REFERENCE_WEIGHTS[:1])
    assert between_psnr(one.between, whole) > 22
    assert between_psnr(one.between, front) < between_psnr(one.between, whole) - 4


def test_a_body_is_the_same_each_time() -> None:
    first, again = textured_body("blobs", 3000, 512), textured_body.__wrapped__("blobs", 3000, 512)
    assert np.array_equal(first.mesh.vertices, again.mesh.vertices)
    points = first.mesh.vertices
    assert np.array_equal(first.colour(points, points), again.colour(points, points))


# The bars: textures of 2048 pixels from six pictures of 2048 pixels.


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["fast", "opt"])
def test_textures_reach_30_db_between_the_views_and_2_db_above_the_splatted_ones(mode: str) -> None:
    every = [whole_figures(name, mode) for name in names()]
    assert np.mean([figures.psnr for figures in every]) >= 30
    assert np.mean([figures.gain for figures in every]) >= 2
    assert min(figures.gain for figures in every) > 0


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["fast", "opt"])
@pytest.mark.parametrize("name", names())
def test_no_seam_shows_at_full_size(name: str, mode: str) -> None:
    assert whole_figures(name, mode).seams.visible <= 1.1


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_every_texel_is_filled_at_full_size(name: str) -> None:
    assert whole_figures(name, "fast").unfilled == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_nothing_bleeds_between_charts_at_mip_level_3(name: str) -> None:
    assert whole_figures(name, "fast").bleed_nearest.share == 0
