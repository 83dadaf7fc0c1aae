"""A place is found where the artist pointed, and refused in words where nothing can be put."""

from __future__ import annotations

from math import radians
from pathlib import Path
from typing import Any

import pytest
from scene_values import JOB, result

pytestmark = pytest.mark.usefixtures("empty_file")


@pytest.fixture
def placement(empty_file: None) -> Any:
    import maquette.scene.placement as module

    return module


def cube(size: tuple[float, float, float], location: tuple[float, float, float]) -> Any:
    import bpy

    bpy.ops.mesh.primitive_cube_add(size=1.0, location=location)
    item = bpy.context.active_object
    item.scale = size
    bpy.context.view_layer.update()
    return item


def test_at_the_cursor_upright_whatever_its_tilt(placement: Any) -> None:
    import bpy

    bpy.context.scene.cursor.location = (1, 2, 3)
    bpy.context.scene.cursor.rotation_euler = (1, 1, 1)
    place = placement.at_cursor(bpy.context, 1.5)
    assert (place.location, place.turn_rad, place.size.height) == ((1, 2, 3), 0.0, 1.5)
    assert (place.scene_name, place.collection_uid) == ("Scene", 0)


def test_the_selected_object_gives_its_world_box_and_base(placement: Any) -> None:
    import bpy

    item = cube((2, 4, 6), (10, 20, 30))
    item.rotation_euler.z = radians(90)
    bpy.context.view_layer.update()
    place = placement.at_selected(bpy.context)
    assert place.location == pytest.approx((10, 20, 27), abs=1e-5)
    assert place.size.dimensions == pytest.approx((4, 2, 6), abs=1e-5)


def test_without_a_selection_there_is_nothing_to_fit_into(placement: Any) -> None:
    import bpy

    with pytest.raises(placement.CannotPlace) as caught:
        placement.at_selected(bpy.context)
    assert caught.value.message
    assert caught.value.remedy


def test_an_object_without_size_is_named(placement: Any) -> None:
    import bpy

    cube((0, 0, 0), (0, 0, 0)).name = "점"
    with pytest.raises(placement.CannotPlace, match="점"):
        placement.at_selected(bpy.context)


def test_a_drop_meets_a_surface_before_the_ground(placement: Any) -> None:
    import bpy
    from mathutils import Vector

    cube((2, 2, 2), (0, 0, 1))
    down = Vector((0, 0, -1))
    assert placement.drop_point(bpy.context, Vector((0, 0, 9)), down, 100)[1][:] == pytest.approx((0, 0, 2))
    assert placement.drop_point(bpy.context, Vector((5, 0, 9)), down, 100)[1][:] == pytest.approx((5, 0, 0))


@pytest.mark.parametrize("ray", [(1, 0, 0), (0, 0, 1)])
def test_a_ray_along_or_above_the_ground_meets_nothing(placement: Any, ray: Any) -> None:
    import bpy
    from mathutils import Vector

    assert not placement.drop_point(bpy.context, Vector((0, 0, 9)), Vector(ray), 100)[0]


def test_a_drop_without_a_view_is_at_the_cursor(placement: Any) -> None:
    import bpy

    bpy.context.scene.cursor.location = (1, 2, 3)
    assert placement.at_drop(bpy.context, 10, 10, 1.0).location == (1, 2, 3)


def test_the_active_collection_is_used_unless_it_cannot_be_seen(placement: Any) -> None:
    import bpy

    home = bpy.data.collections.new("Props")
    bpy.context.scene.collection.children.link(home)
    layer = bpy.context.view_layer.layer_collection.children["Props"]
    bpy.context.view_layer.active_layer_collection = layer
    place = placement.at_cursor(bpy.context, 1.0)
    assert place.collection_uid == home.session_uid
    assert placement.collection_of(place, bpy.context.scene) == home
    home.hide_viewport = True
    assert placement.at_cursor(bpy.context, 1.0).collection_uid == 0
    bpy.context.scene.collection.children.unlink(home)
    assert placement.collection_of(place, bpy.context.scene) == bpy.context.scene.collection


def test_a_result_lands_below_the_active_collection(placement: Any) -> None:
    import bpy
    from maquette.scene.landing import insert_result

    home = bpy.data.collections.new("Props")
    bpy.context.scene.collection.children.link(home)
    bpy.context.view_layer.active_layer_collection = bpy.context.view_layer.layer_collection.children["Props"]
    insert_result(JOB, "Owl", result(), placement.at_cursor(bpy.context, 1.0))
    assert [child.name for child in home.children] == ["Owl"]


def library(tmp_path: Path) -> Path:
    """A file with a scene "Shared" and in it a collection "Props"."""
    import bpy

    bpy.context.scene.name = "Shared"
    home = bpy.data.collections.new("Props")
    bpy.context.scene.collection.children.link(home)
    file = tmp_path / "라이브러리.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file), copy=True)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    return file


def test_a_linked_scene_is_refused_in_words(placement: Any, tmp_path: Path) -> None:
    import bpy

    file = str(library(tmp_path))  # first: it opens another file, and what was asked of the old one is gone
    with bpy.data.libraries.load(file, link=True) as (_, wanted):
        wanted.scenes = ["Shared"]
    linked = next(scene for scene in bpy.data.scenes if scene.library)
    bpy.context.window.scene = linked
    with pytest.raises(placement.CannotPlace, match="Shared"):
        placement.at_cursor(bpy.context, 1.0)


def test_a_linked_collection_takes_nothing(placement: Any, tmp_path: Path) -> None:
    import bpy

    file = str(library(tmp_path))  # first: it opens another file, and what was asked of the old one is gone
    with bpy.data.libraries.load(file, link=True) as (_, wanted):
        wanted.collections = ["Props"]
    bpy.context.scene.collection.children.link(bpy.data.collections["Props"])
    layer = bpy.context.view_layer.layer_collection.children["Props"]
    bpy.context.view_layer.active_layer_collection = layer
    assert placement.at_cursor(bpy.context, 1.0).collection_uid == 0
