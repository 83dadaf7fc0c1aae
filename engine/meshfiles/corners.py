"""Corners that name position, uv and normal apart: each vertex keeps its number, its copies come last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.geometry.rows import bits_of, distinct_rows
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
    traits = np.stack([_equal(tables.uvs)[flat[:, 1]], _equal(tables.normals)[flat[:, 2]]], axis=1)
    used = np.arange(len(tables.places)) if takes_all else np.unique(flat[:, 0])
    numbers, corner_of = split(np.searchsorted(used, flat[:, 0]), traits, len(used))
    source = np.concatenate([used, flat[corner_of[len(used) :], 0]])
    faces = numbers.reshape(-1, 3).astype(np.int32)
    groups = [(names[m] if m != ABSENT else None, faces[materials == m]) for m in _appearing(materials)]
    return Solid(
        name,
        tables.places[source].astype(np.float32),
        groups,
        _gathered(tables.uvs, flat[:, 1], corner_of),
        _gathered(tables.normals, flat[:, 2], corner_of),
        None if tables.colours is None else tables.colours[source],
    )


def split(vertices: Ints, traits: Ints, n_vertices: int) -> tuple[Ints, Ints]:
    """Splits `vertices` (C,), each corner's, until all corners of a vertex have the same `traits` (C, K).

    A vertex keeps its number, below `n_vertices`, for the first traits that its corners have; further ones
    are numbered from there on. Returns the numbers (C,), and for each vertex, old and new, the first corner
    that has it, ABSENT if none.
    """
    firsts, kinds = distinct_rows(np.concatenate([vertices[:, None], traits], axis=1))
    held = vertices[firsts]
    is_further = np.ones(len(firsts), bool)
    is_further[np.unique(held, return_index=True)[1]] = False
    n_further = int(np.count_nonzero(is_further))
    numbers = held.copy()
    numbers[is_further] = n_vertices + np.arange(n_further)
    corner_of = np.full(n_vertices + n_further, ABSENT, np.int64)
    corner_of[numbers] = firsts
    return numbers[kinds], corner_of


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
    firsts, kinds = distinct_rows(bits_of(table))
    return np.append(firsts[kinds], ABSENT)


def _appearing(values: Ints) -> list[int]:
    _, firsts = np.unique(values, return_index=True)
    return [int(values[first]) for first in np.sort(firsts)]
