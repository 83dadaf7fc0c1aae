"""What the engine offers is read anew whenever it is asked, because other programs share the device."""

from __future__ import annotations

from pathlib import Path

from engine import __version__
from engine.backends import available_backends, choose_backend
from engine.errors import BadRequest
from engine.memory.device import probe_device
from engine.presets import presets, settings_for
from engine.weights.choice import choose_model
from protocol.codec import Limits
from protocol.faults import fitted
from protocol.names import WIRE_MAJOR, WIRE_MINOR
from protocol.requests import GenerateRequest, Request
from protocol.session import BackendInfo, Bounds, Device, PresetInfo, Welcome


class Offer:
    """Answers what there is and whether a request can be met, for one folder of models."""

    def __init__(self, models: Path, limits: Limits, max_queued_jobs: int) -> None:
        self._models = models
        self._bounds = Bounds(limits.max_frame_bytes, limits.max_total_bytes, max_queued_jobs)

    def device(self) -> Device:
        """The device and its free memory now."""
        found = probe_device()
        return Device(
            fitted(found.name, 200), found.kind, found.total_bytes, found.free_bytes, fitted(found.note, 2000)
        )

    def welcome(self) -> Welcome:
        """The greeting of a client that was let in."""
        backends = (
            BackendInfo(each.name, each.is_available, each.reason, each.remedy, each.licence, each.views)
            for each in available_backends(self._models, probe_device())
        )
        levels = (PresetInfo(preset.name, preset.text) for preset in presets().values())
        return Welcome(
            (WIRE_MAJOR, WIRE_MINOR),
            __version__,
            self.device(),
            tuple(backends),
            tuple(levels),
            self._bounds,
        )

    def check(self, request: Request) -> None:
        """Raises BadRequest for a backend, view or setting that is not here, WeightsMissing for a model."""
        if not isinstance(request, GenerateRequest):
            settings_for("auto", overrides=request.settings)
            return
        settings = settings_for(
            request.preset,
            backend=request.backend,
            faces=request.faces,
            texture_size_px=request.texture_size_px,
            overrides=request.settings,
        )
        backend = choose_backend(request.backend, available_backends(self._models, probe_device()))
        unusable = [picture.view for picture in request.pictures if picture.view not in backend.views]
        if unusable:
            raise BadRequest(
                f"The backend {backend.name} cannot use the view {unusable[0]}.",
                remedy=f"It can use {', '.join(backend.views)}.",
            )
        if backend.needs_weights:
            choose_model(settings.load, [picture.view for picture in request.pictures], self._models)
