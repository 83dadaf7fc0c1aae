"""A new texture changes a file's base colour and nothing else: order, hierarchy, materials and skins stay."""

from __future__ import annotations

import copy
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_assets import Ear
from made_meshes import (
    box_maker,
    box_uv,
    image_of,
    parts,
    picture_of,
    shot,
    split_box,
    textured,
    values,
    written,
)
from PIL import Image
from scipy import ndimage
from shapes import psnr

from engine.geometry.mesh import Mesh

BOX = split_box()
MATERIAL = {
    "name": "나무",
    "pbrMetallicRoughness": {
        "baseColorFactor": [0.2, 0.3, 0.4, 1.0],
        "metallicFactor": 0.3,
        "roughnessFactor": 0.2,
    },
    "normalTexture": {"index": 0, "scale": 0.7},
    "occlusionTexture": {"index": 0, "strength": 0.3},
    "extensions": {"KHR_materials_ior": {"ior": 1.33}, "VENDOR_unknown": {"deep": [1, {"er": 2.5}]}},
    "doubleSided": True,
}


def rich_file(uv: np.ndarray | None) -> bytes:
    """A box with a material, nodes, a camera, an animation, unknown extensions, a further chunk."""
    maker = box_maker(BOX, uv, material=0, extras={"mine": 7})
    times, turns = maker.add([0.0, 1.0]), maker.add([[0, 0, 0, 1], [0, 1, 0, 0]])
    picture = maker.view(b"\x89PNG not really")
    maker.put(
        asset={"version": "2.0", "generator": "Somebody's Exporter", "extras": {"author": "고양이"}},
        materials=[MATERIAL],
        images=[{"bufferView": picture, "mimeType": "image/png", "name": "bumps"}],
        samplers=[{"wrapS": 33648}],
        textures=[{"source": 0, "sampler": 0}],
        cameras=[{"type": "perspective", "perspective": {"yfov": 0.7, "znear": 0.1}}],
        nodes=[
            {"name": "Root", "children": [1, 3], "translation": [10, 20, 30], "rotation": [0, 0.6, 0, 0.8]},
            {"name": "Arm", "children": [2], "rotation": [0, -0.6, 0, 0.8], "extras": {"bone": True}},
            {"name": "Crate", "mesh": 0, "scale": [3.0, 3.0, 3.0]},
            {"name": "Eye", "camera": 0},
        ],
        animations=[
            {
                "channels": [{"sampler": 0, "target": {"node": 1, "path": "rotation"}}],
                "samplers": [{"input": times, "output": turns}],
            }
        ],
        extensionsUsed=["VENDOR_unknown", "KHR_materials_ior"],
        extensions={"VENDOR_unknown": {"top": "level"}},
    )
    return maker.glb((b"XTRA", b"12345678"))


def welded_box() -> Mesh:
    """The box with 8 vertices."""
    places, index = np.unique(BOX.vertices, axis=0, return_inverse=True)
    return Mesh(places, index.reshape(-1)[BOX.faces].astype(np.int32))


def unpainted(tree: dict[str, Any]) -> dict[str, Any]:
    """The tree without what a new texture may change; lists cut to what they were before are the caller's."""
    held = copy.deepcopy(tree)
    for material in held.get("materials", []):
        material["pbrMetallicRoughness"].pop("baseColorTexture", None)
        material["pbrMetallicRoughness"].pop("baseColorFactor", None)
    held["asset"]["extras"].pop("maquette", None)
    return held


@pytest.mark.parametrize("choice", ["keep", "new"])
def test_all_that_was_in_the_file_is_still_there_in_its_place(tmp_path: Path, choice: str) -> None:
    before = rich_file(box_uv(BOX))
    made = textured(written(tmp_path, before), pictures={"front": picture_of(BOX, "front")}, uv=choice)
    old, old_binary, chunks = parts(before)
    new, binary, new_chunks = parts(made.glb)
    assert binary[: len(old_binary)] == old_binary
    assert new_chunks == chunks
    was, now = unpainted(old), unpainted(new)
    for name in (
        "nodes",
        "scenes",
        "scene",
        "cameras",
        "animations",
        "asset",
        "extensions",
        "extensionsUsed",
    ):
        assert now[name] == was[name], name
    for name in ("accessors", "bufferViews", "images", "samplers", "textures", "materials"):
        assert now[name][: len(was[name])] == was[name], name
    assert now["meshes"][0]["name"] == "Box"
    (primitive,) = new["meshes"][0]["primitives"]
    assert primitive["extras"] == {"mine": 7}
    assert set(new) == set(old)


def test_kept_coordinates_change_nothing_but_a_material(tmp_path: Path) -> None:
    before = rich_file(box_uv(BOX))
    made = textured(written(tmp_path, before), pictures={"front": picture_of(BOX, "front")}, uv="keep")
    old, new = parts(before)[0], parts(made.glb)[0]
    assert new["meshes"] == old["meshes"]
    assert new["accessors"] == old["accessors"]
    shine = new["materials"][0]["pbrMetallicRoughness"]
    assert shine["baseColorFactor"] == [1, 1, 1, 1]
    assert (shine["metallicFactor"], shine["roughnessFactor"]) == (0.3, 0.2)
    assert made.report["texture"]["uv"] == "kept"
    assert made.report["mesh"]["vertices_added"] == 0


def test_a_new_layer_leaves_the_old_vertices_in_their_order_and_puts_copies_at_the_end(
    tmp_path: Path,
) -> None:
    welded = welded_box()
    maker = box_maker(welded, welded.vertices[:, :2] + np.float32(0.5))
    maker.tree["meshes"][0]["primitives"][0]["attributes"]["_WEAR"] = maker.add(np.arange(8), "uint8")
    before = maker.glb()
    made = textured(written(tmp_path, before), pictures={"front": picture_of(welded, "front")}, uv="new")
    old_tree, old_binary, _ = parts(before)
    tree, binary, _ = parts(made.glb)
    (was,), (now,) = old_tree["meshes"][0]["primitives"], tree["meshes"][0]["primitives"]
    n = len(welded.vertices)
    n_added = made.report["mesh"]["vertices_added"]
    assert n_added > 0
    faces = values(tree, binary, now["indices"]).reshape(-1, 3)
    for name, number in was["attributes"].items():
        held = values(tree, binary, now["attributes"][name])
        assert len(held) == n + n_added
        assert np.array_equal(held[:n], values(old_tree, old_binary, number)), name
        assert np.array_equal(held[faces], values(old_tree, old_binary, number)[welded.faces]), name
    position = tree["accessors"][now["attributes"]["POSITION"]]
    assert position["min"] == old_tree["accessors"][was["attributes"]["POSITION"]]["min"]
    assert len(values(tree, binary, now["attributes"]["TEXCOORD_1"])) == n + n_added
    assert tree["materials"][now["material"]]["pbrMetallicRoughness"]["baseColorTexture"]["texCoord"] == 1


@pytest.mark.parametrize("choice", ["keep", "new"])
def test_the_pictures_land_where_they_belong(tmp_path: Path, choice: str) -> None:
    views = ("front", "back", "left", "right", "top", "bottom")
    path = written(tmp_path, rich_file(box_uv(BOX)))
    pictures = {view: picture_of(BOX, view) for view in views}
    made = textured(path, pictures=pictures, uv=choice, texture_size_px=256)
    assert made.report["texture"]["baked_fraction"] > 0.98
    for view in views:
        colours, truth, inside = shot(made.glb, BOX, view)
        assert psnr(colours[inside], truth[inside]) > 28, view
        core = ndimage.binary_erosion(inside, iterations=3)
        assert np.abs(colours[core] - truth[core]).max() < 0.15, view


def test_a_part_without_a_material_gets_one_that_is_not_metallic(tmp_path: Path) -> None:
    path = written(tmp_path, box_maker(BOX).glb())
    made = textured(path, pictures={"front": picture_of(BOX, "front")}, settings=(("save.roughness", "0.4"),))
    tree, _, _ = parts(made.glb)
    (material,) = tree["materials"]
    assert material["name"] == "Box"
    assert material["pbrMetallicRoughness"]["metallicFactor"] == 0
    assert material["pbrMetallicRoughness"]["roughnessFactor"] == 0.4
    assert tree["meshes"][0]["primitives"][0]["material"] == 0


def test_history_is_written_beside_what_the_file_says_of_itself(tmp_path: Path) -> None:
    path = written(tmp_path, rich_file(box_uv(BOX)))
    made = textured(path, pictures={"front": picture_of(BOX, "front")})
    asset = parts(made.glb)[0]["asset"]
    assert asset["generator"] == "Somebody's Exporter"
    assert asset["extras"]["author"] == "고양이"
    assert asset["extras"]["maquette"]["backend"] == "texture"
    again = textured(written(tmp_path, made.glb, "b.glb"), pictures={"front": picture_of(BOX, "front")})
    assert parts(again.glb)[0]["asset"]["extras"]["maquette"]["earlier"] == asset["extras"]["maquette"]


def test_the_same_request_gives_the_same_bytes(tmp_path: Path) -> None:
    path = written(tmp_path, rich_file(box_uv(BOX)))
    first, second = (
        textured(path, pictures={"left": picture_of(BOX, "left")}, uv="new").glb for _ in range(2)
    )
    assert first == second
    assert str(tmp_path).encode() not in first


def test_a_morph_target_and_a_skin_grow_with_the_vertices(tmp_path: Path) -> None:
    welded = welded_box()
    maker = box_maker(welded)
    primitive = maker.tree["meshes"][0]["primitives"][0]
    moves = np.zeros_like(welded.vertices)
    moves[2] = (5, 0, 0)
    primitive["targets"] = [{"POSITION": maker.add(moves)}]
    joints, weights = np.zeros((8, 4)), np.zeros((8, 4))
    joints[:, 1], weights[:, :2] = 1, (0.25, 0.75)
    primitive["attributes"] |= {"JOINTS_0": maker.add(joints, "uint8"), "WEIGHTS_0": maker.add(weights)}
    binds = np.stack([np.eye(4), np.eye(4)]).reshape(2, 16)
    maker.put(
        nodes=[{"mesh": 0, "skin": 0, "name": "Crate"}, {"name": "hip"}, {"name": "knee"}],
        scenes=[{"nodes": [0, 1, 2]}],
        skins=[{"joints": [1, 2], "inverseBindMatrices": maker.add(binds)}],
    )
    before = maker.glb()
    made = textured(written(tmp_path, before), pictures={"front": picture_of(welded, "front")})
    old, tree = parts(before)[0], parts(made.glb)[0]
    assert tree["skins"] == old["skins"]
    (now,) = tree["meshes"][0]["primitives"]
    binary = parts(made.glb)[1]
    n = 8 + made.report["mesh"]["vertices_added"]
    assert n > 8
    faces = values(tree, binary, now["indices"]).ravel()
    for held, truth in (
        (now["targets"][0]["POSITION"], moves),
        (now["attributes"]["JOINTS_0"], joints),
        (now["attributes"]["WEIGHTS_0"], weights),
    ):
        assert len(values(tree, binary, held)) == n
        assert np.allclose(values(tree, binary, held)[faces], truth[welded.faces.ravel()])


def test_vertex_colours_do_not_tint_the_texture_and_are_not_lost(tmp_path: Path) -> None:
    ear = Ear()
    maker = box_maker(BOX, box_uv(BOX))
    colours = np.random.default_rng(0).uniform(size=(24, 4))
    number = maker.add(colours)
    maker.tree["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"] = number
    made = textured(written(tmp_path, maker.glb()), ear, pictures={"front": picture_of(BOX, "front")})
    (primitive,) = parts(made.glb)[0]["meshes"][0]["primitives"]
    assert "COLOR_0" not in primitive["attributes"]
    assert primitive["attributes"]["_COLOR_0"] == number
    assert any("tint" in str(line[2]) for line in ear.lines if line[0] == "notice")


def test_what_is_not_painted_keeps_the_look_of_a_material_that_changed(tmp_path: Path) -> None:
    maker = box_maker(BOX, box_uv(BOX), material=0)
    maker.put(materials=[copy.deepcopy(MATERIAL)])
    for name in ("normalTexture", "occlusionTexture"):
        del maker.tree["materials"][0][name]
    stored = {"attributes": maker.tree["meshes"][0]["primitives"][0]["attributes"], "mode": 1, "material": 0}
    maker.tree["meshes"][0]["primitives"].append(stored)
    made = textured(written(tmp_path, maker.glb()), pictures={"front": picture_of(BOX, "front")})
    tree = parts(made.glb)[0]
    surface, lines = tree["meshes"][0]["primitives"]
    assert surface["material"] == 0
    assert "baseColorTexture" in tree["materials"][0]["pbrMetallicRoughness"]
    assert tree["materials"][lines["material"]] == maker.tree["materials"][0]


def test_holes_that_the_old_texture_cut_are_cut_by_the_new_one(tmp_path: Path) -> None:
    old = np.full((32, 32, 4), 255, np.uint8)
    old[:16, :, 3] = 0  # the upper row of cells: the sides that look along +x, +y, +z
    file = io.BytesIO()
    Image.fromarray(old).save(file, "PNG")
    maker = box_maker(BOX, box_uv(BOX), material=0)
    maker.put(images=[{"bufferView": maker.view(file.getvalue()), "mimeType": "image/png"}])
    shine = {"baseColorTexture": {"index": 0}, "metallicFactor": 0}
    maker.put(textures=[{"source": 0}], materials=[{"alphaMode": "MASK", "pbrMetallicRoughness": shine}])
    path = written(tmp_path, maker.glb())
    for choice in ("keep", "new"):
        made = textured(path, pictures={"front": picture_of(BOX, "front")}, uv=choice)
        tree, binary, _ = parts(made.glb)
        picture = image_of(tree, binary, 0)
        assert picture.shape[2] == 4
        (primitive,) = tree["meshes"][0]["primitives"]
        layer = tree["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"].get("texCoord", 0)
        uv = values(tree, binary, primitive["attributes"][f"TEXCOORD_{layer}"])
        faces = values(tree, binary, primitive["indices"]).reshape(-1, 3)
        positions = values(tree, binary, primitive["attributes"]["POSITION"])
        middles = (uv[faces].mean(axis=1) * len(picture)).astype(int)
        normals = np.cross(
            positions[faces[:, 1]] - positions[faces[:, 0]], positions[faces[:, 2]] - positions[faces[:, 0]]
        )
        is_hole = normals.sum(axis=1) > 0
        opacity = picture[middles[:, 1], middles[:, 0], 3]
        assert (opacity[is_hole] < 0.1).all()
        assert (opacity[~is_hole] > 0.9).all()
