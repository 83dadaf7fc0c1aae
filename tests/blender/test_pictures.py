"""Every kind of image that Blender knows is sent as it is seen, or refused in words."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from drawn import EXAMPLES, be_quick, egg, egg_image
from extension import Addon


@pytest.fixture(autouse=True)
def quick(studio: Addon) -> None:
    be_quick()


def load(file: Path) -> Any:
    import bpy

    return bpy.data.images.load(str(file))


def refusal(studio: Addon, **words: Any) -> Any:
    """The fault of a generate that cannot be; the operator reports its words and asks for nothing."""
    import bpy

    before = len(studio.session.jobs)
    with pytest.raises(RuntimeError) as caught:
        bpy.ops.maquette.generate(**words)
    fault = studio.session.fault
    assert fault.message in str(caught.value)
    assert len(studio.session.jobs) == before
    return fault


def generated(folder: Path) -> Any:
    return egg_image()


def packed(folder: Path) -> Any:
    image = load(egg(folder, "꾸러미 packed.png"))
    image.pack()
    Path(image.filepath).unlink()
    return image


def from_file(folder: Path) -> Any:
    return load(egg(folder, "파일.png"))


def painted(folder: Path) -> Any:
    image = load(egg(folder))
    pixels = list(image.pixels)
    pixels[:4] = (0, 1, 0, 1)
    image.pixels.foreach_set(pixels)
    assert image.is_dirty
    return image


def painted_then_deleted(folder: Path) -> Any:
    image = painted(folder)
    Path(image.filepath).unlink()
    return image


def with_floats(folder: Path) -> Any:
    return egg_image("Float", is_float=True)


def exr(folder: Path) -> Any:
    image = egg_image("Exr", is_float=True)
    image.file_format, image.filepath_raw = "OPEN_EXR", str(folder / "egg.exr")
    image.save()
    return load(folder / "egg.exr")


def targa(folder: Path) -> Any:
    image = egg_image("Targa")
    image.file_format, image.filepath_raw = "TARGA", str(folder / "egg.tga")
    image.save()
    return load(folder / "egg.tga")


def jpeg(folder: Path) -> Any:
    shutil.copy(EXAMPLES / "mushroom.jpg", folder / "버섯.jpg")
    return load(folder / "버섯.jpg")


def linked(folder: Path) -> Any:
    """An image of another file, with its path relative to that."""
    import bpy

    (folder / "library").mkdir()
    egg(folder / "library")
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "library" / "home.blend"))
    image = load(folder / "library" / "egg.png")
    image.use_fake_user, image.filepath = True, "//egg.png"
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "library" / "home.blend"))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    with bpy.data.libraries.load(str(folder / "library" / "home.blend"), link=True) as (_, wanted):
        wanted.images = ["egg.png"]
    be_quick()
    (found,) = [image for image in bpy.data.images if image.library]
    return found


KINDS = [
    generated,
    packed,
    from_file,
    painted,
    painted_then_deleted,
    with_floats,
    exr,
    targa,
    jpeg,
    linked,
]


@pytest.mark.parametrize("kind", KINDS)
def test_this_kind_of_image_makes_a_model(kind: Any, studio: Addon, tmp_path: Path) -> None:
    import bpy

    image = kind(tmp_path)
    bpy.context.scene.maquette.front = image
    name = Path(image.name).stem
    item = studio.landed(studio.generate())
    assert item.name == name
    assert len(item.data.polygons) > 100


def as_seen(value: float, *, is_linear: bool) -> int:
    """A value of a pixel as the screen shows it; floats are linear (IEC 61966-2-1)."""
    if is_linear:
        value = 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
    return round(255 * value)


@pytest.mark.parametrize("kind", [generated, with_floats, exr])
def test_pixels_are_sent_as_they_look(kind: Any, studio: Addon, tmp_path: Path) -> None:
    import numpy as np

    image = kind(tmp_path)
    picture = studio.part("pictures").picture_of(image, "front")
    sent = np.frombuffer(picture.image.data.data, np.uint8).reshape(picture.image.data.shape)
    assert sent.shape == (128, 96, 4)
    for row in (30, 100):
        at = ((127 - row) * 96 + 48) * 4  # Blender's rows begin at the bottom
        seen = [as_seen(value, is_linear=image.is_float) for value in image.pixels[at : at + 3]]
        assert sent[row, 48].tolist() == pytest.approx([*seen, 255], abs=1)
    assert sent[30, 48, 0] > sent[30, 48, 2] + 50  # the top is red
    assert sent[0, 0, 3] == 0


def test_an_image_is_chosen_by_its_name(studio: Addon) -> None:
    egg_image("이름 있는")
    assert studio.landed(studio.generate(image="이름 있는")).name == "이름 있는"


def test_a_second_image_of_a_file_is_named_like_the_first(studio: Addon, tmp_path: Path) -> None:
    file = egg(tmp_path, "egg.png")
    first, second = load(file), load(file)
    assert second.name != first.name
    assert studio.part("pictures").picture_of(second, "front").name == "egg.png"


def test_an_unknown_image_is_named(studio: Addon) -> None:
    assert "없음" in refusal(studio, image="없음").message


def test_without_a_picture_it_says_so(studio: Addon) -> None:
    fault = refusal(studio)
    assert "No picture" in fault.message
    assert fault.remedy
    assert fault.action == "choose_picture"


def test_an_image_without_pixels_is_refused(studio: Addon) -> None:
    import bpy

    image = egg_image("비었음")
    image.source = "FILE"
    image.filepath = ""
    bpy.context.scene.maquette.front = image
    assert "비었음" in refusal(studio).message


def test_an_image_whose_file_is_gone_is_refused_with_its_path(studio: Addon, tmp_path: Path) -> None:
    import bpy

    image = load(egg(tmp_path, "사라짐.png"))
    (tmp_path / "사라짐.png").unlink()
    bpy.context.scene.maquette.front = image
    assert "사라짐.png" in refusal(studio).message


def test_a_missing_render_is_refused(studio: Addon) -> None:
    import bpy

    bpy.context.scene.maquette.front = bpy.data.images.new("unused", 4, 4)
    result = bpy.data.images.get("Render Result")
    if result is None:
        bpy.ops.image.new(name="unused2")
        result = next((image for image in bpy.data.images if image.type == "RENDER_RESULT"), None)
    if result is None:
        pytest.skip("this Blender makes no Render Result before a render")
    bpy.context.scene.maquette.front = result
    assert "render" in refusal(studio).message


def test_a_render_makes_a_model(studio: Addon) -> None:
    import bpy

    scene = bpy.context.scene
    bpy.ops.mesh.primitive_uv_sphere_add()
    bpy.ops.object.camera_add(location=(0, -6, 0), rotation=(1.5708, 0, 0))
    scene.camera = bpy.context.active_object
    bpy.ops.object.light_add(type="SUN")
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 1, False
    scene.render.resolution_x = scene.render.resolution_y = 96
    scene.render.film_transparent = True
    scene.render.image_settings.color_mode = "RGBA"
    bpy.ops.render.render()
    scene.maquette.front = bpy.data.images["Render Result"]
    assert studio.landed(studio.generate()).name == "Render Result"


@pytest.mark.parametrize(
    ("name", "content"),
    [("빈 파일.png", b""), ("글.png", b"this is no picture"), ("반쪽.png", b"\x89PNG\r\n\x1a\n" + bytes(99))],
)
def test_a_file_that_is_no_picture_fails_in_words_that_name_it(
    studio: Addon, tmp_path: Path, name: str, content: bytes
) -> None:
    import bpy

    (tmp_path / name).write_bytes(content)
    with pytest.raises(RuntimeError) as caught:
        bpy.ops.maquette.generate(filepath=str(tmp_path / name), wait=True)
    assert Path(name).stem in str(caught.value)
    assert studio.session.fault.code == "bad_input"
    assert len(bpy.data.objects) == 0


@pytest.mark.parametrize("name", ["no such.png", ""])
def test_a_path_to_no_file_is_refused(studio: Addon, tmp_path: Path, name: str) -> None:
    assert str(tmp_path / name) in refusal(studio, filepath=str(tmp_path / name)).message


def test_an_image_deleted_while_its_job_runs_is_not_missed(studio: Addon) -> None:
    import bpy

    (studio.data / "go").unlink(missing_ok=True)
    bpy.context.scene.maquette.front = egg_image("slow image")
    job = studio.generate()
    studio.until(lambda: studio.job(job).state == "running")
    bpy.data.images.remove(bpy.data.images["slow image"])
    studio.beat(5)
    (studio.data / "go").touch()
    assert studio.landed(job).name == "slow image"


def test_views_whose_names_tell_no_side_are_refused(studio: Addon, tmp_path: Path) -> None:
    files = [{"name": egg(tmp_path, name).name} for name in ("front.png", "뭐지.png")]
    fault = refusal(studio, directory=str(tmp_path), files=files, together="VIEWS")
    assert "뭐지.png" in fault.message
    assert "front, back" in fault.remedy


def test_the_cut_out_is_shown_before_time_is_spent(studio: Addon, tmp_path: Path) -> None:
    import bpy

    bpy.context.scene.maquette.front = load(egg(tmp_path))
    cutout = studio.clock.movement.cutout
    studio.until(lambda: cutout.is_asked)
    studio.until(lambda: not cutout.is_asked)
    assert cutout._icons is not None
    assert "cutout" in cutout._icons
    assert studio.session.fault is None
    studio.until(lambda: not [job for job in studio.session.jobs if not job.is_model])


def test_an_unusable_picture_is_said_as_soon_as_it_is_chosen(studio: Addon, tmp_path: Path) -> None:
    import bpy

    image = load(egg(tmp_path, "곧 사라짐.png"))
    (tmp_path / "곧 사라짐.png").unlink()
    bpy.context.scene.maquette.front = image
    studio.until(lambda: studio.session.fault)
    assert "곧 사라짐.png" in studio.session.fault.message
