"""Repair makes a surface one that a body can have: each edge between two faces, each vertex within one fan.

What is in order is not touched, bit for bit; what was closed is not torn. The order is fixed: faces are wound
alike, bodies that touch are parted, sheets that are in the way are dropped, holes are filled, what is closed
looks outward. What cannot be mended this way is left as it is, and said.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.geometry.clean import Cleaned
from engine.geometry.mending.edges import face_parts, fans, mates_of
from engine.geometry.mending.holes import Filling, fill_holes
from engine.geometry.mending.joints import join, split_edges, split_vertices
from engine.geometry.mending.winding import outward, wind
from engine.geometry.mesh import Mesh, keep_faces, vertex_components

Indices = NDArray[np.int64]
Bools = NDArray[np.bool_]

# A sheet that is left over where more than two faces meet goes if it is below this share of the whole area.
_LARGEST_SHEET = 0.3
# Sheets that enclose nothing are scraps beside a body if all of them are below this share of the whole area;
# above it they may be what the artist wants: leaves, cloth.
_MOST_SCRAPS = 0.05
# Edges that join the same two vertices are split one a face at a time; random soups took up to six rounds.
_MOST_ROUNDS = 12


def is_sound(mesh: Mesh) -> bool:
    """Whether every edge lies in two faces that run against each other and every vertex in one fan."""
    mates = mates_of(mesh)
    if not len(mates) or (mates < 0).any():
        return False
    return fans(mates)[0] == int(np.count_nonzero(np.bincount(mesh.faces.ravel())))


def repair(mesh: Mesh, how: Filling | None = None) -> Cleaned:
    """`mesh` as a sound surface with its holes filled as `how` says (by default all).

    Give it what `take_in` made. The notes tell what was changed that can be seen, and what could not be
    mended.
    """
    if is_sound(mesh):
        made = outward(mesh)
        return Cleaned(made, () if made is mesh else ("Turned parts of the surface that were inside out.",))
    mesh, n_one_sided = wind(mesh)
    notes = []
    if n_one_sided:
        notes.append("A part of the surface has only one side, as a Moebius strip has: it was cut open.")
    mesh, n_dropped = _parted(mesh)
    if n_dropped:
        notes.append(
            "Dropped a face that hung on the surface."
            if n_dropped == 1
            else f"Dropped inner walls and hanging sheets of {n_dropped} faces."
        )
    filled = fill_holes(mesh, how or Filling())
    if filled.n_filled:
        notes.append("Filled one hole." if filled.n_filled == 1 else f"Filled {filled.n_filled} holes.")
    made = filled.mesh
    if filled.is_sheet.any():
        made, note = _without_scraps(made, filled.is_sheet)
        notes.append(note)
    return Cleaned(outward(made), tuple(notes))


def _without_scraps(mesh: Mesh, is_sheet: Bools) -> tuple[Mesh, str]:
    """`mesh` without open sheets where they are a small part of it, and what there is to say of them."""
    labels = vertex_components(mesh)[mesh.faces[:, 0]]
    n_sheets = len(np.unique(labels[is_sheet]))
    areas, _ = mesh.face_areas_normals
    if areas[is_sheet].sum() < _MOST_SCRAPS * areas.sum():
        return keep_faces(mesh, ~is_sheet), (
            "Dropped a scrap of surface that encloses nothing."
            if n_sheets == 1
            else f"Dropped {n_sheets} scraps of surface that enclose nothing."
        )
    return mesh, (
        "Left an open sheet as it is: it encloses nothing."
        if n_sheets == 1
        else f"Left {n_sheets} open sheets as they are: they enclose nothing."
    )


def _parted(mesh: Mesh) -> tuple[Mesh, int]:
    """`mesh` with at most two faces at an edge and one fan at a vertex, and the number of faces dropped."""
    n_dropped = 0
    for number in range(_MOST_ROUNDS):
        mesh, mates, left_out = join(mesh)
        if number == 0 and left_out.any():
            loose = _loose(mesh, mates, left_out)
            if loose.any() and not loose.all():
                n_dropped = int(loose.sum())
                mesh, mates, left_out = join(keep_faces(mesh, ~loose))
        mesh = split_vertices(mesh, mates)
        split = split_edges(mesh, mates)
        if split is None:
            break
        mesh = split
    return mesh, n_dropped


def _loose(mesh: Mesh, mates: Indices, left_out: Bools) -> Bools:
    """Which faces (M,) lie on open parts that were left out somewhere and are small."""
    n_parts, labels = face_parts(mates)
    areas = np.bincount(labels, mesh.face_areas_normals[0])
    was_left = np.bincount(labels[np.flatnonzero(left_out) // 3], minlength=n_parts) > 0
    return np.asarray((was_left & (areas < _LARGEST_SHEET * areas.sum()))[labels])
