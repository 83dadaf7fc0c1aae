"""Fewer faces, the same outline; the topology that was there is checked afterwards, and nothing is torn.

Collapsing edges by quadrics (Garland and Heckbert, 1997) knows nothing of topology and now and then pinches a
thin part. Where it does, parts are reduced in ever smaller groups, so that one which would tear does not keep
the others from their target. The work is bounded by counts, not by a clock: the same mesh gives the same
one.
"""

from __future__ import annotations

from collections.abc import Sequence

import fast_simplification
import numpy as np
from numpy.typing import NDArray

from engine.geometry.clean import Cleaned, nudge_flat_faces
from engine.geometry.mending.intake import face_triples
from engine.geometry.mending.repair import repair
from engine.geometry.mesh import Mesh, keep_faces, topology, vertex_components

# fast-simplification holds the interpreter, 1 us a face: above this a first pass makes the mesh smaller.
_MOST_FACES = 2_000_000
_THINNED_FACES = 1_500_000
# All tries together may cost as much as collapsing so many times the faces, and a little for each try.
_MOST_WORK, _WORK_A_TRY, _LEAST_WORK = 25, 3_000, 3_000_000
# A tetrahedron has no fewer.
_FEWEST = 4


def decimate(mesh: Mesh, n_faces: int) -> Cleaned:
    """Reduces `mesh` to about `n_faces`; a note says if more had to stay so that nothing is torn."""
    if len(mesh.faces) <= n_faces:
        return Cleaned(mesh, ())
    thinned = thin_out(mesh)
    mesh, notes = thinned.mesh, thinned.notes
    if len(mesh.faces) <= n_faces:
        return thinned
    leap = _collapse(mesh, n_faces, 1.0, 3)
    if len(leap.faces) <= 1.02 * n_faces and _is_same_shape(mesh, leap):
        return Cleaned(leap, notes)
    work = _Work(_MOST_WORK * len(mesh.faces) + _LEAST_WORK)
    for times in (2, 4, 8):  # as far as all can go together
        made_together = _attempt(mesh, times * n_faces, ((1.0, 3),), work)
        if made_together is not None:
            mesh = made_together
            break
    parts = _parts(mesh)
    areas = np.array([float(part.face_areas_normals[0].sum()) for part in parts])
    goals = np.maximum(np.round(n_faces * areas / areas.sum()), _FEWEST).astype(int)
    made = _joined(_reduce_parts(parts, goals, work))
    if len(made.faces) > 1.02 * n_faces:
        notes += (f"Kept {len(made.faces)} faces instead of {n_faces}: fewer would have torn thin parts.",)
    return Cleaned(made, notes)


class _Work:
    """What may still be spent on tries, in faces."""

    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self, mesh: Mesh) -> bool:
        """Takes the price of a try with `mesh`; False if it is not there."""
        self.left -= len(mesh.faces) + _WORK_A_TRY
        return self.left >= 0


def _parts(mesh: Mesh) -> list[Mesh]:
    """The connected parts."""
    labels = vertex_components(mesh)[mesh.faces[:, 0]]
    order = np.argsort(labels, kind="stable")
    cuts = np.flatnonzero(np.diff(labels[order])) + 1
    parts = []
    for numbers in np.split(order, cuts):
        used, index = np.unique(mesh.faces[numbers], return_inverse=True)
        parts.append(Mesh(mesh.vertices[used], index.reshape(-1, 3).astype(np.int32)))
    return parts


def _joined(parts: Sequence[Mesh]) -> Mesh:
    firsts = np.cumsum([0, *(len(part.vertices) for part in parts[:-1])])
    faces = [part.faces + np.int32(first) for part, first in zip(parts, firsts, strict=True)]
    return Mesh(np.concatenate([part.vertices for part in parts]), np.concatenate(faces))


def _reduce_parts(parts: list[Mesh], goals: NDArray[np.int_], work: _Work) -> list[Mesh]:
    """`parts` with about `goals` faces each, together where that keeps their topology, else apart."""
    large = np.array([len(part.faces) > max(goal, _FEWEST) for part, goal in zip(parts, goals, strict=True)])
    small = [part for part, is_large in zip(parts, large, strict=True) if not is_large]
    todo = [(np.flatnonzero(large), True)]
    made = []
    while todo:
        numbers, is_first = todo.pop()
        if len(numbers) < 2:
            made += [_reduce(parts[number], int(goals[number]), work) for number in numbers]
            continue
        some = [parts[number] for number in numbers]
        if work.left <= 0:
            made += some
            continue
        if not is_first or small:
            n_faces = int(goals[numbers].sum())
            whole = _attempt(_joined(some), n_faces, ((1.0, 3), (0.1, 3)), work)
            if whole is not None and len(whole.faces) <= 1.02 * n_faces:
                made.append(whole)
                continue
        half = len(numbers) // 2
        todo += [(numbers[half:], False), (numbers[:half], False)]
    return made + small


def _reduce(part: Mesh, n_faces: int, work: _Work) -> Mesh:
    """`part` with as few faces above `n_faces` as its topology allows, in leaps that shrink on failure."""
    if len(part.faces) > 4 * n_faces:  # most of the way once, so that later tries are cheap
        part = _attempt(part, 3 * n_faces, ((1.0, 3), (1.0, 5)), work) or part
    share = 0.0
    while len(part.faces) > n_faces and share < 0.97 and work.left > 0:
        target = max(n_faces, round(share * len(part.faces)))
        # fast-simplification's threshold is absolute: a careful pass (3) wants coordinates in [-1, 1], a low
        # target needs them smaller still. The aggressive pass (7) is the last resort: twice the error.
        made = _attempt(part, target, ((1.0, 3), (0.1, 3), (1.0, 5), (1.0, 7)), work)
        if made is None:
            share = (1 + share) / 2
        else:
            part = made
    return part


def _attempt(part: Mesh, n_faces: int, ways: tuple[tuple[float, int], ...], work: _Work) -> Mesh | None:
    """`part` with fewer faces, by the first of `ways` (scale, aggressiveness) that keeps its shape."""
    if n_faces >= len(part.faces):
        return None
    for scale, aggressiveness in ways:
        if not work.spend(part):
            return None
        made = _collapse(part, n_faces, scale, aggressiveness)
        if len(made.faces) < len(part.faces) and _is_same_shape(part, made):
            return made
    return None


def _is_same_shape(before: Mesh, after: Mesh) -> bool:
    """Whether the topology is the same and no part is pressed flat: two faces back to back are closed too."""
    if not len(after.faces):
        return False
    n_once = int(face_triples(after)[0].max()) + 1
    return n_once == len(after.faces) and topology(after) == topology(before)


def _collapse(mesh: Mesh, n_faces: int, scale: float, aggressiveness: int) -> Mesh:
    """One pass of fast-simplification on `mesh` brought into [-scale, scale]."""
    low, high = mesh.bounds
    centre, size = (low + high) / 2, float((high - low).max()) / 2 / scale
    points, faces = fast_simplification.simplify(
        ((mesh.vertices - centre) / np.float32(size)).astype(np.float32),
        mesh.faces,
        target_count=n_faces,
        agg=aggressiveness,
    )
    return nudge_flat_faces(Mesh((points * size + centre).astype(np.float32), faces.astype(np.int32)))


def thin_out(mesh: Mesh, most_faces: int = _MOST_FACES, n_faces: int = _THINNED_FACES) -> Cleaned:
    """`mesh` as it is up to `most_faces`, else with about `n_faces`, its vertices merged within small cubes.

    Rossignac and Borrel, "Multi-resolution 3D approximations" (1993). Faces that come to lie back to back
    cancel each other, so that a closed surface stays closed; what is thinner than a cube goes, and a note
    says so.
    """
    if len(mesh.faces) <= most_faces:
        return Cleaned(mesh, ())
    was_closed = topology(mesh).is_watertight
    low, high = mesh.bounds
    # A surface meets about 1.2 cubes for each cube's face of its area, and gets two faces for each.
    cell = float(np.sqrt(2.4 * float(mesh.face_areas_normals[0].sum(dtype=np.float64)) / n_faces))
    steps = np.floor((mesh.vertices - low) / np.float32(cell)).astype(np.int64)
    counts = steps.max(axis=0) + 1
    keys = (steps[:, 0] * counts[1] + steps[:, 1]) * counts[2] + steps[:, 2]
    _, cube = np.unique(keys, return_inverse=True)
    sizes = np.bincount(cube)
    points = np.stack([np.bincount(cube, mesh.vertices[:, i]) / sizes for i in range(3)], axis=1)
    faces = cube[mesh.faces].astype(np.int32)
    a, b, c = faces.T
    merged = Mesh(points.astype(np.float32), faces[(a != b) & (b != c) & (c != a)])
    triples, turns = face_triples(merged)
    _, firsts = np.unique(triples, return_index=True)
    kept = np.zeros(len(triples), bool)
    kept[firsts] = True
    thinned = keep_faces(merged, kept & (np.bincount(triples, turns) != 0)[triples])
    share = cell / float((high - low).max())
    note = f"Merged what is finer than {share:.2%} of the size: {len(mesh.faces)} faces are too many."
    return Cleaned(repair(thinned).mesh if was_closed else thinned, (note,))
