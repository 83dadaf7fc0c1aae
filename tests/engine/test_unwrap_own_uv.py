"""An artist's layout is kept if a texture can be painted through it; if not, the reason has its number."""

from __future__ import annotations

import numpy as np
import pytest
from shapes import ball

from engine.errors import BadInput
from engine.geometry.own_uv import examine_uv
from engine.geometry.unwrap import UnwrapOptions, unwrap

MESH = ball(3)
UV = unwrap(MESH.vertices, MESH.faces, UnwrapOptions(512)).uv


def test_a_layout_without_faults_is_kept() -> None:
    verdict = examine_uv(UV, faces=MESH.faces, texture_size_px=512)
    assert verdict.is_usable
    assert verdict.why == ""
    assert verdict.tiles == (1001,)
    assert verdict.overlap_share == verdict.outside_share == 0


def test_stacked_islands_are_overlaps() -> None:
    verdict = examine_uv(np.concatenate([UV, UV]))
    assert not verdict.is_usable
    assert verdict.overlap_share == 1
    assert verdict.n_overlapping == 2 * len(UV)
    assert f"{2 * len(UV)} of {2 * len(UV)} faces overlap" in verdict.why


def test_mirrored_islands_are_overlaps() -> None:
    mirrored = UV.copy()
    left = UV.mean(axis=1)[:, 0] < 0.5
    mirrored[left, :, 0] = 1 - mirrored[left, :, 0]
    verdict = examine_uv(mirrored)
    assert not verdict.is_usable
    assert verdict.overlap_share > 0.3


def test_a_small_fold_is_kept_and_counted() -> None:
    folded = UV.copy()
    folded[3] = UV[9]
    verdict = examine_uv(folded)
    assert verdict.is_usable
    assert verdict.n_overlapping == 2
    assert 0 < verdict.overlap_share < 0.01


def test_udim_tiles_are_named() -> None:
    spread = UV + np.floor(UV.mean(axis=1, keepdims=True) * 2)
    verdict = examine_uv(spread.astype(np.float32))
    assert not verdict.is_usable
    assert verdict.tiles == (1001, 1002, 1011, 1012)
    assert "4 UDIM tiles (1001, 1002, 1011, 1012)" in verdict.why


def test_coordinates_outside_the_square_are_told_by_their_share() -> None:
    shifted = UV.copy()
    shifted[: len(UV) // 4] -= 1
    verdict = examine_uv(shifted)
    assert not verdict.is_usable
    assert verdict.outside_share == pytest.approx(0.25, abs=0.01)
    assert "25.0 % of the faces lie outside" in verdict.why


def test_rounding_beyond_the_square_is_forgiven() -> None:
    assert examine_uv((UV - UV.min(axis=(0, 1)) - 2e-4).astype(np.float32)).is_usable


def test_coordinates_that_are_not_numbers_are_counted() -> None:
    broken = UV.copy()
    broken[5, 1, 0] = np.nan
    broken[6, 2, 1] = np.inf
    verdict = examine_uv(broken)
    assert not verdict.is_usable
    assert verdict.n_unset == 2
    assert f"2 of {len(UV)} faces" in verdict.why


def test_faces_without_area_in_the_texture_are_told_by_their_share() -> None:
    flat = UV.copy()
    flat[: len(UV) // 10] = UV[0, 0]
    verdict = examine_uv(flat)
    assert not verdict.is_usable
    assert verdict.flat_share == pytest.approx(0.1, abs=0.01)
    assert "have no area in the texture" in verdict.why


def test_faces_that_name_a_vertex_twice_do_not_count() -> None:
    faces = np.concatenate([MESH.faces, np.repeat([[4, 4, 5]], 200, axis=0)]).astype(np.int32)
    uv = np.concatenate([UV, np.zeros((200, 3, 2), np.float32)])
    assert not examine_uv(uv).is_usable
    assert examine_uv(uv, faces=faces).is_usable


def test_wild_coordinates_are_examined_in_bounded_time() -> None:
    wild = np.random.default_rng(0).normal(0, 1e6, (500, 3, 2)).astype(np.float32)
    verdict = examine_uv(wild)
    assert not verdict.is_usable
    assert verdict.outside_share > 0.99


@pytest.mark.parametrize("shape", [(4, 2), (4, 3, 3), (4, 2, 2)])
def test_coordinates_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match="not \\(M, 3, 2\\)"):
        examine_uv(np.zeros(shape, np.float32))


def test_as_many_faces_as_coordinates_are_needed() -> None:
    with pytest.raises(BadInput, match="1280 faces have"):
        examine_uv(UV, faces=MESH.faces[:9])


def test_a_mesh_without_coordinates_is_not_usable() -> None:
    assert not examine_uv(np.zeros((0, 3, 2), np.float32)).is_usable
