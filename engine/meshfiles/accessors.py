"""An accessor is read as its file says, or refused with the numbers that do not fit; never beyond."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.meshfiles.document import DAMAGED, Document

Doubles = NDArray[np.float64]

_KINDS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
# An accessor without bytes of its own means zeros, so that a tiny file could ask for any amount of memory.
_MAX_ELEMENTS = 200_000_000


def read_elements(document: Document, number: int) -> NDArray[Any]:
    """The elements (count, width) of an accessor in its own type, sparse values put in their places."""
    accessor = document.tree["accessors"][number]
    count, kind = int(accessor["count"]), np.dtype(_KINDS[accessor["componentType"]])
    width = _WIDTHS[accessor["type"]]
    if not 0 <= count * width <= _MAX_ELEMENTS:
        raise BadInput(f"Its accessor {number} has {count} elements; {_MAX_ELEMENTS} numbers are the most.")
    if "bufferView" in accessor:
        view = int(accessor["bufferView"])
        values = _strided(document, view, int(accessor.get("byteOffset", 0)), kind, count, width)
    else:
        values = np.zeros((count, width), kind)
    if "sparse" not in accessor:
        return values
    sparse = accessor["sparse"]
    n_set = int(sparse["count"])
    where_kind = np.dtype(_KINDS[sparse["indices"]["componentType"]])
    where = _strided(document, *_place(sparse["indices"]), where_kind, n_set, 1).ravel()
    if n_set and int(where.max()) >= count:
        raise BadInput(f"Its accessor {number} has {count} elements, yet sets number {int(where.max())}.")
    values = values.copy()
    values[where] = _strided(document, *_place(sparse["values"]), kind, n_set, width)
    return values


def read_numbers(document: Document, number: int) -> Doubles:
    """The elements (count, width) as numbers; normalised integers become [0, 1] or [-1, 1]."""
    values = read_elements(document, number)
    numbers = values.astype(np.float64)
    if document.tree["accessors"][number].get("normalized") and values.dtype.kind in "iu":
        numbers = np.maximum(numbers / np.iinfo(values.dtype).max, -1.0)
    return numbers


def view_content(document: Document, number: int) -> bytes:
    """The bytes of a buffer view."""
    start, length, _ = _bounds(document, number)
    return document.binary[start : start + length]


def _place(entry: dict[str, Any]) -> tuple[int, int]:
    return int(entry["bufferView"]), int(entry.get("byteOffset", 0))


def _bounds(document: Document, number: int) -> tuple[int, int, int]:
    view = document.tree["bufferViews"][number]
    if "EXT_meshopt_compression" in view.get("extensions", {}):
        raise BadInput(
            "Its data is compressed by meshopt, which Maquette does not read.",
            remedy="Export it again without compression.",
        )
    start, length = int(view.get("byteOffset", 0)), int(view["byteLength"])
    if start < 0 or length < 0 or start + length > len(document.binary):
        raise BadInput(
            f"Its buffer view {number} ends at byte {start + length:,}; there are {len(document.binary):,}.",
            remedy=DAMAGED,
        )
    return start, length, int(view.get("byteStride", 0))


def _strided(
    document: Document, number: int, offset: int, kind: np.dtype[Any], count: int, width: int
) -> NDArray[Any]:
    start, length, stride = _bounds(document, number)
    row = width * kind.itemsize
    stride = stride or row
    end = offset + (count - 1) * stride + row if count else offset
    if offset < 0 or end > length or stride < row:
        raise BadInput(
            f"{count} elements of {row} bytes at every {stride} do not fit into the {length:,} bytes of its "
            f"buffer view {number}.",
            remedy=DAMAGED,
        )
    if count == 0:
        return np.zeros((0, width), kind)
    return np.ndarray((count, width), kind, document.binary, start + offset, (stride, kind.itemsize))
