"""Stage bake: the views' colours come onto the texels that they show, and a guess onto the other side."""

from __future__ import annotations

import numpy as np

from engine.geometry.bake import Baked, Blend, Texels, View, bake, fill_unseen, locate_texels, mirrored
from engine.geometry.cameras import opposite_view
from engine.geometry.compute import Array, choose_compute
from engine.geometry.exposure import match_exposure
from engine.geometry.occlusion import bake_occlusion
from engine.geometry.refine import refine
from engine.geometry.relief import bake_relief
from engine.imaging.recentre import bleed
from engine.runner import Progress, Stage
from engine.settings import BakeSettings
from engine.stages.values import Body, Charted, Painted


def bake_views(settings: BakeSettings) -> Stage[Charted, Painted]:
    """The stage from a charted body to a painted one; raises BadRequest without the card it shall use."""

    def work(charted: Charted, progress: Progress) -> Painted:
        body, compute = charted.body, choose_compute(settings.compute)
        views = _views(body)
        texels = locate_texels(body.mesh, charted.uv, settings.texture_size_px, compute)
        progress.check()
        blend = Blend(settings.cosine_power, settings.edge)
        if settings.exposure:
            views = tuple(match_exposure(body.mesh, texels, views, blend))
        given = {view.name for view in views}
        guesses = [mirrored(view) for view in views if opposite_view(view.name) not in given]
        if settings.back != "mirror":
            guesses = []
        baked, seen = _baked(charted, texels, views, guesses, blend, settings, progress)
        maps = _maps(charted, texels, settings, progress)
        return Painted(charted, views, texels, baked, compute.share(seen), maps)

    return Stage("bake", work)


def _maps(charted: Charted, texels: Texels, settings: BakeSettings, progress: Progress) -> dict[str, Array]:
    """The further maps that are asked for, by name."""
    body, maps = charted.body, {}
    if settings.normal_map and body.dense is None:
        progress.note("No normal map was baked: the mesh was not decimated, so it has all of its detail.")
    elif settings.normal_map and body.dense is not None:
        progress.check()
        maps["normal"] = bake_relief(body.mesh, charted.uv, texels, body.dense).colours
    if settings.occlusion:
        openness = bake_occlusion(body.mesh, texels, step=lambda step, n_steps: progress.check())
        maps["occlusion"] = openness[:, None] * texels.compute.full((1, 3), 1, "float32")
    return maps


def _views(body: Body) -> tuple[View, ...]:
    return tuple(
        View(
            subject.view,
            body.cameras[subject.view],
            np.ascontiguousarray(bleed(subject.rgba)[..., :3].astype(np.float32) / 255),
        )
        for subject in body.subjects
    )


def _baked(
    charted: Charted,
    texels: Texels,
    views: tuple[View, ...],
    guesses: list[View],
    blend: Blend,
    settings: BakeSettings,
    progress: Progress,
) -> tuple[Baked, Array]:
    """The texels' colours, and which of them a given view shows: guesses do not count."""
    mesh = charted.body.mesh
    n_rounds = settings.refine if settings.mode == "opt" else 0
    n_steps = len(views) * (1 + n_rounds) + len(guesses)

    def step(number: int, n_before: int = 0) -> None:
        progress.step(n_before + number, n_steps)

    baked = bake(mesh, texels, views, blend=blend, step=lambda n, _: step(n))
    baked = refine(
        mesh,
        charted.uv,
        texels,
        baked,
        views,
        n_rounds=n_rounds,
        blend=blend,
        step=lambda n, _: step(n, len(views)),
    )
    seen = baked.seen
    if guesses:
        before = len(views) * (1 + n_rounds)
        guess = bake(mesh, texels, guesses, blend=blend, step=lambda n, _: step(n, before))
        baked = fill_unseen(baked, guess)
    return baked, seen
