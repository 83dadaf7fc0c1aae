"""Charts are connected, face one way well enough to be flattened, are compact, and are few.

Faces merge pairwise, the best merges first, while a chart's normals stay together; the charts then grow once
more from their middles (Lloyd's method on the surface), which makes their borders short.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.geometry.atlas.links import Links
from engine.geometry.atlas.watch import Watch
from engine.geometry.compute import processor
from engine.geometry.kernels import grow
from engine.geometry.mesh import Mesh

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int32]


@dataclass(frozen=True)
class ChartRules:
    """How far charts may go.

    `max_bend`: 1 - |mean normal| of a chart, 0 flat, 0.5 a half sphere; `roundness` is what a ragged border
    costs. `crease` is what merging across a right angle costs, as bend. `n_rounds` of growing from the
    middles; `steepness` is what leaning away from the chart costs then, and crossing a crease.
    """

    max_bend: float = 0.22
    roundness: float = 0.03
    crease: float = 0.12
    n_rounds: int = 2
    steepness: float = 3.0


def chart_faces(mesh: Mesh, links: Links, rules: ChartRules, watch: Watch) -> Ints:
    """The chart (M,) of each face, numbered from 0."""
    areas, normals = mesh.face_areas_normals
    labels = _merge(mesh, links, areas, normals, rules, watch.part(0, 0.6))
    centres = mesh.corners.mean(axis=1)
    for number in range(rules.n_rounds):
        watch.tell(0.6 + 0.4 * number / rules.n_rounds)
        if watch.is_over:
            break
        labels = _regrow(labels, links, areas, normals, centres, rules)
    return labels


def split_charts(mesh: Mesh, links: Links, labels: Ints, worst: Ints, rules: ChartRules) -> Ints:
    """Each chart (M,) in two, grown from its face in `worst` (K,) and from the one farthest away from that.

    `links` must not cross charts. A chart of one face stays; labels that come back are without gaps.
    """
    areas, normals = mesh.face_areas_normals
    centres = mesh.corners.mean(axis=1)
    away = np.sum((centres - centres[worst][labels]) ** 2, axis=1)
    order = np.lexsort((-away, labels))
    farthest = order[np.searchsorted(labels[order], np.arange(len(worst)))]
    seeds = np.concatenate([worst, farthest]).astype(np.int32)
    split = _grow(seeds, normals[seeds], links, normals, centres, rules)
    for _ in range(2):
        split = _regrow(split, links, areas, normals, centres, rules)
    return split


def _merge(mesh: Mesh, links: Links, areas: Floats, normals: Floats, rules: ChartRules, watch: Watch) -> Ints:
    """Rounds in which every chart picks its best neighbour, and those that picked each other merge."""
    n_faces = len(mesh.faces)
    floor = max(float(areas.sum()) / max(n_faces, 1), 1e-30) * 1e-6
    weights = np.maximum(areas, floor).astype(np.float64)
    sums = normals * weights[:, None]
    borders = links.lengths.sum(axis=1).astype(np.float64)
    labels = np.arange(n_faces, dtype=np.int32)
    lengths = links.pair_lengths.astype(np.float64)
    sharp = lengths * _sharpness(normals[links.pairs[:, 0]], normals[links.pairs[:, 1]])
    pairs, shared, sharp = _gather(links.pairs, lengths, sharp, n_faces)
    while len(pairs):
        one, two = pairs[:, 0], pairs[:, 1]
        area = weights[one] + weights[two]
        bend = 1 - np.sqrt(np.sum((sums[one] + sums[two]) ** 2, axis=1)) / area
        bend += rules.crease * sharp / np.maximum(shared, 1e-30)
        border = borders[one] + borders[two] - 2 * shared
        cost = bend + rules.roundness * border**2 / (4 * np.pi * area)
        allowed = np.flatnonzero(bend <= rules.max_bend)
        if len(allowed) == 0:
            break
        order = allowed[np.argsort(cost[allowed], kind="stable")]
        best = np.full(len(weights), len(order), np.int64)
        rank = np.arange(len(order))
        # Written backwards, so that the lowest rank of each chart stays.
        best[one[order[::-1]]] = rank[::-1]
        other = np.full(len(weights), len(order), np.int64)
        other[two[order[::-1]]] = rank[::-1]
        best = np.minimum(best, other)
        chosen = order[(best[one[order]] == rank) & (best[two[order]] == rank)]
        target = np.arange(len(weights))
        target[two[chosen]] = one[chosen]
        kept, renumbered = np.unique(target, return_inverse=True)
        weights = np.asarray(np.bincount(renumbered, weights, minlength=len(kept)), np.float64)
        sums = np.stack([np.bincount(renumbered, sums[:, i], minlength=len(kept)) for i in range(3)], axis=1)
        gone = np.bincount(renumbered[one[chosen]], shared[chosen], minlength=len(kept))
        borders = np.bincount(renumbered, borders, minlength=len(kept)) - 2 * gone
        labels = renumbered[labels].astype(np.int32)
        pairs, shared, sharp = _gather(renumbered[pairs].astype(np.int32), shared, sharp, len(kept))
        watch.tell(1 - len(kept) / n_faces)
    return labels


def _sharpness(here: Floats, there: Floats) -> Floats:
    """How sharp the edge between faces with these normals is: 0 flat, 1 a right angle, 4 folded back."""
    return np.asarray((1 - np.einsum("li,li->l", here, there)) ** 2, np.float32)


def _gather(
    pairs: Ints, lengths: Doubles, sharp: Doubles, n_charts: int
) -> tuple[NDArray[np.int64], Doubles, Doubles]:
    """Each pair of different charts once, the lower first, with the sums of `lengths` and of `sharp`."""
    low, high = pairs.min(axis=1).astype(np.int64), pairs.max(axis=1).astype(np.int64)
    apart = low != high
    keys, index = np.unique((low * n_charts + high)[apart], return_inverse=True)
    summed = np.asarray(np.bincount(index, lengths[apart], minlength=len(keys)), np.float64)
    sharpened = np.asarray(np.bincount(index, sharp[apart], minlength=len(keys)), np.float64)
    return np.stack(np.divmod(keys, n_charts), axis=1), summed, sharpened


def _regrow(
    labels: Ints, links: Links, areas: Floats, normals: Floats, centres: Floats, rules: ChartRules
) -> Ints:
    """Charts anew, grown from the middle face of each chart, and without teeth along their borders."""
    n_charts = int(labels.max()) + 1
    weights = np.maximum(areas, 1e-30).astype(np.float64)
    total = np.asarray(np.bincount(labels, weights, minlength=n_charts), np.float64)
    middles = _means(labels, centres, weights, total)
    axes = _means(labels, normals, weights, total)
    axes /= np.maximum(np.linalg.norm(axes, axis=1), 1e-20)[:, None]
    away = np.sum((centres - middles[labels]) ** 2, axis=1) / total[labels]
    lean = 1 - np.sum(normals * axes[labels], axis=1)
    order = np.lexsort((away + 0.3 * lean, labels))
    seeds = order[np.searchsorted(labels[order], np.arange(n_charts))].astype(np.int32)
    return _grow(seeds, axes.astype(np.float32), links, normals, centres, rules)


def _grow(
    seeds: Ints, axes: Floats, links: Links, normals: Floats, centres: Floats, rules: ChartRules
) -> Ints:
    """Charts (M,) grown from the faces `seeds` (K,) along their `axes` (K, 3)."""
    n_faces = len(centres)
    steps = np.linalg.norm(centres[links.neighbours] - centres[:, None], axis=2).astype(np.float32)
    for side in range(3):
        sharp = _sharpness(normals, normals[links.neighbours[:, side]])
        steps[:, side] *= 1 + np.float32(rules.steepness) * sharp
    alone = replace(processor(), n_threads=1)
    grown = np.full(n_faces, -1, np.int32)
    keys, slots = np.empty(3 * n_faces + 3, np.float32), np.empty(3 * n_faces + 3, np.int32)
    inputs = [seeds, links.neighbours, steps, normals, axes, rules.steepness, keys, slots, grown]
    alone.launch(grow.grow, 1, inputs)
    alone.launch(grow.trim, 1, [links.neighbours, grown, slots, 8 * n_faces])
    return np.unique(grown, return_inverse=True)[1].astype(np.int32)


def _means(labels: Ints, values: Floats, weights: Doubles, total: Doubles) -> Doubles:
    return np.stack(
        [np.bincount(labels, values[:, i] * weights, minlength=len(total)) / total for i in range(3)], axis=1
    )
