"""Clean-up changes how a surface is written down, not what it is: closed stays closed, a hole stays a hole.

Every step that could break that is checked afterwards against the topology it began with, and the caller is
told in words when a target could not be met.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix

from engine.geometry.mesh import Mesh, keep_faces, vertex_components

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


def has_degenerate_faces(mesh: Mesh) -> bool:
    """Whether a face names a vertex twice or has no area to speak of."""
    return bool(flat_faces(mesh).any())


def flat_faces(mesh: Mesh) -> NDArray[np.bool_]:
    """Which faces (M,) name a vertex twice or have no area to speak of."""
    a, b, c = mesh.faces.T
    repeated = (a == b) | (b == c) | (c == a)
    areas, _ = mesh.face_areas_normals
    low, high = mesh.bounds
    return np.asarray(repeated | (areas <= 1e-12 * float((high - low).max()) ** 2))


def nudge_flat_faces(mesh: Mesh) -> Mesh:
    """Moves the middle vertex of flat faces off their long edge's line instead of tearing them out.

    A face without area in a closed surface cannot simply go: its neighbours would gape. Its vertices are
    drawn a little towards the mean of their neighbours, which gives it area.
    """
    for _ in range(5):
        flat = flat_faces(mesh)
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
