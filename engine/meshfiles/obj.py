"""An OBJ file keeps the order of its vertices: what a seam splits is added at the end.

Our own reader: the one in trimesh 5.2 puts copies between the vertices, joins objects by material, and fails
on relative indices when it is to keep the order (tried 2026-11). Read as Wavefront described it in 1992: v,
vt, vn, f (polygons, relative indices), o, g, usemtl, mtllib, continued lines; colours after v as MeshLab and
Blender write them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.meshfiles.beside import Folder
from engine.meshfiles.corners import ABSENT, Tables, solid_of
from engine.meshfiles.mtl import read_looks
from engine.meshfiles.polygons import triangulate
from engine.meshfiles.solids import Found

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]

# What the numbers of a corner's form stand for: 0 vertex, 1 uv, 2 normal.
_PLACES = {"v": (0,), "v/t": (0, 1), "v//n": (0, 2), "v/t/n": (0, 1, 2)}


@dataclass
class _Lines:
    """The lines of a file by what they are; faces as corners in words, each with its object and material."""

    vertices: list[str] = field(default_factory=list)
    uvs: list[str] = field(default_factory=list)
    normals: list[str] = field(default_factory=list)
    corners: list[str] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    owners: list[tuple[int, int]] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)
    materials: list[str] = field(default_factory=list)
    libraries: list[str] = field(default_factory=list)


def read_obj(content: bytes, folder: Folder, stem: str) -> Found:
    """The objects of an OBJ file; `stem` names one that has no name. Raises BadInput."""
    lines = _sorted(content)
    if not lines.counts:
        raise BadInput(
            f"It has {len(lines.vertices)} vertices and no faces.",
            remedy="Export the mesh with its faces; points and lines cannot be textured.",
        )
    places = _table(lines.vertices, "v", (3, 4, 6, 7))
    uvs = _table(lines.uvs, "vt", (1, 2, 3))
    normals = _table(lines.normals, "vn", (3,))
    corners = _numbers(lines.corners)
    for column, (what, held) in enumerate((("vertex", places), ("vt", uvs), ("vn", normals))):
        _check_range(corners[:, column], what, len(held))
    triangles, polygon = triangulate(np.array(lines.counts, np.int64), places[corners[:, 0], :3])
    owners = np.array(lines.owners, np.int64)[polygon]
    looks, notes = read_looks(lines.libraries, folder)
    tables = Tables(places[:, :3], uvs[:, :2] if uvs.shape[1] > 1 else uvs[:0], normals, _colours(places))
    solids = []
    used = np.unique(owners[:, 0])
    for number in used:
        mine = owners[:, 0] == number
        name = (lines.objects[number] if number != ABSENT else "") or stem
        groups = owners[mine, 1]
        solids.append(
            solid_of(name, corners[triangles[mine]], tables, groups, lines.materials, len(used) == 1)
        )
    return Found(solids, looks, notes)


def _colours(places: Doubles) -> NDArray[np.uint8] | None:
    if places.shape[1] < 6:
        return None
    rgb = np.round(np.clip(np.nan_to_num(places[:, -3:]), 0, 1) * 255)
    return np.concatenate([rgb, np.full((len(rgb), 1), 255)], axis=1).astype(np.uint8)


def _table(lines: list[str], what: str, widths: tuple[int, ...]) -> Doubles:
    """The numbers of all lines of one kind, (K, width): the largest of `widths` that every line has."""
    if not lines:
        return np.zeros((0, widths[0]))
    rows = [line.split() for line in lines]
    shortest = min(len(row) for row in rows)
    width = max((width for width in widths if width <= shortest), default=widths[0])
    try:
        if shortest < width:
            raise ValueError(f"{shortest} numbers")
        return np.array([row[:width] for row in rows], np.float64)
    except ValueError:
        bad = next((line for line in lines if not _is_row(line, width)), lines[0])
        raise BadInput(f'Its line "{what} {bad[:60]}" is not {width} numbers.') from None


def _is_row(line: str, width: int) -> bool:
    words = line.split()
    try:
        return len([float(word) for word in words[:width]]) == width
    except ValueError:
        return False


def _check_range(numbers: Ints, what: str, n: int) -> None:
    wrong = (numbers >= n) | (numbers < ABSENT)
    if what == "vertex":
        wrong |= numbers == ABSENT
    if wrong.any():
        named = int(numbers[wrong][0]) + 1
        raise BadInput(
            f"A face names {what} {named}; there are {n}.", remedy="The file is damaged or cut off."
        )


def _sorted(content: bytes) -> _Lines:
    """The lines of the file by what they are."""
    text = content.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").replace("\\\n", " ")
    lines = _Lines()
    by_object = text.startswith("o ") or "\no " in text
    materials: dict[str, int] = {}
    objects: dict[str, int] = {}
    owner = (ABSENT, ABSENT)
    numeric = {"v": lines.vertices, "vt": lines.uvs, "vn": lines.normals}
    for line in text.split("\n"):
        word, _, rest = line.strip().replace("\t", " ").partition(" ")
        if word in numeric:
            numeric[word].append(rest.partition("#")[0])
        elif word in ("f", "fo"):
            corners = rest.partition("#")[0].split()
            lines.corners += [_absolute(each, lines) for each in corners] if "-" in rest else corners
            lines.counts.append(len(corners))
            lines.owners.append(owner)
        elif word == ("o" if by_object else "g"):
            owner = (objects.setdefault(rest.strip(), len(objects)), owner[1])
        elif word == "usemtl":
            owner = (owner[0], materials.setdefault(rest.strip(), len(materials)))
        elif word == "mtllib":
            lines.libraries.append(rest.strip())
    lines.objects, lines.materials = list(objects), list(materials)
    return lines


def _absolute(corner: str, lines: _Lines) -> str:
    """A corner "v/vt/vn" with numbers that count back from the last one before it made absolute."""
    words = corner.split("/")
    for place, held in zip(range(len(words)), (lines.vertices, lines.uvs, lines.normals), strict=False):
        if words[place].startswith("-") and words[place][1:].isdecimal():
            number = len(held) + 1 + int(words[place])
            if number < 1:
                raise BadInput(f'A face has the corner "{corner[:40]}"; {len(held)} are there to count back.')
            words[place] = str(number)
    return "/".join(words)


def _numbers(corners: list[str]) -> Ints:
    """Numbers (C, 3) from 0 of the corners' vertices, uvs and normals, ABSENT where they have none."""
    forms = [_form(corner) for corner in corners]
    found = np.full((len(corners), 3), ABSENT, np.int64)
    for form in set(forms):
        is_whole = forms.count(form) == len(forms)  # as nearly always, and then no list is made
        alike = (
            np.arange(len(forms))
            if is_whole
            else np.array([i for i, each in enumerate(forms) if each == form])
        )
        members = corners if is_whole else [corners[i] for i in alike]
        columns = np.array(_PLACES[form])
        found[alike[:, None], columns] = _parsed(members, len(columns)) - 1
    return found


def _form(corner: str) -> str:
    n = corner.count("/")
    if n < 2:
        return "v/t" if n else "v"
    return "v//n" if "//" in corner else "v/t/n"


def _parsed(corners: list[str], width: int) -> Ints:
    try:
        numbers = np.array("/".join(corners).replace("//", "/").split("/"), np.int64).reshape(-1, width)
    except (ValueError, OverflowError):
        bad = next((corner for corner in corners if not corner.replace("/", "").isdecimal()), corners[0])
        raise BadInput(f'A face has the corner "{bad[:40]}", which is not numbers.') from None
    if (numbers < 1).any():
        bad = corners[int((numbers < 1).any(axis=1).argmax())]
        raise BadInput(f'A face has the corner "{bad[:40]}"; numbers begin at 1.')
    return numbers
