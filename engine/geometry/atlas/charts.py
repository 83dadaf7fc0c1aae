"""Charts are connected, face one way well enough to be flattened, are compact, and are few.

Faces merge (merge.py) while a chart's normals stay together; the charts then grow once more from their
middles (Lloyd's method on the surface), which makes their borders short.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.geometry.atlas.links import Links
from engine.geometry.atlas.merge import ChartRules, merge_faces, sharpness
from engine.geometry.atlas.watch import Watch
from engine.geometry.compute import processor
from engine.geometry.kernels import grow
from engine.geometry.mesh import Mesh

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int32]

# Steps of growing between two looks at the caller: half a second.
_STEPS_AT_ONCE = 1_500_000


def chart_faces(mesh: Mesh, links: Links, rules: ChartRules, watch: Watch) -> Ints:
    """The chart (M,) of each face, numbered from 0."""
    areas, normals = mesh.face_areas_normals
    labels = merge_faces(links, areas, normals, rules, watch.part(0, 0.6))
    centres = mesh.corners.mean(axis=1)
    for number in range(rules.n_rounds):
        if watch.is_over:
            break
        share = 0.4 / rules.n_rounds
        part = watch.part(0.6 + share * number, 0.6 + share * (number + 1))
        labels = _regrow(labels, links, areas, normals, centres, rules, part)
    return labels


def split_charts(
    mesh: Mesh, links: Links, labels: Ints, worst: Ints, rules: ChartRules, watch: Watch
) -> Ints:
    """Each chart (M,) in two, grown from its face in `worst` (K,) and from the one farthest away from that.

    `links` must not cross charts. A chart of one face stays; labels that come back are without gaps.
    """
    areas, normals = mesh.face_areas_normals
    centres = mesh.corners.mean(axis=1)
    away = np.sum((centres - centres[worst][labels]) ** 2, axis=1)
    order = np.lexsort((-away, labels))
    farthest = order[np.searchsorted(labels[order], np.arange(len(worst)))]
    seeds = np.concatenate([worst, farthest]).astype(np.int32)
    split = _grow(seeds, normals[seeds], links, normals, centres, rules, watch)
    for _ in range(2):
        split = _regrow(split, links, areas, normals, centres, rules, watch)
    return split


def _regrow(
    labels: Ints,
    links: Links,
    areas: Floats,
    normals: Floats,
    centres: Floats,
    rules: ChartRules,
    watch: Watch,
) -> Ints:
    """Charts anew, grown from the middle face of each chart, and without teeth along their borders."""
    watch.tell(0)
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
    return _grow(seeds, axes.astype(np.float32), links, normals, centres, rules, watch)


def _grow(
    seeds: Ints,
    axes: Floats,
    links: Links,
    normals: Floats,
    centres: Floats,
    rules: ChartRules,
    watch: Watch,
) -> Ints:
    """Charts (M,) grown from the faces `seeds` (K,) along their `axes` (K, 3)."""
    n_faces = len(centres)
    watch.tell(0.2)
    steps = np.empty((n_faces, 3), np.float32)
    for side in range(3):
        steps[:, side] = np.linalg.norm(centres[links.neighbours[:, side]] - centres, axis=1)
        watch.tell(0.2)
        sharp = sharpness(normals, normals[links.neighbours[:, side]])
        steps[:, side] *= 1 + np.float32(rules.steepness) * sharp
    alone = replace(processor(), n_threads=1)
    grown = np.full(n_faces, -1, np.int32)
    keys, slots = np.empty(3 * n_faces + 3, np.float32), np.empty(3 * n_faces + 3, np.int32)
    state = np.full(1, -1, np.int32)
    inputs = [seeds, links.neighbours, steps, normals, axes, rules.steepness, _STEPS_AT_ONCE, state]
    n_done = 0
    while state[0]:
        watch.tell(0.2 + 0.7 * n_done / (3 * n_faces))
        alone.launch(grow.grow, 1, [*inputs, keys, slots, grown])
        n_done += _STEPS_AT_ONCE
    watch.tell(0.9)
    alone.launch(grow.trim, 1, [links.neighbours, grown, slots, 8 * n_faces])
    return np.unique(grown, return_inverse=True)[1].astype(np.int32)


def _means(labels: Ints, values: Floats, weights: Doubles, total: Doubles) -> Doubles:
    return np.stack(
        [np.bincount(labels, values[:, i] * weights, minlength=len(total)) / total for i in range(3)], axis=1
    )
