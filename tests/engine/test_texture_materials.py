"""Materials and attributes in the less common forms of glTF take the texture too, and keep the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_assets import Ear
from made_meshes import box_maker, box_uv, image_of, parts, picture_of, split_box, textured, values, written

from engine.errors import BadInput
from engine.geometry.bake import sample
from engine.stages import lay_out

BOX = split_box()
UV = box_uv(BOX)
FRONT = {"front": picture_of(BOX, "front")}


def notices(ear: Ear) -> str:
    return "\n".join(str(line[2]) for line in ear.lines if line[0] == "notice")


def test_quantised_attributes_and_a_moved_texture_are_understood_and_kept(tmp_path: Path) -> None:
    maker = box_maker(BOX)
    attributes = maker.tree["meshes"][0]["primitives"][0]["attributes"]
    attributes["POSITION"] = maker.add(
        np.round(BOX.vertices * 32767), "int16", normalized=True, min=[-1, -1, -1], max=[1, 1, 1]
    )
    # Written as 0 to 2 in both directions, turned by a quarter; the material brings them back.
    down = np.stack([UV[:, 0], 1 - UV[:, 1]], axis=1)
    turned = np.stack([1 - down[:, 1], down[:, 0]], axis=1)
    attributes["TEXCOORD_0"] = maker.add(np.zeros((24, 2)), "uint16", normalized=True)
    attributes["TEXCOORD_1"] = maker.add(np.round(turned / 2 * 65535), "uint16", normalized=True)
    moved = {"scale": [2, 2], "rotation": np.pi / 2, "offset": [0, 1]}
    info = {"index": 0, "texCoord": 1, "extensions": {"KHR_texture_transform": moved}}
    maker.put(
        textures=[{"sampler": 0}],
        samplers=[{"wrapS": 33648}],
        materials=[{"pbrMetallicRoughness": {"baseColorTexture": info, "roughnessFactor": 0.1}}],
    )
    maker.tree["meshes"][0]["primitives"][0]["material"] = 0
    made = textured(written(tmp_path, maker.glb()), pictures=FRONT, uv="keep", texture_size_px=256)
    tree, binary, _ = parts(made.glb)
    now = tree["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"]
    assert {**now, "index": 0} == info
    assert tree["textures"][now["index"]]["sampler"] == 0
    # As a viewer looks up: the middle of the front is at the middle of the picture.
    texture = np.ascontiguousarray(image_of(tree, binary, 0))
    front = BOX.vertex_normals[:, 2] > 0.9
    place = down[front].mean(axis=0) * 256
    plain = textured(
        written(tmp_path, box_maker(BOX, UV).glb(), "b.glb"), pictures=FRONT, texture_size_px=256
    )
    other = np.ascontiguousarray(image_of(*parts(plain.glb)[:2], 0))
    points = np.asarray(place[None], np.float32)
    assert sample(texture, points) == pytest.approx(sample(other, points), abs=0.02)


def test_the_older_glossy_material_takes_the_texture_where_its_viewers_look(tmp_path: Path) -> None:
    glossy = {"diffuseFactor": [0.1, 0.2, 0.3, 0.9], "glossinessFactor": 0.4}
    maker = box_maker(BOX, UV, material=0)
    maker.put(materials=[{"extensions": {"KHR_materials_pbrSpecularGlossiness": glossy}}])
    made = textured(written(tmp_path, maker.glb()), pictures=FRONT)
    (material,) = parts(made.glb)[0]["materials"]
    older = material["extensions"]["KHR_materials_pbrSpecularGlossiness"]
    assert older["diffuseTexture"] == material["pbrMetallicRoughness"]["baseColorTexture"]
    assert older["diffuseFactor"] == [1, 1, 1, 0.9]
    assert older["glossinessFactor"] == 0.4


def test_opacity_of_a_material_stays(tmp_path: Path) -> None:
    maker = box_maker(BOX, UV, material=0)
    look = {"alphaMode": "BLEND", "pbrMetallicRoughness": {"baseColorFactor": [0.1, 0.1, 0.1, 0.25]}}
    made = textured(written(tmp_path, maker.put(materials=[look]).glb()), pictures=FRONT)
    (material,) = parts(made.glb)[0]["materials"]
    assert material["pbrMetallicRoughness"]["baseColorFactor"] == [1, 1, 1, 0.25]
    assert material["alphaMode"] == "BLEND"


def test_variants_keep_their_textures_and_that_is_said(tmp_path: Path) -> None:
    ear = Ear()
    extra = {"KHR_materials_variants": {"mappings": [{"material": 1, "variants": [0]}]}}
    maker = box_maker(BOX, UV, material=0, extensions=extra)
    maker.put(materials=[{"name": "day"}, {"name": "night"}])
    made = textured(written(tmp_path, maker.glb()), ear, pictures=FRONT)
    tree = parts(made.glb)[0]
    assert tree["materials"][1] == {"name": "night"}
    assert tree["meshes"][0]["primitives"][0]["extensions"] == extra
    assert "variants" in notices(ear)


def test_more_textures_than_memory_holds_become_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lay_out, "_MAX_TEXELS", 128**2 - 1)
    ear = Ear()
    path = written(tmp_path, box_maker(BOX, UV).glb())
    assert textured(path, ear, pictures=FRONT).report["texture"]["uv"] == "new"
    assert "128 px" in notices(ear)
    with pytest.raises(BadInput, match="128 px"):
        textured(path, pictures=FRONT, uv="keep")


def test_a_mesh_outside_the_scene_is_left_as_it_is_with_its_look(tmp_path: Path) -> None:
    ear = Ear()
    maker = box_maker(BOX, UV, material=0)
    maker.put(materials=[{"name": "paint"}])
    maker.tree["meshes"].append({**maker.tree["meshes"][0], "name": "spare"})
    made = textured(written(tmp_path, maker.glb()), ear, pictures=FRONT, uv="new")
    tree, binary, _ = parts(made.glb)
    spare = tree["meshes"][1]["primitives"][0]
    assert spare["attributes"] == maker.tree["meshes"][1]["primitives"][0]["attributes"]
    assert tree["materials"][spare["material"]] == {"name": "paint"}
    assert spare["material"] != tree["meshes"][0]["primitives"][0]["material"]
    assert "spare" in notices(ear)
    assert len(values(tree, binary, spare["attributes"]["POSITION"])) == 24


def test_layers_are_counted_without_gaps_across_parts(tmp_path: Path) -> None:
    maker = box_maker(BOX, UV)
    rich = maker.tree["meshes"][0]["primitives"][0]
    poor = {**rich, "attributes": {name: rich["attributes"][name] for name in ("POSITION", "NORMAL")}}
    maker.tree["meshes"].append({"name": "bare", "primitives": [poor]})
    maker.put(nodes=[{"mesh": 0}, {"mesh": 1, "translation": [2, 0, 0]}], scenes=[{"nodes": [0, 1]}])
    wide = split_box((-0.4, -0.5, -0.3), (2.4, 0.5, 0.3))
    made = textured(written(tmp_path, maker.glb()), pictures={"front": picture_of(wide, "front")})
    tree = parts(made.glb)[0]
    for mesh in tree["meshes"]:
        (primitive,) = mesh["primitives"]
        assert {"TEXCOORD_0", "TEXCOORD_1"} <= set(primitive["attributes"])
        info = tree["materials"][primitive["material"]]["pbrMetallicRoughness"]["baseColorTexture"]
        assert info["texCoord"] == 1
