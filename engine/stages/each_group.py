"""A stage for one texture becomes one for several, one after the other, its progress shared out."""

from __future__ import annotations

from typing import TypeVar

from engine.runner import Progress, Stage
from engine.settings import BakeSettings
from engine.stages.bake import bake_views
from engine.stages.inpaint import inpaint
from engine.stages.mesh_values import Laid, PaintedGroups, TexturedGroups

In = TypeVar("In")
Out = TypeVar("Out")

# Steps into which each texture's share of the progress is cut.
_STEPS = 100


class Portion(Progress):
    """The progress of one of several equal runs of the same work."""

    def __init__(self, whole: Progress, number: int, n_all: int) -> None:
        super().__init__(whole.runner, whole.stage, whole.notes)
        self._number, self._n_all = number, n_all

    def step(self, step: int, n_steps: int) -> None:
        """Tells of the whole work, of which this is a share."""
        if self._n_all == 1:
            super().step(step, n_steps)
            return
        done = self._number * _STEPS + _STEPS * step // max(n_steps, 1)
        super().step(done, self._n_all * _STEPS)


def bake_each(settings: BakeSettings) -> Stage[Laid, PaintedGroups]:
    """The stage that paints every group of faces with the views."""
    bake = bake_views(settings)

    def work(laid: Laid, progress: Progress) -> PaintedGroups:
        charted = [group.charted for group in laid.groups]
        return PaintedGroups(laid, _each(bake, charted, progress))

    return Stage(bake.name, work)


def inpaint_each() -> Stage[PaintedGroups, TexturedGroups]:
    """The stage that fills what no view shows, texture by texture."""
    fill = inpaint()

    def work(groups: PaintedGroups, progress: Progress) -> TexturedGroups:
        return TexturedGroups(groups.laid, _each(fill, list(groups.painted), progress))

    return Stage(fill.name, work)


def _each(stage: Stage[In, Out], values: list[In], progress: Progress) -> tuple[Out, ...]:
    return tuple(
        stage.work(value, Portion(progress, number, len(values))) for number, value in enumerate(values)
    )
