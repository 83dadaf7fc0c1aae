"""A PLY file's vertices come in its own order, its faces of any number of corners.

Our own reader: the one in trimesh 5.2 refuses binary files whose faces differ in their number of corners,
as Blender writes them, and those with a texture coordinate for each corner (tried 2026-11). Read as Turk
described the format in 1994: text and binary of both byte orders, any elements and properties, lists too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.meshfiles.corners import ABSENT, Tables, solid_of
from engine.meshfiles.document import DAMAGED
from engine.meshfiles.polygons import triangulate
from engine.meshfiles.solids import Found

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]

_KINDS = {"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"}
_KINDS |= {"float": "f4", "double": "f8", "float32": "f4", "float64": "f8"}
_KINDS |= {f"{sign}int{bits}": f"{sign or 'i'}{bits // 8}" for sign in ("", "u") for bits in (8, 16, 32)}
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": ""}
_UV = (("s", "t"), ("u", "v"), ("texture_u", "texture_v"))


@dataclass(frozen=True)
class _Property:
    """A value of `kind`, or with `count_kind` a list of them after their number."""

    name: str
    kind: str
    count_kind: str = ""


@dataclass(frozen=True)
class _Element:
    name: str
    count: int
    properties: list[_Property] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class _Lists:
    """Lists of different lengths: `counts` (R,) and all their values one after the other."""

    counts: Ints
    values: Doubles


Columns = dict[str, Doubles | _Lists]


def read_ply(content: bytes, stem: str) -> Found:
    """The object of a PLY file, called `stem`. Raises BadInput."""
    order, elements, body = _head(content)
    columns = _text(body, elements) if order == "" else _binary(body, elements, order)
    vertex = columns.get("vertex", {})
    places = _stacked(vertex, ("x", "y", "z"))
    face = columns.get("face", {})
    lists = next((face[name] for name in ("vertex_indices", "vertex_index") if name in face), None)
    if places is None or not isinstance(lists, _Lists) or not (lists.counts >= 3).any():
        n_points = 0 if places is None else len(places)
        raise BadInput(
            f"It has {n_points} points and no faces.", remedy="Points and lines cannot be textured."
        )
    named = lists.values.astype(np.int64)
    if len(named) and (named.min() < 0 or named.max() >= len(places)):
        raise BadInput(f"A face names vertex {named.max()}; there are {len(places)}.", remedy=DAMAGED)
    triangles, _ = triangulate(lists.counts, places[named])
    normals = _stacked(vertex, ("nx", "ny", "nz"))
    uvs, uv_numbers = _coordinates(vertex, face, lists, named)
    corners = np.stack([named, uv_numbers, np.full(len(named), ABSENT) if normals is None else named], axis=1)
    tables = Tables(places, uvs, np.zeros((0, 3)) if normals is None else normals, _colours(vertex))
    no_materials = np.full(len(triangles), ABSENT, np.int64)
    return Found([solid_of(stem, corners[triangles], tables, no_materials, (), takes_all=True)])


def _coordinates(vertex: Columns, face: Columns, lists: _Lists, named: Ints) -> tuple[Doubles, Ints]:
    """Texture coordinates and which of them each corner has: its own, as MeshLab writes, or its vertex's."""
    per_corner = face.get("texcoord")
    if isinstance(per_corner, _Lists) and np.array_equal(per_corner.counts, 2 * lists.counts):
        return per_corner.values.reshape(-1, 2), np.arange(len(named))
    for pair in _UV:
        uvs = _stacked(vertex, pair)
        if uvs is not None:
            return uvs, named
    return np.zeros((0, 2)), np.full(len(named), ABSENT)


def _colours(vertex: Columns) -> NDArray[np.uint8] | None:
    """Colours (N, 4) of the vertices, which files give as 0 to 255 or as 0 to 1."""
    rgb = _stacked(vertex, ("red", "green", "blue"))
    if rgb is None:
        return None
    alpha = _stacked(vertex, ("alpha",))
    held = rgb if alpha is None else np.concatenate([rgb, alpha], axis=1)
    shares = np.clip(held / (255 if held.max(initial=0) > 1 else 1), 0, 1)
    whole = shares if alpha is not None else np.concatenate([shares, np.ones((len(rgb), 1))], axis=1)
    return np.asarray(np.round(np.nan_to_num(whole) * 255), np.uint8)


def _stacked(columns: Columns, names: tuple[str, ...]) -> Doubles | None:
    held = [columns.get(name) for name in names]
    found = [column for column in held if isinstance(column, np.ndarray)]
    return np.stack(found, axis=1) if len(found) == len(names) else None


def _head(content: bytes) -> tuple[str, list[_Element], bytes]:
    """The byte order ("" for text), the elements, and what follows the head."""
    end = re.search(rb"end_header[ \t]*\r?\n?", content[:1_000_000])
    if end is None:
        raise BadInput("Its head has no end.", remedy=DAMAGED)
    order, elements = None, []
    for line in content[: end.start()].decode("ascii", "replace").splitlines():
        words = line.split()
        if words[:1] == ["format"] and len(words) > 1:
            order = _ORDERS.get(words[1])
        elif words[:1] == ["element"] and len(words) == 3:
            elements.append(_Element(words[1], int(words[2])))
        elif words[:1] == ["property"] and elements and len(words) in (3, 5):
            kinds = [_KINDS[word] for word in words[2 if len(words) == 5 else 1 : -1]]
            elements[-1].properties.append(
                _Property(words[-1], kinds[-1], kinds[0] if len(kinds) == 2 else "")
            )
    if order is None:
        raise BadInput("Its head names no known format.", remedy=DAMAGED)
    return order, elements, content[end.end() :]


def _text(body: bytes, elements: list[_Element]) -> dict[str, Columns]:
    lines = body.decode("ascii", "replace").splitlines()
    found: dict[str, Columns] = {}
    at = 0
    for element in elements:
        rows = [line.split() for line in lines[at : at + element.count]]
        if len(rows) < element.count:
            raise BadInput(f"It has {len(rows)} of {element.count} lines of {element.name}.", remedy=DAMAGED)
        at += element.count
        found[element.name] = _columns_of_rows(rows, element)
    return found


def _columns_of_rows(rows: list[list[str]], element: _Element) -> Columns:
    if not any(each.count_kind for each in element.properties):
        table = np.array([row[: len(element.properties)] for row in rows], np.float64)
        table = table.reshape(len(rows), len(element.properties))
        return {each.name: table[:, i] for i, each in enumerate(element.properties)}
    values: dict[str, list[str]] = {each.name: [] for each in element.properties}
    counts: dict[str, list[int]] = {each.name: [] for each in element.properties}
    for row in rows:
        at = 0
        for each in element.properties:
            n = int(row[at]) if each.count_kind else 1
            at += bool(each.count_kind)
            if n < 0 or at + n > len(row):
                raise BadInput(
                    f'A line of {element.name} is cut off: "{" ".join(row)[:60]}".', remedy=DAMAGED
                )
            values[each.name] += row[at : at + n]
            counts[each.name].append(n)
            at += n
    return {
        each.name: _Lists(np.array(counts[each.name], np.int64), np.array(values[each.name], np.float64))
        if each.count_kind
        else np.array(values[each.name], np.float64)
        for each in element.properties
    }


def _binary(body: bytes, elements: list[_Element], order: str) -> dict[str, Columns]:
    found: dict[str, Columns] = {}
    at = 0
    for element in elements:
        found[element.name], at = _columns_of_bytes(body, at, element, order)
    return found


def _columns_of_bytes(body: bytes, at: int, element: _Element, order: str) -> tuple[Columns, int]:
    """The columns of an element that begins at byte `at`, and where it ends."""
    lengths = _first_lengths(body, at, element, order)
    fields: list[Any] = []
    for each, n in zip(element.properties, lengths, strict=True):
        if each.count_kind:
            fields.append((f"#{each.name}", order + each.count_kind))
        fields.append(
            (each.name, order + each.kind, (n,)) if each.count_kind else (each.name, order + each.kind)
        )
    kind = np.dtype(fields)
    size = kind.itemsize * element.count
    if at + size <= len(body):
        rows = np.frombuffer(body, kind, element.count, at)
        is_even = all(
            bool((rows[f"#{each.name}"] == n).all())
            for each, n in zip(element.properties, lengths, strict=True)
            if each.count_kind
        )
        if is_even:
            columns: Columns = {}
            for each, n in zip(element.properties, lengths, strict=True):
                held = rows[each.name].astype(np.float64)
                columns[each.name] = (
                    _Lists(np.full(element.count, n, np.int64), held.reshape(-1)) if each.count_kind else held
                )
            return columns, at + size
    return _uneven_columns(body, at, element, order)


def _first_lengths(body: bytes, at: int, element: _Element, order: str) -> list[int]:
    """How long the lists of the first row are; 0 for what is no list."""
    lengths = []
    for each in element.properties:
        n = 0
        if each.count_kind and element.count:
            n = int(_number(body, at, order + each.count_kind))
            at += np.dtype(each.count_kind).itemsize
        at += np.dtype(each.kind).itemsize * (n if each.count_kind else 1)
        lengths.append(n)
    return lengths


def _number(body: bytes, at: int, kind: str) -> Any:
    if at + np.dtype(kind).itemsize > len(body):
        raise BadInput(f"It ends at byte {len(body):,} of its data, in the middle.", remedy=DAMAGED)
    return np.frombuffer(body, kind, 1, at)[0]


def _uneven_columns(body: bytes, at: int, element: _Element, order: str) -> tuple[Columns, int]:
    """As `_columns_of_bytes`, row by row, for lists of different lengths."""
    kinds = [
        (np.dtype(order + each.kind), np.dtype(order + (each.count_kind or "u1")))
        for each in element.properties
    ]
    starts: list[list[int]] = [[] for _ in element.properties]
    counts: list[list[int]] = [[] for _ in element.properties]
    byte_order = "little" if order == "<" else "big"
    for _ in range(element.count):
        for number, each in enumerate(element.properties):
            n = 1
            if each.count_kind:
                width = kinds[number][1].itemsize
                n = int.from_bytes(body[at : at + width], byte_order)  # type: ignore[arg-type]  # one of its two words
                at += width
            starts[number].append(at)
            counts[number].append(n)
            at += n * kinds[number][0].itemsize
        if at > len(body):
            raise BadInput(f"It ends at byte {len(body):,} of its data, in the middle.", remedy=DAMAGED)
    data = np.frombuffer(body, np.uint8)
    columns: Columns = {}
    for number, each in enumerate(element.properties):
        size = kinds[number][0].itemsize
        lengths = np.array(counts[number], np.int64)
        first = np.repeat(np.array(starts[number], np.int64), lengths)
        within = np.arange(len(first)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        bytes_at = (first + within * size)[:, None] + np.arange(size)
        held = data[bytes_at].reshape(-1).view(kinds[number][0]).astype(np.float64)
        columns[each.name] = _Lists(lengths, held) if each.count_kind else held
    return columns, at
