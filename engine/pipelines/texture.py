"""The texture pipeline: a mesh that exists keeps everything but its base colour, which given views paint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine import __version__
from engine.errors import BadRequest
from engine.geometry.mesh import keep_faces, topology
from engine.pipelines.history import costs, cutout_models, views_told
from engine.pipelines.requests import source_of
from engine.presets import settings_for
from engine.runner import Listener, Runner
from engine.settings import MESH_STAGES, Settings
from engine.stages.align import align_views
from engine.stages.each_group import bake_each, inpaint_each
from engine.stages.lay_out import UvChoice, lay_out
from engine.stages.load_mesh import Up, load_mesh
from engine.stages.mesh_values import Laid, PaintedGroups, Sighted
from engine.stages.preprocess import preprocess
from engine.stages.save_mesh import save_mesh
from protocol.requests import ViewPicture

N_STAGES = 7


@dataclass(frozen=True)
class TextureRequest:
    """The mesh file, the pictures, and how to paint them.

    `settings` are ("stage.key", text) pairs that come after `preset` and `texture_size_px`.
    """

    mesh: Path
    pictures: tuple[ViewPicture, ...]
    uv: UvChoice = "auto"
    up: Up = "y"
    preset: str = "auto"
    seed: int = 0
    texture_size_px: int | None = None
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, eq=False)
class NewTexture:
    """The file with its new texture, what is written inside about it, and the report of this run."""

    glb: bytes
    provenance: Mapping[str, Any]
    report: Mapping[str, Any]


def texture_settings(request: TextureRequest) -> Settings:
    """The settings of a request; raises BadRequest for a value out of bounds or a stage that does not run."""
    for key, _ in request.settings:
        stage = key.partition(".")[0]
        if stage in MESH_STAGES:
            raise BadRequest(
                f"{key} is about making a mesh, and the mesh is given.",
                remedy="The stages preprocess, unwrap, bake and save have settings here.",
            )
    return settings_for(request.preset, texture_size_px=request.texture_size_px, overrides=request.settings)


def make_texture(
    request: TextureRequest,
    listener: Listener,
    *,
    models_dir: Path,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> NewTexture:
    """Paints the mesh of `request`; raises the errors of engine.errors."""
    settings = texture_settings(request)
    runner = Runner(listener, n_stages=N_STAGES, is_cancelled=is_cancelled)
    loaded = runner.run(load_mesh(request.up), request.mesh)
    sources = tuple(source_of(picture) for picture in request.pictures)
    subjects = runner.run(preprocess(settings.preprocess, models_dir), sources)
    aimed = runner.run(align_views(request.up), Sighted(loaded, subjects))
    size_px = settings.bake.texture_size_px
    laid = runner.run(lay_out(request.uv, settings.unwrap, size_px), aimed)
    painted = runner.run(bake_each(settings.bake), laid)
    seen_fraction = _seen_fraction(painted)
    textured = runner.run(inpaint_each(), painted)
    provenance = _describe(request, settings, laid)
    saved = runner.run(save_mesh(settings.save, provenance), textured)
    report = {
        "backend": "texture",
        "preset": request.preset,
        "seed": request.seed,
        **costs(runner),
        "mesh": {**_mesh_facts(laid), "vertices_added": saved.n_added},
        "texture": {
            "size": size_px,
            "baked_fraction": seen_fraction,
            "uv": "new" if laid.is_new else "kept",
            "textures": [group.name for group in laid.groups],
        },
        "views": _fits(laid),
        "provenance": provenance,
    }
    return NewTexture(saved.glb, provenance, report)


def _seen_fraction(groups: PaintedGroups) -> float:
    """The share of all textures' texels that a view shows."""
    counts = [len(painted.texels.index) for painted in groups.painted]
    seen = [painted.seen_fraction * count for painted, count in zip(groups.painted, counts, strict=True)]
    return float(sum(seen) / max(sum(counts), 1))


def _describe(request: TextureRequest, settings: Settings, laid: Laid) -> dict[str, Any]:
    """The provenance: what decides the result, and nothing of the machine."""
    body = laid.aimed.body
    return {
        "engine": f"maquette {__version__}",
        "backend": "texture",
        "preset": request.preset,
        "seed": request.seed,
        "models": cutout_models(body),
        "views": views_told(body),
        "uv": "new" if laid.is_new else "kept",
        "up": request.up,
        "settings": {stage: held for stage, held in settings.as_dict().items() if stage not in MESH_STAGES},
    }


def _mesh_facts(laid: Laid) -> dict[str, Any]:
    """The mesh as it came, each part once; whether it is closed is asked with its vertices welded."""
    aimed = laid.aimed
    scene = aimed.loaded.scene
    once = np.isin(aimed.loaded.placements, np.unique(aimed.loaded.placements[aimed.painted]))
    facts = topology(keep_faces(aimed.welded, once))
    return {
        "vertices": sum({part.shares: part.n_vertices for part in scene.parts}.values()),
        "faces": sum(len(part.faces) for part in scene.parts),
        "components": facts.n_components,
        "watertight": facts.is_watertight,
        "euler": facts.euler,
    }


def _fits(laid: Laid) -> list[dict[str, Any]]:
    return [
        {"view": view, "overlap": round(fit.overlap, 4), "stretch": round(fit.stretch, 4)}
        for view, fit in laid.aimed.fits.items()
    ]
