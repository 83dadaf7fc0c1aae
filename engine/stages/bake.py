"""Stage bake: the views' colours come onto the texels that they show, and a guess onto the other side."""

from __future__ import annotations

import numpy as np

from engine.geometry.bake import Blend, View, bake, fill_unseen, locate_texels, mirrored
from engine.geometry.cameras import opposite_view
from engine.geometry.refine import refine
from engine.imaging.recentre import bleed
from engine.runner import Progress, Stage
from engine.settings import BakeSettings
from engine.stages.values import Charted, Painted


def bake_views(settings: BakeSettings) -> Stage[Charted, Painted]:
    """The stage from a charted body to a painted one."""

    def work(charted: Charted, progress: Progress) -> Painted:
        body = charted.body
        views = tuple(
            View(
                subject.view,
                body.cameras[subject.view],
                np.ascontiguousarray(bleed(subject.rgba)[..., :3].astype(np.float32) / 255),
            )
            for subject in body.subjects
        )
        texels = locate_texels(body.mesh, charted.uv, settings.texture_size_px)
        progress.check()
        given = {view.name for view in views}
        guesses = [mirrored(view) for view in views if opposite_view(view.name) not in given]
        if settings.back != "mirror":
            guesses = []
        blend = Blend(settings.cosine_power)
        n_solved = settings.refine * len(views)
        n_steps = len(views) + n_solved + len(guesses)
        mesh, uv = body.mesh, charted.uv
        baked = bake(mesh, texels, views, blend=blend, step=lambda step, _: progress.step(step, n_steps))
        baked = refine(
            mesh,
            uv,
            texels,
            baked,
            views,
            n_rounds=settings.refine,
            blend=blend,
            step=lambda step, _: progress.step(len(views) + step, n_steps),
        )
        seen_fraction = float(baked.seen.mean()) if len(baked.seen) else 0.0
        if guesses:
            guess = bake(
                mesh,
                texels,
                guesses,
                blend=blend,
                step=lambda step, _: progress.step(len(views) + n_solved + step, n_steps),
            )
            baked = fill_unseen(baked, guess)
        return Painted(charted, views, texels, baked, seen_fraction)

    return Stage("bake", work)
