"""Results land where they were asked for, on what is theirs, and never over somebody's work."""

from __future__ import annotations

from math import radians
from typing import Any

import numpy as np
import pytest
from scene_values import JOB, box, result, shape_ready, wire_array

pytestmark = pytest.mark.usefixtures("empty_file")


@pytest.fixture
def landing(empty_file: None) -> Any:
    import maquette.scene.landing as module

    return module


def here(height: float = 2.0) -> Any:
    import bpy
    from maquette.scene.placement import at_cursor

    return at_cursor(bpy.context, height)


def only() -> Any:
    """The one object in the scene."""
    import bpy

    (item,) = bpy.context.scene.objects
    return item


def counts() -> tuple[int, ...]:
    import bpy

    return tuple(
        len(getattr(bpy.data, kind)) for kind in ("objects", "meshes", "materials", "images", "collections")
    )


def test_a_result_stands_at_the_cursor_in_its_own_collection(landing: Any) -> None:
    import bpy

    bpy.context.scene.cursor.location = (1, 2, 3)
    landed = landing.insert_result(JOB, "부엉이", result(), here())
    assert (landed.outcome, landed.objects) == (landing.LANDED, ("부엉이",))
    item = only()
    assert item.location[:] == (1, 2, 3)
    assert item.scale[:] == (1, 1, 1)
    np.testing.assert_allclose(item.dimensions, (1.0, 0.5, 2.0), atol=1e-5)
    assert [home.name for home in item.users_collection] == ["부엉이"]
    assert item.users_collection[0] in list(bpy.context.scene.collection.children)
    assert item.select_get()
    assert bpy.context.view_layer.objects.active == item
    assert item.material_slots[0].material.node_tree.nodes["base_color"].image.packed_file


def test_the_result_says_where_it_comes_from(landing: Any) -> None:
    landing.insert_result(JOB, "Owl", result(), here())
    item = only()
    facts = {key: item[f"maquette_{key}"] for key in ("job", "backend", "model", "revision", "licence")}
    assert facts == {
        "job": JOB,
        "backend": "trellis",
        "model": "TRELLIS-image-large",
        "revision": "25e0d31",
        "licence": "MIT",
    }
    assert (item["maquette_preset"], item["maquette_seed"]) == ("balanced", 7)
    assert item["maquette_engine"] == "maquette 0.1.0"
    assert '"licence": "MIT"' in item["maquette_provenance"]


def test_what_was_asked_wins_over_the_provenance_and_a_large_seed_is_kept(landing: Any) -> None:
    landing.insert_result(JOB, "Owl", result(), here(), preset="best", seed=2**62)
    assert (only()["maquette_preset"], only()["maquette_seed"]) == ("best", str(2**62))


def test_the_texture_arrives_on_the_shape_wherever_it_is_by_then(landing: Any) -> None:
    import bpy

    landing.insert_shape(JOB, "Owl", shape_ready(), here())
    clay = only()
    scene = bpy.context.scene
    parent, child = (bpy.data.objects.new(name, None) for name in ("Parent", "Child"))
    other = bpy.data.collections.new("Other")
    scene.collection.children.link(other)
    for item in (parent, child):
        other.objects.link(item)
    clay.users_collection[0].objects.unlink(clay)
    other.objects.link(clay)
    clay.name = "Renamed"
    clay.location, clay.rotation_euler.z, clay.scale = (5, 6, 7), radians(30), (2, 2, 2)
    clay.parent, child.parent = parent, clay
    clay.modifiers.new("Bevel", "BEVEL")
    clay.select_set(False)
    bpy.context.view_layer.objects.active = parent
    landed = landing.insert_result(JOB, "Owl", result(), here(), has_clay=True)
    assert (landed.outcome, landed.objects) == (landing.LANDED, ("Renamed",))
    item = scene.objects["Renamed"]
    assert item.location[:] == (5, 6, 7)
    assert item.rotation_euler.z == pytest.approx(radians(30))
    assert item.scale[:] == (2, 2, 2)
    assert item.parent.name == "Parent"
    assert [one.name for one in item.children] == ["Child"]
    assert [one.name for one in item.modifiers] == ["Bevel"]
    assert [one.name for one in item.users_collection] == ["Other"]
    assert not item.select_get()
    assert bpy.context.view_layer.objects.active.name == "Parent"
    assert len(item.data.materials) == 1
    assert "maquette_clay" not in item
    assert len(bpy.data.meshes) == 1  # the clay's mesh is gone


def test_a_shape_hidden_by_the_artist_stays_hidden(landing: Any) -> None:
    landing.insert_shape(JOB, "Owl", shape_ready(), here())
    only().hide_set(True)
    landing.insert_result(JOB, "Owl", result(), here(), has_clay=True)
    assert only().hide_get()


def test_the_size_of_the_shape_is_kept(landing: Any) -> None:
    landing.insert_shape(JOB, "Owl", shape_ready(), here(3.0))
    landing.insert_result(JOB, "Owl", result(), None, has_clay=True)  # the place was forgotten in between
    np.testing.assert_allclose(only().dimensions, (1.5, 0.75, 3.0), atol=1e-5)


def test_copies_of_the_shape_get_the_texture_too(landing: Any) -> None:
    import bpy

    landing.insert_shape(JOB, "Owl", shape_ready(), here())
    first = only()
    linked, own = first.copy(), first.copy()
    own.data = first.data.copy()
    for item in (linked, own):
        bpy.context.scene.collection.objects.link(item)
    landing.insert_result(JOB, "Owl", result(), here(), has_clay=True)
    meshes = [item.data for item in bpy.context.scene.objects]
    assert len(set(meshes)) == 2
    assert all(len(mesh.materials) == 1 for mesh in meshes)
    assert (len(bpy.data.meshes), len(bpy.data.images)) == (2, 1)


@pytest.mark.parametrize("edit", ["sculpt", "weights", "replace", "multires"])
def test_an_edited_shape_is_kept_and_the_result_stands_beside_it(landing: Any, edit: str) -> None:
    import bpy

    landing.insert_shape(JOB, "Owl", shape_ready(), here())
    clay = only()
    if edit == "sculpt":
        clay.data.vertices[0].co.x -= 0.25
    elif edit == "weights":
        clay.vertex_groups.new(name="Spine")
    elif edit == "replace":
        clay.data = bpy.data.meshes.new("Other")
    else:
        clay.modifiers.new("Multires", "MULTIRES")
    name, mesh = clay.name, clay.data.name
    landed = landing.insert_result(JOB, "Owl", result(), here(), has_clay=True)
    assert landed.outcome == landing.BESIDE
    assert '"Owl"' in landed.message
    kept, (new,) = bpy.data.objects[name], (bpy.data.objects[each] for each in landed.objects)
    assert (kept.data.name, len(kept.data.materials)) == (mesh, 0)
    assert len(new.data.materials) == 1
    assert new.users_collection == kept.users_collection
    bpy.context.view_layer.update()
    assert new.location.x + min(corner[0] for corner in new.bound_box) > 0.5  # the clay ends at 0.5
    again = landing.insert_result(JOB, "Owl", result(), here(), has_clay=True)
    assert again.outcome == landing.WAITS  # what was decided once is not decided again


def test_a_result_whose_shape_was_deleted_waits_until_it_is_asked_for(landing: Any) -> None:
    import bpy

    landing.insert_shape(JOB, "Owl", shape_ready(), here())
    bpy.data.objects.remove(only())
    before = counts()
    landed = landing.insert_result(JOB, "Owl", result(), here(), has_clay=True)
    assert landed.outcome == landing.WAITS
    assert "history" in landed.message
    assert counts() == before
    assert landing.insert_result(JOB, "Owl", result(), here(), has_clay=True, is_asked=True).objects


def test_asked_for_it_is_inserted_each_time(landing: Any) -> None:
    import bpy

    for _ in range(2):
        assert landing.insert_result(JOB, "Owl", result(), here(), is_asked=True).outcome == landing.LANDED
    assert len(bpy.context.scene.objects) == 2


def test_a_scene_that_was_deleted_is_said_and_nothing_is_made(landing: Any) -> None:
    import bpy

    second = bpy.data.scenes.new("다른 장면")
    from maquette.scene.placement import Height, Place

    place = Place(second.session_uid, second.name, (0, 0, 0), 0.0, Height(1.0))
    bpy.data.scenes.remove(second)
    before = counts()
    for landed in (
        landing.insert_shape(JOB, "Owl", shape_ready(), place),
        landing.insert_result(JOB, "Owl", result(), place),
    ):
        assert landed.outcome == landing.WAITS
        assert "다른 장면" in landed.message
    assert counts() == before


def test_it_lands_in_its_own_scene_and_leaves_the_one_at_hand_alone(landing: Any) -> None:
    import bpy
    from maquette.scene.placement import Height, Place

    second = bpy.data.scenes.new("Second")
    place = Place(second.session_uid, second.name, (0, 0, 0), 0.0, Height(1.0))
    landing.insert_shape(JOB, "Owl", shape_ready(), place)
    landing.insert_result(JOB, "Owl", result(), place, has_clay=True)
    assert len(bpy.context.scene.objects) == 0
    assert bpy.context.view_layer.objects.active is None
    assert len(second.objects) == 1


def test_nothing_is_touched_outside_object_mode(landing: Any) -> None:
    import bpy

    landing.insert_shape(JOB, "Owl", shape_ready(), here())
    bpy.ops.object.mode_set(mode="EDIT")
    before = counts()
    landed = landing.insert_result(JOB, "Owl", result(), here(), has_clay=True)
    assert landed.outcome == landing.LATER
    assert "Object Mode" in landed.message
    assert counts() == before
    bpy.ops.object.mode_set(mode="OBJECT")
    assert landing.insert_result(JOB, "Owl", result(), here(), has_clay=True).outcome == landing.LANDED


def test_arrays_that_are_no_mesh_change_nothing(landing: Any) -> None:
    from dataclasses import replace

    landing.insert_shape(JOB, "Owl", shape_ready(), here())
    before = counts()
    faces = box()[1] + 1
    good = result()
    bad = replace(good, mesh=replace(good.mesh, faces=wire_array(faces)))
    with pytest.raises(ValueError, match="8 from 0"):
        landing.insert_result(JOB, "Owl", bad, here(), has_clay=True)
    assert counts() == before
    assert only().users_collection[0].name == "Owl"
    assert landing.insert_result(JOB, "Owl", good, here(), has_clay=True).outcome == landing.LANDED


def test_names_longer_than_blender_allows_are_found_by_their_tag(landing: Any) -> None:
    name = "아주 긴 한국어 그림 이름 " * 20
    landing.insert_shape(JOB, name, shape_ready(), here())
    landed = landing.insert_result(JOB, name, result(), here(), has_clay=True)
    assert landed.objects == (only().name,)
    assert only().name.startswith("아주 긴")


def test_two_jobs_of_one_name_do_not_meet(landing: Any) -> None:
    import bpy

    other = JOB[::-1]
    landing.insert_shape(JOB, "Owl", shape_ready(), here())
    landing.insert_shape(other, "Owl", shape_ready(other), here())
    landed = landing.insert_result(other, "Owl", result(other), here(), has_clay=True)
    assert landed.objects == ("Owl.001",)
    assert len(bpy.data.objects["Owl"].data.materials) == 0


@pytest.mark.parametrize("is_seen", [False, True])
@pytest.mark.parametrize("has_clay", [False, True])
def test_what_was_prepared_is_used_and_not_made_twice(
    landing: Any, has_clay: bool, is_seen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bpy
    from maquette.scene import prepare
    from maquette.scene.prepare import prepare_result

    monkeypatch.setattr(prepare, "shows_textures", lambda: is_seen)
    if has_clay:
        landing.insert_shape(JOB, "Owl", shape_ready(), here(3.0))
    n_meshes = len(bpy.data.meshes)
    ready = [prepare_result(JOB, "Owl", result(), here(3.0)) for _ in range(5)]
    n_parts = 3 if is_seen else 2  # faces, edges, and textures where a view would draw them at once
    assert ready == [number >= n_parts for number in range(5)]
    assert (len(bpy.data.images), len(bpy.data.meshes)) == (int(is_seen), n_meshes + 1)
    landing.insert_result(JOB, "Owl", result(), here(3.0), has_clay=has_clay)
    (image,), (mesh,) = bpy.data.images, bpy.data.meshes
    assert (image.users, mesh.users, only().data.name) == (1, 1, mesh.name)
    assert "maquette_job" not in image
    assert "maquette_job" not in mesh
    assert only().dimensions.z == pytest.approx(3.0, rel=1e-5)


def test_what_was_prepared_in_another_size_is_not_used(landing: Any) -> None:
    from maquette.scene.prepare import prepare_result

    for _ in range(4):
        prepare_result(JOB, "Owl", result(), here(3.0))
    landing.insert_result(JOB, "Owl", result(), here(1.0))
    assert only().dimensions.z == pytest.approx(1.0, rel=1e-5)
    assert counts()[1] == 1


def test_a_half_prepared_mesh_is_completed(landing: Any) -> None:
    from maquette.scene.prepare import prepare_result

    assert not prepare_result(JOB, "Owl", result(), here())
    landing.insert_result(JOB, "Owl", result(), here())
    assert len(only().data.edges) == 18
    assert counts()[1] == 1


def test_a_prepared_shape_is_used(landing: Any) -> None:
    from maquette.scene.prepare import prepare_shape

    assert [prepare_shape(JOB, "Owl", shape_ready(), here()) for _ in range(3)] == [False, False, True]
    assert landing.insert_shape(JOB, "Owl", shape_ready(), here()).outcome == landing.LANDED
    assert counts()[1] == 1
    assert only().data.users == 1


def test_what_was_prepared_for_a_result_that_waits_is_dropped(landing: Any) -> None:
    from maquette.scene.prepare import prepare_result

    before = counts()
    for _ in range(4):
        prepare_result(JOB, "Owl", result(), here())
    landing.insert_result(JOB, "Owl", result(), None)
    assert counts() == before


def test_preparing_what_is_no_mesh_leaves_nothing(landing: Any) -> None:
    from dataclasses import replace

    from maquette.scene.prepare import prepare_result

    good, before = result(), counts()
    bad = replace(good, mesh=replace(good.mesh, faces=wire_array(box()[1] - 1)))
    with pytest.raises(ValueError, match="-1 to"):
        prepare_result(JOB, "Owl", bad, here())
    assert counts() == before


def test_nothing_is_prepared_outside_object_mode(landing: Any) -> None:
    import bpy
    from maquette.scene.prepare import prepare_result

    landing.insert_shape(JOB, "Owl", shape_ready(), here())
    bpy.ops.object.mode_set(mode="EDIT")
    before = counts()
    assert not prepare_result(JOB, "Owl", result(), here())
    assert counts() == before


def test_twenty_jobs_leave_nothing_but_their_objects(landing: Any) -> None:
    import bpy

    for number in range(20):
        job = f"{number:032x}"
        landing.insert_shape(job, "Owl", shape_ready(job), here())
        landing.insert_result(job, "Owl", result(job), here(), has_clay=True)
    assert counts() == (20, 20, 20, 20, 20)
    bpy.data.batch_remove(list(bpy.data.objects))
    bpy.ops.outliner.orphans_purge(do_recursive=True)
    assert counts()[:4] == (0, 0, 0, 0)
