"""From a picture to an object in the scene, through the installed add-on and a real engine."""

from __future__ import annotations

import shutil
from math import radians
from pathlib import Path
from typing import Any

import pytest
from drawn import EXAMPLES, be_quick, egg, egg_image
from extension import Addon


@pytest.fixture(autouse=True)
def quick(studio: Addon) -> None:
    be_quick()


def make(studio: Addon, **words: Any) -> Any:
    """The object of one model."""
    return studio.landed(studio.generate(**words))


def bounds(item: Any) -> tuple[list[float], list[float]]:
    """The smallest and largest corner of an object in the world."""
    import bpy

    bpy.context.view_layer.update()
    corners = [item.matrix_world @ vertex.co for vertex in item.data.vertices]
    return [min(c[axis] for c in corners) for axis in range(3)], [
        max(c[axis] for c in corners) for axis in range(3)
    ]


def base_colour(item: Any) -> Any:
    """The image of an object's base colour."""
    (material,) = item.data.materials
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    return shader.inputs["Base Color"].links[0].from_node.image


def colour_at(item: Any, vertex: int) -> list[int]:
    """The base colour at a vertex, 0 to 255."""
    loop = next(loop.index for loop in item.data.loops if loop.vertex_index == vertex)
    u, v = item.data.uv_layers.active.uv[loop].vector
    image = base_colour(item)
    width, height = image.size
    at = (min(int(v * height), height - 1) * width + min(int(u * width), width - 1)) * image.channels
    return [round(value * 255) for value in image.pixels[at : at + 3]]


def test_a_model_stands_upright_at_the_cursor_with_its_origin_at_the_base(
    studio: Addon, tmp_path: Path
) -> None:
    import bpy

    bpy.context.scene.cursor.location = (3, 2, 1)
    item = make(studio, filepath=str(egg(tmp_path)), height=1.8)
    low, high = bounds(item)
    assert item.matrix_world.translation[:] == pytest.approx((3, 2, 1))
    assert (low[2], high[2]) == pytest.approx((1, 2.8), abs=1e-4)
    assert [(a + b) / 2 for a, b in zip(low, high, strict=True)][:2] == pytest.approx((3, 2), abs=1e-4)
    assert high[2] - low[2] > high[0] - low[0]  # the egg is taller than wide
    assert item.scale[:] == (1, 1, 1)
    assert item.rotation_euler[:] == pytest.approx((0, 0, 0))


def test_up_is_up_and_the_picture_is_in_front(studio: Addon, tmp_path: Path) -> None:
    from mathutils import Vector

    item = make(studio, filepath=str(egg(tmp_path)))
    low, high = bounds(item)
    middle = (low[2] + high[2]) / 2
    for offset, (red, blue) in ((0.2, (True, False)), (-0.2, (False, True))):
        found, _, normal, face = item.ray_cast(Vector((0, -9, middle + offset)), Vector((0, 1, 0)))
        assert found
        assert normal.y < 0
        colour = colour_at(item, item.data.polygons[face].vertices[0])
        assert (colour[0] > 120, colour[2] > 120) == (red, blue), colour


def test_it_is_selected_active_smooth_and_in_a_collection_of_its_own(studio: Addon, tmp_path: Path) -> None:
    import bpy

    bpy.ops.mesh.primitive_cube_add()
    item = make(studio, filepath=str(egg(tmp_path, "부엉이 egg.png")))
    assert (item.name, item.users_collection[0].name) == ("부엉이 egg", "부엉이 egg")
    assert item.users_collection[0].name in bpy.context.scene.collection.children
    assert bpy.context.view_layer.objects.active == item
    assert bpy.context.selected_objects == [item]
    assert all(face.use_smooth for face in item.data.polygons)


def test_it_tells_where_it_comes_from(studio: Addon, tmp_path: Path) -> None:
    item = make(studio, filepath=str(egg(tmp_path)), seed=7)
    assert (item["maquette_backend"], item["maquette_preset"], item["maquette_seed"]) == (
        "silhouette",
        "prototype",
        7,
    )
    assert item["maquette_engine"]
    assert "silhouette" in item["maquette_provenance"]


def test_the_texture_is_packed_and_survives_saving(studio: Addon, tmp_path: Path) -> None:
    import bpy

    item = make(studio, filepath=str(egg(tmp_path)))
    name, before = item.name, base_colour(item).pixels[:]
    file = tmp_path / "저장 file.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.ops.wm.open_mainfile(filepath=str(file))
    image = base_colour(bpy.data.objects[name])
    assert image.packed_file is not None
    assert tuple(image.size) == (512, 512)
    assert image.pixels[:] == pytest.approx(before, abs=1 / 255)
    assert bpy.data.objects[name]["maquette_backend"] == "silhouette"
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)


def test_a_path_with_spaces_and_korean_is_no_trouble(studio: Addon, tmp_path: Path) -> None:
    folder = tmp_path / "그림 모음 folder"
    folder.mkdir()
    shutil.copy(EXAMPLES / "owl.png", folder / "수리 부엉이 1.png")
    assert make(studio, filepath=str(folder / "수리 부엉이 1.png")).name == "수리 부엉이 1"


def test_a_path_may_be_relative_to_the_file(studio: Addon, tmp_path: Path) -> None:
    import bpy

    egg(tmp_path)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    assert make(studio, filepath="//egg.png").name == "egg"
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)


def test_arguments_win_over_the_panel(studio: Addon, tmp_path: Path) -> None:
    import bpy

    bpy.context.scene.maquette.height = 5
    item = make(
        studio, filepath=str(egg(tmp_path)), height=0.5, location=(1, 1, 1), preset="balanced", seed=3
    )
    low, high = bounds(item)
    assert (low[2], high[2]) == pytest.approx((1, 1.5), abs=1e-4)
    assert (item["maquette_preset"], item["maquette_seed"]) == ("balanced", 3)


def test_the_unit_scale_changes_no_height_in_scene_units(studio: Addon, tmp_path: Path) -> None:
    import bpy

    bpy.context.scene.unit_settings.scale_length = 0.01
    low, high = bounds(make(studio, filepath=str(egg(tmp_path)), height=170))
    assert high[2] - low[2] == pytest.approx(170, rel=1e-4)


def test_it_fits_into_the_selected_object(studio: Addon, tmp_path: Path) -> None:
    import bpy

    bpy.ops.mesh.primitive_cube_add(size=1, location=(5, 5, 5))
    cube = bpy.context.active_object
    cube.scale = (3, 1, 2)
    cube.rotation_euler.z = radians(90)
    bpy.context.scene.maquette.size_mode = "FIT"
    bpy.context.scene.maquette.front = egg_image()
    bpy.context.view_layer.update()
    low, high = bounds(make(studio))
    assert low[2] == pytest.approx(4, abs=1e-4)
    sides = [b - a for a, b in zip(low, high, strict=True)]
    assert all(side <= limit + 1e-4 for side, limit in zip(sides, (1, 3, 2), strict=True))
    assert any(side == pytest.approx(limit, abs=1e-3) for side, limit in zip(sides, (1, 3, 2), strict=True))
    assert cube.name in bpy.context.scene.objects


def test_several_files_make_a_model_each_in_a_row(studio: Addon, tmp_path: Path) -> None:
    import bpy

    for name in ("하나.png", "둘 b.png"):
        egg(tmp_path, name)
    files = [{"name": "하나.png"}, {"name": "둘 b.png"}]
    before = {job.job for job in studio.session.jobs}
    assert bpy.ops.maquette.generate(directory=str(tmp_path), files=files, height=1) == {"FINISHED"}
    jobs = [job.job for job in studio.session.jobs if job.job not in before]
    first, second = [studio.landed(job) for job in jobs]
    assert (first.name, second.name) == ("하나", "둘 b")
    assert bounds(first)[1][0] < bounds(second)[0][0]  # they do not overlap


def test_several_views_make_one_model(studio: Addon) -> None:
    import bpy

    names = sorted(file.name for file in (EXAMPLES / "turnaround").iterdir() if file.suffix == ".png")
    assert len(names) > 1
    files = [{"name": name} for name in names]
    assert bpy.ops.maquette.generate(
        directory=str(EXAMPLES / "turnaround"), files=files, together="VIEWS", wait=True
    ) == {"FINISHED"}
    assert len(bpy.data.objects) == 1


def test_a_result_lands_in_the_scene_that_asked(studio: Addon, tmp_path: Path) -> None:
    import bpy

    asking = bpy.context.scene
    job = studio.generate(filepath=str(egg(tmp_path)))
    other = bpy.data.scenes.new("둘째")
    bpy.context.window.scene = other
    item = studio.landed(job)
    assert item.users_scene == (asking,)
    assert len(other.objects) == 0


def test_the_shape_comes_first_and_keeps_where_the_artist_moved_it(studio: Addon, tmp_path: Path) -> None:
    import bpy

    (studio.data / "go").unlink(missing_ok=True)
    job = studio.generate(filepath=str(egg(tmp_path, "pause egg.png")))
    studio.until(lambda: bpy.data.objects and studio.job(job).has_shape)
    (clay,) = bpy.data.objects
    assert not clay.data.materials
    clay.name, clay.location = "이름", (7, 8, 9)
    (studio.data / "go").touch()
    assert studio.landed(job) == clay
    assert (clay.name, clay.location[:], len(clay.data.materials)) == ("이름", (7, 8, 9), 1)


def test_the_real_engine_makes_the_owl_of_the_readme(
    installed: None, engine_python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, studio: Addon
) -> None:
    import bpy

    studio.end_engine()
    monkeypatch.setenv("MAQUETTE_ENGINE", engine_python)
    try:
        assert bpy.ops.maquette.generate(
            filepath=str(EXAMPLES / "owl.png"), preset="prototype", wait=True
        ) == {"FINISHED"}
        (item,) = bpy.data.objects
        low, high = bounds(item)
        assert high[2] - low[2] == pytest.approx(1.0, abs=1e-4)
        assert len(item.data.polygons) > 10_000 or bpy.context.scene.maquette.faces
    finally:
        studio.end_engine()
