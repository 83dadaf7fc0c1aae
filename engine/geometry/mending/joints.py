"""Where more than two faces meet at an edge it is decided which belong together: it becomes several edges.

Around such an edge faces are put in order by their angle, and those two are joined that have a solid wedge
between them: bodies that only touch come apart, and what was closed stays closed. A face too many is left
out: a sheet that hangs on the surface or divides its inside.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.geometry.mending.edges import Edges, edges_of, fans, group, next_corners
from engine.geometry.mending.winding import own_volumes, turned_over
from engine.geometry.mesh import Mesh

Indices = NDArray[np.int64]
Bools = NDArray[np.bool_]


def join(mesh: Mesh) -> tuple[Mesh, Indices, Bools]:
    """`mesh`, the half (3M,) that each half is joined to, -1 for none, and which halves were left out.

    Sheets between such edges are turned over where that makes the sides of an edge come out even.
    """
    edges = edges_of(mesh)
    one, other = edges.pairs
    against = edges.runs_against(one, other)
    one, other = one[against], other[against]
    mates = np.full(len(edges.starts), -1, np.int64)
    mates[one], mates[other] = other, one
    left_out = np.zeros(len(mates), bool)
    numbers = np.flatnonzero(edges.counts > 2)
    if not len(numbers):
        return mesh, mates, left_out
    _, sheets = group(one // 3, other // 3, len(mesh.faces))
    crowd = _crowd(edges, numbers)
    turn = _uneven_and_inside_out(mesh, edges, crowd, sheets)
    if turn.any():
        return join(turned_over(mesh, turn[sheets]))
    halves, place = crowd
    ranks = _ranks(mesh, edges, sheets)[sheets[halves // 3]]
    extra = _extra(_signs(edges, halves), place, ranks)
    left_out[halves[extra]] = True
    halves, place = halves[~extra], place[~extra]
    one, other = _wedges(_signs(edges, halves), place, _angles(mesh, edges, halves))
    mates[halves[one]], mates[halves[other]] = halves[other], halves[one]
    return mesh, mates, left_out


def _crowd(edges: Edges, numbers: Indices) -> tuple[Indices, Indices]:
    """The halves on the edges `numbers`, and for each of them the place of its edge among `numbers`."""
    counts = edges.counts[numbers]
    place = np.repeat(np.arange(len(numbers)), counts)
    within = np.arange(len(place)) - np.repeat(np.cumsum(counts) - counts, counts)
    return edges.order[edges.firsts[numbers][place] + within], place


def _signs(edges: Edges, halves: Indices) -> Indices:
    """+1 for halves that run from the lower vertex to the higher, -1 for the others."""
    return np.where(edges.starts[halves] < edges.ends[halves], 1, -1)


def _uneven_and_inside_out(
    mesh: Mesh, edges: Edges, crowd: tuple[Indices, Indices], sheets: NDArray[np.int32]
) -> Bools:
    """Which sheets look inward, by their own volume, and touch an edge whose sides do not come out even."""
    halves, place = crowd
    excess = np.abs(np.bincount(place, _signs(edges, halves)))
    uneven = excess > np.bincount(place) % 2
    n_sheets = int(sheets.max()) + 1
    touches = np.zeros(n_sheets, bool)
    touches[sheets[halves[uneven[place]] // 3]] = True
    if not touches.any():
        return touches
    volumes, areas = own_volumes(mesh, sheets), np.bincount(sheets, mesh.face_areas_normals[0])
    return np.asarray(touches & (volumes < -1e-3 * areas**1.5))


def _ranks(mesh: Mesh, edges: Edges, sheets: NDArray[np.int32]) -> Indices:
    """The place of each sheet when those that end in the open come first, small ones before large ones."""
    ends = edges.order[edges.firsts[edges.counts == 1]] // 3
    is_whole = np.bincount(sheets[ends], minlength=int(sheets.max()) + 1) == 0
    areas = np.bincount(sheets, mesh.face_areas_normals[0])
    ranks = np.empty(len(areas), np.int64)
    ranks[np.lexsort((areas, is_whole))] = np.arange(len(areas))
    return ranks


def _extra(signs: Indices, place: Indices, ranks: Indices) -> Bools:
    """Which halves to leave out so that on each edge as many run one way as the other: the lowest in rank."""
    excess = np.bincount(place, signs).astype(np.int64)
    candidates = np.flatnonzero(signs == np.sign(excess)[place])
    candidates = candidates[np.lexsort((ranks[candidates], place[candidates]))]
    number = np.arange(len(candidates)) - np.searchsorted(place[candidates], place[candidates])
    extra = np.zeros(len(signs), bool)
    extra[candidates[number < np.abs(excess)[place[candidates]]]] = True
    return extra


def _angles(mesh: Mesh, edges: Edges, halves: Indices) -> NDArray[np.float64]:
    """The angle of each half's face around its edge, looking from the higher vertex to the lower."""
    low = np.minimum(edges.starts[halves], edges.ends[halves])
    high = np.maximum(edges.starts[halves], edges.ends[halves])
    points = mesh.vertices.astype(np.float64)
    axis = points[high] - points[low]
    axis /= np.maximum(np.linalg.norm(axis, axis=1), 1e-30)[:, None]
    least = np.eye(3)[np.abs(axis).argmin(axis=1)]
    across = np.cross(axis, least)
    across /= np.maximum(np.linalg.norm(across, axis=1), 1e-30)[:, None]
    up = np.cross(axis, across)
    side = points[edges.starts[next_corners(next_corners(halves))]] - points[low]
    return np.asarray(np.arctan2(np.einsum("ij,ij->i", side, up), np.einsum("ij,ij->i", side, across)))


def _wedges(signs: Indices, place: Indices, angles: NDArray[np.float64]) -> tuple[Indices, Indices]:
    """Pairs of halves with a solid wedge between: going round, one of sign -1, then one of +1.

    Signs on each edge add up to nothing; like brackets, inner pairs are found first.
    """
    rest = np.lexsort((angles, place))
    ones, others = [rest[:0]], [rest[:0]]
    while len(rest):
        where = place[rest]
        is_last = np.append(where[1:] != where[:-1], True)
        firsts = np.flatnonzero(np.append(True, is_last[:-1]))
        after = np.arange(1, len(rest) + 1)
        after[is_last] = firsts
        opens = (signs[rest] < 0) & (signs[rest[after]] > 0)
        ones.append(rest[opens])
        others.append(rest[after[opens]])
        closed = np.zeros(len(rest), bool)
        closed[after[opens]] = True
        rest = rest[~(opens | closed)]
    return np.concatenate(ones), np.concatenate(others)


def split_vertices(mesh: Mesh, mates: Indices) -> Mesh:
    """`mesh` with a vertex for each fan of faces that `mates` join; the first fan keeps the old one."""
    n_fans, labels = fans(mates)
    ring = mesh.faces.ravel()
    n = len(mesh.vertices)
    vertex_of_fan = np.empty(n_fans, np.int64)
    vertex_of_fan[labels] = ring
    first_of_fan = np.full(n_fans, len(ring), np.int64)
    np.minimum.at(first_of_fan, labels, np.arange(len(ring)))
    order = np.lexsort((first_of_fan, vertex_of_fan))
    in_order = vertex_of_fan[order]
    is_first = np.concatenate([[True], in_order[1:] != in_order[:-1]])
    if is_first.all():
        return mesh
    names = in_order.copy()
    names[~is_first] = n + np.arange(int((~is_first).sum()))
    name_of_fan = np.empty(n_fans, np.int32)
    name_of_fan[order] = names
    points = np.concatenate([mesh.vertices, mesh.vertices[in_order[~is_first]]])
    return Mesh(points, name_of_fan[labels].reshape(-1, 3))


def split_edges(mesh: Mesh, mates: Indices) -> Mesh | None:
    """`mesh` with a vertex in the middle of edges that join the same two vertices as another; None if none.

    Two edges between the same two vertices cannot be told apart by faces that name vertices. A face is split
    once at a time, so that several calls may be needed.
    """
    edges = edges_of(mesh)
    numbers = np.flatnonzero(edges.counts > 2)
    if not len(numbers):
        return None
    halves, place = _crowd(edges, numbers)
    partners = mates[halves]
    # An edge is named by the lower of its halves; the first one on each place stays whole.
    names = np.where(partners >= 0, np.minimum(halves, partners), halves)
    whole = np.full(len(numbers), len(mates), np.int64)
    np.minimum.at(whole, place, names)
    taken = np.zeros(len(mesh.faces), bool)
    chosen = []
    for name in np.unique(names[names != whole[place]]):
        mate = mates[name]
        touched = [name // 3] if mate < 0 else [name // 3, mate // 3]
        if not taken[touched].any():
            taken[touched] = True
            chosen.append(name)
    firsts = np.array(chosen, np.int64)
    middles = len(mesh.vertices) + np.arange(len(firsts))
    points = (mesh.vertices[edges.starts[firsts]] + mesh.vertices[edges.ends[firsts]]) / np.float32(2)
    paired = mates[firsts] >= 0
    halves = np.concatenate([firsts, mates[firsts[paired]]])
    middles = np.concatenate([middles, middles[paired]])
    start, end = edges.starts[halves], edges.ends[halves]
    apex = edges.starts[next_corners(next_corners(halves))]
    faces = mesh.faces.copy()
    faces[halves // 3] = np.stack([start, middles, apex], axis=1)
    more = np.stack([middles, end, apex], axis=1).astype(np.int32)
    return Mesh(np.concatenate([mesh.vertices, points]), np.concatenate([faces, more]))
