"""Maps come out as the public Hunyuan3D-2 paint network takes them: cameras, axes, colours, cut-off."""

from __future__ import annotations

import numpy as np
import pytest
from shapes import ball, head

from engine.geometry.compute import processor
from engine.geometry.encodings import (
    PAINT_VIEWS,
    draw_control_maps,
    encode_normals,
    encode_positions,
    mean_normals,
    paint_camera,
    paint_sized,
)
from engine.geometry.mesh import Mesh

SIZE_PX = 128

# Of the six standard views: the picture's right and up, and where the camera stands, in the mesh's frame.
STANDARD = (
    ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    ((0, 0, -1), (0, 1, 0), (1, 0, 0)),
    ((-1, 0, 0), (0, 1, 0), (0, 0, -1)),
    ((0, 0, 1), (0, 1, 0), (-1, 0, 0)),
    ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
    ((-1, 0, 0), (0, 0, -1), (0, -1, 0)),
)


@pytest.mark.parametrize("number", range(6))
def test_the_standard_views_stand_where_the_network_wants_them(number: int) -> None:
    basis = paint_camera(*PAINT_VIEWS[number], SIZE_PX).basis
    assert (basis + 0.0).tolist() == [list(map(float, axis)) for axis in STANDARD[number]]


def test_points_land_where_the_reference_puts_them() -> None:
    camera = paint_camera(0, 0, 2048)
    points = np.array([[0.5, 0, 0], [0, 0.5, 0], [0, 0, 0], [0.6, 0.6, 0]], np.float32)
    places = camera.project(points)[:, :2]
    # The reference's pixel p lies at 2 p / (S - 1) - 1 in normalised device coordinates.
    device = 2 * (places - 0.5) / (2048 - 1) - 1
    assert np.abs(device[:3] - [(0.8333, 0), (0, -0.8333), (0, 0)]).max() < 1e-4
    assert places[3].tolist() == pytest.approx([2047.5, 0.5], abs=1e-3)


def test_a_mesh_is_centred_on_its_box_and_reaches_the_radius() -> None:
    far = (head().vertices * 3 + 100).astype(np.float32)
    sized = paint_sized(far)
    assert np.abs(sized.min(axis=0) + sized.max(axis=0)).max() < 1e-4
    assert np.linalg.norm(sized, axis=1).max() == pytest.approx(0.575, abs=1e-5)


def test_colours_are_those_of_the_reference() -> None:
    normal = np.array([0.303, 0.505, 0.808], np.float32)
    assert encode_normals(normal) == pytest.approx([1.303 / 2, (1 - 0.808) / 2, 1.505 / 2], abs=1e-6)
    assert encode_positions(np.array([0.575, 0, 0], np.float32)) == pytest.approx([1, 0.5, 0.5])
    assert encode_positions(np.array([0, 0.23, 0.115], np.float32)) == pytest.approx([0.5, 0.4, 0.7])


def test_normals_are_the_plain_mean_of_the_faces_around() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, -9]], np.float32)
    mesh = Mesh(vertices, np.array([[0, 1, 2], [0, 1, 3]], np.int32))  # one face much larger than the other
    expected = np.array([0, 1, 1]) / np.sqrt(2)
    assert mean_normals(mesh)[0] == pytest.approx(expected, abs=1e-6)


def test_maps_show_the_normals_and_positions_of_what_is_seen_on_white() -> None:
    mesh = ball(5)
    maps = draw_control_maps(processor(), mesh, PAINT_VIEWS, SIZE_PX)
    assert maps.normals.shape == maps.positions.shape == (6, SIZE_PX, SIZE_PX, 3)
    for number, (right, up, towards) in enumerate(STANDARD):
        camera = paint_camera(*PAINT_VIEWS[number], SIZE_PX)
        rows, columns = np.mgrid[0:SIZE_PX, 0:SIZE_PX] + 0.5
        x = (columns - SIZE_PX / 2) / camera.px_per_unit[0]
        y = -(rows - SIZE_PX / 2) / camera.px_per_unit[0]
        inside = np.hypot(x, y) < 0.55
        z = np.sqrt(np.maximum(0.575**2 - x**2 - y**2, 0))
        points = np.stack([x, y, z], axis=-1) @ np.array([right, up, towards], float)
        wanted = encode_positions(points.astype(np.float32)) * 255
        assert np.abs(maps.positions[number] - wanted)[inside].max() < 3
        wanted = encode_normals((points / 0.575).astype(np.float32)) * 255
        assert np.abs(maps.normals[number] - wanted)[inside].max() < 6
        outside = np.hypot(x, y) > 0.6
        assert (maps.normals[number][outside] == 255).all()
        assert (maps.positions[number][outside] == 255).all()


def test_colours_are_cut_off_not_rounded() -> None:
    vertices = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32)
    mesh = Mesh(vertices, np.array([[0, 1, 2], [0, 2, 3]], np.int32))
    maps = draw_control_maps(processor(), mesh, ((0.0, 0.0),), SIZE_PX)
    middle = maps.normals[0, SIZE_PX // 2, SIZE_PX // 2]
    assert middle.tolist() == [127, 0, 127]  # 255 / 2 is 127.5
