"""Where views stand: right, up and towards of the six names, and pixels counted as pictures count them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from shapes import head, silhouette

from engine.geometry.cameras import (
    NAMED_VIEWS,
    Camera,
    Orthographic,
    Perspective,
    framing_camera,
    opposite,
    opposite_view,
)
from engine.geometry.frame import bring_into_frame
from engine.geometry.mesh import Mesh
from protocol.names import VIEWS

# Right, up, and where the camera stands.
BASES = {
    "front": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "left": ((0, 0, -1), (0, 1, 0), (1, 0, 0)),
    "back": ((-1, 0, 0), (0, 1, 0), (0, 0, -1)),
    "right": ((0, 0, 1), (0, 1, 0), (-1, 0, 0)),
    "top": ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
    "bottom": ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
}
ODD = Orthographic(30, 20, (70.0, 90.0), (41.0, 55.0), (100, 80))
POINTS = np.random.default_rng(3).uniform(-0.5, 0.5, (50, 3)).astype(np.float32)


def test_every_view_of_the_wire_has_a_camera() -> None:
    assert set(NAMED_VIEWS) == set(VIEWS) == set(BASES)


@pytest.mark.parametrize("view", BASES)
def test_a_named_view_stands_where_its_name_says(view: str) -> None:
    assert framing_camera(view, 100).basis.tolist() == [list(map(float, axis)) for axis in BASES[view]]


@pytest.mark.parametrize("camera", [ODD, *(framing_camera(view, 64) for view in BASES)])
def test_a_basis_is_orthonormal_and_right_handed(camera: Orthographic) -> None:
    basis = camera.basis
    assert np.allclose(basis @ basis.T, np.eye(3), atol=1e-9)
    assert np.allclose(np.cross(basis[0], basis[1]), basis[2], atol=1e-9)


def test_the_origin_falls_on_the_centre_and_up_is_towards_row_0() -> None:
    camera = Orthographic(0, 0, (10.0, 20.0), (50.0, 40.0), (100, 80))
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    assert camera.project(points).tolist() == [[50, 40, 0], [60, 40, 0], [50, 20, 0], [50, 40, -1]]


def test_a_greater_depth_is_farther_from_the_camera() -> None:
    for view in BASES:
        camera = framing_camera(view, 64)
        near, far = camera.project(np.array([camera.basis[2], -camera.basis[2]], np.float32))[:, 2]
        assert near < far


def test_the_framing_camera_leaves_the_border() -> None:
    camera = framing_camera("front", 200, border=0.2)
    corners = camera.project(np.array([[-0.5, 0.5, 0], [0.5, -0.5, 0]], np.float32))
    assert np.allclose(corners[:, :2], [[20, 20], [180, 180]])


def test_a_camera_moved_with_its_object_sees_the_same_picture() -> None:
    centre, scale = np.array([0.3, -0.2, 0.7]), 2.5
    for camera in (ODD, *(replace(ODD, azimuth_deg=a, elevation_deg=e) for a, e in NAMED_VIEWS.values())):
        moved = camera.moved_with(centre, scale)
        before = camera.project(POINTS)
        after = moved.project(((POINTS - centre) / scale).astype(np.float32))
        assert np.abs(after[:, :2] - before[:, :2]).max() < 1e-3


def test_bringing_a_body_into_the_frame_takes_its_cameras_along() -> None:
    mesh = Mesh((head().vertices * 3 + np.array([1, 2, -1])).astype(np.float32), head().faces)
    camera = Orthographic(90, 0, (20.0, 20.0), (60.0, 90.0), (100, 100))
    made = bring_into_frame(mesh, {"left": camera})
    before = camera.project(mesh.vertices)[:, :2]
    assert np.abs(made.cameras["left"].project(made.mesh.vertices)[:, :2] - before).max() < 1e-3


@pytest.mark.parametrize("view", BASES)
def test_the_opposite_camera_sees_every_point_at_the_mirrored_pixel(view: str) -> None:
    azimuth_deg, elevation_deg = NAMED_VIEWS[view]
    camera = replace(ODD, azimuth_deg=azimuth_deg, elevation_deg=elevation_deg)
    across, axis = opposite(camera)
    here, there = camera.project(POINTS), across.project(POINTS)
    mirrored = here.copy()
    if axis == 1:
        mirrored[:, 0] = camera.size_px[0] - here[:, 0]
    else:
        mirrored[:, 1] = camera.size_px[1] - here[:, 1]
    assert np.abs(there[:, :2] - mirrored[:, :2]).max() < 1e-3
    assert np.allclose(across.basis[2], -camera.basis[2], atol=1e-9)
    assert np.allclose(across.basis, framing_camera(opposite_view(view), 64).basis, atol=1e-9)


@pytest.mark.parametrize("view", ["front", "left", "top"])
def test_the_outline_from_the_other_side_is_the_mirror_image(view: str) -> None:
    camera = framing_camera(view, 48)
    across, axis = opposite(camera)
    here, there = silhouette(head(), camera), silhouette(head(), across)
    assert np.abs(np.flip(here, axis) - there).mean() < 0.002
    assert np.abs(here - there).mean() > 0.01  # the head is not its own mirror image


def test_a_slanted_camera_has_no_mirrored_opposite() -> None:
    with pytest.raises(ValueError, match="20"):
        opposite(ODD)


@pytest.mark.parametrize("camera", [ODD, Perspective(200, -35, 2.5, 150.0, (50.0, 40.0), (100, 80))])
def test_a_matrix_projects_as_its_camera_does(camera: Camera) -> None:
    by_hand = np.c_[POINTS, np.ones(len(POINTS))] @ camera.matrix.T.astype(float)
    x, y, z = (by_hand[:, i] / by_hand[:, 3] for i in range(3))
    depth = -1 / z if isinstance(camera, Perspective) else z
    assert np.abs(np.stack([x, y, depth], axis=1) - camera.project(POINTS)).max() < 1e-3


def test_a_perspective_camera_sees_its_axis_in_its_centre_and_near_things_large() -> None:
    camera = Perspective(30, 20, 2.0, 100.0, (60.0, 40.0), (100, 80))
    towards, right = camera.basis[2].astype(np.float32), camera.basis[0].astype(np.float32)
    on_axis = np.stack([-0.5 * towards, 0 * towards, 1.5 * towards])
    assert np.abs(camera.project(on_axis)[:, :2] - (60, 40)).max() < 1e-4
    assert camera.project(on_axis)[:, 2].tolist() == pytest.approx([2.5, 2.0, 0.5])
    near, far = camera.project(np.stack([0.1 * right + towards, 0.1 * right]))
    assert near[0] - 60 == pytest.approx(10.0)
    assert far[0] - 60 == pytest.approx(5.0)
    assert camera.eye[:3] == pytest.approx(2 * towards)


def test_opposites_come_in_pairs() -> None:
    for view in VIEWS:
        assert opposite_view(opposite_view(view)) == view != opposite_view(view)
