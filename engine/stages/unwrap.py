"""Stage unwrap: every face gets its place in the texture, those that the views show a larger one."""

from __future__ import annotations

import numpy as np

from engine.geometry.atlas.regions import calm_regions
from engine.geometry.bake import facing
from engine.geometry.unwrap import UnwrapOptions
from engine.geometry.unwrap import unwrap as lay_out
from engine.runner import Progress, Stage
from engine.settings import UnwrapSettings
from engine.stages.values import Body, Charted


def unwrap(settings: UnwrapSettings, texture_size_px: int) -> Stage[Body, Charted]:
    """The stage from a body to a charted one."""

    def work(body: Body, progress: Progress) -> Charted:
        shown = np.zeros(len(body.mesh.faces), bool)
        for camera in body.cameras.values():
            shown |= facing(body.mesh, camera)
        shown = calm_regions(body.mesh, shown)
        densities = np.where(shown, 1.0, 1.0 / settings.emphasis).astype(np.float32)
        options = UnwrapOptions(
            texture_size_px,
            settings.padding,
            settings.max_iterations,
            settings.max_cost,
            settings.brute_force,
            settings.method,
            settings.time_limit_s,
        )
        made = lay_out(body.mesh.vertices, body.mesh.faces, options, densities, progress.step)
        for note in made.notes:
            progress.note(note)
        return Charted(body, made.uv, made.n_charts)

    return Stage("unwrap", work)
