"""Normals of a fine surface come back on a coarse one as glTF reads them; hollows see less of the sky."""

from __future__ import annotations

import numpy as np
import pytest
from shapes import ball, box_body, joined

from engine.geometry.bake import Texels, locate_texels
from engine.geometry.compute import processor
from engine.geometry.mesh import Mesh
from engine.geometry.occlusion import bake_occlusion, spread_directions
from engine.geometry.relief import bake_relief, tangents
from engine.geometry.unwrap import UnwrapOptions, unwrap

SIZE_PX = 128


def sheet(n: int, height: float = 0.0, *, is_mirrored: bool = False) -> tuple[Mesh, np.ndarray]:
    """A unit square that faces the front, waves of `height` along x, and its coordinates: u is x, v is y."""
    lines = np.linspace(0, 1, n + 1)
    x, y = np.meshgrid(lines, lines)
    corner = (np.arange(n)[:, None] * (n + 1) + np.arange(n)).ravel()
    a, b, c, d = corner, corner + 1, corner + n + 1, corner + n + 2
    faces = np.concatenate([np.stack([a, b, d], axis=1), np.stack([a, d, c], axis=1)]).astype(np.int32)
    vertices = np.stack([x, y, height * np.sin(8 * np.pi * x)], axis=-1).reshape(-1, 3).astype(np.float32)
    uv = vertices[faces][..., :2].copy()
    if is_mirrored:
        uv[..., 0] = 1 - uv[..., 0]
    return Mesh(vertices, faces), uv


def decoded(colours: np.ndarray) -> np.ndarray:
    return 2 * colours - 1


@pytest.mark.parametrize("is_mirrored", [False, True])
def test_a_wave_leans_red_along_u(is_mirrored: bool) -> None:
    coarse, uv = sheet(1, is_mirrored=is_mirrored)
    fine, _ = sheet(256, 0.01)
    texels = locate_texels(coarse, uv, SIZE_PX)
    relief = bake_relief(coarse, uv, texels, fine)
    assert relief.found.mean() > 0.99
    x = texels.positions[:, 0]
    slope = 0.01 * 8 * np.pi * np.cos(8 * np.pi * x)
    wanted = np.stack([-slope, 0 * x, np.ones_like(x)], axis=1)
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    if is_mirrored:  # u runs against x, and the bitangent stays along y
        wanted[:, 0] *= -1
    inner = (x > 0.02) & (x < 0.98)
    assert np.abs(decoded(relief.colours) - wanted)[inner].max() < 0.03
    assert np.abs(wanted[:, 0]).max() > 0.2


def test_a_slope_up_v_leans_green() -> None:
    coarse, uv = sheet(1)
    fine, _ = sheet(64)
    tilted = Mesh(
        np.array(fine.vertices @ [[1, 0, 0], [0, 1, 0.1], [0, 0, 1]], np.float32) - [0, 0, 0.05], fine.faces
    )
    tilted = Mesh(tilted.vertices.astype(np.float32), tilted.faces)
    texels = locate_texels(coarse, uv, SIZE_PX)
    mean = decoded(bake_relief(coarse, uv, texels, tilted, reach=0.1).colours).mean(axis=0)
    assert mean == pytest.approx(np.array([0, -0.1, 1]) / np.sqrt(1.01), abs=5e-3)


def test_decoding_with_the_frame_gives_the_fine_normals_back() -> None:
    coarse, fine = ball(2), ball(5)
    uv = unwrap(coarse.vertices, coarse.faces, UnwrapOptions(256)).uv
    texels = locate_texels(coarse, uv, 256)
    relief = bake_relief(coarse, uv, texels, fine, reach=0.1)
    assert relief.found.all()
    # Renderers mix normals and tangents of the corners; here with the weights that the positions tell.
    corners = coarse.corners[texels.face_ids].astype(np.float64)
    basis = np.stack([corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]], axis=-1)
    weights = np.einsum("kij,kj->ki", np.linalg.pinv(basis), texels.positions - corners[:, 0])
    weights = np.c_[1 - weights.sum(axis=1), weights]
    held = tangents(coarse, uv)[texels.face_ids]
    normal = texels.normals
    tangent = np.einsum("kc,kci->ki", weights, held[..., :3])
    tangent -= normal * np.einsum("ki,ki->k", tangent, normal)[:, None]
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    bitangent = held[:, 0, 3:] * np.cross(normal, tangent)
    x, y, z = decoded(relief.colours).T
    shown = x[:, None] * tangent + y[:, None] * bitangent + z[:, None] * normal
    truth = texels.positions / np.linalg.norm(texels.positions, axis=1, keepdims=True)
    smooth = np.abs(texels.normals - truth).max()
    assert np.linalg.norm(shown - truth, axis=1).max() < 0.012
    assert smooth > 0.015  # without the map the coarse ball is visibly another one


def test_where_the_fine_surface_is_out_of_reach_the_map_is_flat() -> None:
    coarse, uv = sheet(1)
    far = Mesh(coarse.vertices + np.array([0, 0, 0.5], np.float32), coarse.faces)
    texels = locate_texels(coarse, uv, 32)
    relief = bake_relief(coarse, uv, texels, far)
    assert not relief.found.any()
    assert np.abs(relief.colours - [0.5, 0.5, 1.0]).max() < 1e-6
    nothing = Mesh(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))
    assert not bake_relief(coarse, uv, texels, nothing).found.any()


def openness(mesh: Mesh) -> tuple[Texels, np.ndarray]:
    uv = unwrap(mesh.vertices, mesh.faces, UnwrapOptions(SIZE_PX)).uv
    texels = locate_texels(mesh, uv, SIZE_PX)
    return texels, bake_occlusion(mesh, texels)


def test_a_ball_alone_sees_the_whole_sky() -> None:
    _, seen = openness(ball(3))
    assert seen.min() > 0.97
    assert seen.max() <= 1


def test_a_floor_under_a_wall_sees_half_of_it() -> None:
    floor, wall = box_body((-0.5, -0.05, -0.5), (0.5, 0, 0.5)), box_body((-0.5, 0, -0.55), (0.5, 1.0, -0.5))
    texels, seen = openness(joined([floor, wall]))
    x, y, z = texels.positions.T
    on_floor = (np.abs(y) < 1e-4) & (texels.normals[:, 1] > 0) & (np.abs(x) < 0.05)
    near, far = seen[on_floor & (z < -0.42)].mean(), seen[on_floor & (z > 0.4)].mean()
    assert 0.45 < near < 0.7  # a wall without end would hide exactly half
    assert far > 0.85


def test_directions_are_even_over_the_sphere() -> None:
    azimuth, elevation = np.deg2rad(spread_directions(96)).T
    towards = np.stack(
        [np.cos(elevation) * np.sin(azimuth), np.sin(elevation), np.cos(elevation) * np.cos(azimuth)]
    )
    assert np.abs(towards.mean(axis=1)).max() < 0.02
    assert np.abs(towards @ towards.T / 96 - np.eye(3) / 3).max() < 0.02


def test_steps_are_told_and_may_end_it() -> None:
    mesh, uv = sheet(1)
    texels = locate_texels(mesh, uv, 16, processor())
    told: list[tuple[int, int]] = []
    bake_occlusion(mesh, texels, n_directions=3, step=lambda *s: told.append(s))
    assert told == [(1, 3), (2, 3), (3, 3)]

    def end(step: int, n_steps: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        bake_occlusion(mesh, texels, step=end)
