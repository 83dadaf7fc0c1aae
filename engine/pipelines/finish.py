"""The half that all backends share: a clean body is unwrapped, painted from its views, and saved."""

from __future__ import annotations

from collections.abc import Sequence

from engine.asset import Asset
from engine.pipelines.history import UsedModel, describe, report
from engine.runner import Runner
from engine.settings import Settings
from engine.stages.bake import bake_views
from engine.stages.inpaint import inpaint
from engine.stages.save import save
from engine.stages.unwrap import unwrap
from engine.stages.values import Body
from protocol.requests import GenerateRequest

N_FINISHING_STAGES = 4


def finish(
    request: GenerateRequest,
    settings: Settings,
    runner: Runner,
    body: Body,
    models: Sequence[UsedModel] = (),
) -> Asset:
    """The asset of `body`; `models` are the networks that made it."""
    charted = runner.run(unwrap(settings.unwrap, settings.bake.texture_size_px), body)
    painted = runner.run(bake_views(settings.bake), charted)
    textured = runner.run(inpaint(), painted)
    provenance = describe(request, settings, body, models)
    asset = runner.run(save(provenance), textured)
    return report(asset, request, runner, textured)
