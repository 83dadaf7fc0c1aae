"""The Hunyuan3D-2 pipeline: its networks make the shape; the given views are its texture.

The paint networks are not in this version: what no given view shows is filled as in the draft backend.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.asset import Asset
from engine.geometry.mesh import Mesh
from engine.memory.vram import vram_of_a_job
from engine.pipelines.finish import N_FINISHING_STAGES, finish
from engine.pipelines.history import UsedModel
from engine.runner import Runner
from engine.settings import Settings
from engine.stages.clean import clean
from engine.stages.load_networks import load_networks
from engine.stages.preprocess import preprocess
from engine.stages.shape_networks import shape_networks
from engine.stages.values import Source
from protocol.requests import GenerateRequest

N_STAGES = 4 + N_FINISHING_STAGES


def make_hunyuan3d(
    request: GenerateRequest,
    sources: tuple[Source, ...],
    settings: Settings,
    runner: Runner,
    models_dir: Path,
    shape_is_ready: Callable[[Mesh], None],
) -> Asset:
    """Makes the asset of one to four views; `shape_is_ready` gets the untextured mesh before its texture."""
    with vram_of_a_job(request.vram_limit_gib):
        subjects = runner.run(preprocess(settings.preprocess, models_dir), sources)
        with runner.run(load_networks(settings.load, models_dir), subjects) as opened:
            body = runner.run(shape_networks(settings.shape, request.seed), opened)
            used = UsedModel.of(opened.bundle.located)
        body = runner.run(clean(settings.clean), body)
        shape_is_ready(body.mesh)
        return finish(request, settings, runner, body, (used,))
