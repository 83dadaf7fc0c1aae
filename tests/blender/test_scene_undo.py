"""One undo removes what came, one redo brings it back, and neither hurts what comes next."""

from __future__ import annotations

from typing import Any

import pytest
from scene_values import JOB, result, shape_ready
from test_scene_landing import here

pytestmark = pytest.mark.usefixtures("empty_file")


@pytest.fixture
def landing(empty_file: None) -> Any:
    import bpy
    import maquette.scene.landing as module

    bpy.ops.ed.undo_push(message="Start")  # without a window the stack begins with the first step
    return module


def undo() -> None:
    import bpy

    bpy.ops.ed.undo()


def redo() -> None:
    import bpy

    bpy.ops.ed.redo()


def names() -> list[str]:
    import bpy

    return sorted(item.name for item in bpy.context.scene.objects)


def test_a_result_is_one_step(landing: Any) -> None:
    landing.insert_result(JOB, "Owl", result(), here())
    undo()
    assert names() == []
    redo()
    assert names() == ["Owl"]


def test_one_undo_removes_the_textured_object_and_not_just_its_texture(landing: Any) -> None:
    import bpy

    landing.insert_shape(JOB, "Owl", shape_ready(), here())
    bpy.context.scene.objects["Owl"].location.x = 4
    bpy.ops.ed.undo_push(message="Move")
    landing.insert_result(JOB, "Owl", result(), here(), has_clay=True)
    undo()
    assert names() == []
    redo()
    item = bpy.context.scene.objects["Owl"]
    assert (item.location.x, len(item.data.materials)) == (4, 1)
    assert item.data.materials[0].node_tree.nodes["base_color"].image.pixels[0] > 0.5
    assert item.select_get()
    undo()
    undo()
    item = bpy.context.scene.objects["Owl"]
    assert (item.location.x, len(item.data.materials)) == (4, 0)  # further back it is the clay again


def collections() -> list[str]:
    import bpy

    return sorted(each.name for each in bpy.context.scene.collection.children_recursive)


def test_one_undo_removes_the_collection_too(landing: Any) -> None:
    import bpy

    landing.insert_shape(JOB, "Owl", shape_ready(), here())
    landing.insert_result(JOB, "Owl", result(), here(), has_clay=True)
    assert collections() == ["Owl"]
    undo()
    assert collections() == []
    redo()
    assert [item.name for item in bpy.context.scene.collection.children["Owl"].objects] == ["Owl"]


def test_a_collection_that_the_artist_uses_stays_when_the_result_is_undone(landing: Any) -> None:
    import bpy

    landing.insert_shape(JOB, "Owl", shape_ready(), here())
    own = bpy.context.scene.collection.children["Owl"]
    own.children.link(bpy.data.collections.new("Props"))
    bpy.context.view_layer.layer_collection.children["Owl"].holdout = True
    landing.insert_result(JOB, "Owl", result(), here(), has_clay=True)
    assert bpy.context.view_layer.layer_collection.children["Owl"].holdout
    undo()
    assert collections() == ["Owl", "Props"]


def test_a_shape_that_was_undone_lets_its_result_wait(landing: Any) -> None:
    landing.insert_shape(JOB, "Owl", shape_ready(), here())
    undo()
    assert names() == []
    assert landing.insert_result(JOB, "Owl", result(), here(), has_clay=True).outcome == landing.WAITS
    assert names() == []


def test_a_shape_that_was_redone_gets_its_texture(landing: Any) -> None:
    landing.insert_shape(JOB, "Owl", shape_ready(), here())
    undo()
    redo()
    assert landing.insert_result(JOB, "Owl", result(), here(), has_clay=True).outcome == landing.LANDED
    assert names() == ["Owl"]


def test_an_undone_result_is_no_shape_that_waits(landing: Any) -> None:
    from maquette.scene.tags import clays, job_objects

    landing.insert_shape(JOB, "Owl", shape_ready(), here())
    landing.insert_result(JOB, "Owl", result(), here(), has_clay=True)
    undo()
    assert (job_objects(JOB), clays(JOB)) == ([], [])


def test_what_an_undo_took_is_made_again(landing: Any) -> None:
    import bpy
    from maquette.scene.prepare import prepare_result

    bpy.context.scene.cursor.location.x = 1
    bpy.ops.ed.undo_push(message="Cursor")
    for _ in range(4):
        prepare_result(JOB, "Owl", result(), here())
    undo()
    landing.insert_result(JOB, "Owl", result(), here())
    assert names() == ["Owl"]
    assert len(bpy.data.images) == 1


def test_the_scene_is_known_again_after_an_undo(landing: Any) -> None:
    place = here()
    landing.insert_result(JOB, "Owl", result(), place)
    undo()
    assert landing.insert_result(JOB, "Owl", result(), place, is_asked=True).outcome == landing.LANDED
