"""Mesh files whose truth is known, made byte by byte, and pictures taken of whatever file comes out."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from made_assets import NOWHERE, Ear
from PIL import Image
from shapes import box_body, mesh_of, png_of, rainbow, seen_colours, silhouette

from engine.geometry.bake import sample
from engine.geometry.cameras import Orthographic, framing_camera
from engine.geometry.frame import bring_into_frame
from engine.geometry.mesh import Mesh
from engine.geometry.rasterise import rasterise
from engine.pipelines.texture import NewTexture, TextureRequest, make_texture
from protocol.arrays import Array
from protocol.arrays import Image as Picture
from protocol.requests import ViewPicture

KINDS = {"uint8": 5121, "uint16": 5123, "uint32": 5125, "float32": 5126, "int8": 5120, "int16": 5122}
SHAPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}


@dataclass
class Maker:
    """A glTF file under construction; `add` puts an array in and returns its accessor."""

    tree: dict[str, Any] = field(default_factory=lambda: {"asset": {"version": "2.0", "generator": "a test"}})
    binary: bytearray = field(default_factory=bytearray)

    def add(self, values: Any, kind: str = "float32", **more: Any) -> int:
        held = np.asarray(values, kind)
        held = held.reshape(len(held), -1)
        view = self.view(held.tobytes())
        entry = {"bufferView": view, "componentType": KINDS[kind], "count": len(held)}
        accessors = self.tree.setdefault("accessors", [])
        accessors.append({**entry, "type": SHAPES[held.shape[1]], **more})
        return len(accessors) - 1

    def view(self, content: bytes) -> int:
        self.binary += b"\0" * (-len(self.binary) % 4)
        views = self.tree.setdefault("bufferViews", [])
        views.append({"buffer": 0, "byteOffset": len(self.binary), "byteLength": len(content)})
        self.binary += content
        return len(views) - 1

    def put(self, **lists: Any) -> Maker:
        self.tree |= lists
        return self

    def glb(self, *further: tuple[bytes, bytes]) -> bytes:
        self.tree["buffers"] = [{"byteLength": len(self.binary)}]
        return glb_of(self.tree, bytes(self.binary), *further)


def glb_of(tree: Any, binary: bytes, *further: tuple[bytes, bytes]) -> bytes:
    text = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
    chunks = [
        (b"JSON", text + b" " * (-len(text) % 4)),
        (b"BIN\0", binary + b"\0" * (-len(binary) % 4)),
        *further,
    ]
    body = b"".join(struct.pack("<I4s", len(content), kind) + content for kind, content in chunks)
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


def parts(glb: bytes) -> tuple[dict[str, Any], bytes, list[tuple[bytes, bytes]]]:
    """JSON, binary and further chunks of a GLB, checked against its own lengths."""
    magic, version, length = struct.unpack_from("<4sII", glb)
    assert (magic, version, length) == (b"glTF", 2, len(glb))
    chunks, at = [], 12
    while at < len(glb):
        n, kind = struct.unpack_from("<I4s", glb, at)
        assert n % 4 == 0
        chunks.append((kind, glb[at + 8 : at + 8 + n]))
        at += 8 + n
    assert at == len(glb)
    return json.loads(chunks[0][1]), chunks[1][1], chunks[2:]


def values(tree: dict[str, Any], binary: bytes, number: int) -> np.ndarray:
    """The elements of an accessor, read independently of the engine."""
    entry = tree["accessors"][number]
    kind = np.dtype({code: name for name, code in KINDS.items()}[entry["componentType"]])
    width = {shape: n for n, shape in SHAPES.items()}[entry["type"]]
    view = tree["bufferViews"][entry["bufferView"]]
    stride = view.get("byteStride", width * kind.itemsize)
    start = view.get("byteOffset", 0) + entry.get("byteOffset", 0)
    assert start + (entry["count"] - 1) * stride + width * kind.itemsize <= len(binary)
    assert start % 4 == 0
    return np.ndarray((entry["count"], width), kind, binary, start, (stride, kind.itemsize)).copy()


def split_box(low: Sequence[float] = (-0.4, -0.5, -0.3), high: Sequence[float] = (0.4, 0.5, 0.3)) -> Mesh:
    """A box with 24 vertices, four for each side, as modelling programs export it."""
    body = box_body(low, high)
    _, normals = body.face_areas_normals
    keys = np.concatenate([body.corners, np.repeat(np.round(normals)[:, None], 3, 1)], axis=2).reshape(-1, 6)
    found, index = np.unique(keys, axis=0, return_inverse=True)
    return Mesh(found[:, :3].astype(np.float32), index.reshape(-1, 3).astype(np.int32))


def box_uv(mesh: Mesh) -> np.ndarray:
    """A layout (N, 2), origin bottom-left, that gives each side of `split_box` a cell of its own."""
    sides = np.round(mesh.vertex_normals).astype(int)
    uv = np.zeros((len(mesh.vertices), 2), np.float32)
    for axis in range(3):
        for row, sign in enumerate((-1, 1)):
            mine = sides[:, axis] == sign
            local = np.delete(mesh.vertices[mine], axis, axis=1)
            local = (local - local.min(axis=0)) / np.ptp(local, axis=0)
            uv[mine] = (np.array([axis, row]) + 0.05 + 0.9 * local) / (3, 2)
    return uv


def box_maker(mesh: Mesh | None = None, uv: np.ndarray | None = None, **primitive: Any) -> Maker:
    """A GLB of one mesh under one node; `uv` has its origin bottom-left."""
    mesh = mesh or split_box()
    maker = Maker()
    low, high = mesh.bounds
    attributes = {"POSITION": maker.add(mesh.vertices, min=low.tolist(), max=high.tolist())}
    attributes["NORMAL"] = maker.add(mesh.vertex_normals)
    if uv is not None:
        attributes["TEXCOORD_0"] = maker.add(np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1))
    indices = maker.add(mesh.faces.reshape(-1), "uint16")
    maker.put(
        scenes=[{"nodes": [0]}],
        scene=0,
        nodes=[{"mesh": 0, "name": "Crate"}],
        meshes=[{"name": "Box", "primitives": [{"attributes": attributes, "indices": indices, **primitive}]}],
    )
    return maker


def flat_shape(name: str) -> Mesh:
    return {"box": split_box(), "ball": mesh_of(__import__("trimesh").creation.icosphere(3, 0.5))}[name]


def picture_of(mesh: Mesh, view: str, size_px: int = 160) -> bytes:
    """A PNG of `mesh`, in any place and size, painted in `rainbow` of its place in the common frame."""
    framed = bring_into_frame(mesh, {}).mesh
    camera = framing_camera(view, size_px)
    colours, _ = seen_colours(framed, camera, rainbow)
    return png_of(silhouette(framed, camera), colours)


def given(**pictures: bytes) -> tuple[ViewPicture, ...]:
    return tuple(
        ViewPicture(view, f"{view}.png", Picture("file", Array("uint8", (len(content),), content)))
        for view, content in pictures.items()
    )


def textured(path: Path, ear: Ear | None = None, *, pictures: dict[str, bytes], **options: Any) -> NewTexture:
    """The file at `path` with a new texture, small and without rounds of refinement."""
    ear = ear or Ear()
    settings = (("bake.refine", "0"), *options.pop("settings", ()))
    request = TextureRequest(
        path,
        given(**pictures),
        texture_size_px=options.pop("texture_size_px", 128),
        settings=settings,
        **options,
    )
    return make_texture(request, ear, models_dir=NOWHERE, is_cancelled=lambda: ear.is_cancelled)


def written(folder: Path, content: bytes, name: str = "mesh.glb") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def image_of(tree: dict[str, Any], binary: bytes, material: int) -> np.ndarray:
    """The base colour (S, S, 3 or 4) of a material in [0, 1]."""
    info = tree["materials"][material]["pbrMetallicRoughness"]["baseColorTexture"]
    view = tree["bufferViews"][tree["images"][tree["textures"][info["index"]]["source"]]["bufferView"]]
    start = view.get("byteOffset", 0)
    with Image.open(io.BytesIO(binary[start : start + view["byteLength"]])) as picture:
        return np.asarray(picture, np.float32) / 255


def shot(glb: bytes, mesh: Mesh, view: str, size_px: int = 160) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a viewer shows of the only primitive of `glb`, which is `mesh`: colours, truth, and where.

    `truth` are the colours of the places in the common frame.
    """
    tree, binary, _ = parts(glb)
    (primitive,) = tree["meshes"][0]["primitives"]
    info = tree["materials"][primitive["material"]]["pbrMetallicRoughness"]["baseColorTexture"]
    held = values(tree, binary, primitive["attributes"][f"TEXCOORD_{info.get('texCoord', 0)}"])
    faces = values(tree, binary, primitive["indices"]).reshape(-1, 3).astype(np.int32)
    positions = values(tree, binary, primitive["attributes"]["POSITION"])
    framed = bring_into_frame(Mesh(positions, faces), {}).mesh
    camera: Orthographic = framing_camera(view, size_px)
    raster = rasterise(camera.project(framed.vertices), framed.faces, size_px, size_px)
    texture = np.ascontiguousarray(image_of(tree, binary, primitive["material"])[..., :3])
    places = raster.interpolate(held[faces]) * len(texture)
    inside = raster.face_ids >= 0
    colours = np.zeros((size_px, size_px, 3), np.float32)
    colours[inside] = sample(texture, places.astype(np.float32))
    truth, _ = seen_colours(framed, camera, rainbow)
    return colours, truth, inside
