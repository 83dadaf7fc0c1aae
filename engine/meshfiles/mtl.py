"""Materials of an OBJ file by their names: colour, opacity, roughness; a missing library is not fatal."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from engine.meshfiles.beside import Folder, NotRead
from engine.meshfiles.solids import Look

_MAPS = ("map_", "bump", "norm", "disp", "refl")


def read_looks(libraries: list[str], folder: Folder) -> tuple[dict[str, Look], tuple[str, ...]]:
    """The looks of all materials in the named libraries, and what could not be taken over."""
    looks: dict[str, Look] = {}
    notes: list[str] = []
    has_maps = False
    for library in libraries:
        try:
            text = folder.read(library).decode("utf-8", "replace")
        except NotRead as why:
            notes.append(f"Its materials were not read: {why}. They keep their names.")
            continue
        name = ""
        for line in text.splitlines():
            word, _, rest = line.strip().partition(" ")
            if word == "newmtl":
                name = rest.strip()
                looks[name] = Look()
            elif name:
                looks[name] = _with(looks[name], word, rest.split())
                has_maps |= word.lower().startswith(_MAPS) and word != "map_Kd"
    if has_maps:
        notes.append("Only colours and numbers of the MTL file's materials were taken over, not its maps.")
    return looks, tuple(notes)


def _with(look: Look, word: str, words: list[str]) -> Look:
    """`look` with one line of an MTL file; a line that is not numbers changes nothing."""
    try:
        values = [float(word) for word in words]
    except ValueError:
        return look
    if not values or not all(math.isfinite(value) for value in values):
        return look
    shares = [min(max(value, 0.0), 1.0) for value in values]
    r, g, b = (shares * 3)[:3]
    # As Blender writes it: Ns = 1000 (1 - roughness)^2.
    changes: dict[str, dict[str, Any]] = {
        "Kd": {"colour": (r, g, b, look.colour[3])},
        "Ke": {"emission": (r, g, b)},
        "d": {"colour": (*look.colour[:3], shares[0])},
        "Tr": {"colour": (*look.colour[:3], 1 - shares[0])},
        "Pr": {"roughness": shares[0]},
        "Pm": {"metallic": shares[0]},
        "Ns": {"roughness": 1 - (min(max(values[0], 0.0), 1000.0) / 1000) ** 0.5},
    }
    return replace(look, **changes.get(word, {}))
