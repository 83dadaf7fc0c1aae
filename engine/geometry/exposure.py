"""Views of one object agree on its colours: each is multiplied so that two show a shared texel alike.

One factor a view and channel, by least squares on the logarithms where pairs overlap (Brown and Lowe,
"Automatic panoramic image stitching", 2007, section 6), held near 1; the first view, which the user
looks at, stays as it is. A sample of the texels is enough, and small depth maps are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.geometry.bake import Blend, Placed, Texels, View, add_view
from engine.geometry.compute import Array
from engine.geometry.mesh import Mesh

Floats = NDArray[np.float32]

_N_SAMPLES = 40_000
# A view's factor may go this far from 1; what differs more is not exposure.
_MOST = 1.5
# The pull towards 1, as a share of the mean say of a view's overlaps.
_PULL = 0.05
# Exposure differs by one ratio everywhere: two views whose ratios scatter by much more than this (median
# deviation of the logarithms) show different things there, and tell little of it.
_SPREAD = 0.05
# Below and above this, clipping has eaten what a factor would tell.
_DARKEST, _BRIGHTEST = 0.04, 0.96


def match_exposure(mesh: Mesh, texels: Texels, views: Sequence[View], blend: Blend) -> list[View]:
    """`views` with their colours multiplied; a view that overlaps no other stays as it is."""
    if len(views) < 2 or not len(texels.index):
        return list(views)
    says, shown = _samples(mesh, texels, views, blend)
    factors = solve_factors(says, shown)
    return [
        view
        if np.allclose(factor, 1, atol=1e-3)
        else replace(view, colours=_multiplied(view.colours, factor))
        for view, factor in zip(views, factors, strict=True)
    ]


def solve_factors(says: Floats, shown: Floats) -> Floats:
    """Factors (V, 3) from what V views show of K texels, `shown` (V, K, 3), and their `says` (V, K)."""
    n_views = len(says)
    factors = np.ones((n_views, 3), np.float32)
    for channel in range(3):
        values = shown[..., channel]
        usable = (says > 0) & (values > _DARKEST) & (values < _BRIGHTEST)
        logs = np.log(np.clip(values, 1e-3, 1))
        matrix, right, overlap = np.zeros((n_views, n_views)), np.zeros(n_views), 0.0
        for i in range(n_views):
            for j in range(i):
                both = usable[i] & usable[j]
                if not both.any():
                    continue
                say = np.sqrt(says[i][both] * says[j][both]).astype(np.float64)
                # A median is not moved by what one view shows wrongly.
                ratios = logs[j][both] - logs[i][both]
                ratio = _weighted_median(ratios, say)
                spread = _weighted_median(np.abs(ratios - ratio), say)
                total = float(say.sum())
                weight = total / (1 + (spread / _SPREAD) ** 2)
                matrix[[i, j], [i, j]] += weight
                matrix[[i, j], [j, i]] -= weight
                right[i] += weight * ratio
                right[j] -= weight * ratio
                overlap += total
        if overlap == 0:
            continue
        found = np.zeros(n_views)
        pull = np.eye(n_views) * (_PULL * overlap / n_views)
        found[1:] = np.linalg.solve((matrix + pull)[1:, 1:], right[1:])
        factors[:, channel] = np.exp(np.clip(found, -np.log(_MOST), np.log(_MOST)))
    return factors


def _samples(mesh: Mesh, texels: Texels, views: Sequence[View], blend: Blend) -> tuple[Floats, Floats]:
    """Says (V, K) and colours (V, K, 3) at every so many-th texel."""
    compute = texels.compute
    stride = max(1, len(texels.index) // _N_SAMPLES)
    few = replace(
        texels,
        index=texels.index[::stride],
        positions=_packed(texels.positions[::stride]),
        normals=_packed(texels.normals[::stride]),
        face_ids=_packed(texels.face_ids[::stride]),
    )
    placed, count = Placed(compute, mesh), len(few.index)
    says, shown = np.zeros((len(views), count), np.float32), np.zeros((len(views), count, 3), np.float32)
    # Only places that a view sees well tell of its exposure: no edges.
    strict = replace(blend, cosine_power=2.0, edge_floor=0.0)
    for number, view in enumerate(views):
        sums, weights = compute.full((count, 3), 0, "float32"), compute.full(count, 0, "float32")
        add_view(placed, few, replace(view, weight=1.0), strict, sums, weights)
        says[number] = compute.get(weights)
        shown[number] = compute.get(sums) / np.maximum(says[number], 1e-12)[:, None]
    return says, shown


def _packed(values: Array) -> Array:
    """Every so many-th row in memory of its own, as kernels take it."""
    return np.ascontiguousarray(values) if isinstance(values, np.ndarray) else values.contiguous()


def _multiplied(colours: Array, factor: Floats) -> Array:
    if isinstance(colours, np.ndarray):
        return np.clip(colours * factor, 0, 1).astype(np.float32)
    return (colours * colours.new_tensor(factor.tolist())).clamp(0, 1)


def _weighted_median(values: Floats, weights: NDArray[np.float64]) -> float:
    order = np.argsort(values, kind="stable")
    summed = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(summed, summed[-1] / 2)])
