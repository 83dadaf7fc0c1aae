"""A polygon becomes triangles between its own corners, the right ones also where it is not convex.

Convex ones are fans from their first corner; others lose one ear after the other (Meisters, "Polygons have
ears", 1975), as seen along their mean normal (Newell's).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]


def triangulate(counts: Ints, places: Doubles) -> tuple[Ints, Ints]:
    """Cuts polygons with `counts` (P,) corners at `places` (C, 3), one polygon after the other.

    Returns triangles (M, 3) as numbers of corners, and the polygon (M,) of each, in their order.
    """
    starts = np.cumsum(counts) - counts
    made: list[Ints] = []
    owners: list[Ints] = []
    for n in np.unique(counts[counts >= 3]):
        polygons = np.flatnonzero(counts == n)
        corners = starts[polygons, None] + np.arange(n)
        triangles = np.stack([np.broadcast_to(_fan(int(n)), (len(polygons), int(n) - 2, 3))])[0].copy()
        if n > 3:
            for number in np.flatnonzero(~_is_convex(places[corners])):
                triangles[number] = _clip_ears(_flattened(places[corners[number]]))
        made.append(corners[np.arange(len(polygons))[:, None, None], triangles].reshape(-1, 3))
        owners.append(np.repeat(polygons, int(n) - 2))
    if not made:
        return np.zeros((0, 3), np.int64), np.zeros(0, np.int64)
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    return np.concatenate(made)[order], owner[order]


def _fan(n: int) -> Ints:
    return np.array([(0, i, i + 1) for i in range(1, n - 1)], np.int64)


def _newell(polygons: Doubles) -> Doubles:
    """Normals (P, 3) of polygons (P, n, 3), not of unit length."""
    return np.asarray(np.cross(polygons, np.roll(polygons, -1, axis=1)).sum(axis=1))


def _is_convex(polygons: Doubles) -> NDArray[np.bool_]:
    """Which polygons (P, n, 3) turn the same way at every corner."""
    centred = polygons - polygons.mean(axis=1, keepdims=True)
    before, after = np.roll(centred, 1, axis=1), np.roll(centred, -1, axis=1)
    turns = np.einsum("pnc,pc->pn", np.cross(centred - before, after - centred), _newell(centred))
    return np.asarray((turns >= 0).all(axis=1))


def _flattened(polygon: Doubles) -> Doubles:
    """A polygon (n, 3) seen along its normal, (n, 2), counter-clockwise."""
    centred = polygon - polygon.mean(axis=0)
    normal = _newell(centred[None])[0]
    dropped = int(np.argmax(np.abs(normal)))
    u, v = ((1, 2), (2, 0), (0, 1))[dropped]
    flat = centred[:, [u, v]]
    return np.asarray(flat if normal[dropped] >= 0 else flat * (1, -1))


def _clip_ears(flat: Doubles) -> Ints:
    """Triangles (n - 2, 3) of a counter-clockwise polygon (n, 2); one that crosses itself is cut anyhow."""
    left = list(range(len(flat)))
    triangles = []
    while len(left) > 3:
        ear = next((i for i in range(len(left)) if _is_ear(flat, left, i)), 0)
        triangles.append((left[ear - 1], left[ear], left[(ear + 1) % len(left)]))
        del left[ear]
    return np.array([*triangles, tuple(left)], np.int64)


def _is_ear(flat: Doubles, left: list[int], i: int) -> bool:
    a, b, c = flat[left[i - 1]], flat[left[i]], flat[left[(i + 1) % len(left)]]
    if _side(a, b, c) <= 0:
        return False
    others = flat[[n for n in left if n not in (left[i - 1], left[i], left[(i + 1) % len(left)])]]
    inside = (_side(a, b, others) >= 0) & (_side(b, c, others) >= 0) & (_side(c, a, others) >= 0)
    return not bool(np.any(inside))


def _side(a: Doubles, b: Doubles, points: Doubles) -> Doubles:
    """Positive where `points` (…, 2) lie to the left of the line from `a` to `b`."""
    along, away = b - a, points - a
    return np.asarray(along[0] * away[..., 1] - along[1] * away[..., 0])
