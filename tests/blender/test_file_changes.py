"""While a job runs the artist works on: files, scenes and objects go, modes change, steps are undone."""

from __future__ import annotations

from pathlib import Path

import pytest
from drawn import be_quick, egg, egg_image
from extension import Addon
from held_jobs import asked_slowly, go, with_clay


@pytest.fixture(autouse=True)
def quick(addon: Addon) -> None:
    be_quick()


def test_a_result_for_a_file_that_was_closed_waits_for_a_click(addon: Addon, tmp_path: Path) -> None:
    import bpy

    job, _ = with_clay(addon, tmp_path)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    go(addon)
    addon.until(lambda: addon.job(job).fate == "waiting")
    addon.beat(20)
    assert len(bpy.data.objects) == 0
    assert "Insert it" in addon.session.news
    bpy.context.scene.cursor.location = (1, 2, 3)
    assert bpy.ops.maquette.insert_result() == {"FINISHED"}
    assert addon.landed(job).location[:] == (1, 2, 3)


def test_a_result_for_a_deleted_scene_waits_for_a_click(addon: Addon, tmp_path: Path) -> None:
    import bpy

    asking = bpy.context.scene
    bpy.context.window.scene = bpy.data.scenes.new("둘째")
    bpy.context.window.scene = asking
    job = asked_slowly(addon, tmp_path)
    bpy.data.scenes.remove(asking)
    go(addon)
    addon.until(lambda: addon.job(job).fate == "waiting")
    assert "no longer there" in addon.session.news
    assert len(bpy.data.objects) == 0
    bpy.ops.maquette.insert_result(job=job)
    assert addon.landed(job).users_scene == (bpy.context.scene,)


def test_a_deleted_shape_is_not_brought_back_unasked(addon: Addon, tmp_path: Path) -> None:
    import bpy

    job, clay = with_clay(addon, tmp_path)
    bpy.data.objects.remove(clay)
    go(addon)
    addon.until(lambda: addon.job(job).fate == "waiting")
    assert len(bpy.data.objects) == 0
    assert "no longer in the scene" in addon.session.news
    bpy.ops.maquette.insert_result(job=job)
    assert addon.landed(job)


def test_an_undone_shape_is_not_brought_back_unasked(addon: Addon, tmp_path: Path) -> None:
    import bpy

    bpy.ops.ed.undo_push(message="Start")
    job, _ = with_clay(addon, tmp_path)
    bpy.ops.ed.undo()
    assert not [item for item in bpy.data.objects if item.users_scene]
    go(addon)
    addon.until(lambda: addon.job(job).fate == "waiting")
    addon.beat(20)
    assert not [item for item in bpy.data.objects if item.users_scene]


def test_undo_during_a_job_does_not_hurt_it(addon: Addon, tmp_path: Path) -> None:
    import bpy

    bpy.ops.ed.undo_push(message="Start")
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.ed.undo_push(message="Cube")
    job = asked_slowly(addon, tmp_path)
    bpy.ops.ed.undo()
    bpy.ops.ed.redo()
    go(addon)
    item = addon.landed(job)
    name = item.name
    bpy.ops.ed.undo()
    assert name not in bpy.context.scene.objects
    bpy.ops.ed.redo()
    assert name in bpy.context.scene.objects
    assert bpy.context.scene.objects[name].data.materials[0] is not None


@pytest.mark.parametrize("mode", ["EDIT", "SCULPT", "WEIGHT_PAINT"])
def test_in_another_mode_the_result_waits_and_then_lands(addon: Addon, tmp_path: Path, mode: str) -> None:
    import bpy

    bpy.ops.mesh.primitive_cube_add()
    cube = bpy.context.active_object
    bpy.ops.object.mode_set(mode=mode)
    job = addon.generate(filepath=str(egg(tmp_path, "box.png")))
    addon.until(lambda: addon.job(job).state == "done")
    addon.beat(20)
    assert "Object Mode" in addon.strip.hindrance
    assert list(bpy.data.objects) == [cube]
    bpy.ops.object.mode_set(mode="OBJECT")
    assert addon.landed(job)
    assert addon.strip.hindrance == ""


def test_a_renamed_moved_and_parented_shape_gets_its_texture(addon: Addon, tmp_path: Path) -> None:
    import bpy

    job, clay = with_clay(addon, tmp_path)
    bpy.ops.object.empty_add(location=(1, 1, 1))
    clay.parent, clay.name, clay.location = bpy.context.active_object, "다른 이름", (4, 5, 6)
    go(addon)
    item = addon.landed(job)
    assert (item, item.name, item.parent.type, item.location[:]) == (clay, "다른 이름", "EMPTY", (4, 5, 6))
    assert len(item.data.materials) == 1


def test_a_cancelled_job_leaves_nothing(addon: Addon, tmp_path: Path) -> None:
    import bpy

    job = asked_slowly(addon, tmp_path)
    assert bpy.ops.maquette.cancel() == {"FINISHED"}
    addon.until(lambda: addon.job(job).state == "cancelled")
    go(addon)
    addon.beat(20)
    assert len(bpy.data.objects) == 0
    assert addon.session.fault is None
    assert not addon.clock.movement.overlay.boxes


def test_a_job_asked_for_while_the_engine_starts_can_be_taken_back(addon: Addon) -> None:
    import bpy

    bpy.context.scene.maquette.front = egg_image()
    job = addon.generate()
    assert not addon.job(job).is_accepted
    bpy.ops.maquette.cancel(job=job)
    addon.until(lambda: addon.session.is_ready)
    addon.beat(20)
    assert len(bpy.data.objects) == 0
    assert not addon.session.jobs.open_models
