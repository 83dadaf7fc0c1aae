"""A loop of points in space is spanned with triangles that bend little, and then with little area.

Dynamic programming after Barequet and Sharir, "Filling gaps in the boundary of a polyhedron" (1995), with
the order of Liepa, "Filling holes in meshes" (2003): the sharpest bend counts first, faces around the loop
included. Loops of equal length are worked on at once. What is too long for that is cut in two along short
chords.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Bools = NDArray[np.bool_]
# Says of pairs of vertices, by their numbers, whether an edge joins them already.
AreJoined = Callable[[Indices, Indices], Bools]

# The work grows with the cube of the length; chords cost hardly any quality above this (5 ms a loop of 64).
_LONGEST = 64
# Above this a fan around the middle is all that time allows.
_LONGEST_CUT = 5000
# Bends are told apart in steps of this much of 1 - cos; within a step the area decides.
_STEP = 0.02
_MOST_ENTRIES = 2_000_000


def span(
    points: Floats, loops: list[Indices], normals: list[Floats], are_joined: AreJoined
) -> list[Indices | None]:
    """Triangles (n - 2, 3) of vertex numbers for each loop (n,), running the way the loop does.

    `points` (N, 3) are all vertices; `normals` (n, 3) of each loop those of the face across each of its
    edges, 0 where there is none. None where no triangles do without an edge that is there already.
    """
    pieces: list[Indices] = []
    sides: list[Floats] = []
    owners: list[int] = []
    for owner, (loop, normal) in enumerate(zip(loops, normals, strict=True)):
        if len(loop) <= _LONGEST_CUT:
            for piece, side in _cut(points, loop, normal, are_joined):
                pieces.append(piece)
                sides.append(side)
                owners.append(owner)
    made: list[list[Indices] | None] = [[] if len(loop) <= _LONGEST_CUT else None for loop in loops]
    lengths = np.array([len(piece) for piece in pieces])
    for length in np.unique(lengths):
        same = np.flatnonzero(lengths == length)
        step = max(1, _MOST_ENTRIES // int(length) ** 2)
        for low in range(0, len(same), step):
            some = same[low : low + step]
            rings = np.stack([pieces[i] for i in some])
            found = _span_equal(
                points[rings], np.stack([sides[i] for i in some]), _forbidden(rings, are_joined)
            )
            for i, triangles in zip(some, found, strict=True):
                held = made[owners[i]]
                if triangles is None:
                    made[owners[i]] = None
                elif held is not None:
                    held.append(pieces[i][triangles])
    return [None if held is None else np.concatenate(held) for held in made]


def _forbidden(rings: Indices, are_joined: AreJoined) -> Bools:
    """Which corners (B, n, n) of each loop are joined already; `rings` is (B, n)."""
    n = rings.shape[1]
    if n == 3:
        return np.zeros((len(rings), 3, 3), bool)
    one, other = np.broadcast_arrays(rings[:, :, None], rings[:, None, :])
    return are_joined(one.ravel(), other.ravel()).reshape(len(rings), n, n)


def _cut(
    points: Floats, loop: Indices, normals: Floats, are_joined: AreJoined
) -> list[tuple[Indices, Floats]]:
    """`loop` in pieces of at most _LONGEST, cut along chords that are short for the way around."""
    todo, done = [(loop, normals)], []
    while todo:
        ring, sides = todo.pop()
        n = len(ring)
        if n <= _LONGEST:
            done.append((ring, sides))
            continue
        some = np.unique(np.linspace(0, n - 1, min(n, 800)).astype(int))
        places = points[ring]
        steps = np.linalg.norm(np.roll(places, -1, axis=0) - places, axis=1)
        along = np.concatenate([[0], np.cumsum(steps)])
        ahead = np.abs(along[some][:, None] - along[some][None])
        around = np.minimum(ahead, along[-1] - ahead)
        gap = np.abs(some[:, None] - some[None])
        ratio = np.linalg.norm(places[some][:, None] - places[some][None], axis=2) / np.maximum(around, 1e-30)
        ratio[np.minimum(gap, n - gap) < n // 8] = np.inf
        order = np.argsort(ratio, axis=None, kind="stable")[:4096]
        i, j = np.unravel_index(order, ratio.shape)
        i, j = some[i], some[j]
        free = np.flatnonzero((i < j) & ~are_joined(ring[i], ring[j]))
        if not len(free):
            done.append((ring, sides))
            continue
        low, high = int(i[free[0]]), int(j[free[0]])
        none = np.zeros((1, 3))
        todo.append((ring[low : high + 1], np.concatenate([sides[low:high], none])))
        todo.append(
            (
                np.concatenate([ring[high:], ring[: low + 1]]),
                np.concatenate([sides[high:], sides[:low], none]),
            )
        )
    return done


def _span_equal(places: Floats, sides: Floats, forbidden: Bools) -> list[Indices | None]:
    """Triangles of corner numbers for loops of one length: `places` (B, n, 3), `sides` (B, n, 3)."""
    n_loops, n = places.shape[:2]
    bends = np.zeros((n_loops, n, n))
    areas = np.zeros((n_loops, n, n))
    splits = np.zeros((n_loops, n, n), np.int16)
    normals = np.zeros((n_loops, n, n, 3))
    i = np.arange(n - 1)
    normals[:, i, i + 1] = sides[:, :-1]
    around = np.linalg.norm(np.roll(places, -1, axis=1) - places, axis=2).sum(axis=1)
    bound = np.maximum(n * around**2, 1e-300)[:, None, None]
    for gap in range(2, n):
        first = np.arange(n - gap)[:, None]
        last = first + gap
        middle = first + np.arange(1, gap)[None]
        a, b, c = places[:, first], places[:, middle], places[:, last]
        cross = np.cross(b - a, c - a)
        length = np.linalg.norm(cross, axis=3)
        unit = cross / np.maximum(length, 1e-300)[..., None]
        bend = np.maximum(bends[:, first, middle], bends[:, middle, last])
        for side in (normals[:, first, middle], normals[:, middle, last]):
            np.maximum(bend, _bend(unit, side), out=bend)
        if gap == n - 1:
            np.maximum(bend, _bend(unit, sides[:, None, -1:]), out=bend)
        area = areas[:, first, middle] + areas[:, middle, last] + length / 2
        score = np.floor(bend / _STEP) + area / bound
        best = np.argmin(score, axis=2)[..., None]
        i, k = first[:, 0], last[:, 0]
        bends[:, i, k] = np.take_along_axis(bend, best, axis=2)[..., 0]
        areas[:, i, k] = np.take_along_axis(area, best, axis=2)[..., 0]
        splits[:, i, k] = best[..., 0] + i + 1
        normals[:, i, k] = np.take_along_axis(unit, best[..., None], axis=2)[:, :, 0]
        if gap < n - 1:
            bends[:, i, k] = np.where(forbidden[:, i, k], np.inf, bends[:, i, k])
    return [_collected(splits[i]) if np.isfinite(bends[i, 0, n - 1]) else None for i in range(n_loops)]


def _bend(unit: Floats, side: Floats) -> Floats:
    """1 - cos of the angle between normals; nothing where there is no face on the other side."""
    return np.where((side != 0).any(axis=-1), 1 - np.einsum("...i,...i->...", unit, side), 0)


def _collected(splits: NDArray[np.int16]) -> Indices:
    n = len(splits)
    triangles, todo = [], [(0, n - 1)]
    while todo:
        i, k = todo.pop()
        if k - i < 2:
            continue
        m = int(splits[i, k])
        triangles.append((i, m, k))
        todo += [(i, m), (m, k)]
    return np.array(triangles, np.int64)
