"""Occlusion comes into the file where it is asked for; the pictures' exposure is that of the whole mesh."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_assets import Ear
from made_meshes import (
    Maker,
    box_maker,
    box_uv,
    image_of,
    parts,
    picture_of,
    split_box,
    textured,
    values,
    written,
)
from PIL import Image
from shapes import joined

from engine.geometry.mesh import Mesh

FLOOR = split_box((-0.5, -0.55, -0.5), (0.5, -0.5, 0.5))
WALL = split_box((-0.5, -0.5, -0.5), (0.5, 0.5, -0.4))
CORNER = joined([FLOOR, WALL])
CORNER_UV = np.concatenate([box_uv(FLOOR) * (0.5, 1), box_uv(WALL) * (0.5, 1) + (0.5, 0)]).astype(np.float32)
SHADED = (("bake.occlusion", "true"),)


def corner_file(folder: Path, material: dict[str, Any]) -> Path:
    maker = box_maker(CORNER, CORNER_UV, material=0)
    return written(folder, maker.put(textures=[{}], materials=[material]).glb())


def openness(glb: bytes, place: tuple[float, float, float]) -> float:
    """What the occlusion map of the only material says of a place on top of the floor."""
    tree, binary, _ = parts(glb)
    (primitive,) = tree["meshes"][0]["primitives"]
    info = tree["materials"][primitive["material"]]["occlusionTexture"]
    image = tree["images"][tree["textures"][info["index"]]["source"]]
    view = tree["bufferViews"][image["bufferView"]]
    content = binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
    pixels = np.asarray(Image.open(io.BytesIO(content)))[..., 0] / 255
    held = values(tree, binary, primitive["attributes"]["POSITION"])
    uv = values(tree, binary, primitive["attributes"][f"TEXCOORD_{info.get('texCoord', 0)}"])
    faces = values(tree, binary, primitive["indices"]).reshape(-1, 3).astype(int)
    for face in faces[(np.abs(held[faces][..., 1] - place[1]) < 1e-6).all(axis=1)]:
        corners = np.stack([*held[face][:, [0, 2]].T, np.ones(3)])
        shares = np.linalg.solve(corners, (place[0], place[2], 1))
        if (shares > 0.01).all() and held[face].max(axis=0)[2] > 0:
            u, v = shares @ uv[face] * len(pixels)
            return float(pixels[int(v), int(u)])
    raise AssertionError(f"no face at {place}")


@pytest.mark.parametrize("choice", ["keep", "new"])
def test_an_occlusion_map_that_is_asked_for_takes_the_place_of_the_old_one(
    tmp_path: Path, choice: str
) -> None:
    ear = Ear()
    path = corner_file(tmp_path, {"occlusionTexture": {"index": 0, "strength": 0.2, "texCoord": 3}})
    pictures = {"front": picture_of(CORNER, "front")}
    made = textured(path, ear, pictures=pictures, uv=choice, settings=SHADED)
    tree = parts(made.glb)[0]
    info, base = (
        tree["materials"][0]["occlusionTexture"],
        tree["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"],
    )
    assert info == {**base, "index": info["index"]}
    assert [image["name"] for image in tree["images"]] == [
        name := tree["images"][0]["name"],
        f"{name} occlusion",
    ]
    before_the_wall, far = openness(made.glb, (0.1, -0.5, -0.36)), openness(made.glb, (0.1, -0.5, 0.44))
    assert before_the_wall < 0.7
    assert far > 0.85
    assert any("take the place" in str(line[2]) for line in ear.lines if line[0] == "notice")


def test_each_kept_material_has_an_occlusion_map_of_its_own(tmp_path: Path) -> None:
    maker = box_maker(CORNER, CORNER_UV, material=0)
    first = maker.tree["meshes"][0]["primitives"][0]
    first["indices"] = maker.add(CORNER.faces[:12].reshape(-1), "uint16")
    wall = {**first, "indices": maker.add(CORNER.faces[12:].reshape(-1), "uint16"), "material": 1}
    maker.tree["meshes"][0]["primitives"].append(wall)
    path = written(tmp_path, maker.put(materials=[{"name": "floor"}, {"name": "wall"}]).glb())
    ear = Ear()
    made = textured(path, ear, pictures={"front": picture_of(CORNER, "front")}, settings=SHADED)
    tree = parts(made.glb)[0]
    shades = [tree["materials"][number]["occlusionTexture"]["index"] for number in range(2)]
    names = [tree["images"][tree["textures"][number]["source"]]["name"] for number in shades]
    assert names == ["floor occlusion", "wall occlusion"]
    assert not any("take the place" in str(line[2]) for line in ear.lines if line[0] == "notice")


def test_a_normal_map_cannot_be_baked_and_the_old_one_stays(tmp_path: Path) -> None:
    ear = Ear()
    path = corner_file(tmp_path, {"normalTexture": {"index": 0, "scale": 0.5}})
    pictures = {"front": picture_of(CORNER, "front")}
    made = textured(path, ear, pictures=pictures, settings=(("bake.normal_map", "true"),))
    assert parts(made.glb)[0]["materials"][0]["normalTexture"] == {"index": 0, "scale": 0.5}
    assert any("was not decimated" in str(line[2]) for line in ear.lines if line[0] == "notice")


def slanted_sheet(n_materials: int) -> Maker:
    """A square that front and left see alike; with two materials one has the upper half."""
    across = np.array([[-0.5, 0], [0.5, 0], [0.5, 0.5], [-0.5, 0.5], [-0.5, -0.5], [0.5, -0.5]], np.float32)
    sheet = Mesh(np.stack([across[:, 0], across[:, 1], -across[:, 0]], 1), np.zeros((0, 3), np.int32))
    upper, lower = np.array([[0, 1, 2], [0, 2, 3]]), np.array([[4, 5, 1], [4, 1, 0]])
    whole = Mesh(sheet.vertices, np.concatenate([upper, lower]).astype(np.int32))
    maker = box_maker(whole, across + np.float32(0.5), material=0)
    if n_materials == 2:
        first = maker.tree["meshes"][0]["primitives"][0]
        first["indices"] = maker.add(upper.reshape(-1), "uint16")
        second = {**first, "indices": maker.add(lower.reshape(-1), "uint16"), "material": 1}
        maker.tree["meshes"][0]["primitives"].append(second)
    return maker.put(materials=[{"name": "one"}, {"name": "two"}])


def grey_square(upper: int, lower: int) -> bytes:
    pixels = np.zeros((128, 128, 4), np.uint8)
    pixels[14:114, 14:114] = (upper, upper, upper, 255)
    pixels[54:114, 14:114, :3] = lower
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_exposure_is_matched_over_the_whole_mesh_and_not_for_each_material(tmp_path: Path) -> None:
    # For the mesh as a whole the left picture is too bright, for most of its upper half it is too dark.
    pictures = {"front": grey_square(150, 150), "left": grey_square(140, 160)}
    settings = (("bake.exposure", "true"), ("preprocess.method", "alpha"))
    made = [
        textured(written(tmp_path, slanted_sheet(n).glb(), f"{n}.glb"), pictures=pictures, settings=settings)
        for n in (1, 2)
    ]
    (one, _, _), (two, _, _) = (parts(each.glb) for each in made)
    assert [each.report["texture"]["uv"] for each in made] == ["kept", "kept"]
    single = image_of(one, parts(made[0].glb)[1], 0)
    pair = [image_of(two, parts(made[1].glb)[1], number) for number in range(2)]
    assert np.abs(pair[0][8:56] - single[8:56]).max() < 1.5 / 255
    assert np.abs(pair[1][72:120] - single[72:120]).max() < 1.5 / 255
    assert single[8:40].mean() < single[72:120].mean() - 5 / 255
