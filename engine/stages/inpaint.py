"""Stage inpaint: what nothing shows is filled from the surface around it, and seams from their charts."""

from __future__ import annotations

from engine.geometry.gutter import dilate
from engine.geometry.inpaint import inpaint as fill
from engine.runner import Progress, Stage
from engine.stages.values import Painted, Textured


def inpaint() -> Stage[Painted, Textured]:
    """The stage from painted texels to a whole texture."""

    def work(painted: Painted, progress: Progress) -> Textured:
        if not painted.baked.seen.any():
            progress.note("No view shows any of the surface: the texture is plain grey.")
        colours = fill(painted.texels, painted.baked)
        progress.step(1, 2)
        texture = dilate(painted.texels, colours)
        progress.step(2, 2)
        maps = {name: dilate(painted.texels, values) for name, values in painted.maps.items()}
        return Textured(painted.charted, texture, painted.seen_fraction, maps)

    return Stage("inpaint", work)
