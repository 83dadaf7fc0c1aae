"""A texel shows what the views show at its place; what stands in front of it leaves no colour on it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from shapes import ball, head, joined, psnr, rainbow, seen_colours, view_of

from engine.geometry.bake import (
    Baked,
    Blend,
    Texels,
    View,
    bake,
    facing,
    fill_unseen,
    locate_texels,
    mirrored,
    sample,
)
from engine.geometry.cameras import Orthographic, framing_camera
from engine.geometry.gutter import dilate
from engine.geometry.inpaint import inpaint
from engine.geometry.mesh import Mesh
from engine.geometry.rasterise import rasterise
from engine.geometry.refine import refine
from engine.geometry.unwrap import UnwrapOptions, unwrap

SIZE_PX = 192
SIX = ("front", "left", "back", "right", "top", "bottom")
OBLIQUE = Orthographic(40, 25, (100.0, 100.0), (64.0, 64.0), (128, 128))


@cache
def laid_ball() -> tuple[Mesh, np.ndarray, Texels]:
    mesh = ball(3)
    uv = unwrap(mesh.vertices, mesh.faces, UnwrapOptions(SIZE_PX)).uv
    return mesh, uv, locate_texels(mesh, uv, SIZE_PX)


@cache
def ball_view(name: str) -> View:
    return view_of(laid_ball()[0], name, rainbow)


def plate(z: float, half: float) -> Mesh:
    """A square that faces the front, as a grid of triangles."""
    n = 8
    lines = np.linspace(-half, half, n + 1)
    x, y = np.meshgrid(lines, lines)
    corner = (np.arange(n)[:, None] * (n + 1) + np.arange(n)).ravel()
    a, b, c, d = corner, corner + 1, corner + n + 1, corner + n + 2
    faces = np.concatenate([np.stack([a, b, d], axis=1), np.stack([a, d, c], axis=1)])
    vertices = np.stack([x, y, np.full_like(x, z)], axis=-1).reshape(-1, 3)
    return Mesh(vertices.astype(np.float32), faces.astype(np.int32))


def beside_each_other(n_first: int, mesh: Mesh) -> np.ndarray:
    """Texture coordinates of two flat plates: the first in the left half, the other in the right one."""
    uv = mesh.corners[..., :2] * 0.48 + 0.5  # both plates lie within [-0.5, 0.5]
    uv[..., 0] = uv[..., 0] / 2 + np.where(np.arange(len(uv)) < n_first, 0.0, 0.5)[:, None]
    return uv.astype(np.float32)


def render(
    mesh: Mesh, uv: np.ndarray, texture: np.ndarray, camera: Orthographic
) -> tuple[np.ndarray, np.ndarray]:
    """Colours (K, 3) of the pixels that show the textured mesh, and their points (K, 3)."""
    raster = rasterise(camera.project(mesh.vertices), mesh.faces, camera.size_px[1], camera.size_px[0])
    places = raster.interpolate(uv)
    size = texture.shape[0]
    pixels = np.stack([places[:, 0] * size, (1 - places[:, 1]) * size], axis=1)
    return sample(texture.astype(np.float32) / 255, pixels), raster.interpolate(mesh.corners)


def test_every_texel_knows_its_place_on_the_surface() -> None:
    mesh, uv, texels = laid_ball()
    assert len(texels.index) > 0.4 * SIZE_PX**2
    assert np.abs(np.linalg.norm(texels.positions, axis=1) - 0.5).max() < 0.01
    assert np.abs(np.linalg.norm(texels.normals, axis=1) - 1).max() < 1e-5
    assert (np.einsum("ij,ij->i", texels.positions, texels.normals) > 0.49).all()
    # Back from the place on the face to the texel: v runs up, rows run down.
    rows, columns = np.divmod(texels.index, SIZE_PX)
    assert (np.diff(texels.index) > 0).all()
    corners_px = np.stack([uv[..., 0] * SIZE_PX, (1 - uv[..., 1]) * SIZE_PX], axis=-1)[texels.face_ids]
    spots = mesh.corners[texels.face_ids]
    solved = [
        np.linalg.lstsq(np.vstack([spot.T, np.ones(3)]), np.append(place, 1), rcond=None)[0] @ corner
        for spot, place, corner in zip(spots[::97], texels.positions[::97], corners_px[::97], strict=True)
    ]
    assert np.abs(solved - np.stack([columns + 0.5, rows + 0.5], axis=1)[::97]).max() < 0.02


def test_a_ball_painted_from_six_sides_looks_right_from_between_them() -> None:
    mesh, uv, texels = laid_ball()
    baked = bake(mesh, texels, [ball_view(name) for name in SIX])
    assert baked.seen.all()
    texture = dilate(texels, inpaint(texels, baked))
    shown, points = render(mesh, uv, texture, OBLIQUE)
    assert len(shown) > 5000
    assert psnr(shown, rainbow(points)) >= 30


def test_a_view_paints_what_it_sees_and_no_more() -> None:
    mesh, _, texels = laid_ball()
    baked = bake(mesh, texels, [ball_view("left")])
    assert baked.seen[texels.positions[:, 0] > 0.1].all()
    assert not baked.seen[texels.positions[:, 0] < -0.02].any()
    assert psnr(baked.colours[baked.seen], rainbow(texels.positions[baked.seen])) > 30


@pytest.mark.parametrize("wrong", ["right", "back", "top"])
def test_a_picture_under_the_wrong_name_would_be_noticed(wrong: str) -> None:
    mesh, _, texels = laid_ball()
    baked = bake(mesh, texels, [replace(ball_view("left"), colours=ball_view(wrong).colours)])
    assert psnr(baked.colours[baked.seen], rainbow(texels.positions[baked.seen])) < 22


def test_the_view_that_looks_straightest_wins() -> None:
    mesh, _, texels = laid_ball()
    front, left = (
        replace(ball_view(name), colours=np.full((128, 128, 3), grey, np.float32))
        for name, grey in (("front", 0.0), ("left", 1.0))
    )
    baked = bake(mesh, texels, [front, left], blend=Blend(cosine_power=8.0))
    x, _, z = texels.positions.T
    both = baked.seen & (x > 0.05) & (z > 0.05)
    assert (baked.colours[both & (z > 1.5 * x), 0] < 0.1).all()
    assert (baked.colours[both & (x > 1.5 * z), 0] > 0.9).all()
    even = both & (np.abs(x - z) < 0.01)
    assert baked.colours[even, 0].mean() == pytest.approx(0.5, abs=0.1)
    blunt = bake(mesh, texels, [front, left], blend=Blend(cosine_power=0.0))
    clear = (x > 0.15) & (z > 0.15)
    assert np.abs(blunt.colours[clear, 0] - 0.5).max() < 0.01


def test_a_heavier_view_has_more_say() -> None:
    mesh, _, texels = laid_ball()
    black, white = (
        replace(ball_view("front"), colours=np.full((128, 128, 3), grey, np.float32)) for grey in (0, 1)
    )
    baked = bake(mesh, texels, [black, replace(white, weight=3.0)])
    assert np.abs(baked.colours[baked.seen] - 0.75).max() < 1e-3


def occluded(*, shows_its_back: bool = False) -> tuple[Texels, Baked, np.ndarray]:
    """A red plate before a green one; how deep (px) each texel of the green one lies behind the red one."""
    before, behind = plate(0.3, 0.2), plate(-0.3, 0.5)
    if shows_its_back:
        before = Mesh(before.vertices, np.ascontiguousarray(before.faces[:, ::-1]))
    mesh = joined([before, behind])
    texels = locate_texels(mesh, beside_each_other(len(before.faces), mesh), 256)
    camera = framing_camera("front", 128)

    def colour(points: np.ndarray) -> np.ndarray:
        return np.where(points[:, 2:] > 0, (1, 0, 0), (0, 1, 0)).astype(np.float32)

    picture, _ = seen_colours(mesh, camera, colour)
    baked = bake(mesh, texels, [View("front", camera, picture)])
    is_behind = texels.face_ids >= len(before.faces)
    hidden_px = (0.2 - np.abs(texels.positions[:, :2]).max(axis=1)) * camera.px_per_unit[0]
    return texels, baked, np.where(is_behind, hidden_px, np.nan)


def test_a_hidden_texel_is_not_seen_and_its_surroundings_are() -> None:
    _, baked, hidden_px = occluded()
    assert (hidden_px > 2).sum() > 500
    assert not baked.seen[hidden_px > 2].any()
    assert baked.seen[hidden_px < -2].all()


def test_an_open_surface_hides_with_its_back_too() -> None:
    _, baked, hidden_px = occluded(shows_its_back=True)
    assert not baked.seen[hidden_px > 2].any()
    assert not baked.seen[np.isnan(hidden_px)].any()


def test_a_hidden_texel_does_not_take_the_colour_of_what_hides_it() -> None:
    texels, baked, hidden_px = occluded()
    colours = inpaint(texels, baked)
    behind = ~np.isnan(hidden_px)
    assert (colours[behind & (hidden_px > 2), 0] < 0.6).all()
    # A pixel on the edge shows half of each; nothing behind may be more red than that.
    assert (baked.colours[behind & baked.seen, 0] <= 0.5).mean() > 0.99
    assert (colours[np.isnan(hidden_px), 0] > 0.4).all()


def test_nothing_hidden_takes_a_colour_from_the_edge_of_what_hides_it() -> None:
    _, baked, hidden_px = occluded()
    stained = baked.seen & ~np.isnan(hidden_px) & (baked.colours[:, 0] > 0.5)
    assert stained.sum() == 0


def test_edge_texels_of_what_is_in_front_are_seen() -> None:
    _, baked, hidden_px = occluded()
    assert baked.seen[np.isnan(hidden_px)].mean() > 0.99


@pytest.mark.parametrize("name", ["front", "right", "top"])
def test_the_mirrored_view_paints_the_other_side_with_the_mirror_image(name: str) -> None:
    mesh, _, texels = laid_ball()
    given = ball_view(name)
    guess = bake(mesh, texels, [mirrored(given)])
    towards = given.camera.basis[2].astype(np.float32)
    depth = texels.positions @ towards
    assert guess.seen[depth < -0.1].all()
    assert not guess.seen[depth > 0.02].any()
    reflected = texels.positions - 2 * depth[:, None] * towards
    assert psnr(guess.colours[guess.seen], rainbow(reflected[guess.seen])) > 30


def test_a_guess_fills_only_what_was_not_seen() -> None:
    baked = Baked(np.array([[1, 1, 1], [0, 0, 0], [0, 0, 0]], np.float32), np.array([True, False, False]))
    guess = Baked(np.full((3, 3), 0.5, np.float32), np.array([True, True, False]))
    filled = fill_unseen(baked, guess)
    assert filled.colours[:, 0].tolist() == [1, 0.5, 0]
    assert filled.seen.tolist() == [True, True, False]


def test_faces_turned_away_are_not_facing() -> None:
    mesh = ball(2)
    shown = facing(mesh, framing_camera("right", 64))
    assert np.array_equal(shown, mesh.corners.mean(axis=1)[:, 0] < 0)


def test_sampling_is_bilinear_between_pixel_centres_and_clamped_beyond() -> None:
    picture = np.arange(12, dtype=np.float32).reshape(3, 4, 1)
    points = np.array(
        [[0.5, 0.5], [3.5, 2.5], [1.0, 0.5], [0.5, 1.0], [2.0, 1.0], [-9, -9], [99, 99]], np.float32
    )
    assert sample(picture, points)[:, 0].tolist() == [0, 11, 0.5, 2, 3.5, 0, 11]
    assert sample(picture, points[:0]).shape == (0, 1)


def test_many_texels_are_sampled_as_few_are() -> None:
    picture = np.random.default_rng(1).uniform(0, 1, (16, 16, 3)).astype(np.float32)
    points = np.random.default_rng(2).uniform(0, 16, (5000, 2)).astype(np.float32)
    whole = sample(picture, points)
    parts = np.concatenate([sample(picture, points[i : i + 700]) for i in range(0, 5000, 700)])
    assert np.array_equal(whole, parts)


def test_refinement_gives_the_picture_back_sharper() -> None:
    mesh, uv, texels = laid_ball()
    view = ball_view("front")
    rng = np.random.default_rng(5)
    fine = rng.uniform(0.2, 0.8, (64, 64, 3)).repeat(2, axis=0).repeat(2, axis=1).astype(np.float32)
    view = replace(view, colours=fine)
    baked = bake(mesh, texels, [view])
    sharper = refine(mesh, uv, texels, baked, [view], n_rounds=4)
    _, inside = seen_colours(mesh, view.camera, rainbow)
    middle = np.hypot(*(np.argwhere(inside) - 63.5).T) < 35

    def shown(colours: np.ndarray) -> float:
        texture = dilate(texels, colours)
        return psnr(render(mesh, uv, texture, view.camera)[0][middle], fine[inside][middle])

    assert shown(sharper.colours) > shown(baked.colours) + 1.5
    assert np.array_equal(sharper.seen, baked.seen)
    assert np.array_equal(sharper.colours[~baked.seen], baked.colours[~baked.seen])
    assert refine(mesh, uv, texels, baked, [view], n_rounds=0) is baked


def test_steps_are_told_view_by_view() -> None:
    mesh, _, texels = laid_ball()
    steps: list[tuple[int, int]] = []
    bake(mesh, texels, [ball_view(name) for name in SIX[:3]], step=lambda *s: steps.append(s))
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_an_ear_does_not_paint_the_skull_behind_it() -> None:
    mesh = head()
    uv = unwrap(mesh.vertices, mesh.faces, UnwrapOptions(256)).uv
    texels = locate_texels(mesh, uv, 256)
    view = view_of(mesh, "left", rainbow, 160)
    baked = bake(mesh, texels, [view])
    assert 0.2 < baked.seen.mean() < 0.6
    error = np.abs(baked.colours[baked.seen] - rainbow(texels.positions[baked.seen])).max(axis=1)
    assert np.mean(error < 0.12) > 0.97
