"""The silhouette pipeline: no weights, no GPU, no network; seconds on a laptop's processor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.asset import Asset
from engine.geometry.mesh import Mesh
from engine.pipelines.finish import N_FINISHING_STAGES, finish
from engine.runner import Runner
from engine.settings import Settings
from engine.stages.clean import clean
from engine.stages.preprocess import preprocess
from engine.stages.shape_silhouette import shape_silhouette
from engine.stages.values import Source
from protocol.requests import GenerateRequest

N_STAGES = 3 + N_FINISHING_STAGES


def make_silhouette(
    request: GenerateRequest,
    sources: tuple[Source, ...],
    settings: Settings,
    runner: Runner,
    models_dir: Path,
    shape_is_ready: Callable[[Mesh], None],
) -> Asset:
    """Makes the asset of one to six views; `shape_is_ready` gets the untextured mesh as soon as it exists."""
    subjects = runner.run(preprocess(settings.preprocess, models_dir), sources)
    body = runner.run(shape_silhouette(settings.shape), subjects)
    body = runner.run(clean(settings.clean), body)
    shape_is_ready(body.mesh)
    return finish(request, settings, runner, body)
