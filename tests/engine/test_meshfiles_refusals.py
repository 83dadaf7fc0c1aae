"""What is no mesh, damaged, compressed or unsafe is refused by its name, in words, before time is spent."""

from __future__ import annotations

import base64
import json
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_meshes import (
    Maker,
    box_maker,
    box_uv,
    glb_of,
    parts,
    picture_of,
    split_box,
    textured,
    values,
    written,
)

from engine.errors import BadInput
from engine.meshfiles import stand
from engine.meshfiles.read import read_mesh_file

BOX = split_box()
WHOLE = box_maker(BOX, box_uv(BOX)).glb()


def refused(path: Path, said: str) -> BadInput:
    with pytest.raises(BadInput, match=said) as caught:
        read_mesh_file(path)
    assert path.name in caught.value.message
    assert caught.value.remedy
    return caught.value


def changed(**tree: Any) -> bytes:
    made, binary, _ = parts(WHOLE)
    return glb_of({**made, **tree}, binary)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.glb", b"", "empty"),
        ("a.glb", b"not a mesh at all, but long enough for a head", "no GLB file.*begins with .not a mesh"),
        ("a.glb", b"glTF", "no GLB file"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "picture"),
        ("a.glb", b"\xff\xd8\xff\xe0", "picture"),
        ("a.fbx", b"Kaydara FBX Binary  \x00", "FBX"),
        ("a.blend", b"BLENDER-v300", "Blender"),
        ("a.usdz", b"PK", "USD"),
        ("a.xyz", b"0 0 0\n1 1 1\n", "no faces"),
        ("a.docx", b"PK", "docx"),
        ("a", b"hello", "no ending"),
        ("a.glb", struct.pack("<4sII", b"glTF", 1, 20) + b"\0" * 8, "version 1"),
        ("a.gltf", b"{}", "asset"),
        ("a.gltf", b"[1, 2", "JSON"),
        ("a.gltf", b"[" * 100_000, "JSON"),
        ("a.gltf", b'{"asset": {"version": "1.0"}}', r"version 1\.0"),
        ("a.gltf", b'{"asset": {"version": "2.0"}}', "no triangle"),
        ("a.glb", glb_of({"asset": {"version": "2.0"}, "scenes": [{"nodes": [4]}]}, b""), "damaged"),
        ("a.glb", changed(meshes=7), "meshes"),
        ("a.glb", changed(samplers={"a": 1}), "samplers"),
        ("a.glb", changed(materials=[{"pbrMetallicRoughness": {"baseColorFactor": 1}}]), "material 0"),
        ("a.glb", changed(nodes=[{"mesh": 0, "children": [0]}]), "parents"),
        ("a.glb", changed(extensionsUsed=["KHR_draco_mesh_compression"]), "Draco"),
        ("a.glb", changed(extensionsRequired=["EXT_meshopt_compression"]), "meshopt"),
    ],
)
def test_what_is_no_readable_mesh_is_refused(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    refused(written(tmp_path, content, name), said)


@pytest.mark.parametrize("n_kept", [4, 12, 19, 30, 300, 1500, len(WHOLE) - 1])
def test_a_glb_cut_off_anywhere_is_refused(tmp_path: Path, n_kept: int) -> None:
    refused(written(tmp_path, WHOLE[:n_kept]), "bytes")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / "없다.glb", "no file")
    (tmp_path / "folder.glb").mkdir()
    refused(tmp_path / "folder.glb", "folder")


def test_any_flipped_byte_is_read_or_refused_in_words(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    for _ in range(150):
        damaged = bytearray(WHOLE)
        for at in random.integers(0, len(WHOLE), 3):
            damaged[at] = random.integers(0, 256)
        path = written(tmp_path, bytes(damaged))
        with suppress(BadInput):  # anything else that is raised fails the test
            read_mesh_file(path)


@pytest.mark.parametrize(
    "change",
    [
        {"count": 10**12},
        {"count": -1},
        {"byteOffset": 10**6},
        {"componentType": 1},
        {"bufferView": 99},
        {
            "sparse": {
                "count": 1,
                "indices": {"bufferView": 0, "componentType": 5125},
                "values": {"bufferView": 0},
            }
        },
    ],
)
def test_an_accessor_that_does_not_fit_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    tree, binary, _ = parts(WHOLE)
    tree["accessors"][0] |= change
    refused(written(tmp_path, glb_of(tree, binary)), "mesh.glb")


def test_vertices_that_are_not_numbers_are_counted(tmp_path: Path) -> None:
    maker = box_maker(BOX)
    held = BOX.vertices.copy()
    held[3, 1], held[9, 0] = np.nan, np.inf
    maker.tree["meshes"][0]["primitives"][0]["attributes"]["POSITION"] = maker.add(held)
    path = written(tmp_path, maker.glb())
    with pytest.raises(BadInput, match=r"mesh\.glb.*2 of the 24 vertices of 'Box'"):
        textured(path, pictures={"front": picture_of(BOX, "front")})


@pytest.mark.parametrize(
    ("vertices", "said"),
    [(np.ones((3, 3)), "box is 0"), (np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0]]), "triangles has an area")],
)
def test_a_mesh_without_a_size_is_refused(tmp_path: Path, vertices: np.ndarray, said: str) -> None:
    maker = Maker()
    primitive = {"attributes": {"POSITION": maker.add(vertices)}}
    maker.put(scenes=[{"nodes": [0]}], nodes=[{"mesh": 0}], meshes=[{"primitives": [primitive]}])
    path = written(tmp_path, maker.glb())
    with pytest.raises(BadInput, match=said):
        textured(path, pictures={"front": picture_of(BOX, "front")})


def test_points_and_lines_alone_are_refused(tmp_path: Path) -> None:
    tree, binary, _ = parts(WHOLE)
    tree["meshes"][0]["primitives"][0]["mode"] = 1
    refused(written(tmp_path, glb_of(tree, binary)), "no triangle")


def test_too_many_triangles_are_refused_with_both_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stand, "MAX_FACES", 30)
    tree, binary, _ = parts(WHOLE)
    tree["nodes"] = [{"mesh": 0}] * 3
    tree["scenes"] = [{"nodes": [0, 1, 2]}]
    refused(written(tmp_path, glb_of(tree, binary)), "36 triangles; 30 are")


def as_gltf(uri: str) -> bytes:
    tree, binary, _ = parts(WHOLE)
    tree["buffers"] = [{"byteLength": len(binary), "uri": uri}]
    tree["images"] = [
        {"uri": "그림 1.png", "name": "bumps"},
        {"uri": "../secret.png"},
        {"uri": "http://x/y.png"},
    ]
    return json.dumps(tree).encode()


def test_a_gltf_with_its_files_becomes_one_glb(tmp_path: Path) -> None:
    binary = parts(WHOLE)[1]
    written(tmp_path, binary, "the data.bin")
    written(tmp_path, b"\x89PNG bumps", "그림 1.png")
    written(tmp_path.parent, b"\x89PNG secret", "secret.png")
    document, scene = read_mesh_file(written(tmp_path, as_gltf("the%20data.bin"), "a.gltf"))
    tree, held, _ = parts(document.as_glb())
    view = tree["bufferViews"][tree["images"][0]["bufferView"]]
    assert held[view["byteOffset"] : view["byteOffset"] + view["byteLength"]] == b"\x89PNG bumps"
    assert tree["images"][1:] == [{"uri": "../secret.png"}, {"uri": "http://x/y.png"}]
    assert b"secret" not in held
    assert "outside the file's own folder" in scene.notes[0]
    assert "nothing is fetched" in scene.notes[1]
    number = tree["meshes"][0]["primitives"][0]["attributes"]["POSITION"]
    assert np.array_equal(values(tree, held, number), BOX.vertices)


def test_a_gltf_with_its_data_inside_is_read(tmp_path: Path) -> None:
    text = base64.b64encode(parts(WHOLE)[1]).decode()
    path = written(tmp_path, as_gltf(f"data:application/octet-stream;base64,{text}"), "a.gltf")
    assert len(read_mesh_file(path)[1].parts[0].faces) == 12


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("gone.bin", "no file"),
        ("../mesh.bin", "outside"),
        ("..%2Fmesh.bin", "no file"),
        ("/etc/passwd", "outside"),
        ("https://example.com/mesh.bin", "nothing is fetched"),
        ("//host/share/mesh.bin", "nothing is fetched"),
        ("file:///etc/passwd", "nothing is fetched"),
        ("data:;base64,!!!!", "damaged"),
        ("data:;base64,AAAA", "of"),
        ("sub", "no file"),
        ("a\x00b", "outside"),
    ],
)
def test_geometry_that_is_not_beside_the_file_is_refused(tmp_path: Path, uri: str, said: str) -> None:
    written(tmp_path, parts(WHOLE)[1], "mesh.bin")
    (tmp_path / "in" / "sub").mkdir(parents=True)
    refused(written(tmp_path / "in", as_gltf(uri), "a.gltf"), said)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    written(tmp_path, parts(WHOLE)[1], "mesh.bin")
    (tmp_path / "in").mkdir()
    try:
        (tmp_path / "in" / "mesh.bin").symlink_to(tmp_path / "mesh.bin")
    except OSError:
        pytest.skip("links cannot be made here")
    refused(written(tmp_path / "in", as_gltf("mesh.bin"), "a.gltf"), "outside")


def test_strips_fans_and_sparse_values_are_laid_out(tmp_path: Path) -> None:
    places = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 2, 0]], np.float32)
    for mode, wanted in ((5, [[0, 1, 2], [1, 3, 2], [2, 3, 4]]), (6, [[1, 2, 0], [2, 3, 0], [3, 4, 0]])):
        maker = Maker()
        position = maker.add(places * 0)
        where, what = maker.view(np.arange(5, dtype=np.uint8).tobytes()), maker.view(places.tobytes())
        maker.tree["accessors"][position]["sparse"] = {
            "count": 5,
            "indices": {"bufferView": where, "componentType": 5121},
            "values": {"bufferView": what},
        }
        primitive = {"attributes": {"POSITION": position}, "mode": mode}
        maker.put(scenes=[{"nodes": [0]}], nodes=[{"mesh": 0}], meshes=[{"primitives": [primitive]}])
        path = written(tmp_path, maker.glb())
        _, scene = read_mesh_file(path)
        assert scene.parts[0].faces.tolist() == wanted
        assert np.array_equal(scene.placements[0].positions, places)
        narrow = split_box((-0.25, -0.5, -0.1), (0.25, 0.5, 0.1))
        made = textured(path, pictures={"front": picture_of(narrow, "front")}, uv="new")
        tree = parts(made.glb)[0]
        (now,) = tree["meshes"][0]["primitives"]
        assert now["mode"] == 4
        _, again = read_mesh_file(written(tmp_path, made.glb, "again.glb"))
        assert np.array_equal(again.placements[0].positions[again.parts[0].faces], places[wanted])
