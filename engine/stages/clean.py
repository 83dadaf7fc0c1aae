"""Stage clean: a raw surface is made sound, smoothed, decimated, and brought into the common frame.

The surface before decimation is kept beside the result, moved exactly as it was.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.geometry.clean import drop_floaters, smooth
from engine.geometry.decimate import decimate, thin_out
from engine.geometry.frame import bring_into_frame, framing, stretching
from engine.geometry.mending.intake import take_in
from engine.geometry.mending.remesh import voxel_remesh
from engine.geometry.mending.repair import repair
from engine.geometry.mesh import Mesh, topology
from engine.runner import Progress, Stage
from engine.settings import CleanSettings
from engine.stages.values import Body

_N_STEPS = 6


def clean(settings: CleanSettings) -> Stage[Body, Body]:
    """The stage from a raw body to a clean one; says so if the result is not closed.

    Raises BadInput if the mesh has no faces with an area.
    """

    def work(body: Body, progress: Progress) -> Body:
        taken = take_in(body.mesh.vertices, body.mesh.faces)
        thinned = thin_out(taken.mesh)
        _say(progress, (*taken.notes, *thinned.notes))
        progress.step(1, _N_STEPS)
        mesh = _without_floaters(thinned.mesh, settings.floaters, progress)
        progress.step(2, _N_STEPS)
        repaired = repair(mesh)
        _say(progress, repaired.notes)
        if repaired.mesh is not mesh:  # parts that only touched have come apart
            mesh = _without_floaters(repaired.mesh, settings.floaters, progress)
        if settings.rebuild:
            mesh = voxel_remesh(mesh, settings.rebuild).mesh
        progress.step(3, _N_STEPS)
        dense = smooth(mesh, settings.smooth)
        progress.step(4, _N_STEPS)
        cleaned = decimate(dense, settings.faces)
        _say(progress, cleaned.notes)
        progress.step(5, _N_STEPS)
        if not topology(cleaned.mesh).is_watertight:
            progress.note("The surface is not closed everywhere.")
        stretch = stretching(cleaned.mesh, body.extents)
        fitted = stretch.of(cleaned.mesh)
        framed = bring_into_frame(fitted, dict(body.cameras))
        kept = None if cleaned.mesh is dense else framing(fitted).of(stretch.of(dense))
        progress.step(6, _N_STEPS)
        return Body(framed.mesh, framed.cameras, body.subjects, dense=kept)

    return Stage("clean", work)


def _without_floaters(mesh: Mesh, smallest_share: float, progress: Progress) -> Mesh:
    kept, n_dropped = drop_floaters(mesh, smallest_share)
    if n_dropped:
        progress.note(
            "Dropped one small loose part." if n_dropped == 1 else f"Dropped {n_dropped} small loose parts."
        )
    return kept


def _say(progress: Progress, notes: Iterable[str]) -> None:
    for note in notes:
        progress.note(note)
