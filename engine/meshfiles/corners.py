"""Corners that name position, uv and normal apart: each vertex keeps its number, its copies come last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.meshfiles.solids import Solid

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]

ABSENT = -1


@dataclass(frozen=True, eq=False)
class Tables:
    """What corners name: `places` (N, 3) with `colours` (N, 4) uint8, `uvs` (U, 2), `normals` (K, 3)."""

    places: Doubles
    uvs: Doubles
    normals: Doubles
    colours: NDArray[np.uint8] | None


def solid_of(
    name: str, corners: Ints, tables: Tables, materials: Ints, names: Sequence[str], takes_all: bool
) -> Solid:
    """The object with triangles `corners` (M, 3, 3): each corner's vertex, uv and normal.

    `materials` (M,) number the triangles' materials in `names`; `takes_all` keeps vertices without a face.
    """
    flat = corners.reshape(-1, 3)
    # Exporters repeat equal coordinates; what is equal must not split a vertex.
    keys = np.stack([flat[:, 0], _equal(tables.uvs)[flat[:, 1]], _equal(tables.normals)[flat[:, 2]]], axis=1)
    used = np.arange(len(tables.places)) if takes_all else np.unique(flat[:, 0])
    _, firsts, combination = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    firsts, combination = _in_order_of_appearance(firsts, combination.reshape(-1))
    vertex = np.searchsorted(used, flat[firsts, 0])
    # The first combination of a vertex stands in its place, every further one is added at the end.
    _, leading = np.unique(vertex, return_index=True)
    is_leading = np.zeros(len(vertex), bool)
    is_leading[leading] = True
    number = np.empty(len(vertex), np.int64)
    number[is_leading] = vertex[is_leading]
    number[~is_leading] = len(used) + np.arange(np.count_nonzero(~is_leading))
    source = np.concatenate([used, flat[firsts[~is_leading], 0]])
    corner_of = np.full(len(source), ABSENT, np.int64)
    corner_of[number] = firsts
    faces = number[combination].reshape(-1, 3).astype(np.int32)
    groups = [(names[m] if m != ABSENT else None, faces[materials == m]) for m in _appearing(materials)]
    return Solid(
        name,
        tables.places[source].astype(np.float32),
        groups,
        _gathered(tables.uvs, flat[:, 1], corner_of),
        _gathered(tables.normals, flat[:, 2], corner_of),
        None if tables.colours is None else tables.colours[source],
    )


def _gathered(table: Doubles, numbers: Ints, corner_of: Ints) -> NDArray[np.float32] | None:
    """The rows of `table` at each vertex's corner; None if no corner has one, zeros where one has none."""
    if len(table) == 0 or (numbers == ABSENT).all():
        return None
    values = np.zeros((len(corner_of), table.shape[1]), np.float32)
    has = (corner_of != ABSENT) & (numbers[corner_of] != ABSENT)
    values[has] = table[numbers[corner_of[has]]]
    return values


def _equal(table: Doubles) -> Ints:
    """For each row the number of the first row that equals it; one more at the end for "none"."""
    if len(table) == 0:
        return np.array([ABSENT])
    _, firsts, inverse = np.unique(table, axis=0, return_index=True, return_inverse=True)
    return np.append(firsts[inverse.reshape(-1)], ABSENT)


def _in_order_of_appearance(firsts: Ints, inverse: Ints) -> tuple[Ints, Ints]:
    order = np.argsort(firsts, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return firsts[order], rank[inverse]


def _appearing(values: Ints) -> list[int]:
    _, firsts = np.unique(values, return_index=True)
    return [int(values[first]) for first in np.sort(firsts)]
