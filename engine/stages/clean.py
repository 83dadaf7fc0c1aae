"""Stage clean: the surface is smoothed, freed of floaters, decimated, and brought into the common frame."""

from __future__ import annotations

from engine.geometry.clean import decimate, drop_floaters, smooth
from engine.geometry.frame import bring_into_frame, stretch_to
from engine.geometry.mesh import topology
from engine.runner import Progress, Stage
from engine.settings import CleanSettings
from engine.stages.values import Body


def clean(settings: CleanSettings) -> Stage[Body, Body]:
    """The stage from a raw body to a clean one; says so if the result is not closed."""

    def work(body: Body, progress: Progress) -> Body:
        mesh, n_dropped = drop_floaters(body.mesh, settings.floaters)
        if n_dropped:
            is_one = n_dropped == 1
            progress.note(
                "Dropped one small loose part." if is_one else f"Dropped {n_dropped} small loose parts."
            )
        progress.step(1, 4)
        mesh = smooth(mesh, settings.smooth)
        progress.step(2, 4)
        cleaned = decimate(mesh, settings.faces)
        for note in cleaned.notes:
            progress.note(note)
        progress.step(3, 4)
        if not topology(cleaned.mesh).is_watertight:
            progress.note("The surface is not closed everywhere.")
        fitted = stretch_to(cleaned.mesh, body.extents)
        framed = bring_into_frame(fitted, dict(body.cameras))
        progress.step(4, 4)
        return Body(framed.mesh, framed.cameras, body.subjects)

    return Stage("clean", work)
