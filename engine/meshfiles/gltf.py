"""glTF 2.0 files become documents that hold everything inside; what they say is kept, known or not.

GLB and JSON alike; buffers and pictures beside the file come into the one binary part. Compressed geometry is
refused in words, since the texture's seams could not be cut into it.
"""

from __future__ import annotations

import copy
import json
import struct
from typing import Any

from engine.errors import BadInput
from engine.meshfiles.beside import Folder, NotRead
from engine.meshfiles.document import BINARY_CHUNK, DAMAGED, JSON_CHUNK, MAGIC, VERSION, Document

_LISTS = (
    *("accessors", "bufferViews", "buffers", "images", "materials", "meshes"),
    *("nodes", "samplers", "scenes", "skins", "textures"),
)
_COMPRESSED = {"KHR_draco_mesh_compression": "Draco", "EXT_meshopt_compression": "meshopt"}


def read_glb(content: bytes, folder: Folder) -> Document:
    """The document of a binary glTF file."""
    if len(content) < 20 or content[:4] != MAGIC:
        text = content[:24].decode("ascii", "replace").strip()
        told = f": it begins with {text!r}" if text.isprintable() and "\ufffd" not in text else ""
        raise BadInput(
            f"It is no GLB file, though it ends like one ({len(content):,} bytes){told}.",
            remedy="Its ending does not say what it is, or the file is damaged: export or download it again.",
        )
    _, version, length = struct.unpack_from("<4sII", content)
    if version != VERSION:
        raise BadInput(
            f"It is a GLB file of version {version}; version {VERSION} is read.",
            remedy="Export it again as glTF 2.0.",
        )
    if length > len(content):
        raise BadInput(f"It has {len(content):,} bytes and says that it has {length:,}.", remedy=DAMAGED)
    chunks = _chunks(content[:length])
    if not chunks or chunks[0][0] != JSON_CHUNK:
        raise BadInput("Its first part is not the JSON that says what is in it.", remedy=DAMAGED)
    has_binary = len(chunks) > 1 and chunks[1][0] == BINARY_CHUNK
    binary = chunks[1][1] if has_binary else None
    return _gathered(_parsed(chunks[0][1]), binary, tuple(chunks[2 if has_binary else 1 :]), folder)


def read_gltf(content: bytes, folder: Folder) -> Document:
    """The document of a glTF JSON file and the files beside it."""
    return _gathered(_parsed(content), None, (), folder)


def _chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    chunks, at = [], 12
    while at + 8 <= len(content):
        length, kind = struct.unpack_from("<I4s", content, at)
        if at + 8 + length > len(content):
            raise BadInput(
                f"A part of {length:,} bytes begins at byte {at + 8:,} of {len(content):,}.", remedy=DAMAGED
            )
        chunks.append((kind, content[at + 8 : at + 8 + length]))
        at += 8 + length
    return chunks


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        tree = json.loads(text.decode("utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise BadInput(f"Its JSON cannot be read: {error}.", remedy=DAMAGED) from error
    if not isinstance(tree, dict) or not isinstance(tree.get("asset"), dict):
        raise BadInput('Its JSON is not that of a glTF file: it has no "asset".', remedy=DAMAGED)
    version = str(tree["asset"].get("version", "none"))
    if version.partition(".")[0] != str(VERSION):
        raise BadInput(
            f"It is glTF of version {version}; version 2.0 is read.", remedy="Export it again as glTF 2.0."
        )
    _check_lists(tree)
    used = {*tree.get("extensionsUsed", []), *tree.get("extensionsRequired", [])}
    for extension, name in _COMPRESSED.items():
        if extension in used:
            raise BadInput(
                f"Its geometry is compressed ({name}), and compressed geometry is not read.",
                remedy="Export it again without compression; in Blender: Data, Compression off.",
            )
    return tree


def _check_lists(tree: dict[str, Any]) -> None:
    """Raises BadInput if what a new texture is written into has not the form that glTF gives it."""
    for name in _LISTS:
        held = tree.get(name, [])
        if not isinstance(held, list) or not all(isinstance(entry, dict) for entry in held):
            raise BadInput(f'Its "{name}" is not a list of objects.', remedy=DAMAGED)
    for number, material in enumerate(tree.get("materials", [])):
        shine = material.get("pbrMetallicRoughness", {})
        older = material.get("extensions", {}).get("KHR_materials_pbrSpecularGlossiness", {})
        for held, factor, place in (
            (shine, "baseColorFactor", "baseColorTexture"),
            (older, "diffuseFactor", "diffuseTexture"),
        ):
            if not isinstance(held.get(factor, []), list) or not isinstance(held.get(place, {}), dict):
                raise BadInput(f"The base colour of its material {number} is damaged.", remedy=DAMAGED)


def _gathered(
    tree: dict[str, Any], binary: bytes | None, chunks: tuple[tuple[bytes, bytes], ...], folder: Folder
) -> Document:
    """`tree` with all its buffers joined into one and its pictures brought inside."""
    tree = copy.deepcopy(tree)
    joined, starts = _joined(tree.get("buffers", []), binary, folder)
    for view in tree.get("bufferViews", []):
        number = int(view.get("buffer", 0))
        if number > 0:
            view["buffer"] = 0
            view["byteOffset"] = starts[number] + int(view.get("byteOffset", 0))
    notes = []
    for number, image in enumerate(tree.get("images", [])):
        if "uri" not in image:
            continue
        try:
            content = folder.read(str(image["uri"]))
        except NotRead as why:
            notes.append(f"Picture {image.get('name') or number} stays outside the new file: {why}.")
            continue
        start = len(joined) + -len(joined) % 4
        joined += b"\0" * (start - len(joined)) + content
        views = tree.setdefault("bufferViews", [])
        views.append({"buffer": 0, "byteOffset": start, "byteLength": len(content)})
        if not image.get("name") and not str(image["uri"]).startswith("data:"):
            image["name"] = str(image["uri"])
        image["mimeType"] = image.get("mimeType") or _mime(content)
        del image["uri"]
        image["bufferView"] = len(views) - 1
    if tree.get("buffers") or joined:
        first = {key: value for key, value in (tree.get("buffers") or [{}])[0].items() if key != "uri"}
        tree["buffers"] = [{**first, "byteLength": len(joined)}]
    return Document(tree, bytes(joined), chunks, tuple(notes))


def _joined(
    buffers: list[dict[str, Any]], binary: bytes | None, folder: Folder
) -> tuple[bytearray, list[int]]:
    """The buffers one after the other, and where each begins."""
    joined, starts = bytearray(), []
    for number, buffer in enumerate(buffers):
        wanted_bytes = int(buffer["byteLength"])
        if "uri" in buffer:
            try:
                content = folder.read(str(buffer["uri"]))
            except NotRead as why:
                raise BadInput(
                    f"Its geometry is missing: {why}.",
                    remedy="Keep the file together with those it came with, or export it as one GLB.",
                ) from why
        elif number == 0 and binary is not None:
            content = binary
        else:
            raise BadInput(f"Its buffer {number} is not in the file.", remedy=DAMAGED)
        if len(content) < wanted_bytes:
            raise BadInput(
                f"Its buffer {number} has {len(content):,} of {wanted_bytes:,} bytes.", remedy=DAMAGED
            )
        joined += b"\0" * (-len(joined) % 4)
        starts.append(len(joined))
        joined += content[:wanted_bytes]
    return joined, starts


def _mime(content: bytes) -> str:
    if content[:3] == b"\xff\xd8\xff":
        return "image/jpeg"
    return "image/webp" if content[8:12] == b"WEBP" else "image/png"
