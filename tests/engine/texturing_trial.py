"""One body goes through the engine's texturing and through the baseline's, from the same six true pictures.

What the engine is asked to do stands in `texture_ours` alone.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from splat_baseline import in_its_own_texels, splat_texture
from texture_measures import (
    BetweenView,
    Bleed,
    Seams,
    between_psnr,
    between_view,
    bleed_at_mip,
    chart_numbers,
    hidden_psnr,
    seam_ratios,
    shown,
    unfilled,
)
from textured_bodies import TexturedBody, textured_body
from truth_pictures import REFERENCE_WEIGHTS, between_cameras, picture, six_cameras, true_views

from engine.geometry.bake import Baked, Texels, View, bake, locate_texels
from engine.geometry.gutter import dilate
from engine.geometry.inpaint import inpaint
from engine.geometry.mesh import Mesh
from engine.geometry.refine import refine
from engine.geometry.unwrap import UnwrapOptions, unwrap

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

N_ROUNDS = 4


def texture_ours(
    mesh: Mesh, uv: Floats, texels: Texels, views: Sequence[View], mode: str = "fast"
) -> tuple[Bytes, Baked]:
    """The engine's texture of `views`, and what was known before in-painting.

    "opt" solves for the texels too.
    """
    baked = bake(mesh, texels, views)
    if mode == "opt":
        baked = refine(mesh, uv, texels, baked, views, n_rounds=N_ROUNDS)
    return filled(texels, baked), baked


def filled(texels: Texels, baked: Baked) -> Bytes:
    return dilate(texels, inpaint(texels, baked))


@dataclass(frozen=True, eq=False)
class Subject:
    """A body with its atlas, its six pictures, and what it looks like from between them.

    `charts` (M,) are pieces with common edges; in `laid_charts`, the layout's own, pieces may hang together
    by a vertex: they lie side by side in space too, so they may share a block of texels.
    """

    body: TexturedBody
    uv: Floats
    charts: NDArray[np.int32]
    laid_charts: NDArray[np.int32]
    texels: Texels
    views: tuple[View, ...]
    between: tuple[BetweenView, ...]
    true_texels: Floats


@dataclass(frozen=True)
class Figures:
    """What a trial found; PSNRs in dB, means over the views from between.

    `seen_psnr` and `splat_seen_psnr` leave out what none of the six views shows; `atlas_psnr` is that of the
    true colours at the texels' centres, which no bake can pass by much. `hidden` is in-painting alone, by the
    number of views.
    """

    name: str
    n_faces: int
    n_charts: int
    use: float
    unseen: float
    psnr: float
    seen_psnr: float
    splat_psnr: float
    splat_own_psnr: float
    splat_seen_psnr: float
    atlas_psnr: float
    seams: Seams
    splat_seams: Seams
    unfilled: float
    bleed_nearest: Bleed
    bleed_bilinear: Bleed
    hidden: dict[int, float]
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def gain(self) -> float:
        """How far above the baseline, in dB, looked at in the way that suits the baseline better."""
        return self.psnr - max(self.splat_psnr, self.splat_own_psnr)


@dataclass(frozen=True, eq=False)
class Textures:
    """The textures of a trial and what was seen of it, to look at."""

    ours: Bytes
    splat: Bytes
    atlas: Bytes
    seen: Bytes
    baked: Baked


def subject(
    name: str, size_px: int, views_px: int, between_px: int, n_faces: int = 40_000, *, kept: bool = False
) -> Subject:
    """The body of that name; with `kept` its six pictures stay in the temporary folder for the next time."""
    body = textured_body(name, n_faces, 2 * between_px)
    laid = unwrap(body.mesh.vertices, body.mesh.faces, UnwrapOptions(size_px))
    uv, charts = laid.uv, chart_numbers(body.mesh.faces, laid.uv)
    texels = locate_texels(body.mesh, uv, size_px)
    cameras = six_cameras(views_px)
    pictures = _pictures(body, views_px, kept)
    between = tuple(between_view(body, uv, charts, camera) for camera in between_cameras(between_px))
    truth = np.asarray(body.colour(texels.positions, texels.normals), np.float32)
    return Subject(body, uv, charts, laid.charts, texels, true_views(pictures, cameras), between, truth)


def tried(one: Subject, mode: str = "fast") -> tuple[Figures, Textures]:
    """Both ways on one subject, and their figures."""
    mesh, uv, texels, size_px = one.body.mesh, one.uv, one.texels, one.texels.size_px
    start = time.perf_counter()
    ours, baked = texture_ours(mesh, uv, texels, one.views, mode)
    middle = time.perf_counter()
    splat = splat_texture(mesh, uv, size_px, one.views, REFERENCE_WEIGHTS)
    end = time.perf_counter()
    atlas = dilate(texels, one.true_texels)
    # What no view shows, as a texture, so that pixels can be asked whether they show any of it.
    seen = dilate(texels, np.repeat(baked.seen[:, None], 3, axis=1).astype(np.float32))
    parts = [shown(view, seen)[..., 0] > 0.999 for view in one.between]
    shifted = [replace(view, uv=in_its_own_texels(view.uv, size_px)) for view in one.between]
    hidden = {}
    for n_views in (1, 2, 4, 6):
        first = bake(mesh, texels, one.views[:n_views]).seen
        hidden[n_views] = hidden_psnr(texels, first, one.true_texels, inpaint)
    figures = Figures(
        name=one.body.name,
        n_faces=len(mesh.faces),
        n_charts=int(one.charts.max()) + 1,
        use=len(texels.index) / size_px**2,
        unseen=float(1 - baked.seen.mean()),
        psnr=between_psnr(one.between, ours),
        seen_psnr=between_psnr(one.between, ours, parts),
        splat_psnr=between_psnr(one.between, splat),
        splat_own_psnr=between_psnr(shifted, splat),
        splat_seen_psnr=max(between_psnr(views, splat, parts) for views in (one.between, shifted)),
        atlas_psnr=between_psnr(one.between, atlas),
        seams=seam_ratios(one.between, ours),
        splat_seams=seam_ratios(one.between, splat),
        unfilled=unfilled(texels, baked.seen, filled),
        bleed_nearest=bleed_at_mip(texels, one.laid_charts, dilate, 3, bilinear=False),
        bleed_bilinear=bleed_at_mip(texels, one.laid_charts, dilate, 3, bilinear=True),
        hidden=hidden,
        seconds={"ours": middle - start, "splat": end - middle},
    )
    return figures, Textures(ours, splat, atlas, seen, baked)


def _pictures(body: TexturedBody, size_px: int, kept: bool) -> tuple[Bytes, ...]:
    """The six pictures; their file is named for the body's own geometry and colours, so it is never stale."""
    cameras = six_cameras(size_px)
    if not kept:
        return tuple(picture(body, camera) for camera in cameras)
    sample = body.mesh.vertices[:: max(1, len(body.mesh.vertices) // 4000)]
    key = hashlib.sha256(body.mesh.vertices.tobytes() + body.mesh.faces.tobytes())
    key.update(np.round(body.colour(sample, sample * 2), 4).tobytes())
    path = Path(tempfile.gettempdir()) / f"true-pictures-{body.name}-{size_px}-{key.hexdigest()[:16]}.npy"
    if not path.exists():
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            np.save(file, np.stack([picture(body, camera) for camera in cameras]))
        Path(file.name).replace(path)
    return tuple(np.load(path))
