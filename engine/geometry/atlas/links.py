"""Faces are linked across an edge that they run along in opposite directions, each edge to one other.

Where more than two faces meet in an edge, the links pair them off in the order of their numbers, so that
non-manifold and doubled surfaces become sheets that charts can follow. Faces without area are linked as
well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.geometry.atlas.order import order_by_number
from engine.geometry.atlas.watch import Watch
from engine.geometry.mesh import Mesh

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Links:
    """Which faces lie side by side.

    `neighbours` (M, 3): the face across each side (corner i to i + 1), -1 if none; `lengths` (M, 3) of sides.
    `pairs` (L, 2) are all links once, `pair_lengths` (L,) the lengths of the edges that they cross.
    """

    neighbours: Ints
    lengths: Floats
    pairs: Ints
    pair_lengths: Floats


def link_faces(mesh: Mesh, watch: Watch | None = None) -> Links:
    """The links of `mesh`."""
    n_faces = len(mesh.faces)
    watch = watch or Watch(limit_s=np.inf)
    starts = mesh.faces.reshape(-1)
    ends = np.roll(mesh.faces, -1, axis=1).reshape(-1)
    corners = mesh.corners
    sides = np.roll(corners, -1, axis=1) - corners
    lengths = np.sqrt(np.einsum("mij,mij->mi", sides, sides)).astype(np.float32)
    forward = starts < ends
    low, high = np.minimum(starts, ends), np.maximum(starts, ends)
    del starts, ends
    watch.tell(0.2)
    slots_ahead = _sorted_slots(low, high, forward, watch.part(0.2, 0.2))
    watch.tell(0.5)
    slots_back = _sorted_slots(low, high, ~forward & (low != high), watch.part(0.5, 0.5))
    watch.tell(0.8)
    keys = low.astype(np.int64) * len(mesh.vertices) + high
    a, b = _match(keys[slots_ahead], keys[slots_back])
    one, two = slots_ahead[a], slots_back[b]
    neighbours = np.full(3 * n_faces, -1, np.int32)
    neighbours[one], neighbours[two] = two // 3, one // 3
    pairs = np.stack([one // 3, two // 3], axis=1).astype(np.int32)
    return Links(neighbours.reshape(-1, 3), lengths, pairs, lengths.reshape(-1)[one])


def _sorted_slots(low: Ints, high: Ints, chosen: NDArray[np.bool_], watch: Watch) -> NDArray[np.int64]:
    """The chosen half-edges, ordered by their vertices, `low` before `high` (3 M,), and then by number."""
    slots = np.flatnonzero(chosen)
    n_vertices = int(high.max(initial=-1)) + 1
    slots = slots[order_by_number(high[slots], n_vertices, watch)[0]]
    return slots[order_by_number(low[slots], n_vertices, watch)[0]]


def _match(ahead: NDArray[np.int64], back: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places in two sorted lists that pair the n-th of a key here with the n-th of it there."""
    at = np.searchsorted(back, ahead, side="left")
    rank = np.arange(len(ahead)) - np.searchsorted(ahead, ahead, side="left")
    partner = at + rank
    fits = partner < len(back)
    fits[fits] = back[partner[fits]] == ahead[fits]
    return np.flatnonzero(fits), partner[fits]


def without_links(links: Links, groups: Ints) -> Links:
    """The links between faces of one group (M,) only."""
    inside = groups[links.pairs[:, 0]] == groups[links.pairs[:, 1]]
    crossed = groups[links.neighbours] != groups[:, None]
    neighbours = np.where(crossed, np.int32(-1), links.neighbours)
    return Links(neighbours, links.lengths, links.pairs[inside], links.pair_lengths[inside])
