"""Faces that meet along an edge run against each other, and a closed surface looks outward.

What has only one side, as a Moebius strip has, cannot be wound: it is wound as far as it goes, and where the
ends meet its faces still run the same way, so that it will be cut there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import breadth_first_order

from engine.geometry.mending.edges import edges_of, face_parts, group, mates_of
from engine.geometry.mesh import Mesh, face_volumes

Bools = NDArray[np.bool_]
Indices = NDArray[np.int64]

# Looking whether a part lies inside another costs a pass over its faces (0.2 s for a million).
_MOST_CAVITIES = 32


def wind(mesh: Mesh) -> tuple[Mesh, int]:
    """`mesh` with faces turned, as few as will do, and the number of parts that have only one side.

    Faces are compared across edges of exactly two faces; it is not looked at which way is outward.
    """
    edges = edges_of(mesh)
    one, other = edges.pairs
    is_odd = ~edges.runs_against(one, other)
    if not is_odd.any():
        return mesh, 0
    one, other, n = one // 3, other // 3, len(mesh.faces)
    # Each face is there twice, as it is (f) and turned (n + f); what fits together hangs together. A part
    # with one side only fits together with its own reverse.
    plain, turned = np.where(is_odd, other + n, other), np.where(is_odd, other, other + n)
    _, labels = group(np.concatenate([one, one + n]), np.concatenate([plain, turned]), 2 * n)
    upright, reverse = labels[:n], labels[n:]
    n_turned = np.bincount(reverse, minlength=2 * n)  # in the part with this label, so many would be turned
    is_one_sided = upright == reverse
    more, less = n_turned[upright], n_turned[reverse]
    turn = (more > less) | ((more == less) & (upright > reverse))
    if is_one_sided.any():
        turn[is_one_sided] = _along_trees(one, other, is_odd, n, is_one_sided)[is_one_sided]
    n_one_sided = len(np.unique(upright[is_one_sided]))
    return turned_over(mesh, np.asarray(turn)), n_one_sided


def _along_trees(one: Indices, other: Indices, is_odd: Bools, n: int, wanted: Bools) -> Bools:
    """Which faces to turn so that in parts that are `wanted` faces fit along a tree that spans each part."""
    within = wanted[one]
    one, other, is_odd = one[within], other[within], is_odd[within]
    _, labels = group(one, other, n)
    roots = np.unique(labels, return_index=True)[1]
    roots = roots[wanted[roots]]
    # One more node joins all roots, so that one search finds all trees.
    starts = np.concatenate([one, np.full(len(roots), n)])
    ends = np.concatenate([other, roots])
    values = np.concatenate([np.where(is_odd, 2, 1), np.ones(len(roots), int)])
    graph = coo_matrix((values, (starts, ends)), shape=(n + 1, n + 1)).tocsr()
    graph = graph.maximum(graph.T)
    order, parents = breadth_first_order(graph, n, directed=False)
    above = np.arange(n + 1)
    above[order[1:]] = parents[order[1:]]
    turn = np.zeros(n + 1, bool)
    turn[order[1:]] = np.asarray(graph[above[order[1:]], order[1:]]).ravel() == 2
    while (above != above[above]).any():
        turn ^= turn[above] & (above != above[above])
        above = above[above]
    return turn[:n]


def turned_over(mesh: Mesh, turn: Bools) -> Mesh:
    """`mesh` with the faces turned over where `turn` (M,) holds."""
    if not turn.any():
        return mesh
    faces = mesh.faces.copy()
    faces[turn] = faces[turn][:, ::-1]
    return Mesh(mesh.vertices, faces)


def own_volumes(mesh: Mesh, labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """The signed volume of each part of faces, `labels` (M,), about the middle of its own corners."""
    counts = np.bincount(labels)
    middles = (
        np.stack(
            [np.bincount(labels, mesh.corners[..., i].mean(axis=1, dtype=np.float64)) for i in range(3)],
            axis=1,
        )
        / np.maximum(counts, 1)[:, None]
    )
    return np.asarray(np.bincount(labels, face_volumes(mesh, middles[labels])), np.float64)


def outward(mesh: Mesh) -> Mesh:
    """`mesh` with closed parts that are inside out turned over, but for the walls of cavities in others.

    A part that looks inward bounds a cavity if a corner of it lies inside a larger part. Only the largest
    that may be cavities are looked into; smaller ones stay as they are.
    """
    mates = mates_of(mesh)
    n_parts, labels = face_parts(mates)
    is_open = np.bincount(labels, (mates < 0).reshape(-1, 3).any(axis=1), minlength=n_parts) > 0
    volumes = own_volumes(mesh, labels)
    if not (~is_open & (volumes < 0)).any():
        return mesh
    turn = np.zeros(n_parts, bool)
    if volumes[~is_open].sum() < 0:  # inside out as a whole, its cavities too
        turn[~is_open] = True
    suspects = np.flatnonzero(~is_open & (np.where(turn, -volumes, volumes) < 0))
    low, high = _boxes(mesh, labels, n_parts)
    sizes = np.linalg.norm(high - low, axis=1)
    firsts = np.unique(labels, return_index=True)[1]
    n_looked_into = 0
    for number in suspects[np.argsort(-sizes[suspects], kind="stable")]:
        around = (low < low[number]).all(axis=1) & (high > high[number]).all(axis=1) & ~is_open
        holders = np.flatnonzero(around)
        if not len(holders):
            turn[number] ^= True
            continue
        if n_looked_into == _MOST_CAVITIES:
            continue
        n_looked_into += 1
        is_holder = np.zeros(n_parts, bool)
        is_holder[holders] = True
        held = is_holder[labels]
        signs = np.where(turn[labels[held]], -1, 1)
        point = mesh.corners[firsts[number]].mean(axis=0, dtype=np.float64)
        n_around = float((signs * solid_angles(mesh, held, point)).sum()) / (4 * np.pi)
        turn[number] ^= n_around < 0.5
    return turned_over(mesh, turn[labels])


def _boxes(
    mesh: Mesh, labels: NDArray[np.integer], n_parts: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    low, high = np.full((n_parts, 3), np.inf), np.full((n_parts, 3), -np.inf)
    np.minimum.at(low, labels, mesh.corners.min(axis=1))
    np.maximum.at(high, labels, mesh.corners.max(axis=1))
    return low, high


def solid_angles(mesh: Mesh, faces: Bools, point: NDArray[np.float64]) -> NDArray[np.float64]:
    """The signed solid angle of each of `faces` (M,) seen from `point`; Van Oosterom and Strackee (1983)."""
    a, b, c = (mesh.corners[faces, i].astype(np.float64) - point for i in range(3))
    la, lb, lc = (np.linalg.norm(side, axis=1) for side in (a, b, c))
    along = np.einsum("ij,ij->i", a, np.cross(b, c))
    across = la * lb * lc + np.einsum("ij,ij->i", a, b) * lc
    across += np.einsum("ij,ij->i", b, c) * la + np.einsum("ij,ij->i", c, a) * lb
    return np.asarray(2 * np.arctan2(along, across))
