"""Whatever numbers come in, a mesh goes out, or a refusal in words; what was in order stays bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from bad_meshes import soup, welded, with_faces
from hypothesis import given, settings
from hypothesis import strategies as st
from shapes import ball, box_body, joined, noisy, torus

from engine.errors import BadInput
from engine.geometry.mending.intake import take_in
from engine.geometry.mesh import Mesh, topology, volume

NO_FACES = np.zeros((0, 3), np.int32)


@pytest.mark.parametrize(
    "mesh", [ball(3), torus(), joined([ball(1), ball(1)])], ids=["ball", "torus", "twice"]
)
def test_what_is_in_order_comes_out_bit_for_bit(mesh: Mesh) -> None:
    # Two balls in one place are closed: their vertices are not welded, whatever their places.
    taken = take_in(mesh.vertices, mesh.faces)
    assert taken.notes == ()
    assert taken.mesh.vertices.tobytes() == mesh.vertices.tobytes()
    assert taken.mesh.faces.tobytes() == mesh.faces.tobytes()


@pytest.mark.parametrize("floats", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("integers", [np.uint8, np.int16, np.int32, np.uint32, np.int64, np.uint64])
def test_any_floats_and_integers_will_do(floats: type, integers: type) -> None:
    mesh = ball(1)
    taken = take_in(mesh.vertices.astype(floats), mesh.faces.astype(integers)).mesh
    assert (taken.vertices.dtype, taken.faces.dtype) == (np.float32, np.int32)
    assert np.allclose(taken.vertices, mesh.vertices, atol=1e-3)
    assert topology(taken) == topology(mesh)


def test_half_precision_of_a_fine_mesh_stays_closed_though_faces_fall_together() -> None:
    mesh = ball(6)  # 81,920 faces with edges of 6e-3, steps of 5e-4: a few lose their area
    taken = take_in(mesh.vertices.astype(np.float16) * np.float16(0.1) + np.float16(1), mesh.faces)
    assert any("without area" in note for note in taken.notes)
    assert len(taken.mesh.faces) > 100
    taken = take_in(mesh.vertices.astype(np.float16), mesh.faces)
    assert topology(taken.mesh).is_watertight
    assert volume(taken.mesh) == pytest.approx(volume(mesh), rel=1e-3)


def test_vertices_that_are_no_numbers_go_with_their_faces_and_are_counted() -> None:
    mesh = ball(3)
    points = mesh.vertices.copy()
    points[5] = np.nan
    points[100, 1] = np.inf
    taken = take_in(points, mesh.faces)
    n_touched = int(np.isin(mesh.faces, [5, 100]).any(axis=1).sum())
    assert len(taken.mesh.faces) == len(mesh.faces) - n_touched
    assert len(taken.mesh.vertices) == len(mesh.vertices) - 2
    assert taken.notes == (
        f"Dropped 2 vertices that are not finite numbers, and {n_touched} faces with them.",
    )


def test_mostly_no_numbers_is_refused_with_both_numbers() -> None:
    mesh = ball(1)
    points = mesh.vertices.copy()
    points[:30] = np.nan
    with pytest.raises(BadInput, match="30 of 42 vertices"):
        take_in(points, mesh.faces)


@pytest.mark.parametrize("half", [1e5, 1e39])
def test_what_overflows_its_precision_is_no_number(half: float) -> None:
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, half]])
    floats = np.float16 if half < 1e38 else np.float64
    with np.errstate(over="ignore"):
        taken = take_in(points.astype(floats), np.array([[0, 1, 2], [0, 1, 3]]))
    assert len(taken.mesh.faces) == 1


def test_each_kind_of_refusal_says_why() -> None:
    mesh = ball(1)
    with pytest.raises(BadInput, match="no faces"):
        take_in(mesh.vertices, NO_FACES)
    with pytest.raises(BadInput, match="no faces"):
        take_in(np.zeros((0, 3), np.float32), NO_FACES)
    with pytest.raises(BadInput, match=r"0 to 42 of 42"):
        take_in(mesh.vertices, np.array([[0, 1, 42]]))
    with pytest.raises(BadInput, match=r"of 42"):
        take_in(mesh.vertices, np.array([[0, 1, 2**32]], np.int64))
    with pytest.raises(BadInput, match=r"\(42, 2\)"):
        take_in(mesh.vertices[:, :2], mesh.faces)
    with pytest.raises(BadInput, match="float32, not"):
        take_in(mesh.vertices, mesh.faces.astype(np.float32))
    with pytest.raises(BadInput, match="area"):
        take_in(np.ones((3, 3), np.float32), np.array([[0, 1, 2]]))
    with pytest.raises(BadInput, match="area"):
        take_in(np.eye(3, dtype=np.float32), np.array([[0, 1, 1], [2, 2, 2]]))
    with pytest.raises(BadInput, match="1e\\+12 units"):
        take_in(mesh.vertices * np.float32(1e12), mesh.faces)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e3, 1e6])
def test_micrometres_and_kilometres_are_the_same(scale: float) -> None:
    mesh = ball(5)
    taken = take_in(mesh.vertices * np.float32(scale), mesh.faces)
    assert taken.notes == ()
    areas, normals = taken.mesh.face_areas_normals
    assert areas.sum(dtype=np.float64) / scale**2 == pytest.approx(np.pi, rel=0.01)
    assert np.abs(np.linalg.norm(normals, axis=1) - 1).max() < 1e-4


def test_a_soup_of_faces_is_welded() -> None:
    mesh = ball(3)
    taken = take_in(soup(mesh).vertices, soup(mesh).faces)
    assert len(taken.mesh.vertices) == len(mesh.vertices)
    assert topology(taken.mesh) == topology(mesh)


def test_zero_and_minus_zero_are_one_place() -> None:
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [-0.0, 0, -0.0], [1, 0, 0], [0, -1, 0]], np.float32)
    taken = take_in(points, np.array([[0, 1, 2], [4, 3, 5]]))
    assert len(taken.mesh.vertices) == 4


def test_gaps_are_welded_only_if_asked_for() -> None:
    split = soup(ball(2))
    shaken = split.vertices + np.random.default_rng(0).normal(0, 1e-6, split.vertices.shape).astype(
        np.float32
    )
    assert topology(take_in(shaken, split.faces).mesh).n_components == len(split.faces)
    welded = take_in(shaken, split.faces, weld_share=1e-4).mesh
    assert topology(welded) == topology(ball(2))


def test_faces_that_are_there_already_are_dropped_whichever_way_they_run() -> None:
    mesh = ball(2)
    taken = take_in(
        mesh.vertices,
        with_faces(mesh, mesh.faces[::7], mesh.faces[::9][:, [1, 2, 0]], mesh.faces[::5, ::-1]).faces,
    )
    assert topology(taken.mesh) == topology(mesh)
    n_more = sum(len(mesh.faces[::step]) for step in (7, 9, 5))
    assert taken.notes == (f"Dropped {n_more} faces that were there already.",)


def test_the_wall_between_two_bodies_goes_altogether() -> None:
    box = box_body((0, 0, 0), (1, 1, 1))
    mirrored = Mesh(box.vertices * np.array([-1, 1, 1], np.float32), box.faces[:, ::-1])
    both = welded(joined([box, mirrored]))
    taken = take_in(both.vertices, both.faces)
    assert len(taken.mesh.faces) == 20
    facts = topology(taken.mesh)
    assert (facts.n_components, facts.is_watertight) == (1, True)
    assert volume(taken.mesh) == pytest.approx(2)


def test_a_sheet_with_two_sides_keeps_one() -> None:
    square = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
    sides = np.array([[0, 1, 2], [0, 2, 3], [2, 1, 0], [3, 2, 0]])
    taken = take_in(square, sides)
    assert taken.mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3]]


def test_two_faces_back_to_back_beside_a_closed_body_go_both() -> None:
    mesh = ball(2)
    points = np.concatenate([mesh.vertices, np.eye(3, dtype=np.float32)])
    n = len(mesh.vertices)
    pillow = with_faces(Mesh(points, mesh.faces), [n, n + 1, n + 2], [n + 2, n + 1, n])
    taken = take_in(pillow.vertices, pillow.faces)
    assert topology(taken.mesh) == topology(mesh)


@settings(max_examples=40, deadline=None)
@given(steps=st.integers(6, 60), seed=st.integers(0, 2**32 - 1))
def test_a_closed_surface_stays_closed_however_coarse_its_numbers(steps: int, seed: int) -> None:
    mesh = noisy(ball(3), 0.01, seed)
    taken = take_in(np.round(mesh.vertices * steps) / steps, mesh.faces).mesh
    assert topology(taken).is_watertight
    assert volume(taken) == pytest.approx(volume(mesh), abs=1.5 / steps)


def test_vertices_that_nothing_uses_go() -> None:
    mesh = ball(1)
    points = np.concatenate([np.full((3, 3), 9, np.float32), mesh.vertices])
    taken = take_in(points, mesh.faces + 3)
    assert np.array_equal(taken.mesh.vertices, mesh.vertices)
    assert np.array_equal(taken.mesh.faces, mesh.faces)


def test_faces_without_area_are_dropped_from_an_open_surface_and_counted() -> None:
    mesh = Mesh(ball(2).vertices, ball(2).faces[1:])
    taken = take_in(mesh.vertices, with_faces(mesh, [4, 4, 7], [9, 11, 9]).faces)
    assert np.array_equal(taken.mesh.faces, mesh.faces)
    assert taken.notes == ("Dropped 2 faces without area.",)


def test_an_edge_without_length_is_collapsed_and_the_surface_stays_closed() -> None:
    mesh = ball(2)
    points = mesh.vertices.copy()
    a, b, _ = mesh.faces[17]
    points[b] = points[a]
    taken = take_in(points, mesh.faces)
    assert topology(taken.mesh).is_watertight
    assert len(taken.mesh.faces) == len(mesh.faces) - 2
    assert taken.notes == ("Dropped 2 faces without area.",)


def test_a_face_pressed_onto_its_edge_is_mended_and_the_surface_stays_closed_and_in_place() -> None:
    # The middle of a box's edge is a vertex of one face only that lies on the other face's edge.
    box = box_body((0, 0, 0), (1, 1, 1))
    a, b, c = (int(i) for i in box.faces[0])
    middle = len(box.vertices)
    points = np.concatenate([box.vertices, [(box.vertices[a] + box.vertices[b]) / 2]]).astype(np.float32)
    faces = np.concatenate([box.faces[1:], [[a, middle, c], [middle, b, c], [a, b, middle]]]).astype(np.int32)
    crooked = Mesh(points, faces)
    assert topology(crooked).is_watertight
    taken = take_in(crooked.vertices, crooked.faces)
    assert topology(taken.mesh).is_watertight
    assert taken.notes == ("Dropped one face without area.",)
    assert np.array_equal(taken.mesh.vertices, crooked.vertices)
    assert (taken.mesh.face_areas_normals[0] > 0.1).all()
    assert volume(taken.mesh) == pytest.approx(1)


def test_one_triangle_is_a_mesh() -> None:
    taken = take_in(np.eye(3), np.array([[0, 1, 2]]))
    assert len(taken.mesh.faces) == 1
    assert taken.notes == ()
