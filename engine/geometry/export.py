"""The same asset gives the same file, byte for byte: no clock, no path and no dictionary order gets in.

GLB as the glTF 2.0 specification has it: one mesh, one metallic-roughness material that is not metallic (the
default would be, and dark), smooth normals that do not break at seams, provenance in `asset.extras`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray
from trimesh.exchange.gltf import export_glb as write_glb

from engine.geometry.mesh import Mesh

Floats = NDArray[np.float32]

_LINEAR, _LINEAR_MIPMAP_LINEAR = 9729, 9987  # glTF sampler filters
_CLAMP = 33071
_DATA_MAPS = ("normal", "occlusion")  # glTF calls them normalTexture and occlusionTexture


def export_glb(
    mesh: Mesh,
    uv: Floats,
    base_color_png: bytes,
    extras: Mapping[str, Any],
    *,
    roughness: float = 0.9,
    maps: Mapping[str, bytes] = MappingProxyType({}),
) -> bytes:
    """The GLB of a textured mesh.

    `uv` (M, 3, 2) in [0, 1] per corner, origin bottom-left; `base_color_png` is embedded as it is, sRGB;
    `maps` are PNG files of data: "normal" in tangent space, "occlusion" in red. `extras` is written to
    `asset.extras` under "maquette" and must be JSON.
    """
    vertices, uvs, faces, normals = split_at_seams(mesh, uv)
    placed = trimesh.Trimesh(vertices, faces, vertex_normals=normals, process=False, validate=False)
    placed.visual = trimesh.visual.TextureVisuals(uv=uvs)
    scene = trimesh.Scene()
    scene.add_geometry(placed, node_name="maquette", geom_name="maquette")
    files = {"base_color": base_color_png, **{name: maps[name] for name in _DATA_MAPS if name in maps}}
    material: dict[str, Any] = {
        "name": "maquette",
        "pbrMetallicRoughness": {
            "baseColorTexture": {"index": 0},
            "metallicFactor": 0.0,
            "roughnessFactor": float(roughness),
        },
    }
    for number, name in enumerate(files):
        if name in _DATA_MAPS:
            material[f"{name}Texture"] = {"index": number}
    ordered = json.loads(json.dumps(dict(extras), sort_keys=True))

    def embed(buffers: dict[Any, bytes], tree: dict[str, Any]) -> None:
        tree["images"] = []
        for name, png in files.items():
            tree["images"].append({"bufferView": len(buffers), "mimeType": "image/png", "name": name})
            buffers[name] = png + b"\0" * (-len(png) % 4)
        tree["samplers"] = [
            {"magFilter": _LINEAR, "minFilter": _LINEAR_MIPMAP_LINEAR, "wrapS": _CLAMP, "wrapT": _CLAMP}
        ]
        tree["textures"] = [{"sampler": 0, "source": number} for number in range(len(files))]
        tree["materials"] = [material]

    def sign(tree: dict[str, Any]) -> None:
        tree["asset"] = {"version": "2.0", "generator": "Maquette", "extras": {"maquette": ordered}}

    data: bytes = write_glb(
        scene,
        include_normals=True,
        unitize_normals=False,
        buffer_postprocessor=embed,
        tree_postprocessor=sign,
    )
    return data


def split_at_seams(mesh: Mesh, uv: Floats) -> tuple[Floats, Floats, NDArray[np.int32], Floats]:
    """Vertices (K, 3), their uv (K, 2), faces (M, 3) and normals (K, 3), for formats with one uv a vertex.

    A vertex is written once for each texture coordinate that its corners have; its copies share position and
    normal to the bit, so that the surface can be sewn together again.
    """
    corners = mesh.faces.ravel().astype(np.int64)
    bits = np.ascontiguousarray(uv.reshape(-1, 2), np.float32).view(np.uint32).astype(np.uint64)
    keys = np.stack([corners.astype(np.uint64), (bits[:, 0] << np.uint64(32)) | bits[:, 1]], axis=1)
    order = np.lexsort((keys[:, 1], keys[:, 0]))
    ranked = keys[order]
    is_new = np.ones(len(ranked), bool)
    is_new[1:] = (ranked[1:] != ranked[:-1]).any(axis=1)
    numbers = np.empty(len(ranked), np.int64)
    numbers[order] = np.cumsum(is_new) - 1
    firsts = order[is_new]
    source = corners[firsts]
    return (
        mesh.vertices[source],
        uv.reshape(-1, 2)[firsts],
        numbers.reshape(-1, 3).astype(np.int32),
        mesh.vertex_normals[source],
    )
