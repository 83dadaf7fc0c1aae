"""Every face has a place of its own in the texture, as large as it was asked to be and not distorted."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import ndimage
from shapes import ball, chair, head, noisy, torus

from engine.errors import Cancelled
from engine.geometry.export import split_at_seams
from engine.geometry.mesh import Mesh, vertex_components
from engine.geometry.rasterise import rasterise
from engine.geometry.unwrap import STRETCH_BOUND, UnwrapOptions, Unwrapped, unwrap

BODIES = {"ball": lambda: ball(4), "ring": torus, "chair": chair, "head": head}
SIZE_PX = 512


@cache
def laid_out(name: str) -> tuple[Mesh, Unwrapped]:
    mesh = BODIES[name]()
    return mesh, unwrap(mesh.vertices, mesh.faces, UnwrapOptions(SIZE_PX))


def signed_areas(uv: np.ndarray) -> np.ndarray:
    """Areas (M,) in the unit square, positive for counter-clockwise corners."""
    (ax, ay), (bx, by) = (uv[:, 1] - uv[:, 0]).T.astype(float), (uv[:, 2] - uv[:, 0]).T.astype(float)
    return (ax * by - ay * bx) / 2


def claims(uv: np.ndarray, size_px: int, *, first: bool) -> np.ndarray:
    """Which face (S, S) claims each texel, the lowest that covers it or the highest."""
    ordered = uv if first else uv[::-1]
    points = np.concatenate([ordered.reshape(-1, 2) * size_px, np.zeros((3 * len(uv), 1))], axis=1)
    faces = np.arange(3 * len(uv), dtype=np.int32).reshape(-1, 3)
    found = rasterise(points.astype(np.float32), faces, size_px, size_px).face_ids
    return found if first else np.where(found >= 0, len(uv) - 1 - found, -1)


def n_contested(uv: np.ndarray, size_px: int) -> int:
    """Texels that more than one face covers."""
    return int((claims(uv, size_px, first=True) != claims(uv, size_px, first=False)).sum())


def charts_of(mesh: Mesh, laid: Unwrapped) -> np.ndarray:
    """The chart (M,) of each face: faces that share a corner on the surface and in the texture."""
    vertices, _, faces, _ = split_at_seams(mesh, laid.uv)
    return vertex_components(Mesh(vertices, faces))[faces[:, 0]]


def stretches(mesh: Mesh, uv: np.ndarray) -> np.ndarray:
    """The larger and the smaller stretch (2, M) of each face, from the surface to the unit square."""
    a, b, c = (mesh.corners[:, i].astype(float) for i in range(3))
    along = b - a
    length = np.linalg.norm(along, axis=1)
    x = np.einsum("ij,ij->i", c - a, along) / length
    y = 2 * mesh.face_areas_normals[0] / length
    flat = np.zeros((len(a), 2, 2))
    flat[:, 0, 0], flat[:, 0, 1], flat[:, 1, 1] = length, x, y
    placed = np.stack([uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]], axis=-1)
    return np.linalg.svd(placed @ np.linalg.inv(flat), compute_uv=False).T


@pytest.mark.parametrize("name", BODIES)
def test_coordinates_lie_in_the_unit_square_and_every_face_has_a_place(name: str) -> None:
    mesh, laid = laid_out(name)
    assert laid.uv.shape == (len(mesh.faces), 3, 2)
    assert laid.uv.dtype == np.float32
    assert laid.uv.min() >= 0
    assert laid.uv.max() <= 1
    shares = np.abs(signed_areas(laid.uv)) / mesh.face_areas_normals[0]
    assert shares.min() > 0.2 * np.median(shares)
    assert 1 <= laid.n_charts <= len(mesh.faces) / 2


@pytest.mark.parametrize("name", BODIES)
def test_no_two_faces_share_a_texel(name: str) -> None:
    _, laid = laid_out(name)
    n_covered = int((claims(laid.uv, 1024, first=True) >= 0).sum())
    assert n_covered > 0.3 * 1024**2
    # Only a texel whose centre lies on a shared edge, to rounding, can have two.
    assert n_contested(laid.uv, 1024) <= 20


def test_an_overlap_would_be_found() -> None:
    _, laid = laid_out("ball")
    assert n_contested(np.concatenate([laid.uv, laid.uv[:40] + 0.001]).astype(np.float32), 1024) > 200


@pytest.mark.parametrize("name", BODIES)
def test_no_chart_is_folded(name: str) -> None:
    mesh, laid = laid_out(name)
    charts, upright = charts_of(mesh, laid), signed_areas(laid.uv) > 0
    mixed = [chart for chart in np.unique(charts) if len(set(upright[charts == chart])) > 1]
    assert mixed == []


@pytest.mark.parametrize("name", BODIES)
def test_faces_are_hardly_stretched(name: str) -> None:
    mesh, laid = laid_out(name)
    large, small = stretches(mesh, laid.uv)
    assert np.percentile(large / small, 95) < 1.6
    assert (large / small).max() < 4
    scale = np.sqrt(large * small)
    assert np.percentile(scale, 95) / np.percentile(scale, 5) < 1.6


@pytest.mark.parametrize("ratio", [0.5, 0.625])
def test_the_area_in_the_texture_grows_with_the_square_of_the_density(ratio: float) -> None:
    mesh = ball(4)
    front = mesh.face_areas_normals[1][:, 2] > 0
    laid = unwrap(
        mesh.vertices, mesh.faces, UnwrapOptions(SIZE_PX), np.where(front, 1, ratio).astype(np.float32)
    )
    shares = np.abs(signed_areas(laid.uv)) / mesh.face_areas_normals[0]
    rounded = round(ratio, 2)
    assert np.median(shares[~front]) / np.median(shares[front]) == pytest.approx(rounded**2, rel=0.1)
    assert n_contested(laid.uv, SIZE_PX) <= 20


@pytest.mark.parametrize("padding", [2, 8])
def test_charts_keep_their_padding(padding: int) -> None:
    mesh = head()
    laid = unwrap(mesh.vertices, mesh.faces, UnwrapOptions(SIZE_PX, padding=padding))
    charts = charts_of(mesh, laid)
    found = claims(laid.uv, SIZE_PX, first=True)
    texels = np.where(found >= 0, charts[found], -1)
    reach = 2 * (padding - 1) // 2 + 1  # a window this wide cannot touch two charts
    highest = ndimage.maximum_filter(texels, reach)
    lowest = ndimage.minimum_filter(np.where(texels < 0, charts.max() + 1, texels), reach)
    assert charts.max() > 3
    assert (highest[texels >= 0] == lowest[texels >= 0]).all()


def test_options_and_steps_are_used() -> None:
    mesh = ball(3)
    steps: list[tuple[int, int]] = []
    few = unwrap(
        mesh.vertices, mesh.faces, UnwrapOptions(SIZE_PX, max_cost=16.0), None, lambda *s: steps.append(s)
    )
    many = unwrap(mesh.vertices, mesh.faces, UnwrapOptions(SIZE_PX, max_cost=0.2))
    assert few.n_charts < many.n_charts
    assert steps == sorted(steps)
    assert steps[0][0] == 0
    assert steps[-1] == (100, 100)
    assert len(steps) > 5
    assert 0.3 < few.use <= 1


def test_the_same_mesh_is_laid_out_the_same_way() -> None:
    mesh, laid = laid_out("head")
    assert np.array_equal(unwrap(mesh.vertices, mesh.faces, UnwrapOptions(SIZE_PX)).uv, laid.uv)


@pytest.mark.parametrize("name", BODIES)
def test_the_charts_told_are_the_charts_laid(name: str) -> None:
    mesh, laid = laid_out(name)
    told = np.unique(np.stack([laid.charts, charts_of(mesh, laid)], axis=1), axis=0)
    assert len(told) == laid.n_charts == len(np.unique(laid.charts))


@pytest.mark.parametrize("name", BODIES)
def test_no_chart_is_mirrored(name: str) -> None:
    _, laid = laid_out(name)
    assert (signed_areas(laid.uv) > 0).all()


@pytest.mark.parametrize("bumps", [0.0, 0.004])
def test_no_face_is_stretched_beyond_the_bound(bumps: float) -> None:
    mesh = noisy(ball(5), bumps)
    laid = unwrap(mesh.vertices, mesh.faces, UnwrapOptions(1024))
    large, small = stretches(mesh, laid.uv)
    mean = np.sqrt(np.abs(signed_areas(laid.uv)).sum() / mesh.face_areas_normals[0].sum())
    # Rounding of the texture's coordinates adds a little.
    assert large.max() < 1.02 * STRETCH_BOUND * mean
    assert small.min() > mean / (1.02 * STRETCH_BOUND)


def test_xatlas_can_be_asked_for_with_its_own_options() -> None:
    mesh = ball(3)
    options = UnwrapOptions(SIZE_PX, method="xatlas", max_cost=16.0)
    laid = unwrap(mesh.vertices, mesh.faces, options)
    fine = unwrap(mesh.vertices, mesh.faces, replace(options, max_cost=0.2))
    assert laid.n_charts == len(np.unique(charts_of(mesh, laid)))
    assert laid.n_charts < fine.n_charts
    assert n_contested(laid.uv, 1024) <= 20


def test_a_cancelled_layout_stops_at_its_next_step() -> None:
    mesh = ball(5)
    steps: list[int] = []

    def step(number: int, n_steps: int) -> None:
        steps.append(number)
        if number > 30:
            raise Cancelled

    with pytest.raises(Cancelled):
        unwrap(mesh.vertices, mesh.faces, UnwrapOptions(SIZE_PX), None, step)
    assert 30 < steps[-1] < 90
    assert steps[-2] <= 30


def test_a_layout_without_time_is_whole_and_says_so() -> None:
    mesh = noisy(ball(5), 0.004)
    laid = unwrap(mesh.vertices, mesh.faces, UnwrapOptions(1024, time_limit_s=0.0))
    assert n_contested(laid.uv, 1024) <= 20
    assert (signed_areas(laid.uv) > 0).all()
    assert any("longer than 0 s" in note for note in laid.notes)
