"""Stage save for a mesh that exists: textures become pictures in the file, which keeps the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.geometry.bake import sample
from engine.geometry.rasterise import rasterise
from engine.geometry.weld import flip
from engine.meshfiles.pictures import cuts_holes, old_opacity
from engine.meshfiles.retexture import Paint, repaint
from engine.runner import Progress, Stage
from engine.settings import SaveSettings
from engine.stages.mesh_values import Group, Laid, Retextured, TexturedGroups
from engine.stages.save import as_png

Floats = NDArray[np.float32]


def save_mesh(settings: SaveSettings, provenance: Mapping[str, Any]) -> Stage[TexturedGroups, Retextured]:
    """The stage from whole textures to the file that holds them."""

    def work(made: TexturedGroups, progress: Progress) -> Retextured:
        laid = made.laid
        loaded = laid.aimed.loaded
        paints = []
        for number, (group, textured) in enumerate(zip(laid.groups, made.textured, strict=True)):
            png = as_png(_with_opacity(laid, group, textured.texture, progress))
            uv = _uv_of_parts(laid, group) if laid.is_new else None
            shade = textured.maps.get("occlusion")
            paints.append(Paint(group.name, png, group.parts, uv, None if shade is None else as_png(shade)))
            progress.step(number + 1, len(laid.groups) + 1)
        repainted = repaint(loaded.document, loaded.scene, paints, provenance, settings.roughness)
        for note in repainted.notes:
            progress.note(note)
        glb = repainted.document.as_glb()
        progress.step(len(laid.groups) + 1, len(laid.groups) + 1)
        return Retextured(glb, repainted.n_added)

    return Stage("save", work)


def _uv_of_parts(laid: Laid, group: Group) -> dict[int, Floats]:
    """The coordinates of each part's faces (M, 3, 2) in the file's order of faces and corners."""
    loaded = laid.aimed.loaded
    uv = np.asarray(flip(group.charted.uv, laid.aimed.flipped), np.float32)
    chosen = set(np.unique(loaded.placements[laid.aimed.painted]).tolist())
    found = {}
    for number, placement in enumerate(loaded.scene.placements):
        if number in chosen:
            found[placement.part] = uv[loaded.placements == number]
    for part in group.parts:
        n_faces = len(loaded.scene.parts[part].faces)
        found.setdefault(part, np.full((n_faces, 3, 2), np.nan, np.float32))
    return found


def _with_opacity(
    laid: Laid, group: Group, texture: NDArray[np.uint8], progress: Progress
) -> NDArray[np.uint8]:
    """`texture` with the holes that the materials' old textures cut, if there are any."""
    loaded = laid.aimed.loaded
    scene, tree = loaded.scene, loaded.document.tree
    size_px = len(texture)
    alphas: Floats | None = None
    for material in {scene.parts[part].material for part in group.parts}:
        if material is None or not cuts_holes(tree, material):
            continue
        old = old_opacity(loaded.document, material)
        if old is None:
            continue
        if not laid.is_new:
            kept = cv2.resize(
                old,
                (size_px, size_px),
                interpolation=cv2.INTER_AREA if max(old.shape) > size_px else cv2.INTER_LINEAR,
            )
            return np.dstack([texture, np.round(kept * 255).astype(np.uint8)])
        alphas = np.ones((size_px, size_px), np.float32) if alphas is None else alphas
        _carry(alphas, old, laid, group, material)
    if alphas is None:
        return texture
    progress.note("The holes that the old textures cut were carried to the new texture coordinates.")
    return np.dstack([texture, np.round(alphas * 255).astype(np.uint8)])


def _carry(alphas: Floats, old: Floats, laid: Laid, group: Group, material: int) -> None:
    """Writes the opacity `old` of a material, looked up by its own coordinates, into the new texels."""
    loaded = laid.aimed.loaded
    scene, size_px = loaded.scene, len(alphas)
    height, width = old.shape
    uv = np.asarray(flip(group.charted.uv, laid.aimed.flipped), np.float32)
    for number, placement in enumerate(scene.placements):
        part = scene.parts[placement.part]
        if part.material != material or part.uv is None:
            continue
        mine = uv[loaded.placements == number]
        points = np.concatenate([mine[..., :1], 1 - mine[..., 1:]], axis=2).reshape(-1, 2) * size_px
        flat = np.concatenate([points, np.zeros((len(points), 1), np.float32)], axis=1).astype(np.float32)
        corners = np.arange(len(flat), dtype=np.int32).reshape(-1, 3)
        raster = rasterise(flat, corners, size_px, size_px)
        places = raster.interpolate(part.uv[part.faces]) % 1
        looked_up = np.stack([places[:, 0] * width, (1 - places[:, 1]) * height], axis=1)

        alphas[raster.face_ids >= 0] = sample(old[..., None], looked_up.astype(np.float32))[:, 0]
