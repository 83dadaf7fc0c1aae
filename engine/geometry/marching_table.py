"""A cell's surface is read from the signs at its corners, and two cells that share a face read it alike.

Where the surface meets the face of a cell, it runs from crossing to crossing between inside and outside. Four
crossings on one face pair up in two ways: the inside corners are joined across it or kept apart. The table
has a row for each answer, so that whoever looks rows up decides by the face alone, and the mesh stays closed.
On the cell's border these pieces form loops; a loop is filled with triangles that never lie in a face.

The idea is marching cubes' (Lorensen & Cline 1987); that faces, not cells, must decide, is Nielson & Hamann's
(1991) and Montani, Scateni & Scopigno's (1994). The rows are computed here, not copied from a list.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.int8]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

AXIS_BITS = (4, 2, 1)  # of a corner's number, along x, y, z
# Edges: the lower corner and the axis along which the other one lies.
EDGES = tuple((corner, axis) for axis in range(3) for corner in range(8) if not corner & AXIS_BITS[axis])
CENTRE = len(EDGES)  # stands in a triangle for the mean of its loop's crossings
# A link across a face would lie in that face, where the other cell might draw it too, and four triangles
# meet along it. No shape of triangle is worth it: a loop that cannot be filled without one gets a vertex in
# its middle.
_FORBIDDEN = 1e6


def _face(axis: int, side: int) -> tuple[int, int, int, int]:
    """The corners of a cell's face, counter-clockwise seen from outside the cell."""
    second, third = AXIS_BITS[(axis + 1) % 3], AXIS_BITS[(axis + 2) % 3]
    ring = (0, second, second | third, third)
    corners = tuple(corner | (AXIS_BITS[axis] if side else 0) for corner in (ring if side else ring[::-1]))
    return corners[0], corners[1], corners[2], corners[3]


# Faces: 2·axis is the one at the low end of the axis, 2·axis + 1 the one at its high end.
FACES = tuple(_face(axis, side) for axis in range(3) for side in (0, 1))


@dataclass(frozen=True, eq=False)
class MarchingTable:
    """Triangles of a cell by its signs: code bit c says whether corner c is inside.

    The row of a cell is `first_row` (256,) int32 of its code, plus the `face_weights` (256, 6) int32 of the
    faces across which its inside corners are joined; only ambiguous faces have a weight. `triangles`
    (R, T, 3) int8 name edges or the CENTRE, counter-clockwise seen from outside the body, the first
    `n_triangles` (R,) int8 of each row. `crossed` (R, 12) bool are the edges that the surface crosses,
    `around_centre` (R, 12) bool those whose mean is the CENTRE, none where the row has none.
    """

    first_row: Ints
    face_weights: Ints
    n_triangles: Bytes
    triangles: Bytes
    crossed: Bools
    around_centre: Bools


@functools.cache
def marching_table() -> MarchingTable:
    """The table, made once a process (some 40 ms)."""
    first_row = np.zeros(256, np.int32)
    face_weights = np.zeros((256, 6), np.int32)
    filled: list[list[tuple[int, int, int]]] = []
    crossed: list[Bools] = []
    around_centre: list[Bools] = []
    for code in range(256):
        first_row[code] = len(filled)
        ambiguous = [face for face in range(6) if _is_ambiguous(code, face)]
        face_weights[code, ambiguous] = 1 << np.arange(len(ambiguous))
        for answers in range(1 << len(ambiguous)):
            joined = frozenset(face for bit, face in enumerate(ambiguous) if answers >> bit & 1)
            loops = loops_of(code, joined)
            parts = [_filled(loop, ambiguous) for loop in loops]
            centred = [loop for loop, part in zip(loops, parts, strict=True) if part[0][-1] == CENTRE]
            filled.append([triangle for part in parts for triangle in part])
            crossed.append(np.isin(np.arange(CENTRE), [edge for loop in loops for edge in loop]))
            around_centre.append(np.isin(np.arange(CENTRE), [edge for loop in centred for edge in loop]))
    n_triangles = np.array([len(row) for row in filled], np.int8)
    triangles = np.zeros((len(filled), int(n_triangles.max()), 3), np.int8)
    for number, row in enumerate(filled):
        triangles[number, : len(row)] = np.array(row).reshape(-1, 3)
    return MarchingTable(
        first_row, face_weights, n_triangles, triangles, np.stack(crossed), np.stack(around_centre)
    )


def loops_of(code: int, joined: frozenset[int]) -> list[list[int]]:
    """The closed loops of edges along which the surface leaves a cell, the body to the right from outside it.

    `joined` are the ambiguous faces across which inside corners hang together.
    """
    following: dict[int, int] = {}
    for face in range(6):
        following.update(_pieces(code, face, face in joined))
    loops = []
    while following:
        start, here = following.popitem()
        loop = [start]
        while here != start:
            loop.append(here)
            here = following.pop(here)
        loops.append(loop)
    return loops


def _is_inside(code: int, corner: int) -> bool:
    return bool(code >> corner & 1)


def _is_ambiguous(code: int, face: int) -> bool:
    """Whether inside and outside alternate around a face."""
    signs = [_is_inside(code, corner) for corner in FACES[face]]
    return signs in ([True, False, True, False], [False, True, False, True])


def _pieces(code: int, face: int, is_joined: bool) -> dict[int, int]:
    """The surface's pieces on a face, from the edge at which each starts to that at which it ends.

    Around the face, a piece starts where one enters the body and ends where one leaves it: right after, which
    cuts the corner off; or, where inside corners are joined, right before, which cuts off an outside corner.
    """
    corners = FACES[face]
    steps = [(corners[i], corners[(i + 1) % 4]) for i in range(4)]
    crossed = [step for step in steps if _is_inside(code, step[0]) != _is_inside(code, step[1])]
    pieces = {}
    for number, (from_corner, to_corner) in enumerate(crossed):
        if _is_inside(code, to_corner):
            end = crossed[(number + (-1 if is_joined else 1)) % len(crossed)]
            pieces[_edge(from_corner, to_corner)] = _edge(*end)
    return pieces


def _edge(a: int, b: int) -> int:
    return EDGES.index((min(a, b), AXIS_BITS.index(a ^ b)))


def _filled(loop: Sequence[int], ambiguous: Sequence[int]) -> list[tuple[int, int, int]]:
    """Triangles that fill a loop, as even in shape as can be with each crossing halfway along its edge."""
    last = len(loop) - 1
    # The best filling of the part from i to j, closed by the link between them (Klincsek 1980).
    best: dict[tuple[int, int], tuple[float, int]] = {(i, i + 1): (0.0, 0) for i in range(last)}
    for span in range(2, len(loop)):
        for i in range(len(loop) - span):
            j = i + span
            is_forbidden = span < last and _share(loop[i], loop[j], ambiguous)
            price, k = min(
                (best[i, k][0] + best[k, j][0] + _unevenness(loop[i], loop[k], loop[j]), k)
                for k in range(i + 1, j)
            )
            best[i, j] = (price + (_FORBIDDEN if is_forbidden else 0.0), k)
    if best[0, last][0] >= _FORBIDDEN:
        return [(edge, loop[(i + 1) % len(loop)], CENTRE) for i, edge in enumerate(loop)]
    return [(loop[i], loop[k], loop[j]) for i, k, j in _chosen(best, 0, last)]


def _chosen(best: Mapping[tuple[int, int], tuple[float, int]], i: int, j: int) -> list[tuple[int, int, int]]:
    if j - i < 2:
        return []
    k = best[i, j][1]
    return [(i, k, j), *_chosen(best, i, k), *_chosen(best, k, j)]


def _share(a: int, b: int, faces: Sequence[int]) -> bool:
    """Whether two edges lie on one of `faces`; only ambiguous ones have crossings that no piece links."""
    return any(_lies_on(a, face) and _lies_on(b, face) for face in faces)


@functools.cache
def _lies_on(edge: int, face: int) -> bool:
    corner, axis = EDGES[edge]
    return corner in FACES[face] and corner | AXIS_BITS[axis] in FACES[face]


def _midpoint(edge: int) -> Floats:
    corner, axis = EDGES[edge]
    place = np.array([bool(corner & bit) for bit in AXIS_BITS], np.float64)
    place[axis] = 0.5
    return place


@functools.cache
def _unevenness(*edges: int) -> float:
    """Squared sides over area of the triangle between three edges: 1 if it is regular, large for a sliver."""
    a, b, c = (_midpoint(edge) for edge in edges)
    sides = float(((a - b) ** 2).sum() + ((b - c) ** 2).sum() + ((c - a) ** 2).sum())
    twice_area = float(np.linalg.norm(np.cross(b - a, c - a)))
    return sides / (2 * 3**0.5 * max(twice_area, 1e-6))
