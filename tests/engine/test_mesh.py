"""A mesh refuses what does not fit, and its facts are those of geometry: counted, closed, outward."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from shapes import ball, box_body, chair, joined, torus

from engine.errors import BadInput
from engine.geometry.frame import bring_into_frame, stretch_to
from engine.geometry.mesh import Mesh, keep_faces, topology, vertex_components, volume

TRIANGLE = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
ONE_FACE = np.array([[0, 1, 2]], np.int32)


def test_an_index_out_of_range_is_refused_with_both_numbers() -> None:
    with pytest.raises(BadInput, match="0 to 3 of 3"):
        Mesh(TRIANGLE, np.array([[0, 1, 3]], np.int32))
    with pytest.raises(BadInput, match="-1 to 2 of 3"):
        Mesh(TRIANGLE, np.array([[0, -1, 2]], np.int32))


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_a_coordinate_that_is_no_number_is_refused_with_its_count(poison: float) -> None:
    vertices = TRIANGLE.copy()
    vertices[1:, 0] = poison
    with pytest.raises(BadInput, match="2 of 3 vertices"):
        Mesh(vertices, ONE_FACE)


def test_wrong_shapes_are_refused_with_the_shape() -> None:
    with pytest.raises(BadInput, match=r"Vertices .*\(3, 2\)"):
        Mesh(TRIANGLE[:, :2], ONE_FACE)
    with pytest.raises(BadInput, match=r"Vertices .*\(9,\)"):
        Mesh(TRIANGLE.ravel(), ONE_FACE)
    with pytest.raises(BadInput, match=r"Faces .*\(1, 4\)"):
        Mesh(TRIANGLE, np.array([[0, 1, 2, 0]], np.int32))


def test_a_ball_has_euler_2_a_ring_0_and_both_are_closed() -> None:
    for mesh, euler in ((ball(2), 2), (torus(n_major=12, n_minor=8), 0)):
        facts = topology(mesh)
        assert (facts.n_components, facts.euler, facts.is_watertight) == (1, euler, True)


def test_a_missing_face_is_noticed() -> None:
    closed = ball(1)
    facts = topology(replace(closed, faces=closed.faces[1:]))
    assert not facts.is_watertight
    assert facts.euler == 1


def test_a_flipped_face_is_noticed() -> None:
    mesh = ball(1)
    faces = mesh.faces.copy()
    faces[5] = faces[5, ::-1]
    facts = topology(Mesh(mesh.vertices, faces))
    assert not facts.is_watertight
    assert facts.euler == 2


def test_a_face_given_twice_is_noticed() -> None:
    mesh = ball(1)
    assert not topology(Mesh(mesh.vertices, np.concatenate([mesh.faces, mesh.faces[:1]]))).is_watertight


def test_a_mesh_without_faces_is_not_closed() -> None:
    assert not topology(Mesh(TRIANGLE, np.zeros((0, 3), np.int32))).is_watertight


def test_components_are_counted_and_unused_vertices_are_not() -> None:
    mesh = chair()
    assert topology(mesh).n_components == 6
    assert topology(mesh).euler == 12
    with_stray = Mesh(np.concatenate([mesh.vertices, np.ones((3, 3), np.float32)]), mesh.faces)
    assert topology(with_stray) == topology(mesh)


def test_vertices_are_labelled_by_the_part_they_belong_to() -> None:
    labels = vertex_components(joined([ball(1), ball(0, centre=(2, 0, 0))]))
    n_first = len(ball(1).vertices)
    assert len(set(labels[:n_first])) == len(set(labels[n_first:])) == 1
    assert labels[0] != labels[-1]


def test_volume_is_that_of_the_box_and_its_sign_that_of_the_winding() -> None:
    box = box_body((1, 2, 3), (2, 4, 6))
    assert volume(box) == pytest.approx(6, rel=1e-5)
    assert volume(Mesh(box.vertices, box.faces[:, ::-1])) == pytest.approx(-6, rel=1e-5)


def test_areas_and_normals_are_those_of_the_triangle() -> None:
    areas, normals = Mesh(TRIANGLE, ONE_FACE).face_areas_normals
    assert areas.tolist() == [0.5]
    assert normals.tolist() == [[0, 0, 1]]


def test_a_face_without_area_has_no_normal_and_no_nan() -> None:
    areas, normals = Mesh(TRIANGLE, np.array([[0, 1, 1]], np.int32)).face_areas_normals
    assert areas.tolist() == [0]
    assert normals.tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("scale", [1e-9, 1e-6, 1.0, 1e6, 1e9])
def test_areas_and_normals_do_not_leave_the_range_of_single_precision(scale: float) -> None:
    mesh = ball(4)
    areas, normals = Mesh(mesh.vertices * np.float32(scale), mesh.faces).face_areas_normals
    assert areas.sum(dtype=np.float64) / scale**2 == pytest.approx(np.pi, rel=0.01)
    assert np.abs(np.linalg.norm(normals, axis=1) - 1).max() < 1e-5


def test_vertex_normals_of_a_ball_point_outward_and_have_length_one() -> None:
    mesh = ball(3)
    outward = mesh.vertices / np.linalg.norm(mesh.vertices, axis=1, keepdims=True)
    assert (np.einsum("ij,ij->i", mesh.vertex_normals, outward) > 0.999).all()
    assert np.abs(np.linalg.norm(mesh.vertex_normals, axis=1) - 1).max() < 1e-5


def test_keep_faces_drops_the_vertices_that_nothing_uses() -> None:
    first, second = ball(1), ball(0, centre=(3, 0, 0))
    both = joined([first, second])
    kept = keep_faces(both, np.arange(len(both.faces)) >= len(first.faces))
    assert len(kept.vertices) == len(second.vertices)
    assert np.array_equal(np.sort(kept.corners, axis=0), np.sort(second.corners, axis=0))


def test_the_common_frame_centres_the_box_and_makes_its_longest_side_one() -> None:
    low, high = bring_into_frame(box_body((1, 2, 3), (2, 6, 5)), {}).mesh.bounds
    assert np.allclose(low, [-0.125, -0.5, -0.25])
    assert np.allclose(high, [0.125, 0.5, 0.25])


def test_a_body_is_stretched_to_the_extents_that_are_known_and_centred_along_them() -> None:
    low, high = stretch_to(box_body((1, 2, 3), (2, 6, 5)), (0.5, None, 1.0)).bounds
    assert np.allclose(low, [-0.25, 2, -0.5])
    assert np.allclose(high, [0.25, 6, 0.5])
