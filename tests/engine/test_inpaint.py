"""What no view shows is filled from its surroundings in space; what lies between charts from the nearest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from shapes import ball, psnr, rainbow

from engine.geometry.bake import Baked, Texels, locate_texels
from engine.geometry.gutter import dilate
from engine.geometry.inpaint import inpaint
from engine.geometry.mesh import Mesh
from engine.geometry.unwrap import UnwrapOptions, unwrap


def strip(n: int = 64) -> tuple[Mesh, np.ndarray]:
    """A flat strip along x, cut in its middle: the right half lies left of the left half in the texture."""
    x = np.array([-1, 0, 1], np.float32)
    vertices = np.array([(a, b, 0) for a in x for b in (0.0, 0.25)], np.float32)
    faces = np.array([[0, 2, 1], [1, 2, 3], [2, 4, 3], [3, 4, 5]], np.int32)
    flat = vertices[faces][..., :2]
    uv = np.empty_like(flat)
    uv[..., 1] = flat[..., 1] + 0.3
    uv[:2, :, 0] = 0.55 + 0.4 * (flat[:2, :, 0] + 1)
    uv[2:, :, 0] = 0.05 + 0.4 * flat[2:, :, 0]
    return Mesh(vertices, faces), uv.astype(np.float32)


def texels_of(n: int) -> Texels:
    """n texels in a row of space, one unit apart, at the diagonal of the texture."""
    positions = np.stack([np.arange(n), np.zeros(n), np.zeros(n)], axis=1).astype(np.float32)
    normals = np.tile(np.array([[0, 0, 1]], np.float32), (n, 1))
    return Texels(n, np.arange(n, dtype=np.int64) * (n + 1), positions, normals, np.zeros(n, np.int32))


def test_what_is_seen_stays_as_it_is() -> None:
    colours = np.random.default_rng(0).uniform(0, 1, (40, 3)).astype(np.float32)
    seen = np.arange(40) % 3 > 0
    filled = inpaint(texels_of(40), Baked(colours, seen))
    assert np.array_equal(filled[seen], colours[seen])
    assert not np.array_equal(filled[~seen], colours[~seen])


def test_a_hole_takes_a_mean_of_its_neighbours_the_nearer_the_stronger() -> None:
    colours = np.zeros((11, 3), np.float32)
    colours[:4], colours[7:] = 0.2, 0.8
    seen = np.ones(11, bool)
    seen[4:7] = False
    left, middle, right = inpaint(texels_of(11), Baked(colours, seen))[4:7, 0]
    assert 0.2 < left < middle < right < 0.8
    assert middle == pytest.approx(0.5, abs=0.06)


def test_colour_crosses_seams_and_does_not_jump_to_the_neighbour_in_the_texture() -> None:
    mesh, uv = strip()
    texels = locate_texels(mesh, uv, 128)
    x = texels.positions[:, 0]
    colours = np.repeat(np.where(x < 0, 0.2, 0.9)[:, None], 3, axis=1).astype(np.float32)
    # The left end of the right half is hidden: in space it is beside the left half's end, in the texture not.
    seen = (x < 0) | (x > 0.5)
    filled = inpaint(texels, Baked(colours * seen[:, None], seen))
    near_seam, near_seen = (x > 0) & (x < 0.03), (x > 0.4) & (x < 0.5)
    assert (filled[near_seam, 0] < 0.3).all()
    assert (filled[near_seen, 0] > 0.7).all()
    # In between colour goes over evenly, as a membrane between the two rims does.
    middle = np.abs(x - 0.25) < 0.02
    assert np.abs(filled[middle, 0] - 0.55).max() < 0.1


def test_a_cap_that_nothing_shows_is_filled_smoothly() -> None:
    mesh = ball(3)
    texels = locate_texels(mesh, unwrap(mesh.vertices, mesh.faces, UnwrapOptions(128)).uv, 128)
    truth = rainbow(texels.positions)
    seen = texels.positions[:, 2] < 0.42
    filled = inpaint(texels, Baked(np.where(seen[:, None], truth, 0).astype(np.float32), seen))
    assert (~seen).sum() > 300
    assert psnr(filled[~seen], truth[~seen]) > 20
    assert filled.min() >= 0
    assert filled.max() <= 1


def test_a_hole_shows_no_rim() -> None:
    mesh = ball(3)
    texels = locate_texels(mesh, unwrap(mesh.vertices, mesh.faces, UnwrapOptions(256)).uv, 256)
    stripes = 0.5 + 0.4 * np.sin(40 * texels.positions[:, :1]).repeat(3, axis=1).astype(np.float32)
    seen = np.abs(texels.positions[:, 2] - 0.2) > 0.05
    filled = inpaint(texels, Baked(np.where(seen[:, None], stripes, 0).astype(np.float32), seen))
    # A texel's step from the rim into the hole is about one texel wide in space.
    near = np.abs(np.abs(texels.positions[:, 2] - 0.2) - 0.05) < 0.004
    assert (near & ~seen).sum() > 50
    error = np.abs(filled - stripes)[near & ~seen].mean()
    assert error < 0.12


def test_few_sources_are_enough() -> None:
    colours = np.zeros((9, 3), np.float32)
    colours[4] = (0.1, 0.5, 0.7)
    seen = np.zeros(9, bool)
    seen[4] = True
    assert np.allclose(inpaint(texels_of(9), Baked(colours, seen)), colours[4], atol=1e-6)


def test_if_nothing_is_seen_all_is_grey() -> None:
    filled = inpaint(texels_of(5), Baked(np.zeros((5, 3), np.float32), np.zeros(5, bool)))
    assert (filled == 0.5).all()


def test_between_charts_every_texel_takes_a_near_one_and_charts_stay() -> None:
    mesh, uv = strip()
    texels = locate_texels(mesh, uv, 64)
    colours = np.random.default_rng(1).uniform(0.1, 1, (len(texels.index), 3)).astype(np.float32)
    texture = dilate(texels, colours)
    assert texture.shape == (64, 64, 3)
    assert texture.dtype == np.uint8
    flat = texture.reshape(-1, 3)
    assert np.array_equal(flat[texels.index], np.round(colours * 255).astype(np.uint8))
    rows, columns = np.divmod(texels.index, 64)
    for row, column in ((15, 5), (58, 60), (16, 33), (50, 2), (31, 32)):
        away = np.hypot(rows - row, columns - column)
        in_block = (rows // 8 == row // 8) & (columns // 8 == column // 8)
        near = away == away[in_block].min() if in_block.any() else away <= away.min() + 12
        assert (texture[row, column] == flat[texels.index[near]]).all(axis=1).any()
    # Far from all charts, where only the smallest copies of the texture look, is the mean.
    assert np.abs(texture[0, 0] - 255 * colours.mean(axis=0)).max() < 2


def test_a_texture_without_charts_is_black_and_one_without_gaps_is_unchanged() -> None:
    nothing = Texels(
        4,
        np.zeros(0, np.int64),
        np.zeros((0, 3), np.float32),
        np.zeros((0, 3), np.float32),
        np.zeros(0, np.int32),
    )
    assert (dilate(nothing, np.zeros((0, 3), np.float32)) == 0).all()
    full = Texels(
        2, np.arange(4), np.zeros((4, 3), np.float32), np.zeros((4, 3), np.float32), np.zeros(4, np.int32)
    )
    colours = np.linspace(0, 1, 12, dtype=np.float32).reshape(4, 3)
    assert np.array_equal(dilate(full, colours).reshape(4, 3), np.round(colours * 255).astype(np.uint8))


def test_colours_out_of_range_are_cut_not_wrapped() -> None:
    colours = np.array([[-0.5, 0.5, 1.5]], np.float32).repeat(3, axis=0)
    assert dilate(texels_of(3), colours)[0, 0].tolist() == [0, 128, 255]


def test_filling_repeats_itself() -> None:
    colours = np.random.default_rng(2).uniform(0, 1, (200, 3)).astype(np.float32)
    baked = Baked(colours, np.arange(200) % 7 < 3)
    assert np.array_equal(inpaint(texels_of(200), baked), inpaint(texels_of(200), baked))


def test_a_block_that_holds_a_chart_has_no_colour_of_another() -> None:
    # A red chart ends in the first texel of a block; a green one ends beside the block, nearer to most of it.
    _, columns = np.mgrid[0:32, 0:32]
    chart = np.where(columns <= 8, 1, np.where(columns >= 16, 2, 0))
    index = np.flatnonzero(chart)
    colours = np.where(chart.ravel()[index, None] == 1, (1.0, 0, 0), (0, 1.0, 0)).astype(np.float32)
    none = np.zeros((len(index), 3), np.float32)
    texture = dilate(Texels(32, index, none, none, np.zeros(len(index), np.int32)), colours)
    assert (texture[:, 8:16] == (255, 0, 0)).all()
    blocks = texture.reshape(4, 8, 4, 8, 3).mean(axis=(1, 3))
    assert (blocks[:, :2] == (255, 0, 0)).all()
    assert (blocks[:, 2:] == (0, 255, 0)).all()


@pytest.mark.parametrize("seen_from", [(0, 0, 1), (1, 1, 1), (0, -1, 0)])
def test_a_surface_of_one_colour_is_filled_with_that_colour_whichever_way_it_faces(
    seen_from: tuple[int, int, int],
) -> None:
    mesh = ball(3)
    texels = locate_texels(mesh, unwrap(mesh.vertices, mesh.faces, UnwrapOptions(128)).uv, 128)
    towards = np.array(seen_from) / np.linalg.norm(seen_from)
    seen = texels.normals @ towards > 0.9
    colours = np.where(seen[:, None], (0.6, 0.5, 0.2), 0).astype(np.float32)
    filled = inpaint(texels, Baked(colours, seen))
    assert 0.02 < seen.mean() < 0.1
    assert np.abs(filled - (0.6, 0.5, 0.2)).max() < 0.01


def test_a_texel_without_a_normal_is_filled_too() -> None:
    texels = texels_of(9)
    colours = np.full((9, 3), 0.7, np.float32)
    seen = np.arange(9) < 5
    bare = replace(texels, normals=np.zeros((9, 3), np.float32))
    assert np.abs(inpaint(bare, Baked(colours * seen[:, None], seen)) - 0.7).max() < 0.01
