"""A picture finds its place on a mesh by its outline, whatever its scale and its place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from shapes import ball, chair, head, silhouette

from engine.errors import BadInput
from engine.geometry.cameras import framing_camera
from engine.geometry.fit import fit_view
from engine.geometry.mesh import Mesh, topology
from engine.geometry.outline import Box, outline_box
from engine.geometry.weld import broken_at_creases, flip, weld


@pytest.mark.parametrize("view", ["front", "left", "back", "right", "top", "bottom"])
def test_the_camera_that_took_the_picture_is_found(view: str) -> None:
    mesh = head()
    camera = replace(framing_camera(view, 200), px_per_unit=(123.0, 123.0), centre_px=(93.3, 107.8))
    alphas = silhouette(mesh, camera)
    fit = fit_view(mesh, view, alphas, outline_box(alphas))
    assert fit.overlap > 0.98
    assert fit.camera.px_per_unit == pytest.approx((123, 123), rel=0.01)
    assert fit.camera.centre_px == pytest.approx((93.3, 107.8), abs=0.7)
    assert fit.stretch == pytest.approx(1, abs=0.02)


def test_a_speck_that_widens_the_outlines_box_is_seen_through() -> None:
    mesh = chair()
    camera = framing_camera("front", 240)
    alphas = silhouette(mesh, camera)
    true_box = outline_box(alphas)
    alphas[118:122, int(true_box.x1) : int(true_box.x1) + 9] = 1
    fit = fit_view(mesh, "front", alphas, outline_box(alphas))
    assert outline_box(alphas).x1 > true_box.x1 + 8
    assert fit.camera.px_per_unit == pytest.approx(camera.px_per_unit, rel=0.015)
    assert fit.camera.centre_px == pytest.approx(camera.centre_px, abs=1.5)


def test_a_stretched_picture_is_laid_over_the_whole_mesh() -> None:
    mesh = head()
    camera = replace(framing_camera("front", 200), px_per_unit=(170.0, 140.0))
    alphas = silhouette(mesh, camera)
    fit = fit_view(mesh, "front", alphas, outline_box(alphas))
    assert fit.camera.px_per_unit == pytest.approx((170, 140), rel=0.01)
    assert fit.stretch == pytest.approx(170 / 140, rel=0.02)
    assert fit.misfit == fit.stretch


def test_another_shape_overlaps_less_and_that_is_told() -> None:
    alphas = silhouette(chair(), framing_camera("front", 200))
    assert fit_view(ball(3), "front", alphas, outline_box(alphas)).overlap < 0.8


def test_a_view_that_sees_only_an_edge_is_refused() -> None:
    square = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
    with pytest.raises(BadInput, match="edge"):
        fit_view(
            Mesh(square, np.array([[0, 1, 2]], np.int32)), "top", np.ones((8, 8), np.float32), Box(0, 0, 8, 8)
        )


def test_welding_closes_a_split_surface_and_keeps_what_only_touches_apart() -> None:
    mesh = ball(2)
    loose = mesh.corners.reshape(-1, 3).astype(np.float64)
    faces = np.arange(len(loose)).reshape(-1, 3).astype(np.int32)
    places, welded = weld(loose, np.zeros(len(loose), np.int32), faces)
    assert len(places) == len(mesh.vertices)
    assert topology(Mesh(places.astype(np.float32), welded)).is_watertight
    assert np.array_equal(places[welded], loose[faces])
    twice = np.concatenate([loose, loose])
    both = np.concatenate([faces, faces + len(loose)])
    groups = np.repeat([0, 1], len(loose)).astype(np.int32)
    assert len(weld(twice, groups, both)[0]) == 2 * len(mesh.vertices)


def test_welding_knows_one_zero_and_keeps_the_order_of_first_appearance() -> None:
    points = np.array([[5.0, 0, 0], [0.0, 1, 0], [-0.0, 1, 0], [5, -0.0, 0]])
    places, faces = weld(points, np.zeros(4, np.int32), np.array([[0, 1, 2], [3, 2, 1]], np.int32))
    assert places.tolist() == [[5, 0, 0], [0, 1, 0]]
    assert faces.tolist() == [[0, 1, 1], [0, 1, 1]]


def test_a_box_breaks_at_its_edges_and_a_ball_nowhere() -> None:
    from shapes import box_body

    box = broken_at_creases(box_body((0, 0, 0), (1, 1, 1)))
    assert len(box.vertices) == 24
    _, normals = box.face_areas_normals
    assert np.allclose(box.vertex_normals[box.faces], normals[:, None], atol=1e-6)
    smooth = broken_at_creases(ball(3))
    assert len(smooth.vertices) == len(ball(3).vertices)
    assert np.array_equal(smooth.corners, ball(3).corners)


def test_faces_that_wind_against_their_neighbours_break_off() -> None:
    mesh = ball(2)
    turned = np.zeros(len(mesh.faces), bool)
    turned[:7] = True
    mixed = Mesh(mesh.vertices, np.asarray(flip(mesh.faces, turned), np.int32))
    broken = broken_at_creases(mixed)
    mine = np.unique(broken.faces[:7])
    assert not np.isin(broken.faces[7:], mine).any()
    assert np.array_equal(flip(np.asarray(flip(mesh.faces, turned)), turned), mesh.faces)
