"""OBJ, PLY, STL and OFF files come in in order: vertices and names kept, polygons cut right."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import trimesh
from made_meshes import parts, picture_of, split_box, textured, values, written
from shapes import mesh_of

from engine.errors import BadInput
from engine.meshfiles.polygons import triangulate
from engine.meshfiles.read import read_mesh_file

QUADS = """mtllib 재료.mtl
o 상자
v -1 -1 1
v 1 -1 1
v 1 1 1
v -1 1 1
v -1 -1 -1
v 1 -1 -1
v 1 1 -1
v -1 1 -1
vt 0 0
vt 0.3 0
vt 0.3 0.3
vt 0 0.3
usemtl 빨강
f 1/1 2/2 3/3 4/4
f 6/1 5/2 8/3 7/4
usemtl blue
f 2 6 7 3
f 5 1 4 8
f 4 3 7 8
f 5 6 2 1
"""
MTL = "newmtl 빨강\nKd 0.8 0.1 0.1\nNs 250\nnewmtl blue\nKd 0 0 1\nd 0.5\nPr 0.25\nPm 1\nKe 0 0.1 0\n"


def crate(folder: Path) -> Path:
    place = folder / "새 폴더 (a b)"
    written(place, MTL.encode(), "재료.mtl")
    return written(place, QUADS.encode(), "상자 모델.obj")


def test_quads_objects_and_materials_come_in_by_their_names(tmp_path: Path) -> None:
    document, scene = read_mesh_file(crate(tmp_path))
    tree = document.tree
    assert [node["name"] for node in tree["nodes"]] == ["상자"]
    red, blue = tree["materials"]
    assert (red["name"], blue["name"]) == ("빨강", "blue")
    assert red["pbrMetallicRoughness"]["baseColorFactor"] == [0.8, 0.1, 0.1, 1.0]
    assert red["pbrMetallicRoughness"]["roughnessFactor"] == pytest.approx(0.5)
    assert blue["pbrMetallicRoughness"] == {
        "baseColorFactor": [0, 0, 1, 0.5],
        "metallicFactor": 1.0,
        "roughnessFactor": 0.25,
    }
    assert blue["emissiveFactor"] == [0, 0.1, 0]
    assert [len(part.faces) for part in scene.parts] == [4, 8]


def test_the_vertices_keep_their_numbers_and_seams_come_last(tmp_path: Path) -> None:
    document, scene = read_mesh_file(crate(tmp_path))
    held = scene.placements[0].positions
    lines = [line.split()[1:] for line in QUADS.splitlines() if line.startswith("v ")]
    assert np.array_equal(held[:8], np.array(lines, float))
    assert scene.parts[0].faces[0].tolist() == [0, 1, 2]
    assert (
        document.tree["meshes"][0]["primitives"][0]["attributes"]
        == (document.tree["meshes"][0]["primitives"][1]["attributes"])
    )
    assert len(held) > 8  # corners with and without coordinates are different vertices


def test_from_quads_to_a_textured_glb(tmp_path: Path) -> None:
    made = textured(
        crate(tmp_path), pictures={"front": picture_of(split_box((-1, -1, -1), (1, 1, 1)), "front")}
    )
    tree, binary, _ = parts(made.glb)
    assert made.report["mesh"] | {"vertices": 0, "vertices_added": 0} == {
        "vertices": 0,
        "vertices_added": 0,
        "faces": 12,
        "components": 1,
        "watertight": True,
        "euler": 2,
    }
    assert [material["name"] for material in tree["materials"]] == ["빨강", "blue"]
    assert all("baseColorTexture" in material["pbrMetallicRoughness"] for material in tree["materials"])
    assert tree["materials"][1]["pbrMetallicRoughness"]["baseColorFactor"] == [1, 1, 1, 0.5]
    held = values(tree, binary, tree["meshes"][0]["primitives"][0]["attributes"]["POSITION"])
    assert held[0].tolist() == [-1, -1, 1]


def test_relative_indices_groups_normals_colours_and_continued_lines(tmp_path: Path) -> None:
    text = (
        "# a comment\r\ng left arm\r\nv 0 0 0 1 0 0\r\nv 1 0 0 0 1 0\r\nv 0 1 0 0 0 1 # last\r\nvn 0 0 1\r\n"
        "f -3//-1 -2//-1 \\\r\n -1//-1\r\ng right\r\nv 5 0 0 1 1 1\r\nf 2//1 4//1 3//1\r\nl 1 2\r\n"
    )
    document, scene = read_mesh_file(written(tmp_path, text.encode(), "a.obj"))
    assert [part.name for part in scene.parts] == ["left arm", "right"]
    assert [part.faces.tolist() for part in scene.parts] == [[[0, 1, 2]], [[0, 2, 1]]]
    assert scene.placements[1].positions.tolist() == [[1, 0, 0], [0, 1, 0], [5, 0, 0]]
    (primitive,) = document.tree["meshes"][0]["primitives"]
    colours = values(document.tree, document.binary, primitive["attributes"]["COLOR_0"])
    assert colours[0].tolist() == [65535, 0, 0, 65535]
    normals = values(document.tree, document.binary, primitive["attributes"]["NORMAL"])
    assert normals.tolist() == [[0, 0, 1]] * 3


def test_a_missing_material_library_is_a_note_and_names_stay(tmp_path: Path) -> None:
    text = "mtllib ../../outside.mtl\nmtllib gone.mtl\nusemtl skin\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"
    document, scene = read_mesh_file(written(tmp_path / "a", text.encode(), "a.obj"))
    assert document.tree["materials"][0]["name"] == "skin"
    assert "outside the file's own folder" in scene.notes[0]
    assert "gone.mtl" in scene.notes[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\n", "3 vertices and no faces"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nl 1 2 3\n", "no faces"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n", "vertex 9; there are 3"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 0\n", "corner"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1/4 2/4 3/4\n", "vt 4; there are 0"),
        ("v 0 0 0\nv 1 x 0\nv 0 1 0\nf 1 2 3\n", "1 x 0"),
        ("v 0 0\nv 1 0\nv 0 1\nf 1 2 3\n", "0 0"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf a b c\n", "corner"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2\n", "no triangle"),
        ("just a letter to a friend", "no faces"),
    ],
)
def test_a_damaged_obj_file_is_refused_with_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said) as caught:
        read_mesh_file(written(tmp_path, text.encode(), "고장.obj"))
    assert "고장.obj" in caught.value.message


def test_a_polygon_that_is_not_convex_is_cut_inside_itself() -> None:
    arrow = np.array([[0, 0, 0], [2, 1, 0], [0, 2, 0], [0.5, 1, 0]], float)
    comb = np.array([[0, 0], [5, 0], [5, 3], [4, 1], [3, 3], [2, 1], [1, 3]], float)
    comb = np.concatenate([comb, np.zeros((7, 1))], axis=1)[:, [2, 0, 1]]
    square = np.array([[0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]], float)
    for turn in range(4):
        shapes = [np.roll(arrow, turn, axis=0), np.roll(comb, turn, axis=0), square, comb[::-1]]
        counts = np.array([len(shape) for shape in shapes])
        triangles, owner = triangulate(counts, np.concatenate(shapes))
        assert owner.tolist() == [0, 0, *[1] * 5, 2, 2, *[3] * 5]
        corners = np.concatenate(shapes)[triangles]
        cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) / 2
        for number, shape in enumerate(shapes):
            whole = np.cross(shape, np.roll(shape, -1, axis=0)).sum(axis=0) / 2
            mine = cross[owner == number]
            assert np.allclose(mine.sum(axis=0), whole)
            assert np.abs(mine).sum() == pytest.approx(
                np.abs(whole).sum()
            )  # none lies outside or upside down


@pytest.mark.parametrize("kind", ["ply", "off", "stl", "obj", "glb"])
def test_what_trimesh_writes_is_textured(tmp_path: Path, kind: str) -> None:
    body = trimesh.creation.icosphere(subdivisions=2, radius=3)
    data = body.export(file_type=kind)
    path = written(tmp_path, data.encode() if isinstance(data, str) else data, f"공 1.{kind}")
    made = textured(path, pictures={"front": picture_of(mesh_of(body), "front")})
    tree, binary, _ = parts(made.glb)
    (primitive,) = tree["meshes"][0]["primitives"]
    held = values(tree, binary, primitive["attributes"]["POSITION"])
    wanted = body.triangles.reshape(-1, 3) if kind == "stl" else body.vertices
    assert np.allclose(held[: len(wanted)], wanted, atol=1e-6)
    assert made.report["mesh"]["watertight"]
    assert made.report["views"][0]["overlap"] > 0.97


def test_ply_colours_normals_and_quads_come_in(tmp_path: Path) -> None:
    text = (
        "ply\nformat ascii 1.0\nelement vertex 4\n"
        + "".join(f"property float {name}\n" for name in ("x", "y", "z", "nx", "ny", "nz"))
        + "".join(f"property uchar {name}\n" for name in ("red", "green", "blue"))
        + "element face 1\nproperty list uchar int vertex_indices\nend_header\n"
        "0 0 0 0 0 1 255 0 0\n1 0 0 0 0 1 0 255 0\n1 1 0 0 0 1 0 0 255\n0 1 0 0 0 1 9 9 9\n4 0 1 2 3\n"
    )
    document, scene = read_mesh_file(written(tmp_path, text.encode(), "a.ply"))
    (primitive,) = document.tree["meshes"][0]["primitives"]
    assert set(primitive["attributes"]) == {"POSITION", "NORMAL", "COLOR_0"}
    assert len(scene.parts[0].faces) == 2
    normals = values(document.tree, document.binary, primitive["attributes"]["NORMAL"])
    assert normals.tolist() == [[0, 0, 1]] * 4


def mixed_ply(order: str) -> bytes:
    """Two quads and a triangle over five vertices with a colour, and a coordinate for each corner."""
    names = {"<": "binary_little_endian", ">": "binary_big_endian", "": "ascii"}
    head = (
        f"ply\nformat {names[order]} 1.0\ncomment by a test\nelement vertex 5\nproperty double x\n"
        "property float y\nproperty float32 z\n"
        "property uchar red\nproperty uchar green\nproperty uchar blue\n"
        "element face 3\nproperty uchar flags\nproperty list uchar int vertex_indices\n"
        "property list uint8 float texcoord\nelement edge 1\nproperty int vertex1\nend_header\n"
    )
    vertices = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0.5, 2, 0)]
    faces = [(0, 1, 2, 3), (3, 2, 4), (3, 2, 1, 0)]
    body, at = b"", 0.0
    for vertex in vertices:
        row = (*vertex, 255, 0, 10)
        body += struct.pack(f"{order}dff3B", *row) if order else f"{' '.join(map(str, row))}\n".encode()
    for face in faces:
        uv = [at + i / 100 for i in range(2 * len(face))]
        at += 0.1
        row = (7, len(face), *face, len(uv), *uv)
        form = f"{order}BB{len(face)}iB{len(uv)}f"
        body += struct.pack(form, *row) if order else f"{' '.join(map(str, row))}\n".encode()
    return head.encode() + body + (struct.pack(f"{order}i", 1) if order else b"1\n")


@pytest.mark.parametrize("order", ["<", ">", ""])
def test_ply_faces_of_mixed_length_with_coordinates_for_each_corner(tmp_path: Path, order: str) -> None:
    document, scene = read_mesh_file(written(tmp_path, mixed_ply(order), "a.ply"))
    (part,) = scene.parts
    assert len(part.faces) == 5
    held = scene.placements[0].positions
    assert held[:5].tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0.5, 2, 0]]
    assert len(held) > 5
    assert held[part.faces[2]].tolist() == [[0, 1, 0], [1, 1, 0], [0.5, 2, 0]]
    assert part.uv is not None
    assert part.uv[part.faces[2]].ravel() == pytest.approx([0.1, 0.11, 0.12, 0.13, 0.14, 0.15])
    colours = document.tree["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"]
    assert values(document.tree, document.binary, colours)[4].tolist() == [65535, 0, 199, 65535]


@pytest.mark.parametrize("order", ["<", ">", ""])
def test_a_mixed_ply_cut_off_anywhere_is_refused(tmp_path: Path, order: str) -> None:
    whole = mixed_ply(order)
    for n_kept in range(0, len(whole) - 8, 7):
        with pytest.raises(BadInput, match=r"cut\.ply"):
            read_mesh_file(written(tmp_path, whole[:n_kept], "cut.ply"))


@pytest.mark.parametrize("kind", ["ply", "ply text", "off", "stl", "stl_ascii"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.7, 0.99])
def test_a_file_cut_off_anywhere_is_refused_by_its_name(tmp_path: Path, kind: str, share: float) -> None:
    body = trimesh.creation.icosphere(subdivisions=1)
    data = (
        body.export(file_type=kind) if kind != "ply text" else body.export(file_type="ply", encoding="ascii")
    )
    data, kind = data.encode() if isinstance(data, str) else data, kind.partition(" ")[0]
    path = written(tmp_path, data[: int(share * len(data))], f"cut.{kind}")
    with pytest.raises(BadInput, match=f"cut.{kind}"):
        read_mesh_file(path)


def test_points_alone_are_refused(tmp_path: Path) -> None:
    cloud = trimesh.PointCloud(np.random.default_rng(0).normal(size=(20, 3)))
    path = written(tmp_path, cloud.export(file_type="ply"), "cloud.ply")
    with pytest.raises(BadInput, match="20 points and no faces"):
        read_mesh_file(path)
