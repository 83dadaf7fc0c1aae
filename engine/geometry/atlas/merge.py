"""Faces merge pairwise into charts, the best merges first, while a chart's normals stay together.

Of very many faces, clumps of a few that face alike start out as one, which takes the place of the first and
longest rounds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from engine.geometry.atlas.links import Links
from engine.geometry.atlas.watch import Watch
from engine.geometry.compute import processor
from engine.geometry.kernels import grow

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int32]

# Faces of a clump lean at most so far away from its first: 45 degrees.
_ALIKE = 0.7
_FACES_AT_ONCE = 4_000_000
# How far a chart may bend when there is no time to find out which charts are best.
_HASTY_BEND = 0.25
# More charts than this are merged on, the bend be what it may, where there are many faces or no time.
_MANY_CHARTS = 2000


@dataclass(frozen=True)
class ChartRules:
    """How far charts may go.

    `max_bend`: 1 - |mean normal| of a chart, 0 flat, 0.5 a half sphere; `roundness` is what a ragged border
    costs. `crease` is what merging across a right angle costs, as bend. `n_rounds` of growing from the
    middles; `steepness` is what leaning away from the chart costs then, and crossing a crease. `clump` faces
    that face alike start out as one.
    """

    max_bend: float = 0.22
    roundness: float = 0.03
    crease: float = 0.12
    n_rounds: int = 2
    steepness: float = 3.0
    clump: int = 1


@dataclass(frozen=True, eq=False)
class _Merging:
    """Charts between two rounds.

    `labels` (M,) of faces; K charts have `weights` (K,), areas that are never 0, `sums` (K, 3) of weighted
    normals and `borders` (K,), lengths. `pairs` (L, 2) of charts meet along `shared` (L,), lengths, with
    their `sharp` sums.
    """

    labels: Ints
    weights: Doubles
    sums: Doubles
    borders: Doubles
    pairs: NDArray[np.int64]
    shared: Doubles
    sharp: Doubles

    def merged(self, target: NDArray[np.int64]) -> _Merging:
        """The charts that have one `target` (K,) as one chart."""
        kept, renumbered = np.unique(target, return_inverse=True)
        n_charts = len(kept)
        one, two = renumbered[self.pairs[:, 0]], renumbered[self.pairs[:, 1]]
        inside = one == two
        gone = np.bincount(one[inside], self.shared[inside], minlength=n_charts)
        apart = np.flatnonzero(~inside)
        one, two = one[apart], two[apart]
        keys = np.minimum(one, two) * n_charts + np.maximum(one, two)
        unique, index = np.unique(keys, return_inverse=True)
        return _Merging(
            renumbered[self.labels].astype(np.int32),
            _summed(renumbered, self.weights, n_charts),
            np.stack([_summed(renumbered, self.sums[:, i], n_charts) for i in range(3)], axis=1),
            _summed(renumbered, self.borders, n_charts) - 2 * gone,
            np.stack(np.divmod(unique, n_charts), axis=1),
            _summed(index, self.shared[apart], len(unique)),
            _summed(index, self.sharp[apart], len(unique)),
        )

    def best_targets(self, rules: ChartRules) -> NDArray[np.int64] | None:
        """For each chart (K,) the one that it becomes part of: those that like each other best merge.

        None if no merge is allowed.
        """
        one, two = self.pairs[:, 0], self.pairs[:, 1]
        area = self.weights[one] + self.weights[two]
        bend = 1 - np.sqrt(np.sum((self.sums[one] + self.sums[two]) ** 2, axis=1)) / area
        bend += rules.crease * self.sharp / np.maximum(self.shared, 1e-30)
        border = self.borders[one] + self.borders[two] - 2 * self.shared
        cost = bend + rules.roundness * border**2 / (4 * np.pi * area)
        allowed = np.flatnonzero(bend <= rules.max_bend)
        if len(allowed) == 0:
            return None
        order = allowed[np.argsort(cost[allowed], kind="stable")]
        n_charts = len(self.weights)
        best = np.full(n_charts, len(order), np.int64)
        rank = np.arange(len(order))
        # Written backwards, so that the lowest rank of each chart stays.
        best[one[order[::-1]]] = rank[::-1]
        other = np.full(n_charts, len(order), np.int64)
        other[two[order[::-1]]] = rank[::-1]
        best = np.minimum(best, other)
        chosen = order[(best[one[order]] == rank) & (best[two[order]] == rank)]
        target = np.arange(n_charts)
        target[two[chosen]] = one[chosen]
        return target

    def hasty_targets(self) -> NDArray[np.int64]:
        """For each chart (K,) its connected part of those that face the same of six ways."""
        axis = np.argmax(np.abs(self.sums), axis=1)
        way = 2 * axis + (self.sums[np.arange(len(axis)), axis] < 0)
        one, two = self.pairs[way[self.pairs[:, 0]] == way[self.pairs[:, 1]]].T
        graph = coo_matrix((np.ones(len(one), np.int8), (one, two)), shape=(len(way), len(way)))
        return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def merge_faces(links: Links, areas: Floats, normals: Floats, rules: ChartRules, watch: Watch) -> Ints:
    """The chart (M,) of each face: rounds in which those that like each other best merge, until none may.

    Once the time is over, all neighbours that face the same of six ways merge, and then what little is left.
    """
    n_faces = len(areas)
    charts = _start(links, areas, normals, watch)
    n_clump = rules.clump
    charts = charts.merged(_clump(links, normals, n_clump, watch) if n_clump > 1 else np.arange(n_faces))
    is_hasty = is_forced = False
    while len(charts.pairs) and not (is_forced and len(charts.weights) <= _MANY_CHARTS):
        watch.tell(1 - len(charts.weights) / n_faces)
        if watch.is_over and not is_hasty:
            is_hasty, rules = True, replace(rules, max_bend=max(_HASTY_BEND, rules.max_bend))
            charts = charts.merged(charts.hasty_targets())
            continue
        target = charts.best_targets(rules)
        if target is None:
            if not (is_hasty or n_clump > 1) or len(charts.weights) <= _MANY_CHARTS or is_forced:
                break
            is_forced, rules = True, replace(rules, max_bend=np.inf)
            continue
        charts = charts.merged(target)
    return charts.labels


def sharpness(here: Floats, there: Floats) -> Floats:
    """How sharp the edge between faces with these normals is: 0 flat, 1 a right angle, 4 folded back."""
    return np.asarray((1 - np.einsum("li,li->l", here, there)) ** 2, np.float32)


def _start(links: Links, areas: Floats, normals: Floats, watch: Watch) -> _Merging:
    """Every face as a chart; two faces may still be a pair twice."""
    n_faces = len(areas)
    floor = max(float(areas.sum()) / max(n_faces, 1), 1e-30) * 1e-6
    weights = np.maximum(areas, floor).astype(np.float64)
    sums = np.asarray(normals * weights[:, None], np.float64)
    borders = links.lengths.sum(axis=1).astype(np.float64)
    lengths = links.pair_lengths.astype(np.float64)
    watch.tell(0)
    sharp = lengths * sharpness(normals[links.pairs[:, 0]], normals[links.pairs[:, 1]])
    watch.tell(0)
    labels = np.arange(n_faces, dtype=np.int32)
    return _Merging(labels, weights, sums, borders, links.pairs.astype(np.int64), lengths, sharp)


def _clump(links: Links, normals: Floats, most: int, watch: Watch) -> NDArray[np.int64]:
    """For each face (M,) the first of the clump of at most `most` faces that it is put into."""
    alone = replace(processor(), n_threads=1)
    n_faces = len(normals)
    labels, queue = np.full(n_faces, -1, np.int32), np.empty(most, np.int32)
    for low in range(0, n_faces, _FACES_AT_ONCE):
        watch.tell(0)
        inputs = [low, min(low + _FACES_AT_ONCE, n_faces), links.neighbours, normals, most, _ALIKE]
        alone.launch(grow.clump, 1, [*inputs, queue, labels])
    return labels.astype(np.int64)


def _summed(index: NDArray[np.int64], values: Doubles, n: int) -> Doubles:
    return np.asarray(np.bincount(index, values, minlength=n), np.float64)
