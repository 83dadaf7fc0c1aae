"""A stage for one texture becomes one for several, one after the other, its progress shared out.

What belongs to the pictures and not to a texture is settled before, over the whole mesh: their exposure.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil, sqrt
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.geometry.bake import Blend, View, locate_texels
from engine.geometry.compute import choose_compute
from engine.geometry.exposure import match_exposure
from engine.runner import Progress, Stage
from engine.settings import BakeSettings
from engine.stages.bake import bake_views
from engine.stages.inpaint import inpaint
from engine.stages.mesh_values import Group, Laid, PaintedGroups, TexturedGroups
from engine.stages.values import Subject

In = TypeVar("In")
Out = TypeVar("Out")

# Steps into which each texture's share of the progress is cut.
_STEPS = 100
# Exposure is matched on a sample of texels; all textures side by side have this many pixels along a side.
_MATCH_PX = 1024


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

    def work(laid: Laid, progress: Progress) -> PaintedGroups:
        charted, each = [group.charted for group in laid.groups], settings
        if settings.exposure and len(charted) > 1:
            body = replace(laid.aimed.body, subjects=_matched(laid, settings))
            charted = [replace(one, body=body) for one in charted]
            each = replace(settings, exposure=False)
            progress.check()
        return PaintedGroups(laid, _each(bake_views(each), charted, progress))

    return Stage(bake_views(settings).name, work)


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


def _matched(laid: Laid, settings: BakeSettings) -> tuple[Subject, ...]:
    """The subjects with one factor a view for the whole mesh, as `bake.exposure` has it for one texture."""
    body = laid.aimed.body
    views = [
        View(
            subject.view,
            body.cameras[subject.view],
            np.asarray(subject.rgba[..., :3] / np.float32(255), np.float32),
        )
        for subject in body.subjects
    ]
    texels = locate_texels(body.mesh, _side_by_side(laid.groups), _MATCH_PX, choose_compute(settings.compute))
    matched = match_exposure(body.mesh, texels, views, Blend(settings.cosine_power, settings.edge))
    return tuple(
        replace(subject, rgba=np.dstack([_as_bytes(view.colours), subject.rgba[..., 3]]))
        for subject, view in zip(body.subjects, matched, strict=True)
    )


def _side_by_side(groups: tuple[Group, ...]) -> NDArray[np.float32]:
    """The coordinates (M, 3, 2) of all groups in one square, each in a cell of its own."""
    n_cells = ceil(sqrt(len(groups)))
    joined = np.full_like(groups[0].charted.uv, np.nan)
    for number, group in enumerate(groups):
        uv = group.charted.uv
        cell = np.array([number % n_cells, number // n_cells], np.float32)
        joined = np.where(np.isfinite(uv), (uv + cell) / np.float32(n_cells), joined)
    return joined


def _as_bytes(colours: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.round(colours * 255).astype(np.uint8)
