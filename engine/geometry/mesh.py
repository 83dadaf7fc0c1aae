"""A mesh is two arrays that fit each other; facts about it are computed, never stored beside it.

Frame: right-handed, Y up, the object faces +Z, counter-clockwise faces seen from outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components

from engine.errors import BadInput

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Mesh:
    """`vertices` (N, 3) float32 and `faces` (M, 3) int32 indices into them.

    Raises BadInput if the shapes are wrong, an index is out of range or a coordinate is not finite.
    """

    vertices: Floats
    faces: Ints

    def __post_init__(self) -> None:
        if self.vertices.ndim != 2 or self.vertices.shape[1] != 3:
            raise BadInput(f"Vertices have the shape {self.vertices.shape}, not (N, 3).")
        if self.faces.ndim != 2 or self.faces.shape[1] != 3:
            raise BadInput(f"Faces have the shape {self.faces.shape}, not (M, 3).")
        if len(self.faces) and (self.faces.min() < 0 or self.faces.max() >= len(self.vertices)):
            raise BadInput(
                f"Faces name vertices {self.faces.min()} to {self.faces.max()} of {len(self.vertices)}."
            )
        if not np.isfinite(self.vertices).all():
            bad = int((~np.isfinite(self.vertices)).any(axis=1).sum())
            raise BadInput(f"{bad} of {len(self.vertices)} vertices are not finite numbers.")

    @cached_property
    def corners(self) -> Floats:
        """Positions per corner, (M, 3, 3)."""
        return self.vertices[self.faces]

    @cached_property
    def face_areas_normals(self) -> tuple[Floats, Floats]:
        """Areas (M,) and unit normals (M, 3), zero where a face has no area."""
        a, b, c = (self.corners[:, i] for i in range(3))
        unit = self._unit
        cross = np.cross((b - a) / unit, (c - a) / unit) if unit != 1 else np.cross(b - a, c - a)
        length = np.linalg.norm(cross, axis=1)
        return length / 2 * unit**2, cross / np.maximum(length, 1e-20)[:, None]

    @property
    def _unit(self) -> np.float32:
        """A length in which squares of areas stay within float32: 1 but for very large and small bodies."""
        if not len(self.vertices):
            return np.float32(1)
        low, high = self.bounds
        size = np.float32((high - low).max())
        return np.float32(1) if size == 0 or 1e-3 <= size <= 1e5 else size

    @cached_property
    def vertex_normals(self) -> Floats:
        """Unit normals (N, 3), the area-weighted mean of the faces around each vertex."""
        areas, normals = self.face_areas_normals
        weighted = np.repeat(normals * areas[:, None], 3, axis=0)
        index = self.faces.ravel()
        summed = np.stack(
            [np.bincount(index, weighted[:, i], minlength=len(self.vertices)) for i in range(3)], axis=1
        )
        return np.asarray(summed / np.maximum(np.linalg.norm(summed, axis=1), 1e-20)[:, None], np.float32)

    @cached_property
    def is_closed(self) -> bool:
        """Whether every edge lies in exactly two faces, once in each direction."""
        return topology(self).is_watertight

    @cached_property
    def bounds(self) -> tuple[Floats, Floats]:
        """Lowest and highest corner, each (3,)."""
        return self.vertices.min(axis=0), self.vertices.max(axis=0)


@dataclass(frozen=True)
class Topology:
    """Facts that do not depend on where the vertices are.

    `is_watertight`: every edge lies in exactly two faces, once in each direction, so that the surface is
    closed and its winding consistent. `euler` is V - E + F over the vertices in use: 2 a ball, 0 a ring.
    """

    n_components: int
    euler: int
    is_watertight: bool


def topology(mesh: Mesh) -> Topology:
    """The topology of `mesh`; vertices at the same place but with different indices are different."""
    links = _directed_edges(mesh)
    both = links + links.T
    n_corners = 3 * len(mesh.faces)
    # A closed, consistent surface has each edge once in each direction: as many links as corners, and
    # adding the reverse ones brings no new link.
    is_watertight = n_corners > 0 and links.nnz == both.nnz == n_corners
    n_used = int(np.count_nonzero(np.bincount(mesh.faces.ravel(), minlength=len(mesh.vertices))))
    n_parts = int(connected_components(both, directed=False)[0]) - (len(mesh.vertices) - n_used)
    return Topology(n_parts, n_used - both.nnz // 2 + len(mesh.faces), is_watertight)


def vertex_components(mesh: Mesh) -> NDArray[np.int32]:
    """The number (N,) of the connected part that each vertex belongs to."""
    labels: NDArray[np.int32] = connected_components(_directed_edges(mesh), directed=False)[1]
    return labels


def _directed_edges(mesh: Mesh) -> csr_matrix:
    """How many faces run along each directed edge, as a sparse matrix (N, N)."""
    starts = mesh.faces.ravel()
    ends = mesh.faces[:, [1, 2, 0]].ravel()
    n = len(mesh.vertices)
    return coo_matrix((np.ones(len(starts), np.int32), (starts, ends)), shape=(n, n)).tocsr()


def volume(mesh: Mesh) -> float:
    """Signed volume; positive when a closed surface winds outward (divergence theorem)."""
    return float(face_volumes(mesh).sum())


def face_volumes(mesh: Mesh, origins: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """The signed volume (M,) between each face and the origin, or its own point of `origins` (M, 3)."""
    a, b, c = (mesh.corners[:, i].astype(np.float64) - (0 if origins is None else origins) for i in range(3))
    return np.asarray(np.einsum("ij,ij->i", a, np.cross(b, c)) / 6)


def keep_faces(mesh: Mesh, kept: Bools) -> Mesh:
    """The faces where `kept` (M,) holds, without the vertices that no face uses any more."""
    faces = mesh.faces[kept]
    used, index = np.unique(faces, return_inverse=True)
    return Mesh(mesh.vertices[used], index.reshape(-1, 3).astype(np.int32))
