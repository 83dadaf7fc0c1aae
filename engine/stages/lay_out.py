"""Stage unwrap for a mesh that exists: the artist's texture coordinates are kept if they can be painted.

Kept, every material has its own texture; new ones are a second layer with one atlas for everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.geometry.mesh import Mesh
from engine.geometry.own_uv import examine_uv
from engine.geometry.weld import flip
from engine.runner import Progress, Stage
from engine.settings import UnwrapSettings
from engine.stages.mesh_values import Aimed, Bools, Group, Laid
from engine.stages.unwrap import unwrap
from engine.stages.values import Body, Charted

Floats = NDArray[np.float32]
UvChoice = Literal["auto", "keep", "new"]

# All kept textures together, in texels: sixteen of 2048 px, which take about 4 GB while they are painted.
_MAX_TEXELS = 16 * 2048**2


@dataclass(frozen=True, eq=False)
class _Own:
    """A material's share of the mesh: its parts, and the coordinates (M, 3, 2) of their faces, else NaN."""

    name: str
    parts: tuple[int, ...]
    uv: Floats
    faces: Bools


def lay_out(choice: UvChoice, settings: UnwrapSettings, texture_size_px: int) -> Stage[Aimed, Laid]:
    """The stage from an aimed mesh to one with a place in a texture for each painted face."""

    def work(aimed: Aimed, progress: Progress) -> Laid:
        if choice != "new":
            owns = _own_layouts(aimed)
            why = _why_not(aimed, owns, texture_size_px)
            progress.check()
            if not why:
                groups = [Group(own.name, own.parts, Charted(aimed.body, own.uv, 0)) for own in owns]
                progress.step(3, 3)
                return Laid(aimed, tuple(groups), is_new=False)
            if choice == "keep":
                raise BadInput(
                    f"The mesh's own texture coordinates cannot be kept: {why}",
                    remedy="Use --uv new: the texture gets a layer of its own and yours stays as it is.",
                )
            progress.note(f"New texture coordinates, in a layer of their own: {why}")
        return Laid(aimed, (_new_layout(aimed, settings, texture_size_px, progress),), is_new=True)

    return Stage("unwrap", work)


def _own_layouts(aimed: Aimed) -> list[_Own]:
    """The layouts that the file has, one for each material; parts without one are alone with their mesh."""
    scene, placements = aimed.loaded.scene, aimed.loaded.placements
    members: dict[tuple[str, int], list[int]] = {}
    for number, part in enumerate(scene.parts):
        key = ("mesh", part.mesh) if part.material is None else ("material", part.material)
        members.setdefault(key, []).append(number)
    part_of_face = np.array([placement.part for placement in scene.placements])[placements]
    uv = _file_uv(aimed)
    materials: list[Mapping[str, Any]] = aimed.loaded.document.tree.get("materials", [])
    owns = []
    for (kind, index), parts in members.items():
        faces = np.isin(part_of_face, parts) & aimed.painted
        named = str(materials[index].get("name") or "") if kind == "material" else ""
        name = named or scene.parts[parts[0]].name
        owns.append(_Own(name, tuple(parts), np.where(faces[:, None, None], uv, np.float32(np.nan)), faces))
    return owns


def _file_uv(aimed: Aimed) -> Floats:
    """The file's own coordinates of all faces (M, 3, 2), in their corners' order; NaN without any."""
    scene = aimed.loaded.scene
    each = []
    for placement in scene.placements:
        part = scene.parts[placement.part]
        if part.uv is None:
            each.append(np.full((len(part.faces), 3, 2), np.nan, np.float32))
        else:
            each.append(part.uv[part.faces])
    return np.asarray(flip(np.concatenate(each), aimed.flipped), np.float32)


def _why_not(aimed: Aimed, owns: list[_Own], texture_size_px: int) -> str:
    """Why the file's own coordinates cannot be painted, empty if they can."""
    scene = aimed.loaded.scene
    without = [part.name for part in scene.parts if part.uv is None]
    if without:
        if len(without) == len(scene.parts):
            return "It has none."
        return f"{len(without)} of {len(scene.parts)} parts have none ({without[0]!r} among them)."
    n_texels = len(owns) * texture_size_px**2
    if n_texels > _MAX_TEXELS:
        return (
            f"{len(owns)} materials with a texture of {texture_size_px} px each are {n_texels / 1e6:.0f} "
            f"million texels, {_MAX_TEXELS / 1e6:.0f} are the most."
        )
    for own in owns:
        if not own.faces.any():
            continue
        verdict = examine_uv(
            own.uv[own.faces], faces=aimed.welded.faces[own.faces], texture_size_px=texture_size_px
        )
        if not verdict.is_usable:
            return verdict.why if len(owns) == 1 else f"Material {own.name!r}: {verdict.why}"
    return ""


def _new_layout(aimed: Aimed, settings: UnwrapSettings, texture_size_px: int, progress: Progress) -> Group:
    """One atlas for all painted faces."""
    used, index = np.unique(aimed.welded.faces[aimed.painted], return_inverse=True)
    alone = Mesh(aimed.welded.vertices[used], index.reshape(-1, 3).astype(np.int32))
    body = Body(alone, aimed.body.cameras, aimed.body.subjects)
    charted = unwrap(settings, texture_size_px).work(body, progress)
    uv = np.full((len(aimed.painted), 3, 2), np.nan, np.float32)
    uv[aimed.painted] = charted.uv
    parts = tuple(range(len(aimed.loaded.scene.parts)))
    return Group("base_color", parts, replace(charted, body=aimed.body, uv=uv))
