"""Points on surfaces: on them, evenly, along their edges, far apart, and the same with the same seed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import trimesh

from engine.errors import BadInput
from engine.geometry.mesh import Mesh
from engine.geometry.point_sampling import (
    SurfacePoints,
    farthest_points,
    sample_sharp_edges,
    sample_surface,
)

Sampler = Callable[[Mesh, int, np.random.Generator], SurfacePoints]


def of_trimesh(mesh: trimesh.Trimesh) -> Mesh:
    return Mesh(mesh.vertices.astype(np.float32), mesh.faces.astype(np.int32))


def box() -> Mesh:
    return of_trimesh(trimesh.creation.box(extents=(2, 4, 6)))


def ball() -> Mesh:
    return of_trimesh(trimesh.creation.icosphere(subdivisions=3))


def seeded(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_points_lie_on_the_surface_with_its_normals() -> None:
    found = sample_surface(box(), 5000, seeded())
    half = np.array([1, 2, 3])
    axes = np.abs(found.normals).argmax(axis=1)
    rows = np.arange(5000)
    signs = np.sign(found.normals[rows, axes])
    assert found.points.dtype == found.normals.dtype == np.float32
    assert np.allclose(found.points[rows, axes], signs * half[axes], atol=1e-5)
    assert (np.abs(found.points) <= half + 1e-5).all()
    assert np.allclose(np.linalg.norm(found.normals, axis=1), 1, atol=1e-5)


def test_every_part_gets_points_by_its_area() -> None:
    found = sample_surface(box(), 20_000, seeded())
    axes = np.abs(found.normals).argmax(axis=1)
    shares = np.bincount(axes, minlength=3) / 20_000
    assert shares == pytest.approx(np.array([24, 12, 8]) / 44, abs=0.015)
    top = found.points[found.normals[:, 2] > 0.5]  # even within a side too
    quarters = np.histogram2d(top[:, 0], top[:, 1], bins=2)[0] / len(top)
    assert quarters == pytest.approx(np.full((2, 2), 0.25), abs=0.03)


def test_faces_without_area_get_no_points() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 5, 5]], np.float32)
    mesh = Mesh(vertices, np.array([[3, 3, 3], [0, 1, 2], [0, 3, 0]], np.int32))
    found = sample_surface(mesh, 100, seeded())
    assert (found.points[:, 2] == 0).all()
    assert np.array_equal(found.normals, np.tile(np.float32([0, 0, 1]), (100, 1)))


@pytest.mark.parametrize("faces", [np.zeros((0, 3), np.int32), np.array([[0, 1, 1]], np.int32)])
def test_a_mesh_without_area_is_refused(faces: np.ndarray) -> None:
    mesh = Mesh(np.eye(3, dtype=np.float32), faces)
    with pytest.raises(BadInput, match=f"{len(faces)} faces of this mesh have no area"):
        sample_surface(mesh, 10, seeded())


def test_sharp_points_lie_on_the_edges_of_a_box_and_look_away_from_both_sides() -> None:
    found = sample_sharp_edges(box(), 4000, seeded())
    on_side = np.isclose(np.abs(found.points), [1, 2, 3], atol=1e-5)
    assert (on_side.sum(axis=1) >= 2).all()
    assert (found.normals * found.points > 0.5).sum(axis=1).min() == 2
    assert np.allclose(np.linalg.norm(found.normals, axis=1), 1, atol=1e-5)
    along = np.bincount(np.abs(found.normals).argmin(axis=1), minlength=3) / 4000  # by length
    assert along == pytest.approx(np.array([2, 4, 6]) / 12, abs=0.03)


def test_a_smooth_body_has_no_sharp_points() -> None:
    assert len(sample_sharp_edges(ball(), 100, seeded()).points) == 0
    assert len(sample_sharp_edges(ball(), 100, seeded(), sharp_deg=1).points) == 100


@pytest.mark.parametrize("sampler", [sample_surface, sample_sharp_edges])
def test_the_same_seed_gives_the_same_points_and_another_others(sampler: Sampler) -> None:
    first, again, other = (sampler(box(), 50, seeded(seed)) for seed in (3, 3, 4))
    assert np.array_equal(first.points, again.points)
    assert np.array_equal(first.normals, again.normals)
    assert not np.array_equal(first.points, other.points)


def test_each_chosen_point_is_the_farthest_from_those_before() -> None:
    points = torch.from_numpy(seeded().normal(size=(300, 3)).astype(np.float32))
    chosen = farthest_points(points, 40, seed=1)
    distances = torch.cdist(points.double(), points.double())
    for number in range(1, 40):
        gaps = distances[:, chosen[:number]].amin(dim=1)
        assert gaps[chosen[number]] == pytest.approx(float(gaps.max()), rel=1e-5)


def test_points_far_apart_cover_a_surface_better_than_points_at_random() -> None:
    points = torch.from_numpy(sample_surface(ball(), 4000, seeded()).points)

    def widest_gap(chosen: torch.Tensor) -> float:
        return float(torch.cdist(points, points[chosen]).amin(dim=1).max())

    assert widest_gap(farthest_points(points, 100, seed=0)) < 0.7 * widest_gap(torch.arange(100))


def test_no_point_is_chosen_twice_even_where_points_coincide() -> None:
    points = torch.zeros(8, 3)
    assert sorted(farthest_points(points, 8, seed=0).tolist()) == list(range(8))


def test_the_seed_moves_the_first_point_alone() -> None:
    points = torch.from_numpy(seeded().normal(size=(100, 3)).astype(np.float32))
    assert torch.equal(farthest_points(points, 9, seed=5), farthest_points(points, 9, seed=5))
    assert farthest_points(points, 1, seed=5) != farthest_points(points, 1, seed=6)


@pytest.mark.parametrize("n_chosen", [0, 5])
def test_a_number_of_points_out_of_range_is_refused_with_both_numbers(n_chosen: int) -> None:
    with pytest.raises(ValueError, match=f"{n_chosen} points cannot be chosen from 4"):
        farthest_points(torch.zeros(4, 3), n_chosen, seed=0)
