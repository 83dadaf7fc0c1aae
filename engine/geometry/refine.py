"""Texels are solved for: looking at the texture through a view's camera shall give that view's picture back.

Sampling a picture into texels and the texels into a picture blurs twice. Each pixel that a view shows is an
observation, a bilinear mix of four texels; a few rounds of simultaneous iterative reconstruction (SIRT:
Gilbert, 1972) bring the texels to the least-squares solution, weighted as the bake was. Measured on noise of
the spectrum of photographs, 800 px across in a 1024 px texture: 24.7 dB before, 26.8 dB after four rounds; in
a 1536 px texture 27.7 and 36.1 dB.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from engine.geometry.bake import Baked, Texels, View, look
from engine.geometry.mesh import Mesh
from engine.geometry.rasterise import Raster

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Observations:
    """`colours` (K, 3) of K pixels as mixes (K, T) of texels, both times `say` (K,), their weights' root."""

    mixes: csr_matrix
    colours: Floats
    say: Floats


def refine(
    mesh: Mesh,
    uv: Floats,
    texels: Texels,
    baked: Baked,
    views: Sequence[View],
    *,
    n_rounds: int,
    cosine_power: float = 4.0,
    looks: Sequence[Raster] | None = None,
    step: Callable[[int, int], None] = lambda step, n_steps: None,
) -> Baked:
    """`baked` with the colours of seen texels sharpened; unseen ones stay as they are.

    `looks` are the views' own rasters, if the caller has them.
    """
    if n_rounds == 0 or not views:
        return baked
    rasters = looks if looks is not None else [look(mesh, view) for view in views]
    observed = [
        _observe(mesh, uv, texels, baked, view, raster, cosine_power)
        for view, raster in zip(views, rasters, strict=True)
    ]
    # A texel that pixels hardly touch must not jump: its step is damped as if touched by a twentieth.
    weights = sum(one.mixes.T @ one.say for one in observed)
    touched = np.maximum(weights, 0.05)[:, None].astype(np.float32)
    colours = baked.colours
    for number in range(n_rounds):
        steps = sum(one.mixes.T @ (one.colours - one.mixes @ colours) for one in observed)
        colours = np.clip(colours + steps / touched, 0, 1)
        step(number + 1, n_rounds)
    return Baked(np.asarray(colours, np.float32), baked.seen)


def _observe(
    mesh: Mesh, uv: Floats, texels: Texels, baked: Baked, view: View, raster: Raster, cosine_power: float
) -> _Observations:
    size = texels.size_px
    column_of = np.full(size * size, -1, np.int64)
    column_of[texels.index[baked.seen]] = np.flatnonzero(baked.seen)
    places = raster.interpolate(uv)
    normals = raster.interpolate(mesh.vertex_normals[mesh.faces])
    cosines = normals @ view.camera.basis[2].astype(np.float32)
    # Texel centres lie at + 0.5; row 0 is the top.
    x = places[:, 0] * size - 0.5
    y = (1 - places[:, 1]) * size - 0.5
    left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    right_share, lower_share = x - left, y - top
    columns, weights = [], []
    for row, rows_share in ((top, 1 - lower_share), (top + 1, lower_share)):
        for column, columns_share in ((left, 1 - right_share), (left + 1, right_share)):
            place = np.clip(row, 0, size - 1) * size + np.clip(column, 0, size - 1)
            columns.append(column_of[place])
            weights.append(rows_share * columns_share)
    number, weight = np.stack(columns, axis=1), np.stack(weights, axis=1)
    weight = np.where(number >= 0, weight, 0)
    share = weight.sum(axis=1)
    # A pixel beside a seam mixes in texels that are no one's; it speaks only if most of it is the chart's.
    kept = (share > 0.5) & (cosines > 0)
    weight, number = weight[kept] / share[kept, None], np.maximum(number[kept], 0)
    say = np.sqrt(view.weight * np.clip(cosines[kept], 0.05, 1) ** cosine_power).astype(np.float32)
    n_pixels = len(number)
    mixes = csr_matrix(
        (
            (weight * say[:, None]).astype(np.float32).ravel(),
            number.ravel(),
            np.arange(0, 4 * n_pixels + 1, 4),
        ),
        shape=(n_pixels, len(texels.index)),
    )
    seen = view.colours.reshape(-1, 3)[raster.face_ids.ravel() >= 0]
    return _Observations(mixes, seen[kept] * say[:, None], say)
