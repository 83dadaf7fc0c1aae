"""Blocks of numbers become a mesh, and what is no mesh becomes words and leaves nothing behind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scene_values import box

pytestmark = pytest.mark.usefixtures("empty_file")


def build(*arrays: np.ndarray) -> Any:
    from maquette.scene.mesh import build_mesh

    return build_mesh("Box", *arrays)


def test_positions_faces_and_uv_are_what_was_given() -> None:
    vertices, faces, uv = box()
    mesh = build(vertices, faces, uv)
    found = np.empty(24, np.float32)
    mesh.vertices.foreach_get("co", found)
    np.testing.assert_array_equal(found.reshape(-1, 3), vertices)
    assert [list(face.vertices) for face in mesh.polygons] == faces.tolist()
    corners = np.empty(72, np.float32)
    mesh.uv_layers.active.uv.foreach_get("vector", corners)
    np.testing.assert_array_equal(corners.reshape(12, 3, 2), uv)
    assert len(mesh.edges) == 18


def test_the_mesh_is_smooth_and_blender_finds_nothing_to_mend() -> None:
    mesh = build(*box())
    assert all(face.use_smooth for face in mesh.polygons)
    assert mesh.validate() is False


@pytest.mark.parametrize("index", [8, -1, 2**31 - 1])
def test_an_index_that_names_no_vertex_is_refused_with_both_numbers(index: int) -> None:
    import bpy

    vertices, faces, uv = box()
    faces[3, 1] = index
    with pytest.raises(ValueError, match=rf"{index}.*8|8.*{index}"):
        build(vertices, faces, uv)
    assert len(bpy.data.meshes) == 0


@pytest.mark.parametrize(
    ("part", "words"),
    [(0, "1 of 8 vertices"), (2, "1 of 12 faces")],
)
def test_numbers_that_are_none_are_refused(part: int, words: str) -> None:
    import bpy

    arrays = box()
    arrays[part].flat[4] = np.nan
    with pytest.raises(ValueError, match=words):
        build(*arrays)
    assert len(bpy.data.meshes) == 0


def test_arrays_that_do_not_fit_each_other_are_refused() -> None:
    vertices, faces, uv = box()
    with pytest.raises(ValueError, match=r"\(11, 3, 2\).*\(12, 3, 2\)"):
        build(vertices, faces, uv[:-1])
    with pytest.raises(ValueError, match="N above 0"):
        build(vertices[:0], faces)
    with pytest.raises(ValueError, match="M above 0"):
        build(vertices, faces[:0])


def test_a_failure_half_way_leaves_no_mesh(monkeypatch: pytest.MonkeyPatch) -> None:
    import bpy
    import maquette.scene.mesh as module

    def fail(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(module, "fill", fail)
    with pytest.raises(MemoryError):
        build(*box())
    assert len(bpy.data.meshes) == 0


def test_the_fingerprint_sees_an_edit_and_not_a_look() -> None:
    import bpy
    from maquette.scene.mesh import fingerprint

    mesh = build(*box()[:2])
    item = bpy.data.objects.new("Box", mesh)
    bpy.context.scene.collection.objects.link(item)
    bpy.context.view_layer.objects.active = item
    before = fingerprint(mesh)
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.object.mode_set(mode="OBJECT")
    assert fingerprint(mesh) == before
    mesh.vertices[0].co.x += 0.001
    moved = fingerprint(mesh)
    assert moved != before
    mesh.attributes.new("paint", "FLOAT_COLOR", "POINT")
    painted = fingerprint(mesh)
    assert painted != moved
    item.shape_key_add(name="Basis")
    assert fingerprint(mesh) != painted
