"""A new texture comes into a file; all that does not depend on it stays as it was, index by index.

Vertices keep their order: those that a new seam splits are repeated at the end of their list, with all that
they carry. Materials keep every property but the base colour's texture and its factor; their occlusion too,
unless a new one is given.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.meshfiles.document import Document, Draft
from engine.meshfiles.materials import next_layer, own_sampler, set_colours_aside, with_texture
from engine.meshfiles.primitives import base_colour_place
from engine.meshfiles.scene import Scene
from engine.meshfiles.seams import sew

Floats = NDArray[np.float32]

_VARIANTS = "KHR_materials_variants"
_CLAMP = {"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}


@dataclass(frozen=True, eq=False)
class Paint:
    """A texture called `name`, a PNG, for the parts that are numbered, and their `occlusion`, a PNG as well.

    `uv` are new coordinates of each part's faces (M, 3, 2), origin bottom-left, NaN for a face without a
    place; None where the part's own coordinates are kept.
    """

    name: str
    png: bytes
    parts: tuple[int, ...]
    uv: Mapping[int, Floats] | None
    occlusion: bytes | None = None


@dataclass(frozen=True, eq=False)
class Repainted:
    """The changed document, the number of vertices that seams added, and what to say of it."""

    document: Document
    n_added: int
    notes: tuple[str, ...]


def repaint(
    document: Document,
    scene: Scene,
    paints: Sequence[Paint],
    history: Mapping[str, Any],
    roughness: float,
) -> Repainted:
    """`document` with `paints` as its base colours and `history` in `asset.extras.maquette`.

    `roughness` is that of materials which are made for parts without one.
    """
    draft = Draft(document)
    every = [part for paint in paints for part in paint.parts]
    layer = next_layer(_primitive(draft, scene, part) for part in every)
    n_added = 0
    changed: set[int] = set()
    for paint in paints:
        if paint.uv is not None:
            n_added += _cut_seams(draft, document, scene, paint.uv, layer)
        changed |= _hang(draft, scene, paint, layer, roughness)
    _spare_others(
        draft, document, {(scene.parts[part].mesh, scene.parts[part].primitive) for part in every}, changed
    )
    tinted = [part for part in every if set_colours_aside(document, _primitive(draft, scene, part))]
    notes = []
    shaded = {scene.parts[part].material for paint in paints if paint.occlusion for part in paint.parts}
    if any("occlusionTexture" in document.tree["materials"][number] for number in shaded & changed):
        notes.append("The new occlusion maps take the place of those that the materials had.")
    if tinted:
        notes.append(
            "Vertex colours would tint the new texture: they are kept under another name (_COLOR_0), "
            f"{scene.parts[tinted[0]].name!r} has them."
        )
    if any(_VARIANTS in _primitive(draft, scene, part).get("extensions", {}) for part in every):
        notes.append(f"Its material variants ({_VARIANTS}) keep their old textures.")
    _sign(draft.tree, history)
    return Repainted(draft.finish(), n_added, tuple(notes))


def _hang(draft: Draft, scene: Scene, paint: Paint, layer: int, roughness: float) -> set[int]:
    """Makes `paint` the base colour of its parts' materials; returns those that the file had."""
    images = [draft.add_image(paint.png, paint.name)]
    if paint.occlusion is not None:
        images.append(draft.add_image(paint.occlusion, f"{paint.name} occlusion"))
    shared = [] if paint.uv is None else _textures(draft, images, draft.add("samplers", _CLAMP))
    changed = set()
    for material, parts in _by_material(scene, paint.parts).items():
        sampler = None if material is None else own_sampler(draft.tree, material)
        textures = shared or _textures(draft, images, sampler)
        number = material
        if number is None:
            look = {"metallicFactor": 0.0, "roughnessFactor": float(roughness)}
            made = {"name": scene.parts[parts[0]].name, "pbrMetallicRoughness": look}
            number = draft.add("materials", made)
            for part in parts:
                _primitive(draft, scene, part)["material"] = number
        else:
            changed.add(number)
        materials = draft.tree["materials"]
        place = base_colour_place(draft.tree, number)
        used = layer if paint.uv is not None else None
        materials[number] = with_texture(materials[number], textures[0], used, place, *textures[1:])
    return changed


def _textures(draft: Draft, images: Sequence[int], sampler: int | None) -> list[int]:
    sampled = {} if sampler is None else {"sampler": sampler}
    return [draft.add("textures", {"source": image, **sampled}) for image in images]


def _primitive(draft: Draft, scene: Scene, part: int) -> dict[str, Any]:
    held = scene.parts[part]
    found: dict[str, Any] = draft.tree["meshes"][held.mesh]["primitives"][held.primitive]
    return found


def _by_material(scene: Scene, parts: Sequence[int]) -> dict[int | None, list[int]]:
    found: dict[int | None, list[int]] = {}
    for part in parts:
        found.setdefault(scene.parts[part].material, []).append(part)
    return found


def _cut_seams(draft: Draft, document: Document, scene: Scene, uv: Mapping[int, Floats], layer: int) -> int:
    """Gives the primitives their new coordinates as TEXCOORD_`layer`; returns the number of new vertices."""
    sets: dict[str, list[int]] = {}
    for part in uv:
        primitive = _primitive(draft, scene, part)
        key = json.dumps([primitive["attributes"], primitive.get("targets", [])], sort_keys=True)
        sets.setdefault(key, []).append(part)
    n_added = 0
    for parts in sets.values():
        first = scene.parts[parts[0]]
        sewn = sew(
            first.n_vertices,
            np.concatenate([scene.parts[part].faces for part in parts]),
            np.concatenate([uv[part] for part in parts]),
        )
        n_added += len(sewn.copied)
        primitives = [(_primitive(draft, scene, part), len(scene.parts[part].faces)) for part in parts]
        sewn.write(draft, document, primitives, layer)
    return n_added


def _spare_others(draft: Draft, document: Document, painted: set[tuple[int, int]], changed: set[int]) -> None:
    """What is not painted keeps the look of a material that changed: it gets a copy of the old one."""
    copies: dict[int, int] = {}
    for number, mesh in enumerate(draft.tree.get("meshes", [])):
        for index, primitive in enumerate(mesh["primitives"]):
            material = primitive.get("material")
            if material not in changed or (number, index) in painted:
                continue
            if material not in copies:
                copies[material] = draft.add("materials", document.tree["materials"][material])
            primitive["material"] = copies[material]


def _sign(tree: dict[str, Any], history: Mapping[str, Any]) -> None:
    """Writes the history; what the file says of itself stays, an earlier history as "earlier"."""
    extras = tree["asset"].get("extras", {})
    extras = dict(extras) if isinstance(extras, dict) else {"value": extras}
    told: dict[str, Any] = json.loads(json.dumps(dict(history), sort_keys=True))
    if "maquette" in extras:
        told["earlier"] = extras["maquette"]
    tree["asset"]["extras"] = {**extras, "maquette": told}
