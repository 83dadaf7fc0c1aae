"""What an asset says of its making: provenance goes with it for ever, the report is about this one run.

Provenance holds nothing that differs between two runs of the same request: no clock, no path, no machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from engine import __version__
from engine.asset import Asset
from engine.geometry.cameras import Orthographic
from engine.geometry.mesh import topology
from engine.memory.device import probe_device, read_processor
from engine.runner import Runner
from engine.settings import Settings
from engine.stages.values import Body, Textured
from engine.weights.inventory import Located
from protocol.requests import GenerateRequest

# Networks that cut out, by the method that names them; see docs/backends.md.
_CUTOUT_LICENCES = {"u2net": "Apache-2.0", "isnet-general-use": "Apache-2.0", "birefnet-general": "MIT"}


@dataclass(frozen=True)
class UsedModel:
    """A network that made an asset: its name, what tells its version, and the licence that it brings."""

    name: str
    revision: str
    licence: str

    @classmethod
    def of(cls, located: Located) -> UsedModel:
        """The shape checkpoint at `located`; its version is the repository and folder that it is of."""
        model = located.model
        return cls(model.full_name, f"{model.repo}/{model.folder}", model.licence.name)


def describe(
    request: GenerateRequest, settings: Settings, body: Body, models: Sequence[UsedModel] = ()
) -> dict[str, Any]:
    """The provenance of what `request` makes; of the settings, those that its backend reads."""
    return {
        "engine": f"maquette {__version__}",
        "backend": request.backend,
        "preset": request.preset,
        "seed": request.seed,
        "models": [*cutout_models(body), *map(asdict, models)],
        "views": views_told(body),
        "settings": settings.as_dict_of(request.backend),
    }


def report(asset: Asset, request: GenerateRequest, runner: Runner, textured: Textured) -> Asset:
    """`asset` with the report of its run."""
    facts = topology(asset.mesh)
    written = {
        "backend": request.backend,
        "preset": request.preset,
        "seed": request.seed,
        **costs(runner),
        "mesh": {
            "vertices": len(asset.mesh.vertices),
            "faces": len(asset.mesh.faces),
            "components": facts.n_components,
            "watertight": facts.is_watertight,
            "euler": facts.euler,
            "charts": textured.charted.n_charts,
        },
        "texture": {
            "size": textured.texture.shape[0],
            "baked_fraction": textured.seen_fraction,
        },
        "provenance": dict(asset.provenance),
    }
    return replace(asset, report=written)


def cutout_models(body: Body) -> list[dict[str, Any]]:
    """The networks that cut the subjects out, with their licences."""
    methods = {subject.method for subject in body.subjects}
    return [
        {"name": name, "revision": "", "licence": licence}
        for name, licence in _CUTOUT_LICENCES.items()
        if name in methods
    ]


def views_told(body: Body) -> list[dict[str, Any]]:
    """The views of a body: how each was cut out and where it was seen from."""
    return [
        {"view": subject.view, "cutout": subject.method, "camera": _camera(body.cameras[subject.view])}
        for subject in body.subjects
    ]


def costs(runner: Runner) -> dict[str, Any]:
    """What a run took: the device, its stages, seconds and the peak of GPU memory."""
    # Who asked for GPU memory computed on the card.
    used_card = any(record.peak_vram_bytes for record in runner.records)
    device = probe_device() if used_card else read_processor()
    return {
        "device": f"{device.kind}: {device.name}",
        "stages": [{**asdict(record), "notes": list(record.notes)} for record in runner.records],
        "total_seconds": sum(record.seconds for record in runner.records),
        "peak_vram_bytes": max((record.peak_vram_bytes for record in runner.records), default=0),
    }


def _camera(camera: Orthographic) -> dict[str, Any]:
    """The camera in the asset's frame; pixels are those of the subject's square canvas."""
    return {
        "type": "orthographic",
        "azimuth_deg": camera.azimuth_deg,
        "elevation_deg": camera.elevation_deg,
        "px_per_unit": list(camera.px_per_unit),
        "centre_px": list(camera.centre_px),
        "size_px": list(camera.size_px),
    }
