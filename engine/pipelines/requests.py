"""A request is run the same way whoever asks: the command line in its process, or the worker for a server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from engine.asset import Asset, as_array, received
from engine.backends import available_backends, choose_backend
from engine.folders import find_folders
from engine.geometry.mesh import Mesh
from engine.imaging.cutout import Cutout
from engine.memory.device import probe_device
from engine.memory.vram import TorchMeter
from engine.pipelines import hunyuan3d, silhouette
from engine.presets import settings_for
from engine.runner import Listener, Runner, Stage
from engine.stages.preprocess import cut_from
from engine.stages.values import Source
from protocol.arrays import Array, Image
from protocol.requests import CutoutRequest, GenerateRequest, Request, ViewPicture
from protocol.results import CutoutReady, Result


class ShapeListener(Listener, Protocol):
    """A listener that also wants the shape before its texture is there."""

    def shape_ready(self, vertices: Array, faces: Array) -> None:
        """The untextured mesh, (N, 3) float32 and (M, 3) int32, in the common frame."""


def run_request(
    job: str, request: Request, listener: ShapeListener, is_cancelled: Callable[[], bool]
) -> Result | CutoutReady:
    """Does what a message asks for and answers with the message that carries it."""
    models_dir = find_folders().models
    if isinstance(request, CutoutRequest):
        cutout, notes = run_cutout(request, listener, models_dir=models_dir, is_cancelled=is_cancelled)
        return CutoutReady(job, Image("pixels", as_array(cutout.rgba)), cutout.method, notes)
    asset = run_generate(
        request,
        listener,
        models_dir=models_dir,
        is_cancelled=is_cancelled,
        shape_is_ready=lambda mesh: listener.shape_ready(as_array(mesh.vertices), as_array(mesh.faces)),
    )
    return asset.as_result(job)


def run_generate(
    request: GenerateRequest,
    listener: Listener,
    *,
    models_dir: Path,
    is_cancelled: Callable[[], bool] = lambda: False,
    shape_is_ready: Callable[[Mesh], None] = lambda mesh: None,
) -> Asset:
    """Makes the asset that `request` asks for.

    Raises the errors of engine.errors; `listener` has then heard the start of the stage that failed.
    """
    choose_backend(request.backend, available_backends(models_dir, probe_device()))
    settings = settings_for(
        request.preset,
        faces=request.faces,
        texture_size_px=request.texture_size_px,
        overrides=request.settings,
        backend=request.backend,
    )
    sources = tuple(source_of(picture) for picture in request.pictures)
    if request.backend == "hunyuan3d-2":
        make, n_stages, meter = hunyuan3d.make_hunyuan3d, hunyuan3d.N_STAGES, TorchMeter()
    else:
        make, n_stages, meter = silhouette.make_silhouette, silhouette.N_STAGES, None
    runner = Runner(listener, n_stages=n_stages, is_cancelled=is_cancelled, vram=meter)
    return make(request, sources, settings, runner, models_dir, shape_is_ready)


def run_cutout(
    request: CutoutRequest,
    listener: Listener,
    *,
    models_dir: Path,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> tuple[Cutout, tuple[str, ...]]:
    """The cut-out that `request` asks for, before time is spent on a shape, and the notes on it."""
    settings = settings_for("auto", overrides=request.settings).preprocess
    runner = Runner(listener, n_stages=1, is_cancelled=is_cancelled)
    stage = Stage[Source, Cutout](
        "preprocess", lambda source, progress: cut_from(source, settings, models_dir, progress)
    )
    cutout = runner.run(stage, source_of(request.picture))
    return cutout, runner.records[-1].notes


def source_of(picture: ViewPicture) -> Source:
    """The picture of a message as the stages want it."""
    data = picture.image.data
    content = bytes(data.data) if picture.image.encoding == "file" else received(data)
    return Source(picture.view, picture.name, content)
