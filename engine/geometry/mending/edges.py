"""Faces meet along edges; every face has three halves of edges, and what joins two faces are two halves.

Half h = 3 f + i belongs to face f and runs from its corner i to its next corner; corner 3 f + i is where it
starts. An edge of a clean surface has exactly two halves that run against each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components

from engine.geometry.mesh import Mesh

Ints = NDArray[np.int32]
Indices = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Edges:
    """All halves (3M,) of a mesh, put together by the edge that they lie on, whichever way they run.

    The halves of edge e are `order[firsts[e] : firsts[e] + counts[e]]`, in the order of their numbers.
    """

    starts: Ints
    ends: Ints
    order: Indices
    firsts: Indices
    counts: Indices

    @property
    def pairs(self) -> tuple[Indices, Indices]:
        """The two halves of every edge that has exactly two."""
        firsts = self.firsts[self.counts == 2]
        return self.order[firsts], self.order[firsts + 1]

    def runs_against(self, one: Indices, other: Indices) -> Bools:
        """Whether halves of one edge run in opposite directions."""
        return np.asarray(self.starts[one] == self.ends[other])


def edges_of(mesh: Mesh) -> Edges:
    """The edges of `mesh`."""
    starts, ends = mesh.faces.ravel(), mesh.faces[:, [1, 2, 0]].ravel()
    keys = edge_keys(starts, ends, len(mesh.vertices))
    order = np.argsort(keys, kind="stable")
    in_order = keys[order]
    firsts = np.flatnonzero(np.concatenate([[True], in_order[1:] != in_order[:-1]])[: len(keys)])
    return Edges(starts, ends, order, firsts, np.diff(firsts, append=len(keys)))


def edge_keys(starts: NDArray[np.integer], ends: NDArray[np.integer], n_vertices: int) -> Indices:
    """A number for each edge that does not depend on its direction."""
    low, high = np.minimum(starts, ends), np.maximum(starts, ends)
    return np.asarray(low.astype(np.int64) * n_vertices + high, np.int64)


def next_corners(halves: Indices) -> Indices:
    """The corner in the same face at which each half ends."""
    return np.asarray(np.where(halves % 3 == 2, halves - 2, halves + 1))


def linked(one: NDArray[np.integer], other: NDArray[np.integer], n: int) -> csr_matrix:
    """The graph (n, n) in which node one[i] is joined to node other[i]."""
    return coo_matrix((np.ones(len(one), np.int8), (one, other)), shape=(n, n)).tocsr()


def group(one: NDArray[np.integer], other: NDArray[np.integer], n: int) -> tuple[int, Ints]:
    """The number of connected parts of n nodes and the part (n,) of each; one[i] and other[i] are joined."""
    n_parts, labels = connected_components(linked(one, other, n), directed=False)
    return int(n_parts), labels


def fans(mates: Indices) -> tuple[int, Ints]:
    """The fan (3M,) that each corner lies in: faces around a vertex that hang together at joined edges.

    `mates` (3M,) is the half that each half is joined to, or -1. Returns the number of fans too.
    """
    corners = np.arange(len(mates))
    turned = np.where(mates >= 0, next_corners(mates), corners)
    ahead = csr_matrix(
        (np.ones(len(mates), np.int8), turned, np.arange(len(mates) + 1)), shape=(len(mates),) * 2
    )
    n_fans, labels = connected_components(ahead, directed=True, connection="weak")
    return int(n_fans), labels


def face_parts(mates: Indices) -> tuple[int, Ints]:
    """The number of parts and the part (M,) of each face, faces joined where their halves are."""
    halves = np.flatnonzero(mates >= 0)
    return group(halves // 3, mates[halves] // 3, len(mates) // 3)


def mates_of(mesh: Mesh) -> Indices:
    """The half that each half (3M,) is joined to, where exactly two run against each other; -1 elsewhere."""
    edges = edges_of(mesh)
    one, other = edges.pairs
    joined = edges.runs_against(one, other)
    mates = np.full(len(edges.starts), -1, np.int64)
    mates[one[joined]], mates[other[joined]] = other[joined], one[joined]
    return mates
