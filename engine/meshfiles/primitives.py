"""A primitive's indices become triangles, its attributes arrays; strips and fans are laid out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.meshfiles.accessors import read_elements, read_numbers
from engine.meshfiles.document import Document

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int32]

TRIANGLES, STRIP, FAN = 4, 5, 6
TRANSFORM = "KHR_texture_transform"


def is_surface(primitive: dict[str, Any]) -> bool:
    """Whether a primitive has triangles, not points or lines."""
    return (
        primitive.get("mode", TRIANGLES) in (TRIANGLES, STRIP, FAN) and "POSITION" in primitive["attributes"]
    )


def triangles_of(document: Document, primitive: dict[str, Any]) -> Ints:
    """The faces (M, 3) of a primitive; raises BadInput if an index names no vertex."""
    n_vertices = int(document.tree["accessors"][primitive["attributes"]["POSITION"]]["count"])
    if "indices" in primitive:
        indices = read_elements(document, primitive["indices"]).ravel().astype(np.int64)
    else:
        indices = np.arange(n_vertices, dtype=np.int64)
    if len(indices) and int(indices.max()) >= n_vertices:
        raise BadInput(
            f"A face names vertex {int(indices.max()):,}; the last one is {n_vertices - 1:,}.",
            remedy="The file is damaged: export it again.",
        )
    mode = primitive.get("mode", TRIANGLES)
    if mode == TRIANGLES:
        return np.asarray(indices[: len(indices) // 3 * 3].reshape(-1, 3), np.int32)
    if len(indices) < 3:
        return np.zeros((0, 3), np.int32)
    first, second, third = indices[:-2], indices[1:-1], indices[2:]
    if mode == FAN:
        return np.asarray(np.stack([second, third, np.full_like(first, indices[0])], axis=1), np.int32)
    # Every other triangle of a strip winds the other way.
    is_odd = np.arange(len(first)) % 2 == 1
    turned = np.stack([first, np.where(is_odd, third, second), np.where(is_odd, second, third)], axis=1)
    return np.asarray(turned, np.int32)


def base_colour_place(tree: dict[str, Any], material: int | None) -> dict[str, Any]:
    """The texture info of a material's base colour, empty if it has none that is in the file."""
    if material is None:
        return {}
    held = tree["materials"][material]
    older = held.get("extensions", {}).get("KHR_materials_pbrSpecularGlossiness", {})
    found = held.get("pbrMetallicRoughness", {}).get("baseColorTexture") or older.get("diffuseTexture") or {}
    known = range(len(tree.get("textures", [])))
    return dict(found) if found.get("index") in known else {}


def uv_of(document: Document, primitive: dict[str, Any]) -> Floats | None:
    """The coordinates (N, 2), origin bottom-left, by which the base colour is looked up, None without any."""
    info = base_colour_place(document.tree, primitive.get("material"))
    moved = info.get("extensions", {}).get(TRANSFORM, {})
    layer = int(moved.get("texCoord", info.get("texCoord", 0)))
    number = primitive["attributes"].get(f"TEXCOORD_{layer}")
    if number is None:
        return None
    uv = read_numbers(document, number)
    scale, (u0, v0) = np.array(moved.get("scale", (1, 1)), float), moved.get("offset", (0.0, 0.0))
    cosine, sine = np.cos(moved.get("rotation", 0.0)), np.sin(moved.get("rotation", 0.0))
    u, v = (uv * scale).T
    # Counter-clockwise where v points down, as the extension's words and its viewers have it.
    turned = np.stack([u * cosine + v * sine + u0, v * cosine - u * sine + v0], axis=1)
    return np.asarray(np.stack([turned[:, 0], 1 - turned[:, 1]], axis=1), np.float32)


def posed_positions(
    document: Document, primitive: dict[str, Any], weights: list[float], joints: Doubles | None
) -> Doubles:
    """The vertices (N, 3), morph targets at `weights`, skinned where `joints` (J, 4, 4) are given."""
    attributes = primitive["attributes"]
    positions = read_numbers(document, attributes["POSITION"])
    for target, weight in zip(primitive.get("targets", []), weights, strict=False):
        if weight and "POSITION" in target:
            positions = positions + weight * read_numbers(document, target["POSITION"])
    if joints is None or "JOINTS_0" not in attributes or "WEIGHTS_0" not in attributes:
        return positions
    points = np.concatenate([positions, np.ones((len(positions), 1))], axis=1)
    moved, total = np.zeros((len(points), 3)), np.zeros(len(points))
    layer = 0
    while f"JOINTS_{layer}" in attributes and f"WEIGHTS_{layer}" in attributes:
        named = read_elements(document, attributes[f"JOINTS_{layer}"]).astype(np.int64)
        shares = read_numbers(document, attributes[f"WEIGHTS_{layer}"])
        if len(named) and int(named.max()) >= len(joints):
            raise BadInput(f"A vertex is held by joint {int(named.max())} of {len(joints)}.")
        for joint, share in zip(named.T, shares.T, strict=True):
            moved += share[:, None] * np.einsum("nij,nj->ni", joints[joint, :3], points)
            total += share
        layer += 1
    return np.asarray(np.where(total[:, None] > 0, moved / np.maximum(total, 1e-9)[:, None], positions))
