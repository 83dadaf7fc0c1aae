"""A material shows what the engine saw: colour as colour, data as data, and nothing left over on failure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scene_values import png, result

pytestmark = pytest.mark.usefixtures("empty_file")


def build(**more_maps: bytes) -> Any:
    from maquette.scene.material import build_material, pack_images

    return build_material("부엉이", pack_images("부엉이", result(**more_maps).images), 0.75)


def shader_of(material: Any) -> Any:
    return next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")


def source_of(socket: Any) -> str:
    return socket.links[0].from_node.name


def test_the_base_colour_is_wired_and_nothing_is_metallic() -> None:
    material = build()
    shader = shader_of(material)
    assert source_of(shader.inputs["Base Color"]) == "base_color"
    assert shader.inputs["Metallic"].default_value == 0.0
    assert shader.inputs["Roughness"].default_value == pytest.approx(0.75)
    assert material.node_tree.nodes.active.name == "base_color"
    output = next(node for node in material.node_tree.nodes if node.type == "OUTPUT_MATERIAL")
    assert output.inputs["Surface"].links[0].from_node == shader


def test_the_picture_has_its_pixels_and_its_colour_space() -> None:
    image = build().node_tree.nodes["base_color"].image
    assert image.size[:] == (4, 4)
    assert [round(value * 255) for value in image.pixels[:3]] == [200, 100, 50]
    assert image.colorspace_settings.name == "sRGB"


def test_further_maps_are_data_and_reach_their_inputs() -> None:
    grey = png(rgb=(128, 128, 255))
    material = build(normal=grey, metallic_roughness=grey, emission=grey, occlusion=grey)
    shader, nodes = shader_of(material), material.node_tree.nodes
    assert shader.inputs["Normal"].links[0].from_node.type == "NORMAL_MAP"
    assert shader.inputs["Roughness"].links[0].from_socket.name == "Green"
    assert shader.inputs["Metallic"].links[0].from_socket.name == "Blue"
    assert source_of(shader.inputs["Emission Color"]) == "emission"
    assert nodes["occlusion"].image is not None  # no input of its own, but it travels along
    for name in ("normal", "metallic_roughness", "occlusion"):
        assert nodes[name].image.colorspace_settings.name == "Non-Color"


def test_the_bytes_survive_saving(tmp_path: Path) -> None:
    import bpy

    build().use_fake_user = True
    file = tmp_path / "내 장면.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    bpy.ops.wm.open_mainfile(filepath=str(file))
    image = bpy.data.images[0]
    assert bytes(image.packed_file.data) == png()
    assert [round(value * 255) for value in image.pixels[:3]] == [200, 100, 50]


def test_a_failure_half_way_leaves_no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    import bpy
    import maquette.scene.material as module

    def fail(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(module, "wire", fail)
    images = module.pack_images("Owl", result(normal=png()).images)
    with pytest.raises(MemoryError):
        module.build_material("Owl", images)
    assert len(bpy.data.materials) == 0
    monkeypatch.setattr(module, "pack_image", fail)
    before = len(bpy.data.images)
    with pytest.raises(MemoryError):
        module.pack_images("Owl", result().images)
    assert len(bpy.data.images) == before


@pytest.mark.parametrize("data", [b"", bytes(64), b"GIF89a" + bytes(64), png()[:-20]])
def test_what_is_no_whole_picture_is_refused(data: bytes) -> None:
    """Blender would show it as pink or black, and say nothing."""
    import bpy
    from maquette.scene.material import pack_image

    before = len(bpy.data.images)
    with pytest.raises(ValueError, match=f"{len(data)} bytes"):
        pack_image("Owl", data, "sRGB")
    assert len(bpy.data.images) == before
