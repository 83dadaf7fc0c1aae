"""A scene is held as glTF holds it; what is not understood is kept as it came.

Every file that is read becomes a `Document`. A `Draft` is one under change: it only ever appends to the
binary part, so that every index, offset and byte that was there before still means the same.
"""

from __future__ import annotations

import copy
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

# glTF 2.0, section 4 (GLB): magic, version, and the types of the two known chunks.
MAGIC = b"glTF"
VERSION = 2
JSON_CHUNK, BINARY_CHUNK = b"JSON", b"BIN\0"

_COMPONENTS = {"int8": 5120, "uint8": 5121, "int16": 5122, "uint16": 5123, "uint32": 5125, "float32": 5126}
_SHAPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}
DAMAGED = "The file is damaged or cut off: export or download it again."  # the remedy of all readers
VERTICES, INDICES = 34962, 34963  # what a buffer view is for, as glTF numbers it
_Z_UP = [-(0.5**0.5), 0.0, 0.0, 0.5**0.5]  # a quarter turn about X: (x, y, z) becomes (x, z, -y)


@dataclass(frozen=True, eq=False)
class Document:
    """The JSON `tree` of a glTF file, the `binary` of its one buffer, and further chunks (type, content).

    `notes` say in words what could not be taken over. `is_converted`: it was made of another format, which
    does not say what is up.
    """

    tree: dict[str, Any]
    binary: bytes
    chunks: tuple[tuple[bytes, bytes], ...] = ()
    notes: tuple[str, ...] = ()
    is_converted: bool = False

    def as_glb(self) -> bytes:
        """The document as a binary glTF file."""
        text = json.dumps(self.tree, ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8", "surrogatepass"
        )
        parts = [(JSON_CHUNK, text + b" " * (-len(text) % 4))]
        if self.binary:
            parts.append((BINARY_CHUNK, self.binary + b"\0" * (-len(self.binary) % 4)))
        parts += self.chunks
        length = 12 + sum(8 + len(content) for _, content in parts)
        pieces = [struct.pack("<4sII", MAGIC, VERSION, length)]
        for kind, content in parts:
            pieces += [struct.pack("<I4s", len(content), kind), content]
        return b"".join(pieces)


class Draft:
    """A document that is being changed; `tree` may be edited, the binary part only grows."""

    def __init__(self, document: Document) -> None:
        self.tree: dict[str, Any] = copy.deepcopy(document.tree)
        self._document = document
        self._pieces = [document.binary]
        self._length = len(document.binary)

    def add(self, collection: str, entry: Mapping[str, Any]) -> int:
        """Appends to a top-level list ("meshes", "images", …) and returns the entry's number."""
        held = self.tree.setdefault(collection, [])
        held.append(dict(entry))
        return len(held) - 1

    def add_view(self, content: bytes, **fields: Any) -> int:
        """A buffer view over `content`, aligned to 4 bytes."""
        pad = -self._length % 4
        self._pieces += [b"\0" * pad, content]
        start = self._length + pad
        self._length = start + len(content)
        view = {"buffer": 0, "byteOffset": start, "byteLength": len(content)}
        return self.add("bufferViews", {**view, **fields})

    def add_accessor(self, values: NDArray[Any], target: int, like: Mapping[str, Any] | None = None) -> int:
        """An accessor of (count, width) `values`; `like` is one whose other properties it takes over."""
        rows, stride = _padded_rows(values)
        strided = {"byteStride": stride} if stride and target == VERTICES else {}
        entry = {key: value for key, value in (like or {}).items() if key not in ("byteOffset", "sparse")}
        entry["bufferView"] = self.add_view(rows, target=target, **strided)
        entry["componentType"] = _COMPONENTS[values.dtype.newbyteorder("=").name]
        entry["count"] = len(values)
        entry.setdefault("type", _SHAPES.get(values.shape[1], "SCALAR"))
        return self.add("accessors", entry)

    def add_image(self, png: bytes, name: str) -> int:
        """An image that is held inside; returns its number."""
        view = self.add_view(png)
        return self.add("images", {"bufferView": view, "mimeType": "image/png", "name": name})

    def finish(self) -> Document:
        """The changed document."""
        if self._length:
            buffers = self.tree.setdefault("buffers", [])
            if not buffers:
                buffers.append({})
            buffers[0]["byteLength"] = self._length
        return replace(self._document, tree=self.tree, binary=b"".join(self._pieces))


def raised(document: Document) -> Document:
    """`document` under a root node that turns its +Z to glTF's up, +Y; no number in it changes."""
    draft = Draft(document)
    scene = draft.tree["scenes"][draft.tree["scene"]]
    root = {"name": "Z up", "rotation": _Z_UP, "children": scene["nodes"]}
    scene["nodes"] = [draft.add("nodes", root)]
    return draft.finish()


def _padded_rows(values: NDArray[Any]) -> tuple[bytes, int]:
    """The bytes of `values` (count, width); rows of vertices start at multiples of 4, as glTF asks.

    The second value is the stride in bytes where it is not the width of a row.
    """
    held = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    width = held.shape[1] * held.itemsize
    pad = -width % 4
    if pad == 0 or held.shape[1] == 1:
        return held.tobytes(), 0
    padded = np.zeros((len(held), width + pad), np.uint8)
    padded[:, :width] = held.view(np.uint8).reshape(len(held), width)
    return padded.tobytes(), width + pad
