"""A texture that cuts holes keeps cutting them: the opacity of an old base colour comes into the new one."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.meshfiles.accessors import view_content
from engine.meshfiles.document import Document
from engine.meshfiles.primitives import base_colour_place

Floats = NDArray[np.float32]

# Pictures in files of strangers: more pixels than this are not decoded.
_MAX_PIXELS = 16_384**2


def cuts_holes(tree: dict[str, Any], material: int | None) -> bool:
    """Whether a material has an opacity that a texture may tell."""
    if material is None:
        return False
    held = tree["materials"][material]
    return held.get("alphaMode", "OPAQUE") != "OPAQUE" and "index" in base_colour_place(tree, material)


def old_opacity(document: Document, material: int) -> Floats | None:
    """The opacity (H, W) in [0, 1] of a material's base colour, top row first.

    None if it is whole everywhere, or its picture is not in the file or cannot be read.
    """
    place = base_colour_place(document.tree, material)
    texture = document.tree["textures"][place["index"]]
    webp = texture.get("extensions", {}).get("EXT_texture_webp", {})
    number = webp.get("source", texture.get("source"))
    if number is None or "bufferView" not in document.tree["images"][number]:
        return None
    content = view_content(document, int(document.tree["images"][number]["bufferView"]))
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "WEBP")) as picture:
            if picture.width * picture.height > _MAX_PIXELS or not picture.has_transparency_data:
                return None
            alphas = np.asarray(picture.convert("RGBA"))[..., 3]
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return None if (alphas == 255).all() else np.asarray(alphas / np.float32(255), np.float32)
