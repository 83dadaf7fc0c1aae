"""How good a texture is, in numbers: from between the views, across seams, in holes, in mip maps.

A textured mesh is drawn without mip maps: the mean of bilinear lookups at points spread inside each pixel.
Colours are sRGB in [0, 1]; textures (S, S, 3) are uint8, row 0 the top; uv (M, 3, 2) from the bottom left.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from textured_bodies import TexturedBody
from truth_pictures import shots, true_colours

from engine.geometry.bake import Baked, Texels
from engine.geometry.cameras import Orthographic

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]
Bytes = NDArray[np.uint8]

_CHUNK = 1 << 17
# Neighbouring pixels whose depths differ by more than this many pixels' width show different surfaces.
_SAME_SURFACE_PX = 4.0


@dataclass(frozen=True, eq=False)
class BetweenView:
    """What a camera sees that was not baked from: the `truth` (H, W, 3), and where to look things up.

    `index` (K,) the flat pixel of each of K points and `uv` (K, 2) its place in the texture. `inside` (H, W)
    marks pixels all of whose points hit; `first_charts` and `last_charts` (H, W) are the least and greatest
    number of the charts that their points lie in; `depths` (H, W) their mean depth, in pixels' widths.
    """

    truth: Floats
    inside: Bools
    index: NDArray[np.int64]
    uv: Floats
    first_charts: Ints
    last_charts: Ints
    depths: Floats


def between_view(
    body: TexturedBody, uv: Floats, charts: Ints, camera: Orthographic, n_across: int = 2
) -> BetweenView:
    """The body from `camera`, n_across x n_across points a pixel; `charts` (M,) numbers the faces' charts."""
    width, height = camera.size_px
    n = height * width
    truth, hits, depths = np.zeros((n, 3), np.float32), np.zeros(n, np.int32), np.zeros(n, np.float32)
    first, last = np.full(n, np.iinfo(np.int32).max, np.int32), np.full(n, -1, np.int32)
    index, places = [], []
    for shot in shots(body.mesh, camera, n_across):
        at, raster = shot.index, shot.raster
        truth[at] += true_colours(body, raster)
        hits[at] += 1
        depths[at] += raster.depths.ravel()[at] * camera.px_per_unit[0]
        chart = charts[raster.face_ids.ravel()[at]]
        first[at], last[at] = np.minimum(first[at], chart), np.maximum(last[at], chart)
        index.append(at)
        places.append(raster.interpolate(uv))
    shape = (height, width)
    return BetweenView(
        (truth / np.maximum(hits, 1)[:, None]).reshape(*shape, 3),
        (hits == n_across**2).reshape(shape),
        np.concatenate(index),
        np.concatenate(places),
        first.reshape(shape),
        last.reshape(shape),
        (depths / np.maximum(hits, 1)).reshape(shape),
    )


def shown(view: BetweenView, texture: Bytes) -> Floats:
    """The picture (H, W, 3) of the body with `texture`; black where nothing is."""
    height, width = view.inside.shape
    colours = looked_up(texture, view.uv)
    hits = np.maximum(np.bincount(view.index, minlength=height * width), 1)
    channels = [np.bincount(view.index, colours[:, i], height * width) / hits for i in range(3)]
    return np.stack(channels, axis=1).reshape(height, width, 3).astype(np.float32)


def looked_up(texture: Bytes, uv: Floats) -> Floats:
    """Bilinear colours (K, 3) at places (K, 2), clamped to the rim; texel centres lie at + 0.5."""
    size = len(texture)
    texels = texture.reshape(-1, 3)
    out = np.empty((len(uv), 3), np.float32)

    def work(begin: int) -> None:
        part = slice(begin, begin + _CHUNK)
        x, y = uv[part, 0] * size - 0.5, (1 - uv[part, 1]) * size - 0.5
        left, top = np.floor(x), np.floor(y)
        u, v = (x - left)[:, None], (y - top)[:, None]
        c0, c1 = (np.clip(left + i, 0, size - 1).astype(np.int64) for i in (0, 1))
        r0, r1 = (np.clip(top + i, 0, size - 1).astype(np.int64) * size for i in (0, 1))
        upper = texels[r0 + c0] * (1 - u) + texels[r0 + c1] * u
        lower = texels[r1 + c0] * (1 - u) + texels[r1 + c1] * u
        out[part] = (upper * (1 - v) + lower * v) / 255

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(work, range(0, len(uv), _CHUNK)))
    return out


def psnr_of(errors: Floats) -> float:
    """The PSNR in dB of differences of colours in [0, 1]; infinite if there are none."""
    return float(-10 * np.log10(max(float(np.mean(np.square(errors, dtype=np.float64))), 1e-12)))


def between_psnr(views: Sequence[BetweenView], texture: Bytes, parts: Sequence[Bools] | None = None) -> float:
    """The mean over `views` of the PSNR inside the outline; with `parts` (H, W) each, only where they hold.

    A view without any such pixel does not count.
    """
    kept = [view.inside if parts is None else view.inside & parts[i] for i, view in enumerate(views)]
    each = [
        psnr_of((shown(view, texture) - view.truth)[where])
        for view, where in zip(views, kept, strict=True)
        if where.any()
    ]
    return float(np.mean(each)) if each else float("nan")


def chart_numbers(faces: Ints, uv: Floats) -> Ints:
    """The chart (M,) of each face: faces are together where they share an edge, in space and in uv."""
    keys = np.concatenate([faces.reshape(-1, 1).astype(np.float64), uv.reshape(-1, 2)], axis=1)
    nodes = np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1, 3)
    ends = np.sort(np.stack([nodes, nodes[:, [1, 2, 0]]], axis=-1), axis=-1).reshape(-1, 2)
    edges = np.unique(ends, axis=0, return_inverse=True)[1].ravel()
    order = np.argsort(edges, kind="stable")
    same = edges[order][1:] == edges[order][:-1]
    owner = order // 3
    pairs = owner[:-1][same], owner[1:][same]
    links = coo_matrix((np.ones(len(pairs[0])), pairs), shape=(len(faces), len(faces)))
    return np.asarray(connected_components(links, directed=False)[1], np.int32)


@dataclass(frozen=True)
class Seams:
    """Differences between neighbouring pixels across chart borders, as multiples of those within charts.

    `error`: of what a texture's differences miss the truth's by. `gradient`: of the texture's differences
    themselves; `true_gradient`: the same of the truth, 1 if charts ended at places like any other.
    `share` is how many of the pairs lie across borders.
    """

    error: float
    gradient: float
    true_gradient: float
    share: float

    @property
    def visible(self) -> float:
        """How much more the texture changes across borders than it should; 1 if no seam can be seen."""
        return self.gradient / self.true_gradient


def seam_ratios(views: Sequence[BetweenView], texture: Bytes) -> Seams:
    """Seams of a texture; pairs of pixels that show two surfaces, one before the other, do not count."""
    sums, counts = np.zeros((2, 3)), np.zeros(2)
    for view in views:
        picture = shown(view, texture)
        for axis in (0, 1):
            here, there = (_cut(view.inside, axis, side) for side in (0, 1))
            near = np.abs(np.diff(view.depths, axis=axis)) < _SAME_SURFACE_PX
            low = np.minimum(_cut(view.first_charts, axis, 0), _cut(view.first_charts, axis, 1))
            high = np.maximum(_cut(view.last_charts, axis, 0), _cut(view.last_charts, axis, 1))
            ours, true = np.diff(picture, axis=axis), np.diff(view.truth, axis=axis)
            for border in (0, 1):
                kept = here & there & near & ((low != high) == border)
                counts[border] += kept.sum()
                for number, values in enumerate((ours - true, ours, true)):
                    sums[border, number] += np.abs(values[kept]).mean(axis=1).sum(dtype=np.float64)
    means = sums / np.maximum(counts, 1)[:, None]
    ratios = means[1] / np.maximum(means[0], 1e-12)
    return Seams(*(float(ratio) for ratio in ratios), float(counts[1] / counts.sum()))


def _cut(values: NDArray, axis: int, side: int) -> NDArray:  # type: ignore[type-arg]
    length = values.shape[axis]
    return np.take(values, range(side, length - 1 + side), axis=axis)


def unfilled(
    texels: Texels, seen: Bools, fill: Callable[[Texels, Baked], Bytes], margin_px: int = 4
) -> float:
    """The share of texels inside charts and `margin_px` around them that `fill` leaves as they were.

    Seen texels are grey, unseen ones magenta; what is filled from the seen ones is grey.
    """
    colours = np.where(seen[:, None], np.float32(0.5), np.float32([1, 0, 1])).astype(np.float32)
    texture = fill(texels, Baked(colours, seen))
    empty = np.ones(texels.size_px**2, bool)
    empty[texels.index] = False
    near = ndimage.distance_transform_edt(empty.reshape(texels.size_px, -1)) <= margin_px
    is_grey = (np.abs(texture.astype(np.int32) - 128) <= 2).all(axis=2)
    return float((near & ~is_grey).sum() / near.sum())


@dataclass(frozen=True)
class Bleed:
    """Foreign colour at texels inside charts: the share that gets any, and the most, 1 being full scale."""

    share: float
    most: float


def bleed_at_mip(
    texels: Texels, charts: Ints, dilate: Callable[[Texels, Floats], Bytes], level: int, *, bilinear: bool
) -> Bleed:
    """Each chart gets a colour of its own; at mip `level` each texel inside should still find its chart's."""
    own = np.random.default_rng(7).uniform(size=(int(charts.max(initial=0)) + 1, 3)).astype(np.float32)
    wanted = own[charts[texels.face_ids]]
    mip = dilate(texels, wanted).astype(np.float32)
    for _ in range(level):
        mip = (mip[::2, ::2] + mip[1::2, ::2] + mip[::2, 1::2] + mip[1::2, 1::2]) / 4
    row, column = np.divmod(texels.index, texels.size_px)
    if bilinear:
        uv = np.stack([(column + 0.5), texels.size_px - (row + 0.5)], axis=1) / texels.size_px
        found = looked_up(mip, uv.astype(np.float32))
    else:
        found = mip[row >> level, column >> level] / 255
    off = np.abs(found - wanted).max(axis=1)
    # Rounding to 8 bits and to single precision is not a foreign colour.
    return Bleed(float((off > 2 / 255).mean()), float(off.max(initial=0)))


def hidden_psnr(
    texels: Texels, seen: Bools, truth: Floats, inpaint: Callable[[Texels, Baked], Floats]
) -> float:
    """The PSNR at texels not `seen` when all others have their true colours (T, 3): in-painting alone."""
    seen = np.asarray(seen, bool)
    if seen.all():
        return float("nan")
    known = np.where(seen[:, None], truth, 0).astype(np.float32)
    return psnr_of((inpaint(texels, Baked(known, seen)) - truth)[~seen])
