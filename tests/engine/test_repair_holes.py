"""Holes are closed so that the surface goes on; nothing else moves."""

from __future__ import annotations

import numpy as np
import pytest
from bad_meshes import capless, triangles, without
from shapes import ball, box_body, joined, mesh_of
from trimesh import creation

from engine.geometry.mending.holes import Filling, boundary_loops, fill_holes
from engine.geometry.mending.repair import repair
from engine.geometry.mending.triangulate import span
from engine.geometry.mesh import Mesh, keep_faces, topology, volume


def grid(n: int, hole: int) -> Mesh:
    """A flat square of n x n cells without the hole x hole cells in its middle."""
    side = n + 1
    x, y = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    points = np.stack([x.ravel(), y.ravel(), np.zeros(side * side)], axis=1).astype(np.float32)
    i, j = (each.ravel() for each in np.meshgrid(np.arange(n), np.arange(n), indexing="ij"))
    low = (n - hole) // 2
    is_hole = (i >= low) & (i < low + hole) & (j >= low) & (j < low + hole)
    a = (i * side + j)[~is_hole]
    faces = np.concatenate([np.stack([a, a + side, a + side + 1], 1), np.stack([a, a + side + 1, a + 1], 1)])
    return Mesh(points, faces.astype(np.int32))


def test_loops_are_found_and_run_along_their_faces() -> None:
    halves, rings = boundary_loops(grid(6, 2))
    assert sorted(len(ring) for ring in rings) == [8, 24]
    mesh = grid(6, 2)
    for half, ring in zip(halves, rings, strict=True):
        assert np.array_equal(mesh.faces.ravel()[half], ring)
        nexts = mesh.faces[half // 3, (half + 1) % 3]
        assert np.array_equal(nexts, np.roll(ring, -1))


def test_a_closed_surface_has_no_loops() -> None:
    assert boundary_loops(ball(2)) == ([], [])
    assert fill_holes(ball(2)).n_filled == 0


@pytest.mark.parametrize("hole", [1, 2, 5])
def test_a_hole_in_a_plane_is_filled_flat_and_without_overlap(hole: int) -> None:
    mesh = grid(9, hole)
    filled = fill_holes(mesh, Filling(max_edges=4 * hole)).mesh
    areas, normals = filled.face_areas_normals
    assert areas.sum() == pytest.approx(81, rel=1e-4)
    assert np.abs(filled.vertices[:, 2]).max() < 1e-4
    assert (normals[:, 2] > 0.999).all()
    assert topology(filled).euler == 1


def test_faces_and_vertices_around_a_hole_stay_bit_for_bit() -> None:
    mesh = capless(40)
    filled = fill_holes(mesh).mesh
    assert np.array_equal(filled.vertices[: len(mesh.vertices)], mesh.vertices)
    assert np.array_equal(filled.faces[: len(mesh.faces)], mesh.faces)


@pytest.mark.parametrize("opening_deg", [10, 20, 30, 40])
def test_a_ball_without_a_cap_becomes_a_ball(opening_deg: float) -> None:
    filled = fill_holes(capless(opening_deg)).mesh
    assert topology(filled) == topology(ball(4))
    assert volume(filled) == pytest.approx(volume(ball(4)), rel=0.01)
    assert np.abs(np.linalg.norm(filled.vertices, axis=1) - 0.5).max() < 0.02


def test_a_patch_has_faces_like_those_around_it() -> None:
    mesh = capless(35)
    filled = fill_holes(mesh).mesh
    old, new = (
        part.face_areas_normals[0] for part in (mesh, Mesh(filled.vertices, filled.faces[len(mesh.faces) :]))
    )
    assert 0.4 * np.median(old) < np.median(new) < 2.5 * np.median(old)
    assert new.max() < 6 * np.median(old)


def test_an_open_end_gets_a_lid() -> None:
    box = creation.box()
    for _ in range(3):
        box = box.subdivide()
    mesh = mesh_of(box)
    open_box = keep_faces(mesh, mesh.corners[..., 1].min(axis=1) < 0.49)
    filled = fill_holes(open_box).mesh
    assert topology(filled).is_watertight
    assert volume(filled) == pytest.approx(1, rel=0.01)
    assert filled.vertices[:, 1].max() < 0.52


def test_only_holes_within_the_limits_are_filled() -> None:
    mesh = joined([capless(10), capless(40)])
    few = fill_holes(mesh, Filling(max_edges=30))
    assert few.n_filled == 1
    assert fill_holes(mesh, Filling(max_edges=0)).mesh is mesh
    assert fill_holes(mesh, Filling(max_share=0.0)).mesh is mesh
    assert fill_holes(mesh, Filling(max_share=0.3)).n_filled == 1
    assert fill_holes(mesh).n_filled == 2


def test_sheets_are_not_closed_with_their_own_other_side() -> None:
    for mesh in (triangles(20), grid(6, 0)):
        filled = fill_holes(mesh)
        assert filled.n_filled == 0
        assert filled.mesh is mesh
        assert filled.is_sheet.all()


def test_a_plate_is_a_body() -> None:
    plate = box_body((0, 0, 0), (1, 1, 0.01))
    filled = fill_holes(keep_faces(plate, np.arange(12) > 0))
    assert filled.n_filled == 1
    assert topology(filled.mesh).is_watertight


def test_a_patch_brings_no_edge_that_is_there_already() -> None:
    # Without one corner's faces a tetrahedron's hole has three edges; two holes side by side share an edge.
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    open_body = Mesh(
        points, np.array([[0, 2, 1], [0, 1, 3]], np.int32)
    )  # its hole is 0 3 1 2, and 0-1 is taken
    filled = fill_holes(open_body).mesh
    assert topology(filled).is_watertight
    assert volume(filled) == pytest.approx(1 / 6)


def test_a_long_loop_is_spanned_too() -> None:
    angles = np.linspace(0, 2 * np.pi, 700, endpoint=False)
    points = np.stack([np.cos(angles), np.sin(angles), 0.1 * np.cos(3 * angles)], axis=1)
    loop = np.arange(700)
    (faces,) = span(points, [loop], [np.zeros((700, 3))], lambda one, other: np.zeros(len(one), bool))
    assert faces is not None
    assert len(faces) == 698
    area = float(Mesh(points.astype(np.float32), faces.astype(np.int32)).face_areas_normals[0].sum())
    assert np.pi < area < 1.1 * np.pi
    steps = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    _, counts = np.unique(steps, axis=0, return_counts=True)
    assert (counts == 1).sum() == 700
    assert counts.max() == 2


def test_where_every_chord_is_taken_a_fan_closes_the_hole() -> None:
    loop = np.arange(5)
    points = np.random.default_rng(0).random((5, 3))
    assert span(points, [loop], [np.zeros((5, 3))], lambda one, other: np.ones(len(one), bool)) == [None]


def test_the_same_holes_give_the_same_patches() -> None:
    one, other = repair(without(ball(4), 0.1)).mesh, repair(without(ball(4), 0.1)).mesh
    assert np.array_equal(one.vertices, other.vertices)
    assert np.array_equal(one.faces, other.faces)
