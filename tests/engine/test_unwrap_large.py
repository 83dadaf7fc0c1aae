"""Meshes finer than their texture, and layouts that run out of time, come out whole and with few charts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from shapes import ball, noisy

from engine.geometry.atlas.calm import calm_surface, count_stretched
from engine.geometry.atlas.links import link_faces
from engine.geometry.atlas.order import order_by_number
from engine.geometry.atlas.overlap import claim_texels
from engine.geometry.atlas.watch import Watch
from engine.geometry.mesh import Mesh
from engine.geometry.unwrap import MANY_FACES, UnwrapOptions, Unwrapped, unwrap

ROUGH = noisy(ball(5), 0.004)


def clock_that_jumps(after: int) -> Callable[[], float]:
    """A clock that stands still and, asked more than `after` times, is an hour later."""
    n_asked = 0

    def clock() -> float:
        nonlocal n_asked
        n_asked += 1
        return 3600.0 if n_asked > after else 0.0

    return clock


def rough_sheet(n: int) -> Mesh:
    """2 n² faces of waves under noise twice as high as an edge is long."""
    x, y = np.meshgrid(np.linspace(0, 1, n + 1), np.linspace(0, 1, n + 1))
    z = 0.05 * np.sin(20 * x) * np.cos(17 * y) + 2 / n * np.random.default_rng(0).normal(size=x.shape)
    c = (np.arange(n)[:, None] * (n + 1) + np.arange(n)).ravel()
    faces = np.concatenate([np.stack([c, c + 1, c + n + 2], 1), np.stack([c, c + n + 2, c + n + 1], 1)])
    return Mesh(np.stack([x, y, z], axis=-1).reshape(-1, 3).astype(np.float32), faces.astype(np.int32))


def is_whole(laid: Unwrapped, size_px: int) -> bool:
    (ax, ay), (bx, by) = ((laid.uv[:, i].astype(float) - laid.uv[:, 0]).T for i in (1, 2))
    return claim_texels(laid.uv, size_px).n_contested == 0 and bool((ax * by - ay * bx >= 0).all())


@pytest.mark.parametrize("after", [1, 2, 4, 8])
def test_a_layout_out_of_time_anywhere_is_whole_and_has_few_charts(after: int) -> None:
    options = UnwrapOptions(1024, time_limit_s=10.0)
    laid = unwrap(ROUGH.vertices, ROUGH.faces, options, clock=clock_that_jumps(after))
    assert is_whole(laid, 1024)
    assert laid.n_charts < 1500
    assert any("longer than 10 s" in note for note in laid.notes)


def test_time_that_stands_still_is_never_over() -> None:
    body = ball(3)
    laid = unwrap(body.vertices, body.faces, UnwrapOptions(512, time_limit_s=0.001), clock=lambda: 0.0)
    assert laid.notes == ()


def test_a_mesh_finer_than_its_texture_has_few_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = rough_sheet(150)
    plain = unwrap(mesh.vertices, mesh.faces, UnwrapOptions(256))
    monkeypatch.setattr("engine.geometry.unwrap.MANY_FACES", 1000)
    laid = unwrap(mesh.vertices, mesh.faces, UnwrapOptions(256))
    again = unwrap(mesh.vertices, mesh.faces, UnwrapOptions(256))
    assert is_whole(laid, 256)
    assert laid.n_charts < 0.1 * plain.n_charts
    assert laid.use > plain.use
    assert any("rougher than the texture" in note for note in laid.notes)
    assert np.array_equal(laid.uv, again.uv)


def test_a_smooth_surface_keeps_the_bound_however_fine_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    body = ball(5)
    monkeypatch.setattr("engine.geometry.unwrap.MANY_FACES", 1000)
    laid = unwrap(body.vertices, body.faces, UnwrapOptions(256))
    assert laid.notes == ()
    assert count_stretched(body, laid.uv, laid.charts, 3.0) == 0
    assert is_whole(laid, 256)


def test_calming_takes_noise_away_and_moves_no_vertex_far() -> None:
    mesh, texels_per_unit = rough_sheet(80), 100.0
    calm = calm_surface(mesh, texels_per_unit, Watch())
    moved = np.linalg.norm(calm.vertices - mesh.vertices, axis=1)
    assert moved.max() <= 4 / texels_per_unit * 1.001
    assert calm.face_areas_normals[0].sum() < 0.7 * mesh.face_areas_normals[0].sum()


def test_stretched_faces_are_counted() -> None:
    body = ball(3)
    laid = unwrap(body.vertices, body.faces, UnwrapOptions(512))
    uv = laid.uv.copy()
    uv[:7, 1] = uv[:7, 0] + 8 * (uv[:7, 1] - uv[:7, 0])
    assert count_stretched(body, laid.uv, laid.charts, 3.0) == 0
    assert count_stretched(body, uv, laid.charts, 3.0) == 7


def test_counting_sorts_as_a_stable_sort_does() -> None:
    numbers = np.random.default_rng(1).integers(-1, 40, 5000).astype(np.int32)
    order, starts = order_by_number(numbers, 40)
    kept = np.flatnonzero(numbers >= 0)
    assert np.array_equal(order, kept[np.argsort(numbers[kept], kind="stable")])
    assert np.array_equal(starts, np.searchsorted(numbers[order], np.arange(41)))


def test_links_join_faces_along_their_common_edge() -> None:
    body = ball(3)
    links = link_faces(body)
    assert len(links.pairs) == 3 * len(body.faces) // 2
    common = [len(set(body.faces[a]) & set(body.faces[b])) for a, b in links.pairs]
    assert set(common) == {2}


@pytest.mark.slow
def test_two_million_rough_faces_are_laid_out_in_few_charts() -> None:
    mesh = rough_sheet(1000)
    assert len(mesh.faces) > MANY_FACES
    hasty = unwrap(
        mesh.vertices, mesh.faces, UnwrapOptions(2048, time_limit_s=8.0), clock=clock_that_jumps(1)
    )
    laid = unwrap(mesh.vertices, mesh.faces, UnwrapOptions(2048, time_limit_s=1e6))
    for made in (laid, hasty):
        assert is_whole(made, 2048)
        assert made.n_charts < 2000
        assert made.use > 0.4
