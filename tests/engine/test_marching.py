"""Marching: closed, outward, near the truth, and the same however the cells are given."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree
from skimage.measure import marching_cubes

from engine.geometry.marching import CHUNK, march, open_faces
from engine.geometry.marching_table import EDGES, FACES, loops_of, marching_table
from engine.geometry.mesh import Mesh, topology, volume

Floats = NDArray[np.float32]


def cells_of(field: Floats, *, crossed_only: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
    x, y, z = (side - 1 for side in field.shape)
    corners = [(c >> 2 & 1, c >> 1 & 1, c & 1) for c in range(8)]
    values = np.stack([field[i : i + x, j : j + y, k : k + z] for i, j, k in corners], axis=-1)
    values = values.reshape(-1, 8)
    cells = np.stack(np.meshgrid(*map(np.arange, (x, y, z)), indexing="ij"), axis=-1).reshape(-1, 3)
    is_inside = values > 0
    kept = is_inside.any(axis=1) & ~is_inside.all(axis=1) | (not crossed_only)
    return torch.from_numpy(cells[kept].astype(np.int32)), torch.from_numpy(values[kept])


def marched(field: Floats) -> Mesh:
    vertices, faces = march(*cells_of(field))
    return Mesh(vertices.numpy(), faces.numpy())


def lewiner(field: Floats) -> Mesh:
    vertices, faces, _, _ = marching_cubes(field, 0.0, gradient_direction="ascent")
    return Mesh(vertices.astype(np.float32), faces.astype(np.int32))


def lattice(n_cells: int, half: float = 1.0) -> tuple[Floats, Floats, Floats]:
    steps = np.linspace(-half, half, n_cells + 1, dtype=np.float32)
    x, y, z = np.meshgrid(steps, steps, steps, indexing="ij")
    return x, y, z


def sphere(n_cells: int = 24, radius: float = 0.7) -> Floats:
    x, y, z = lattice(n_cells)
    return (radius - np.sqrt(x * x + y * y + z * z)).astype(np.float32)


def torus() -> Floats:
    x, y, z = lattice(32)
    return (0.23 - np.hypot(np.hypot(x, y) - 0.6, z)).astype(np.float32)


def bumpy_ball() -> Floats:
    x, y, z = lattice(48)
    bumps = 0.08 * np.sin(9 * x) * np.cos(8 * y) * np.sin(7 * z)
    return (0.7 + bumps - np.sqrt(x * x + y * y + z * z)).astype(np.float32)


def touching_blobs() -> Floats:
    x, y, z = lattice(32)
    centres = (-0.375, 0.375)  # they touch between two lattice points, along a diagonal
    first, second = (0.65 - np.sqrt((x - c) ** 2 + (y - c) ** 2 + z * z) for c in centres)
    return np.maximum(first, second).astype(np.float32) + np.float32(-0.1)


def padded(field: Floats) -> Floats:
    return np.pad(field, 1, constant_values=-1).astype(np.float32)


def smooth_noise(seed: int) -> Floats:
    noise = np.random.default_rng(seed).normal(size=(20, 20, 20))
    return padded(gaussian_filter(noise, 2.0) * 20)


def samples(mesh: Mesh, spacing: float) -> Floats:
    """Points on every triangle, none farther than `spacing` from the next."""
    longest = np.linalg.norm(mesh.corners - np.roll(mesh.corners, 1, axis=1), axis=2).max()
    steps = np.linspace(0, 1, int(np.ceil(longest / spacing)) + 1)
    a, b = (part.ravel() for part in np.meshgrid(steps, steps))
    weights = np.stack([a, b, 1 - a - b], axis=1)[a + b <= 1 + 1e-9]
    return np.einsum("sk,fkc->fsc", weights, mesh.corners).reshape(-1, 3).astype(np.float32)


def distances(one: Mesh, other: Mesh, spacing: float = 0.15) -> Floats:
    """From points all over each surface to the other, in cells."""
    a, b = samples(one, spacing), samples(other, spacing)
    return np.concatenate([cKDTree(a).query(b)[0], cKDTree(b).query(a)[0]])


BODIES = {"sphere": sphere, "torus": torus, "bumpy ball": bumpy_ball, "touching blobs": touching_blobs}


@pytest.mark.parametrize("body", BODIES)
def test_a_body_comes_out_closed_outward_and_as_large_as_with_scikit_image(body: str) -> None:
    ours, theirs = marched(BODIES[body]()), lewiner(BODIES[body]())
    assert topology(ours) == topology(theirs)
    assert ours.is_closed
    assert volume(ours) == pytest.approx(volume(theirs), rel=5e-4)
    # Where the blobs touch, loops need a vertex in their middle, each code in its own way.
    n_inner = 8 if body == "touching blobs" else 0
    for one, other in ((ours, theirs), (theirs, ours)):
        assert (cKDTree(one.vertices).query(other.vertices)[0] > 1e-5).sum() <= n_inner
    assert distances(ours, theirs).max() < 0.5


def test_a_sphere_has_its_volume() -> None:
    assert volume(marched(sphere(48))) * (2 / 48) ** 3 == pytest.approx(4 / 3 * np.pi * 0.7**3, rel=3e-3)


@pytest.mark.parametrize("seed", range(4))
def test_smooth_noise_lies_where_scikit_image_finds_it(seed: int) -> None:
    ours, theirs = marched(smooth_noise(seed)), lewiner(smooth_noise(seed))
    assert ours.is_closed
    apart = distances(ours, theirs)
    assert np.quantile(apart, 0.999) < 0.3
    assert apart.max() < 1  # a cell as rough as this has several fillings, and tunnels that no face shows
    assert volume(ours) == pytest.approx(volume(theirs), rel=2e-3)


def test_signs_at_random_always_give_a_closed_surface() -> None:
    rng = np.random.default_rng(0)
    for _ in range(150):  # 64 cells each: all 256 patterns many times over, beside all sorts of neighbours
        mesh = marched(padded(rng.normal(size=(3, 3, 3))))
        assert mesh.is_closed
        assert volume(mesh) > 0


def test_a_checkerboard_is_closed() -> None:
    signs = (-1.0) ** np.indices((7, 7, 7)).sum(axis=0)
    for strength in (0.5, 1.0, 2.0):  # joined, undecided and kept apart across every face
        field = padded(np.where(signs > 0, strength, -1.0))
        assert marched(field).is_closed
        assert marched(-field[1:-1, 1:-1, 1:-1] if strength == 1 else field).faces.size


def test_contours_cross_a_face_as_the_bilinear_field_does() -> None:
    # Two inside corners across one face: joined if the product of the inside values is the larger.
    for inside, n_parts in ((0.5, 2), (2.0, 1)):
        field = np.full((4, 4, 3), -1.0, np.float32)
        field[1, 1, 1] = field[2, 2, 1] = inside
        assert topology(marched(field)).n_components == n_parts


def test_no_two_cells_can_draw_the_same_link_across_a_face() -> None:
    table = marching_table()
    on_face = [
        {e for e, (c, axis) in enumerate(EDGES) if {c, c | (4, 2, 1)[axis]} <= set(face)} for face in FACES
    ]
    for code in range(256):
        ambiguous = [face for face in range(6) if table.face_weights[code, face]]
        for answers in range(1 << len(ambiguous)):
            joined = frozenset(face for bit, face in enumerate(ambiguous) if answers >> bit & 1)
            loops = loops_of(code, joined)
            border = {
                frozenset(pair) for loop in loops for pair in zip(loop, [*loop[1:], loop[0]], strict=True)
            }
            row = table.first_row[code] + answers
            for triangle in table.triangles[row, : table.n_triangles[row]].tolist():
                for pair in zip(triangle, [*triangle[1:], triangle[0]], strict=True):
                    if frozenset(pair) not in border:
                        assert not any(set(pair) <= edges for edges in on_face)


def test_every_row_crosses_the_edges_between_unlike_corners_and_no_other() -> None:
    table = marching_table()
    for code in range(256):
        unlike = [bool(code >> c & 1) != bool(code >> (c | (4, 2, 1)[axis]) & 1) for c, axis in EDGES]
        row = table.first_row[code]
        assert table.crossed[row].tolist() == unlike
        named = set(table.triangles[row, : table.n_triangles[row]].ravel().tolist()) - {len(EDGES)}
        assert named == set(np.flatnonzero(unlike).tolist())


def test_the_order_of_cells_changes_no_bit() -> None:
    cells, values = cells_of(bumpy_ball())
    order = torch.from_numpy(np.random.default_rng(1).permutation(len(cells)))
    for one, other in zip(march(cells, values), march(cells[order], values[order]), strict=True):
        assert torch.equal(one, other)


def test_cells_that_the_surface_does_not_cross_change_no_bit() -> None:
    field = smooth_noise(5)
    for one, other in zip(march(*cells_of(field)), march(*cells_of(field, crossed_only=False)), strict=True):
        assert torch.equal(one, other)


def test_chunks_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    cells, values = cells_of(bumpy_ball())
    values[:40] = values[:40].flip(1)  # strays, centres and all
    whole = march(cells, values)
    assert len(cells) < CHUNK
    monkeypatch.setattr("engine.geometry.marching.CHUNK", 97)
    for one, other in zip(whole, march(cells, values), strict=True):
        assert torch.equal(one, other)


def test_part_of_the_cells_gives_that_part_of_the_surface() -> None:
    cells, values = cells_of(bumpy_ball())
    kept = cells[:, 0] < 20
    whole, part = march(cells, values), march(cells[kept], values[kept])

    def triangles(mesh: tuple[torch.Tensor, torch.Tensor]) -> set[tuple[float, ...]]:
        return {tuple(corners) for corners in mesh[0][mesh[1].long()].flatten(1).tolist()}

    assert len(triangles(part)) == len(part[1])
    assert triangles(part) < triangles(whole)
    mesh = Mesh(part[0].numpy(), part[1].numpy())
    assert not mesh.is_closed
    facts = topology(mesh)
    assert (facts.n_components, facts.euler) == (1, 1)  # a disk: every vertex of the cut is one again


def test_a_value_at_the_level_is_outside() -> None:
    field = np.full((3, 3, 3), -1, np.float32)
    field[1, 1, 1] = 0
    assert len(march(*cells_of(field, crossed_only=False))[1]) == 0
    field[1, 1, 1] = 1
    field[0, 1, 1] = 0
    mesh = marched(field)
    assert mesh.is_closed
    assert np.isfinite(mesh.vertices).all()
    assert [0, 1, 1] in mesh.vertices.tolist()


def test_a_level_moves_the_surface() -> None:
    cells, values = cells_of(sphere(), crossed_only=False)
    vertices, faces = march(cells, values, level=0.2)
    radii = np.linalg.norm(vertices.numpy() / 12 - 1, axis=1)
    assert radii.max() == pytest.approx(0.5, abs=0.01)
    assert Mesh(vertices.numpy(), faces.numpy()).is_closed


@pytest.mark.parametrize("size", [1e-42, 1e38])
def test_values_of_any_size_give_vertices_in_their_cells(size: float) -> None:
    vertices, _ = march(*cells_of((sphere(8) * np.float32(size)).astype(np.float32)))
    assert len(vertices)
    assert bool(((vertices >= 0) & (vertices <= 8)).all())


def test_values_that_are_not_finite_are_refused_with_their_number() -> None:
    cells, values = cells_of(sphere(8))
    values[3, 2] = float("nan")
    values[4, 1] = float("inf")
    with pytest.raises(ValueError, match=f"2 of {values.numel()} values"):
        march(cells, values)


def test_cells_outside_the_lattice_are_refused_with_both_numbers() -> None:
    values = torch.ones(1, 8)
    with pytest.raises(ValueError, match="from -1 to 0, not within 0 to"):
        march(torch.tensor([[0, -1, 0]], dtype=torch.int32), values)
    with pytest.raises(ValueError, match=r"\(2, 8\) are not"):
        march(torch.zeros(1, 3, dtype=torch.int32), torch.ones(2, 8))


def test_no_cells_give_no_surface() -> None:
    vertices, faces = march(torch.empty(0, 3, dtype=torch.int32), torch.empty(0, 8))
    assert vertices.shape == faces.shape == (0, 3)
    assert len(open_faces(torch.empty(0, 3, dtype=torch.int32), torch.empty(0, 8), 0.0, 9)) == 0


def test_open_faces_lead_to_the_rest_of_the_surface() -> None:
    field = torus()
    cells, values = cells_of(field)
    every = {tuple(cell): number for number, cell in enumerate(cells.tolist())}
    held = {next(iter(every))}
    while True:
        numbers = [every[cell] for cell in held]
        beyond = {tuple(cell) for cell in open_faces(cells[numbers], values[numbers], 0.0, 32).tolist()}
        assert not beyond & held
        assert beyond <= every.keys()
        if not beyond:
            break
        held |= beyond
    assert held == every.keys()


def test_open_faces_end_at_the_border_of_the_lattice() -> None:
    x, _, _ = lattice(4)
    cells, values = cells_of((0.1 - x).astype(np.float32))
    assert len(open_faces(cells, values, 0.0, 4)) == 0
    assert len(open_faces(cells, values, 0.0, 5)) == 8
    assert len(open_faces(cells[1:], values[1:], 0.0, 4)) == 1


@pytest.mark.gpu
def test_a_card_finds_the_same_surface() -> None:
    for field in (bumpy_ball(), touching_blobs(), smooth_noise(2)):
        cells, values = cells_of(field)
        for kept in (slice(None), cells[:, 0] < 9):
            ours = march(cells[kept].cuda(), values[kept].cuda())
            theirs = march(cells[kept], values[kept])
            assert torch.equal(ours[1].cpu(), theirs[1])
            assert torch.allclose(ours[0].cpu(), theirs[0], atol=1e-6)
            again = march(cells[kept].cuda(), values[kept].cuda())
            assert all(torch.equal(one, other) for one, other in zip(ours, again, strict=True))
            beyond = open_faces(cells[kept].cuda(), values[kept].cuda(), 0.0, 48).cpu()
            assert torch.equal(beyond, open_faces(cells[kept], values[kept], 0.0, 48))
