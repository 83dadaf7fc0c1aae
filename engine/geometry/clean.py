"""Clean-up changes how a surface is written down, not what it is: closed stays closed, a hole stays a hole.

Every step that could break that is checked afterwards against the topology it began with, and the caller is
told in words when a target could not be met.
"""

from __future__ import annotations

from dataclasses import dataclass

import fast_simplification
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix

from engine.geometry.mesh import Mesh, keep_faces, topology, vertex_components

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Cleaned:
    """The mesh and what there is to say of it."""

    mesh: Mesh
    notes: tuple[str, ...]


def drop_floaters(mesh: Mesh, smallest_share: float) -> tuple[Mesh, int]:
    """Drops connected parts whose box diagonal is below `smallest_share` of the largest part's.

    Returns the mesh and the number of parts dropped.
    """
    labels = vertex_components(mesh)
    n_parts = int(labels.max()) + 1
    low = np.full((n_parts, 3), np.inf)
    high = np.full((n_parts, 3), -np.inf)
    np.minimum.at(low, labels, mesh.vertices)
    np.maximum.at(high, labels, mesh.vertices)
    diagonals = np.linalg.norm(high - low, axis=1)
    kept = diagonals >= smallest_share * diagonals.max()
    if kept.all():
        return mesh, 0
    return keep_faces(mesh, kept[labels[mesh.faces[:, 0]]]), int((~kept).sum())


def smooth(mesh: Mesh, n_rounds: int, *, pass_band: float = 0.1) -> Mesh:
    """Smooths without shrinking: Taubin's lambda/mu pairs, "A signal processing approach" (1995).

    `pass_band` is the frequency k in (0, 2) that is kept unchanged: 1/lambda + 1/mu = k, lambda = 0.5.
    """
    shrink = 0.5
    grow = 1 / (pass_band - 1 / shrink)
    average = _averaging(mesh)
    points = mesh.vertices.astype(np.float32)
    for _ in range(n_rounds):
        for factor in (shrink, grow):
            points = points + np.float32(factor) * (average @ points - points)
    return Mesh(points.astype(np.float32), mesh.faces)


def decimate(mesh: Mesh, n_faces: int) -> Cleaned:
    """Reduces `mesh` to about `n_faces` by quadric edge collapse (Garland and Heckbert, 1997).

    Collapsing knows nothing of topology and now and then pinches a thin part. If it does, each connected part
    is reduced on its own, by its share of the area, in smaller leaps where one leap would tear it; a part
    stops where no leap keeps its topology, and a note says so if the whole ends above the target.
    """
    if len(mesh.faces) <= n_faces:
        return Cleaned(mesh, ())
    leap = _collapse(mesh, n_faces, 1.0, 3)
    if len(leap.faces) <= 1.02 * n_faces and _is_same_shape(mesh, leap):
        return Cleaned(leap, ())
    part_of_face = vertex_components(mesh)[mesh.faces[:, 0]]
    areas = np.bincount(part_of_face, mesh.face_areas_normals[0])
    goals = np.maximum(np.round(n_faces * areas / areas.sum()), 4).astype(int)
    numbers = np.unique(part_of_face)
    parts = [_reduce(keep_faces(mesh, part_of_face == number), int(goals[number])) for number in numbers]
    firsts = np.cumsum([0, *(len(part.vertices) for part in parts[:-1])])
    faces = [part.faces + np.int32(first) for part, first in zip(parts, firsts, strict=True)]
    made = Mesh(np.concatenate([part.vertices for part in parts]), np.concatenate(faces))
    if len(made.faces) <= 1.02 * n_faces:
        return Cleaned(made, ())
    note = f"Kept {len(made.faces)} faces instead of {n_faces}: fewer would have torn thin parts."
    return Cleaned(made, (note,))


def _reduce(part: Mesh, n_faces: int) -> Mesh:
    """`part` with as few faces above `n_faces` as its topology allows, in leaps that shrink on failure."""
    if len(part.faces) > 4 * n_faces:  # most of the way once, so that later tries are cheap
        part = _attempt(part, 3 * n_faces, ((1.0, 3), (1.0, 5))) or part
    share = 0.0
    while len(part.faces) > n_faces and share < 0.97:
        target = max(n_faces, round(share * len(part.faces)))
        # fast-simplification's threshold is absolute: a careful pass (3) wants coordinates in [-1, 1], a low
        # target needs them smaller still. The aggressive pass (7) is the last resort: twice the error.
        made = _attempt(part, target, ((1.0, 3), (0.1, 3), (1.0, 5), (1.0, 7)))
        if made is None:
            share = (1 + share) / 2
        else:
            part = made
    return part


def _attempt(part: Mesh, n_faces: int, ways: tuple[tuple[float, int], ...]) -> Mesh | None:
    """`part` with fewer faces, by the first of `ways` (scale, aggressiveness) that keeps its shape."""
    if n_faces >= len(part.faces):
        return None
    for scale, aggressiveness in ways:
        made = _collapse(part, n_faces, scale, aggressiveness)
        if len(made.faces) < len(part.faces) and _is_same_shape(part, made):
            return made
    return None


def _is_same_shape(before: Mesh, after: Mesh) -> bool:
    """Whether the topology is the same and no part is pressed flat: two faces back to back are closed too."""
    sides = np.unique(np.sort(after.faces, axis=1), axis=0)
    return len(sides) == len(after.faces) and topology(after) == topology(before)


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
    return _without_degenerate(Mesh((points * size + centre).astype(np.float32), faces.astype(np.int32)))


def has_degenerate_faces(mesh: Mesh) -> bool:
    """Whether a face names a vertex twice or has no area to speak of."""
    return bool(_degenerate(mesh).any())


def _degenerate(mesh: Mesh) -> NDArray[np.bool_]:
    a, b, c = mesh.faces.T
    repeated = (a == b) | (b == c) | (c == a)
    areas, _ = mesh.face_areas_normals
    low, high = mesh.bounds
    return np.asarray(repeated | (areas <= 1e-12 * float((high - low).max()) ** 2))


def _without_degenerate(mesh: Mesh) -> Mesh:
    """Moves the middle vertex of flat faces off their long edge's line instead of tearing them out.

    A face without area in a closed surface cannot simply go: its neighbours would gape. Its vertices are
    drawn a little towards the mean of their neighbours, which gives it area.
    """
    for _ in range(5):
        flat = _degenerate(mesh)
        if not flat.any():
            break
        touched = np.unique(mesh.faces[flat])
        points = mesh.vertices.copy()
        means = (_averaging(mesh) @ mesh.vertices).astype(np.float32)
        points[touched] += np.float32(0.25) * (means[touched] - points[touched])
        mesh = Mesh(points, mesh.faces)
    return mesh


def _averaging(mesh: Mesh) -> csr_matrix:
    """The sparse matrix (N, N) that takes each vertex to the mean of its neighbours."""
    n = len(mesh.vertices)
    starts = mesh.faces[:, [0, 1, 2, 1, 2, 0]].ravel()
    ends = mesh.faces[:, [1, 2, 0, 0, 1, 2]].ravel()
    links = coo_matrix((np.ones(len(starts), np.float32), (starts, ends)), shape=(n, n)).tocsr()
    links.data[:] = 1  # an edge counts once, however many faces share it
    counts = np.maximum(np.asarray(links.sum(axis=1)).ravel(), 1)
    links.data /= np.repeat(counts, np.diff(links.indptr)).astype(np.float32)
    return links
