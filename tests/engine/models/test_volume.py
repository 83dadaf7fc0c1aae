"""A field decoded near its surface has the cells of the whole lattice, wherever the surface is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from engine.bench_shape import bumpy_ball
from engine.geometry.marching import march
from engine.models.finite import NotFinite
from engine.models.hunyuan3d.volume import BOUND, SurfaceCells, decode_dense, decode_near_surface

Tensor = Any
Field = Callable[[Tensor], Tensor]


def ring(points: Tensor) -> Tensor:
    return 0.2 - torch.hypot(points[:, :2].norm(dim=1) - 0.6, points[:, 2])


def crumbs(points: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    centres = (torch.rand(100, 3, generator=generator) * 2 - 1) * 0.95
    radii = torch.rand(100, generator=generator) * 0.02 + 0.004
    return (radii - torch.cdist(points, centres)).amax(1)


def sheet(points: Tensor) -> Tensor:
    """A plate of a fifth of a coarse cell's thickness."""
    inside = points[:, :2].abs().amax(1) - 0.6
    return 0.003 - torch.maximum(points[:, 2].sub(0.013).abs(), inside)


def step(points: Tensor) -> Tensor:
    """Saturated but for a band thinner than a cell, as learnt fields are."""
    return (bumpy_ball(points) * 60).clamp(-1, 1)


def cut_off(points: Tensor) -> Tensor:
    return 1.2 - points.norm(dim=1)


def dense_cells(field: Field, resolution: int, level: float) -> tuple[Tensor, Tensor]:
    """The crossed cells of the whole lattice by rising coordinates, and their corners."""
    volume = decode_dense(field, resolution, "cpu")
    corners = volume.unfold(0, 2, 1).unfold(1, 2, 1).unfold(2, 2, 1).reshape(-1, 8)
    is_inside = corners > level
    keys = (is_inside.any(dim=1) & ~is_inside.all(dim=1)).nonzero()[:, 0]
    return keys, corners[keys]


def ordered(found: SurfaceCells) -> tuple[Tensor, Tensor]:
    n = found.resolution
    keys, order = torch.sort(found.cells.long() @ torch.tensor([n * n, n, 1]))
    return keys, found.values[order]


@pytest.mark.parametrize("field", [bumpy_ball, ring, crumbs, sheet, step, cut_off])
def test_the_crossed_cells_are_those_of_the_whole_lattice(field: Field) -> None:
    found = decode_near_surface(field, 128, "cpu")
    keys, corners = ordered(found)
    all_keys, all_corners = dense_cells(field, 128, 0.0)
    assert torch.equal(keys, all_keys)
    assert torch.allclose(corners, all_corners, atol=1e-6)


@pytest.mark.parametrize(("resolution", "level"), [(100, 0.0), (129, 0.0), (131, 0.03), (150, -0.05)])
def test_any_number_of_cells_and_any_level_will_do(resolution: int, level: float) -> None:
    found = decode_near_surface(bumpy_ball, resolution, "cpu", level=level)
    keys, _ = ordered(found)
    assert torch.equal(keys, dense_cells(bumpy_ball, resolution, level)[0])


def test_far_fewer_points_are_decoded_than_there_are() -> None:
    found = decode_near_surface(bumpy_ball, 256, "cpu")
    assert found.n_decoded < 257**3 / 10


def test_each_point_is_asked_for_once() -> None:
    asked: list[Tensor] = []

    def field(points: Tensor) -> Tensor:
        asked.append(points)
        return ring(points)

    found = decode_near_surface(field, 128, "cpu")
    points = torch.cat(asked)
    assert len(points) == found.n_decoded
    assert len(torch.unique(points, dim=0)) == found.n_decoded


def test_a_surface_that_leaves_the_cells_at_hand_is_followed_to_its_end() -> None:
    """A thin rod sticks out of a ball; around the rod the field is flat, so that nothing points to it."""

    def rod(points: Tensor) -> Tensor:
        ball = (0.3 - points.norm(dim=1)).clamp(-0.05, 0.05) * 20
        near = (points[:, 1:] - 0.008).norm(dim=1) < 0.012
        return torch.where(near & (points[:, 0] > 0) & (points[:, 0] < 0.9), 1.0, ball)

    keys, _ = ordered(decode_near_surface(rod, 128, "cpu"))
    assert torch.equal(keys, dense_cells(rod, 128, 0.0)[0])


def test_chunks_change_nothing() -> None:
    whole, parts = (decode_near_surface(ring, 128, "cpu", chunk=chunk) for chunk in (1_000_000, 777))
    assert torch.equal(whole.cells, parts.cells)
    assert torch.equal(whole.values, parts.values)


def test_a_ball_has_its_size_and_its_place() -> None:
    centre = torch.tensor([0.1, -0.2, 0.05])
    found = decode_near_surface(lambda points: 0.5 - (points - centre).norm(dim=1), 128, "cpu")
    vertices, _ = march(found.cells, found.values)
    radii = (found.to_world(vertices) - centre).norm(dim=1)
    assert torch.allclose(radii, torch.full_like(radii, 0.5), atol=2e-3)


def test_parity_maps_as_the_public_reference_does() -> None:
    found = SurfaceCells(128, BOUND, torch.zeros(0, 3), torch.zeros(0, 8), 0)
    ends = torch.tensor([0.0, 128.0])
    assert torch.allclose(found.to_world(ends), torch.tensor([-BOUND, BOUND]))
    shrunk = found.to_world(ends, is_parity=True)
    assert torch.allclose(shrunk, torch.tensor([-BOUND, 128 / 129 * 2 * BOUND - BOUND]))


@pytest.mark.parametrize("value", [-1.0, 1.0])
def test_a_field_without_a_surface_gives_no_cells(value: float) -> None:
    found = decode_near_surface(lambda points: torch.full((len(points),), value), 128, "cpu")
    assert len(found.cells) == 0


def test_nan_is_found() -> None:
    with pytest.raises(NotFinite, match="field decoder"):
        decode_near_surface(lambda points: ring(points).where(points[:, 0] < 0.5, torch.nan), 64, "cpu")


def test_the_share_rises_to_one_and_may_end_the_work() -> None:
    shares: list[float] = []
    decode_near_surface(ring, 256, "cpu", share_is_done=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0

    def stop(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decode_near_surface(ring, 256, "cpu", share_is_done=stop)
