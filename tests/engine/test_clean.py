"""Clean-up keeps closed what was closed and holes what were holes; what it cannot do it says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from bad_meshes import bumpy, finer, triangles, welded
from shapes import (
    ball,
    box_body,
    figure_eight,
    iou,
    islands,
    joined,
    noisy,
    ring,
    silhouette,
    torus,
    two_discs,
)

from engine.geometry.cameras import Orthographic
from engine.geometry.clean import drop_floaters, has_degenerate_faces, smooth
from engine.geometry.decimate import decimate, thin_out
from engine.geometry.inflate import Inflation, inflate
from engine.geometry.mesh import Mesh, topology, volume
from engine.geometry.outline import outline_box


def inflated(alphas: np.ndarray, resolution: int = 64) -> Mesh:
    return inflate(alphas, None, outline_box(alphas), Inflation(resolution=resolution))


BODIES: dict[str, Callable[[], Mesh]] = {
    "ball": lambda: ball(4),
    "ring": lambda: inflated(ring()),
    "figure eight": lambda: inflated(figure_eight()),
    "two parts": lambda: inflated(two_discs()),
}


@pytest.mark.parametrize("n_faces", [2000, 400])
@pytest.mark.parametrize("name", BODIES)
def test_decimation_reaches_its_target_and_keeps_the_topology_and_the_volume(name: str, n_faces: int) -> None:
    mesh = BODIES[name]()
    cleaned = decimate(mesh, n_faces)
    assert 0.9 * n_faces <= len(cleaned.mesh.faces) <= 1.02 * n_faces
    assert topology(cleaned.mesh) == topology(mesh)
    assert topology(cleaned.mesh).is_watertight
    assert not has_degenerate_faces(cleaned.mesh)
    assert volume(cleaned.mesh) == pytest.approx(volume(mesh), rel=0.04)
    assert cleaned.notes == ()


def test_decimation_keeps_the_surface_where_it_was() -> None:
    cleaned = decimate(ball(4), 1000).mesh
    assert np.abs(np.linalg.norm(cleaned.vertices, axis=1) - 0.5).max() < 0.005
    assert np.abs(np.linalg.norm(cleaned.corners.mean(axis=1), axis=1) - 0.5).max() < 0.015


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_decimation_does_not_depend_on_size_and_place(scale: float) -> None:
    mesh = torus()
    moved = Mesh((mesh.vertices * scale + np.array([5, -3, 2]) * scale).astype(np.float32), mesh.faces)
    cleaned = decimate(moved, 600)
    assert 540 <= len(cleaned.mesh.faces) <= 612
    assert topology(cleaned.mesh).euler == 0
    assert volume(cleaned.mesh) / scale**3 == pytest.approx(volume(mesh), rel=0.03)


def test_a_mesh_below_its_target_is_left_as_it_is() -> None:
    mesh = ball(1)
    cleaned = decimate(mesh, len(mesh.faces))
    assert cleaned.mesh is mesh
    assert cleaned.notes == ()


def test_a_target_that_would_tear_the_surface_is_not_met_and_that_is_said() -> None:
    mesh = torus(n_major=16, n_minor=8)
    cleaned = decimate(mesh, 8)  # no closed ring has fewer than 14 faces
    assert topology(cleaned.mesh) == topology(mesh)
    assert len(cleaned.mesh.faces) >= 14
    assert len(cleaned.notes) == 1
    assert str(len(cleaned.mesh.faces)) in cleaned.notes[0]


def test_what_cannot_have_fewer_faces_is_kept_with_a_note() -> None:
    smallest_ring = torus(n_major=3, n_minor=3)  # 18 faces; every collapse would pinch it
    cleaned = decimate(smallest_ring, 16)
    assert len(cleaned.mesh.faces) == 18
    assert len(cleaned.notes) == 1


def test_no_part_is_pressed_flat() -> None:
    # Two faces back to back are closed, and have the Euler characteristic of a ball, but no volume.
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    sides = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32)
    whole = joined([Mesh(corners + np.float32(2 * i), sides) for i in range(20)])
    cleaned = decimate(whole, 70)
    assert volume(cleaned.mesh) == pytest.approx(volume(whole), rel=0.05)


@pytest.mark.parametrize("share", [8, 32])
def test_many_parts_with_thin_necks_come_near_the_target_too(share: int) -> None:
    # One part that would tear must not keep all others from being reduced.
    mesh = inflated(islands(0), 128)
    n_faces = len(mesh.faces) // share
    cleaned = decimate(mesh, n_faces)
    assert topology(cleaned.mesh).is_watertight
    assert topology(cleaned.mesh).euler == topology(mesh).euler
    assert len(cleaned.mesh.faces) < 1.5 * n_faces
    assert bool(cleaned.notes) == (len(cleaned.mesh.faces) > 1.02 * n_faces)


def test_a_face_that_repeats_a_vertex_or_has_no_area_is_degenerate() -> None:
    mesh = ball(1)
    assert not has_degenerate_faces(mesh)
    assert has_degenerate_faces(
        Mesh(mesh.vertices, np.concatenate([mesh.faces, [[3, 3, 5]]]).astype(np.int32))
    )
    line = np.array([[0, 0, 0], [1, 1, 1], [2, 2, 2], [0, 1, 0]], np.float32)
    assert has_degenerate_faces(Mesh(line, np.array([[0, 1, 2], [0, 1, 3]], np.int32)))


def test_smoothing_does_not_shrink() -> None:
    for mesh, n_rounds in ((ball(4), 20), (inflated(ring()), 20), (torus(), 4)):
        assert volume(smooth(mesh, n_rounds)) == pytest.approx(volume(mesh), rel=0.01)


def test_smoothing_takes_noise_away() -> None:
    rough = noisy(ball(4), 0.004)
    smoothed = smooth(rough, 10)

    def roughness(mesh: Mesh) -> float:
        return float(np.linalg.norm(mesh.vertices, axis=1).std())

    assert roughness(rough) > 0.0035
    assert roughness(smoothed) < 0.45 * roughness(rough)
    assert volume(smoothed) == pytest.approx(volume(ball(4)), rel=0.01)


def test_smoothing_keeps_thin_arms() -> None:
    bar = inflated(np.pad(np.ones((6, 100), np.float32), ((40, 40), (14, 14))))
    before, after = np.ptp(bar.vertices, axis=0), np.ptp(smooth(bar, 10).vertices, axis=0)
    assert (after > 0.9 * before).all()


def test_no_rounds_of_smoothing_change_nothing() -> None:
    mesh = noisy(ball(2), 0.01)
    assert np.array_equal(smooth(mesh, 0).vertices, mesh.vertices)


def test_smoothing_changes_no_face() -> None:
    mesh = torus()
    assert np.array_equal(smooth(mesh, 3).faces, mesh.faces)


def test_parts_below_the_share_are_dropped_and_counted() -> None:
    big, small, tiny = ball(2), ball(1, 0.05, (1, 0, 0)), ball(1, 0.004, (0, 1, 0))
    whole = joined([tiny, big, small])
    kept, n_dropped = drop_floaters(whole, 0.02)
    assert n_dropped == 1
    assert topology(kept).n_components == 2
    assert len(kept.faces) == len(big.faces) + len(small.faces)
    assert volume(kept) == pytest.approx(volume(big) + volume(small), rel=1e-4)
    kept, n_dropped = drop_floaters(whole, 0.2)
    assert (n_dropped, topology(kept).n_components) == (2, 1)
    assert np.allclose(kept.bounds, big.bounds)


def test_parts_of_like_size_all_stay() -> None:
    whole = joined([box_body((i, 0, 0), (i + 0.5, 1, 1)) for i in range(3)])
    kept, n_dropped = drop_floaters(whole, 0.5)
    assert kept is whole
    assert n_dropped == 0


def test_decimation_gives_the_same_mesh_twice() -> None:
    one, other = decimate(ball(4), 700).mesh, decimate(ball(4), 700).mesh
    assert np.array_equal(one.vertices, other.vertices)
    assert np.array_equal(one.faces, other.faces)


def test_a_flat_face_in_a_closed_surface_stays_out_of_smoothing_and_decimation() -> None:
    mesh = ball(3)
    points = mesh.vertices.copy()
    points[mesh.faces[5, 1]] = points[mesh.faces[5, 0]]
    cleaned = decimate(Mesh(points, mesh.faces), 400)
    assert topology(cleaned.mesh) == topology(mesh)
    assert not has_degenerate_faces(cleaned.mesh)


@pytest.mark.parametrize("azimuth_deg", [0, 90, 35])
@pytest.mark.parametrize("elevation_deg", [0, 40])
def test_decimation_keeps_the_outline(azimuth_deg: float, elevation_deg: float) -> None:
    dense = bumpy(120)
    camera = Orthographic(azimuth_deg, elevation_deg, (230, 230), (256, 256), (512, 512))
    before = silhouette(dense, camera, 1) > 0.5
    after = silhouette(decimate(dense, len(dense.faces) // 12).mesh, camera, 1) > 0.5
    assert iou(before, after) >= 0.995


def test_thousands_of_parts_come_to_their_target_in_bounded_work() -> None:
    places = np.random.default_rng(0).random((1500, 3))
    mesh = joined([ball(1, 0.01, place) for place in places])
    cleaned = decimate(mesh, 30_000)
    assert len(cleaned.mesh.faces) <= 30_600
    assert topology(cleaned.mesh) == topology(mesh)
    fewest = decimate(mesh, 500)  # a part cannot have fewer than four
    assert topology(fewest.mesh) == topology(mesh)
    assert len(fewest.mesh.faces) < 10_000
    assert len(fewest.notes) == 1


def test_thousands_of_loose_triangles_cannot_be_fewer_and_that_is_said() -> None:
    mesh = triangles(3000)
    cleaned = decimate(mesh, 500)
    assert len(cleaned.mesh.faces) == 3000
    assert "3000 faces instead of 500" in cleaned.notes[0]


def test_a_surface_that_is_not_sound_is_decimated_too() -> None:
    touching = welded(
        joined([finer(finer(finer(box_body(low, np.add(low, 1))))) for low in ((0, 0, 0), (1, 1, 0))])
    )
    cleaned = decimate(touching, 400)
    assert len(cleaned.mesh.faces) <= 408
    assert volume(cleaned.mesh) == pytest.approx(2, rel=0.02)


@pytest.mark.parametrize("make", [lambda: bumpy(100), lambda: finer(finer(torus()))])
def test_thinned_out_a_closed_surface_stays_closed_and_in_place(make: Callable[[], Mesh]) -> None:
    mesh = make()
    thinned = thin_out(mesh, 10_000, 8_000)
    assert 5_000 < len(thinned.mesh.faces) < 11_000
    assert topology(thinned.mesh) == topology(mesh)
    assert volume(thinned.mesh) == pytest.approx(volume(mesh), rel=0.02)
    assert f"{len(mesh.faces)} faces are too many" in thinned.notes[0]
    assert thin_out(mesh, len(mesh.faces)).mesh is mesh


def test_thinned_out_what_is_thinner_than_a_cube_goes_without_a_tear() -> None:
    plate = box_body((0, 0, 0), (1, 1, 1e-4))
    body = box_body((0, 0, 0.5), (1, 1, 1.5))
    for _ in range(5):
        plate, body = finer(plate), finer(body)
    thinned = thin_out(joined([plate, body]), 10_000, 4_000)
    assert topology(thinned.mesh).is_watertight
    assert volume(thinned.mesh) == pytest.approx(1, rel=0.02)


@pytest.mark.slow
def test_five_million_faces_are_cleaned() -> None:
    mesh = bumpy(520)
    while len(mesh.faces) < 5_000_000:
        mesh = finer(mesh)
    cleaned = decimate(mesh, 40_000)
    assert len(cleaned.mesh.faces) <= 40_800
    assert topology(cleaned.mesh) == topology(mesh)
    assert volume(cleaned.mesh) == pytest.approx(volume(mesh), rel=0.005)
