"""What a material says of its base colour, and what a new texture changes in it."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from engine.meshfiles.accessors import read_numbers
from engine.meshfiles.document import Document
from engine.meshfiles.primitives import base_colour_place

_OLDER = "KHR_materials_pbrSpecularGlossiness"


def with_texture(
    material: dict[str, Any],
    texture: int,
    layer: int | None,
    place: dict[str, Any],
    occlusion: int | None = None,
) -> dict[str, Any]:
    """`material` with `texture` as its base colour, opacity as before, nothing else changed.

    `layer` is the TEXCOORD that the texture uses; None keeps `place`, where the old texture was looked up.
    `occlusion` is a texture of data in the same place; None leaves the material's own, if it has one.
    """
    made = copy.deepcopy(material)
    older = made.get("extensions", {}).get(_OLDER)
    info: dict[str, Any] = {}
    if layer is None:
        info = dict(place)
    elif layer:
        info["texCoord"] = layer
    info["index"] = texture
    shine = made.setdefault("pbrMetallicRoughness", {})
    shine["baseColorTexture"] = info
    if occlusion is not None:
        made["occlusionTexture"] = {**copy.deepcopy(info), "index": occlusion}
    if "baseColorFactor" in shine:
        shine["baseColorFactor"] = [1.0, 1.0, 1.0, *shine["baseColorFactor"][3:4]]
    if older is not None:
        older["diffuseTexture"] = copy.deepcopy(info)
        if "diffuseFactor" in older:
            older["diffuseFactor"] = [1.0, 1.0, 1.0, *older["diffuseFactor"][3:4]]
    return made


def own_sampler(tree: dict[str, Any], material: int) -> int | None:
    """The sampler of a material's base colour, None if it has none."""
    info = base_colour_place(tree, material)
    if "index" not in info:
        return None
    sampler = tree["textures"][info["index"]].get("sampler")
    return None if sampler is None else int(sampler)


def next_layer(primitives: Iterable[dict[str, Any]]) -> int:
    """The first TEXCOORD number that none of the primitives has, nor any above it."""
    return max(
        (
            int(name.removeprefix("TEXCOORD_")) + 1
            for primitive in primitives
            for name in primitive["attributes"]
            if name.startswith("TEXCOORD_")
        ),
        default=0,
    )


def set_colours_aside(document: Document, primitive: dict[str, Any]) -> bool:
    """Renames the vertex colours of a primitive of `document`, by which glTF multiplies every texture.

    White ones stay; returns whether there were others.
    """
    attributes: dict[str, int] = primitive["attributes"]
    if "COLOR_0" not in attributes:
        return False
    number = attributes["COLOR_0"]
    if number < len(document.tree["accessors"]) and (read_numbers(document, number) >= 0.999).all():
        return False
    # Names that begin with an underscore are the application's own; numbered ones must not have gaps.
    primitive["attributes"] = {
        f"_{name}" if name.startswith("COLOR_") and f"_{name}" not in attributes else name: held
        for name, held in attributes.items()
    }
    return True
