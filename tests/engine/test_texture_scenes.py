"""Meshes are looked at where the file's nodes put them; layouts are kept if they can be painted."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from made_assets import Ear
from made_meshes import (
    Maker,
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
from shapes import ball, joined, psnr

from engine.errors import BadInput
from engine.geometry.mesh import Mesh

BOX = split_box()
UV = box_uv(BOX)


def notices(ear: Ear) -> str:
    return "\n".join(str(line[2]) for line in ear.lines if line[0] == "notice")


def two_materials(uv: np.ndarray) -> Maker:
    """The box with its left half of faces in one material and the rest in another, both with `uv`."""
    maker = box_maker(BOX, uv, material=0)
    first = maker.tree["meshes"][0]["primitives"][0]
    half = len(BOX.faces) // 2
    first["indices"] = maker.add(BOX.faces[:half].reshape(-1), "uint16")
    second = {**first, "indices": maker.add(BOX.faces[half:].reshape(-1), "uint16"), "material": 1}
    maker.tree["meshes"][0]["primitives"].append(second)
    return maker.put(materials=[{"name": "one"}, {"name": "two"}])


@pytest.mark.parametrize(
    "node",
    [
        {"scale": [-2.0, 2.0, 2.0]},
        {"rotation": [0.0, 1.0, 0.0, 0.0]},
        {"matrix": [0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, 5, 6, 7, 1]},
        {"translation": [1e6, 0, 0], "scale": [1000, 1000, 1000]},
    ],
)
def test_a_mesh_is_painted_as_its_node_turns_it(tmp_path: Path, node: dict[str, Any]) -> None:
    maker = box_maker(BOX, UV, material=0).put(materials=[{}])
    maker.tree["nodes"][0] |= node
    if "matrix" in node:
        linear = np.array(node["matrix"], float).reshape(4, 4).T[:3, :3]
    elif "rotation" in node:
        linear = np.diag([-1.0, 1.0, -1.0])
    else:
        linear = np.diag(node["scale"]).astype(float)
    stood = Mesh((BOX.vertices @ linear.T).astype(np.float32), BOX.faces)
    if np.linalg.det(linear) < 0:
        stood = Mesh(stood.vertices, stood.faces[:, ::-1].copy())
    made = textured(
        written(tmp_path, maker.glb()),
        pictures={view: picture_of(stood, view) for view in ("front", "left")},
        texture_size_px=256,
    )
    assert all(view["overlap"] > 0.97 for view in made.report["views"])
    tree, binary, _ = parts(made.glb)
    assert tree["nodes"][0] == maker.tree["nodes"][0]
    # A viewer would turn the box as the node says: so does this test, by its vertices.
    (primitive,) = tree["meshes"][0]["primitives"]
    held = values(tree, binary, primitive["attributes"]["POSITION"])
    turned = (held @ linear.T).astype(np.float32)
    view = tree["bufferViews"][tree["accessors"][primitive["attributes"]["POSITION"]]["bufferView"]]
    start = len(made.glb) - len(binary) + view["byteOffset"]
    stood_glb = made.glb[:start] + turned.tobytes() + made.glb[start + turned.nbytes :]
    for side in ("front", "left"):
        colours, truth, inside = shot(stood_glb, stood, side)
        assert psnr(colours[inside], truth[inside]) > 27, side


def lying(mesh: Mesh) -> Mesh:
    """`mesh` as a program with Z up writes it: its up along +Z, its front along -Y."""
    return Mesh(np.stack([mesh.vertices[:, 0], -mesh.vertices[:, 2], mesh.vertices[:, 1]], 1), mesh.faces)


TOWER = joined([BOX, split_box((0.1, 0.5, 0.0), (0.2, 0.9, 0.3))])


def test_a_glb_with_z_up_is_looked_at_upright_and_keeps_its_numbers_and_nodes(tmp_path: Path) -> None:
    down = lying(TOWER)
    maker = box_maker(down)
    made = textured(written(tmp_path, maker.glb()), pictures={"front": picture_of(TOWER, "front")}, up="z")
    assert made.report["views"][0]["overlap"] > 0.97
    tree, binary, _ = parts(made.glb)
    assert (tree["nodes"], tree["scenes"]) == (maker.tree["nodes"], maker.tree["scenes"])
    held = values(tree, binary, tree["meshes"][0]["primitives"][0]["attributes"]["POSITION"])
    assert np.array_equal(held[: len(down.vertices)], down.vertices)


@pytest.mark.parametrize("kind", ["stl", "ply", "obj"])
def test_what_has_z_up_stands_upright_in_the_glb_by_a_node_above_it(tmp_path: Path, kind: str) -> None:
    down = lying(TOWER)
    file = trimesh.Trimesh(down.vertices, down.faces, process=False).export(file_type=kind)
    path = written(tmp_path, file.encode() if isinstance(file, str) else file, f"tower.{kind}")
    pictures = {"front": picture_of(TOWER, "front")}
    made = textured(path, pictures=pictures, up="z")
    assert made.report["views"][0]["overlap"] > 0.97
    tree, binary, _ = parts(made.glb)
    (root,) = (tree["nodes"][number] for number in tree["scenes"][0]["nodes"])
    assert [tree["nodes"][number]["name"] for number in root["children"]] == ["tower"]
    (primitive,) = tree["meshes"][0]["primitives"]
    held = values(tree, binary, primitive["attributes"]["POSITION"])
    faces = values(tree, binary, primitive["indices"]).reshape(-1, 3)
    assert np.allclose(held[faces], down.corners, atol=1e-6)
    shown = trimesh.load_scene(io.BytesIO(made.glb), file_type="glb").to_geometry()
    assert np.allclose(shown.bounds, TOWER.bounds, atol=1e-6)
    again = textured(written(tmp_path, made.glb), pictures=pictures)
    assert again.report["views"][0]["overlap"] > 0.97


def test_y_up_files_get_no_node(tmp_path: Path) -> None:
    path = written(tmp_path, trimesh.Trimesh(BOX.vertices, BOX.faces).export(file_type="stl"), "a.stl")
    tree = parts(textured(path, pictures={"front": picture_of(BOX, "front")}).glb)[0]
    assert [node["name"] for node in tree["nodes"]] == ["a"]


def test_a_turned_mesh_is_refused_with_both_proportions_and_the_way_to_turn_it(tmp_path: Path) -> None:
    upright = split_box((-0.2, -0.5, -0.15), (0.2, 0.5, 0.15))
    path = written(tmp_path, box_maker(lying(upright)).glb())
    with pytest.raises(BadInput, match=r"front.* 0\.40 as wide as high.* 1\.33") as caught:
        textured(path, pictures={"front": picture_of(upright, "front")})
    assert "--up z" in caught.value.remedy


def test_copies_of_a_mesh_share_one_texture_painted_where_it_is_seen_best(tmp_path: Path) -> None:
    ear = Ear()
    maker = box_maker(BOX, UV)
    maker.put(
        nodes=[
            {"mesh": 0, "name": "behind", "translation": [0, 0, -2], "scale": [0.9, 0.9, 0.9]},
            {"mesh": 0, "name": "before"},
        ],
        scenes=[{"nodes": [0, 1]}],
    )
    behind = Mesh(BOX.vertices * np.float32(0.9) + np.array([0, 0, -2], np.float32), BOX.faces)
    both = joined([behind, BOX])
    made = textured(written(tmp_path, maker.glb()), ear, pictures={"front": picture_of(both, "front")})
    assert made.report["texture"]["uv"] == "kept"
    assert made.report["mesh"]["faces"] == len(BOX.faces)
    assert "more than once" in notices(ear)
    assert 0.1 < made.report["texture"]["baked_fraction"] < 0.3  # its front, which the other does not hide


def test_each_material_with_its_own_layout_gets_its_own_texture(tmp_path: Path) -> None:
    made = textured(written(tmp_path, two_materials(UV).glb()), pictures={"front": picture_of(BOX, "front")})
    tree, binary, _ = parts(made.glb)
    assert made.report["texture"]["textures"] == ["one", "two"]
    first, second = (image_of(tree, binary, number) for number in range(2))
    assert not np.array_equal(first, second)


def test_new_coordinates_give_all_materials_one_atlas(tmp_path: Path) -> None:
    path = written(tmp_path, two_materials(UV).glb())
    made = textured(path, pictures={"front": picture_of(BOX, "front")}, uv="new")
    tree, binary, _ = parts(made.glb)
    assert len(tree["images"]) == len(tree["textures"]) == 1
    first, second = tree["meshes"][0]["primitives"]
    assert first["attributes"] == second["attributes"]
    faces = np.concatenate([values(tree, binary, one["indices"]).reshape(-1, 3) for one in (first, second)])
    uv = values(tree, binary, first["attributes"]["TEXCOORD_1"])[faces]
    sides = uv[:, 1:] - uv[:, :1]
    areas = np.abs(sides[:, 0, 0] * sides[:, 1, 1] - sides[:, 0, 1] * sides[:, 1, 0]) / 2
    assert (areas > 1e-4).all()
    assert areas.sum() < 1


@pytest.mark.parametrize(
    ("uv", "said"),
    [
        (None, "none"),
        (np.where(UV > 0.5, UV - np.float32(0.5), UV), "overlap"),
        (UV * np.float32(1.3) - np.float32(0.15), "outside"),
        (
            UV + np.where(UV[:, :1] > 1 / 3, np.float32(1), np.float32(0)) * np.array([1, 0], np.float32),
            "UDIM",
        ),
    ],
)
def test_a_layout_that_cannot_be_painted_is_left_for_a_new_one_or_refused(
    tmp_path: Path, uv: np.ndarray | None, said: str
) -> None:
    ear = Ear()
    path = written(tmp_path, box_maker(BOX, uv).glb())
    pictures = {"front": picture_of(BOX, "front")}
    made = textured(path, ear, pictures=pictures)
    assert made.report["texture"]["uv"] == "new"
    assert said in notices(ear)
    (primitive,) = parts(made.glb)[0]["meshes"][0]["primitives"]
    assert ("TEXCOORD_1" in primitive["attributes"]) == (uv is not None)
    with pytest.raises(BadInput, match=said) as caught:
        textured(path, pictures=pictures, uv="keep")
    assert "--uv new" in caught.value.remedy


def test_a_skinned_mesh_is_looked_at_in_its_pose(tmp_path: Path) -> None:
    maker = box_maker(BOX, UV)
    attributes = maker.tree["meshes"][0]["primitives"][0]["attributes"]
    joints, weights = np.zeros((24, 4)), np.zeros((24, 4))
    weights[:, 0] = 1
    joints[BOX.vertices[:, 1] > 0, 0] = 1  # the upper joint raises the lid
    attributes |= {"JOINTS_0": maker.add(joints, "uint8"), "WEIGHTS_0": maker.add(weights)}
    maker.put(
        nodes=[
            {"mesh": 0, "skin": 0, "translation": [99, 99, 99]},
            {"name": "hip", "children": [2]},
            {"name": "lid", "translation": [0, 1, 0]},
        ],
        scenes=[{"nodes": [0, 1]}],
        skins=[{"joints": [1, 2]}],
    )
    raised = Mesh(
        BOX.vertices + np.where(BOX.vertices[:, 1:2] > 0, [[0, 1, 0]], 0).astype(np.float32), BOX.faces
    )
    made = textured(written(tmp_path, maker.glb()), pictures={"front": picture_of(raised, "front")})
    assert made.report["views"][0]["overlap"] > 0.97
    assert made.report["views"][0]["stretch"] == pytest.approx(1, abs=0.03)


def test_a_body_that_is_inside_out_is_painted_all_the_same(tmp_path: Path) -> None:
    ear = Ear()
    inward = Mesh(BOX.vertices, BOX.faces[:, ::-1].copy())
    path = written(tmp_path, box_maker(inward, UV).glb())
    made = textured(path, ear, pictures={"front": picture_of(BOX, "front")})
    assert made.report["texture"]["baked_fraction"] > 0.15
    assert "inwards" in notices(ear)
    (primitive,) = parts(made.glb)[0]["meshes"][0]["primitives"]
    tree, binary, _ = parts(made.glb)
    assert np.array_equal(values(tree, binary, primitive["indices"]).reshape(-1, 3), inward.faces)


def test_an_open_sheet_seen_from_behind_takes_the_picture_from_there(tmp_path: Path) -> None:
    square = np.array([[-0.5, -0.5, 0], [0.5, -0.5, 0], [0.5, 0.5, 0], [-0.5, 0.5, 0]], np.float32)
    sheet = Mesh(square, np.array([[0, 2, 1], [0, 3, 2]], np.int32))  # its outside looks back
    path = written(tmp_path, box_maker(sheet, square[:, :2] + np.float32(0.5)).glb())
    made = textured(path, pictures={"front": picture_of(sheet, "front")})
    assert made.report["texture"]["baked_fraction"] > 0.95


def test_a_view_along_a_sheet_is_refused_by_name(tmp_path: Path) -> None:
    square = np.array([[-0.5, -0.5, 0], [0.5, -0.5, 0], [0.5, 0.5, 0]], np.float32)
    sheet = Mesh(square, np.array([[0, 1, 2]], np.int32))
    path = written(tmp_path, box_maker(sheet).glb())
    with pytest.raises(BadInput, match="left"):
        textured(path, pictures={"front": picture_of(sheet, "front"), "left": picture_of(BOX, "left")})


def test_one_triangle_and_a_mesh_in_kilometres_are_painted(tmp_path: Path) -> None:
    corner = np.array([[0, 0, 0], [5e6, 0, 0], [0, 3e6, 0]], np.float32)
    made = textured(
        written(tmp_path, box_maker(Mesh(corner, np.array([[0, 1, 2]], np.int32))).glb()),
        pictures={"front": picture_of(Mesh(corner / 5e6, np.array([[0, 1, 2]], np.int32)), "front")},
    )
    assert made.report["mesh"]["faces"] == 1
    assert made.report["texture"]["baked_fraction"] > 0.9


def test_a_picture_that_had_to_be_stretched_is_told_with_its_numbers(tmp_path: Path) -> None:
    ear = Ear()
    wide = Mesh(BOX.vertices * np.array([1.1, 1, 1], np.float32), BOX.faces)
    path = written(tmp_path, box_maker(BOX, UV).glb())
    made = textured(path, ear, pictures={"front": picture_of(wide, "front")})
    assert "stretched by 10%" in notices(ear)
    assert made.report["views"][0]["stretch"] == pytest.approx(1.1, abs=0.02)


def test_events_come_in_order_and_steps_add_up(tmp_path: Path) -> None:
    ear = Ear()
    textured(written(tmp_path, two_materials(UV).glb()), ear, pictures={"front": picture_of(BOX, "front")})
    assert ear.said("finished") == ["load", "preprocess", "align", "unwrap", "bake", "inpaint", "save"]
    for stage in ear.said("finished"):
        steps = [line[2:] for line in ear.lines if line[:2] == ("step", stage)]
        assert steps == sorted(steps)
        assert steps[-1][0] == steps[-1][1]


def test_a_ball_has_the_colours_of_all_its_views(tmp_path: Path) -> None:
    body = ball(3)
    path = written(tmp_path, box_maker(body).glb())
    views = ("front", "back", "left", "right", "top", "bottom")
    made = textured(path, pictures={view: picture_of(body, view) for view in views}, texture_size_px=256)
    for view in views:
        colours, truth, inside = shot(made.glb, body, view)
        assert psnr(colours[inside], truth[inside]) > 28, view
