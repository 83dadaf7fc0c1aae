"""A GLB holds the surface, its texture and its history as they are; the same ones give the same bytes."""

from __future__ import annotations

import io
import json
import struct
from functools import cache
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image
from shapes import ball, head

from engine.geometry.export import export_glb, split_at_seams
from engine.geometry.mesh import Mesh, topology, volume
from engine.geometry.unwrap import UnwrapOptions, unwrap

HISTORY = {
    "engine": "maquette 0",
    "views": [{"view": "front", "name": "고양이 猫 ネコ.png", "camera": {"azimuth_deg": 0.0}}],
    "seed": 2**53 - 1,
    "ratio": 0.1,
    "empty": {},
    "none": None,
}


@cache
def laid() -> tuple[Mesh, np.ndarray]:
    mesh = ball(3)
    return mesh, unwrap(mesh.vertices, mesh.faces, UnwrapOptions(256)).uv


def png(size_px: int = 8) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.arange(size_px * size_px * 3, dtype=np.uint8).reshape(size_px, size_px, 3)).save(
        file, "PNG"
    )
    return file.getvalue()


def exported(**options: Any) -> bytes:
    return export_glb(*laid(), png(), HISTORY, **options)


def parts(glb: bytes) -> tuple[dict[str, Any], bytes]:
    """The JSON and the binary chunk of a GLB, checked against its own lengths."""
    magic, version, length = struct.unpack_from("<4sII", glb)
    assert (magic, version, length) == (b"glTF", 2, len(glb))
    n_json, kind = struct.unpack_from("<I4s", glb, 12)
    assert kind == b"JSON"
    n_binary, kind = struct.unpack_from("<I4s", glb, 20 + n_json)
    assert kind == b"BIN\0"
    assert 28 + n_json + n_binary == length
    return json.loads(glb[20 : 20 + n_json]), glb[28 + n_json :]


def view_bytes(tree: dict[str, Any], binary: bytes, number: int) -> bytes:
    view = tree["bufferViews"][number]
    start = view.get("byteOffset", 0)
    assert start % 4 == 0
    return binary[start : start + view["byteLength"]]


def attribute(glb: bytes, name: str) -> np.ndarray:
    tree, binary = parts(glb)
    (primitive,) = tree["meshes"][0]["primitives"]
    number = primitive["indices"] if name == "indices" else primitive["attributes"][name]
    accessor = tree["accessors"][number]
    kind = {5126: "<f4", 5125: "<u4", 5123: "<u2"}[accessor["componentType"]]
    width = {"SCALAR": 1, "VEC2": 2, "VEC3": 3}[accessor["type"]]
    values = np.frombuffer(view_bytes(tree, binary, accessor["bufferView"]), kind)
    return values[: accessor["count"] * width].reshape(-1, width)


def test_trimesh_reads_the_surface_back() -> None:
    mesh, _ = laid()
    scene = trimesh.load(io.BytesIO(exported()), file_type="glb", process=False)
    (body,) = scene.geometry.values()
    assert len(body.faces) == len(mesh.faces)
    assert np.allclose(body.triangles, mesh.corners)
    assert np.allclose(scene.graph.get(scene.graph.nodes_geometry[0])[0], np.eye(4))
    assert isinstance(body.visual.material, trimesh.visual.material.PBRMaterial)
    assert body.visual.material.baseColorTexture.size == (8, 8)


@pytest.mark.parametrize("roughness", [0.0, 0.35, 1.0])
def test_the_material_is_not_metallic_and_as_rough_as_asked(roughness: float) -> None:
    tree, _ = parts(exported(roughness=roughness))
    (material,) = tree["materials"]
    shine = material["pbrMetallicRoughness"]
    assert shine["metallicFactor"] == 0
    assert shine["roughnessFactor"] == roughness
    assert tree["meshes"][0]["primitives"][0]["material"] == 0
    assert tree["textures"][shine["baseColorTexture"]["index"]]["source"] == 0


def test_history_survives_in_the_assets_extras() -> None:
    tree, _ = parts(exported())
    assert tree["asset"]["extras"]["maquette"] == HISTORY
    assert tree["asset"]["version"] == "2.0"


def test_the_picture_is_embedded_unchanged() -> None:
    tree, binary = parts(exported())
    (image,) = tree["images"]
    held = view_bytes(tree, binary, image["bufferView"])
    assert image["mimeType"] == "image/png"
    assert held[: len(png())] == png()
    assert held[len(png()) :] in (b"", b"\0", b"\0\0", b"\0\0\0")


@pytest.mark.parametrize("n_extra", range(4))
def test_a_picture_of_any_length_keeps_the_file_aligned(n_extra: int) -> None:
    tree, binary = parts(export_glb(*laid(), png() + b"x" * n_extra, {}))
    assert all(view.get("byteOffset", 0) % 4 == 0 for view in tree["bufferViews"])
    assert len(binary) % 4 == 0
    assert view_bytes(tree, binary, tree["images"][0]["bufferView"]).startswith(png())


def test_the_same_asset_gives_the_same_bytes() -> None:
    assert exported() == exported()


def test_the_order_of_a_dictionary_does_not_get_in() -> None:
    turned = dict(reversed(HISTORY.items()))
    assert export_glb(*laid(), png(), turned) == exported()


def test_another_texture_history_or_roughness_gives_other_bytes() -> None:
    mesh, uv = laid()
    others = {
        export_glb(mesh, uv, png(9), HISTORY),
        export_glb(mesh, uv, png(), {**HISTORY, "seed": 1}),
        exported(roughness=0.5),
        exported(),
    }
    assert len(others) == 4


def test_sewn_by_position_the_surface_is_closed_again() -> None:
    mesh, _ = laid()
    data = exported()
    positions, faces = attribute(data, "POSITION"), attribute(data, "indices").reshape(-1, 3)
    assert len(positions) > len(mesh.vertices)
    places, sewn = np.unique(positions, axis=0, return_inverse=True)
    again = Mesh(places, sewn.reshape(-1)[faces].astype(np.int32))
    assert len(places) == len(mesh.vertices)
    assert topology(again) == topology(mesh)
    assert volume(again) == pytest.approx(volume(mesh), rel=1e-5)


def test_positions_texture_coordinates_and_normals_are_those_of_the_corners() -> None:
    mesh, uv = laid()
    data = exported()
    corner = attribute(data, "indices").ravel()
    assert np.array_equal(attribute(data, "POSITION")[corner], mesh.corners.reshape(-1, 3))
    assert np.array_equal(attribute(data, "NORMAL")[corner], mesh.vertex_normals[mesh.faces].reshape(-1, 3))
    # glTF counts v from the top.
    expected = np.stack([uv[..., 0], 1 - uv[..., 1]], axis=-1).reshape(-1, 2)
    assert np.abs(attribute(data, "TEXCOORD_0")[corner] - expected).max() < 1e-6


def test_normals_have_length_one() -> None:
    assert np.abs(np.linalg.norm(attribute(exported(), "NORMAL"), axis=1) - 1).max() < 1e-5


def test_bounds_are_written_for_viewers_that_trust_them() -> None:
    mesh, _ = laid()
    tree, _ = parts(exported())
    accessor = tree["accessors"][tree["meshes"][0]["primitives"][0]["attributes"]["POSITION"]]
    assert np.allclose(accessor["min"], mesh.bounds[0])
    assert np.allclose(accessor["max"], mesh.bounds[1])


def test_copies_of_a_vertex_share_position_and_normal_to_the_bit() -> None:
    mesh = head()
    uv = unwrap(mesh.vertices, mesh.faces, UnwrapOptions(256)).uv
    vertices, uvs, faces, normals = split_at_seams(mesh, uv)
    assert np.array_equal(vertices[faces], mesh.corners)
    assert np.array_equal(uvs[faces], uv)
    assert np.array_equal(normals[faces], mesh.vertex_normals[mesh.faces])
    assert len(np.unique(np.concatenate([vertices, normals], axis=1), axis=0)) == len(mesh.vertices)


def test_a_vertex_is_copied_only_where_its_coordinates_differ() -> None:
    square = Mesh(
        np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32),
        np.array([[0, 1, 2], [0, 2, 3]], np.int32),
    )
    whole = square.corners[..., :2].copy()
    assert len(split_at_seams(square, whole)[0]) == 4
    cut = whole * np.float32(0.5)
    cut[1] += np.float32(0.5)
    assert len(split_at_seams(square, cut)[0]) == 6
