"""What other formats hold becomes a document: a node for each object, vertices in the file's order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.meshfiles.document import INDICES, VERTICES, Document, Draft

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


@dataclass(frozen=True)
class Look:
    """A material's own numbers: linear colour with opacity, roughness, metallic, linear emission."""

    colour: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    roughness: float = 0.9
    metallic: float = 0.0
    emission: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False)
class Solid:
    """An object: vertices `positions` (N, 3) with `uv` (N, 2, origin bottom-left), `normals` (N, 3).

    `colours` are (N, 4) uint8 sRGB. `groups` are the faces (M, 3) of each material's name, None without one.
    """

    name: str
    positions: Floats
    groups: Sequence[tuple[str | None, Ints]]
    uv: Floats | None = None
    normals: Floats | None = None
    colours: NDArray[np.uint8] | None = None


@dataclass(frozen=True, eq=False)
class Found:
    """What a reader found: objects, the looks of materials by name, and what to say."""

    solids: Sequence[Solid]
    looks: Mapping[str, Look] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def document_of(found: Found) -> Document:
    """The document of what a reader found."""
    tree: dict[str, Any] = {"asset": {"version": "2.0", "generator": "Maquette"}, "scene": 0}
    draft = Draft(Document(tree, b"", notes=found.notes, is_converted=True))
    draft.add("scenes", {"nodes": list(range(len(found.solids)))})
    materials: dict[str, int] = {}
    for solid in found.solids:
        attributes = _attributes(draft, solid)
        primitives = []
        for name, faces in solid.groups:
            if len(faces) == 0:
                continue
            primitive: dict[str, Any] = {"attributes": attributes, "mode": 4}
            primitive["indices"] = draft.add_accessor(
                faces.reshape(-1, 1).astype(np.uint16 if len(solid.positions) < 65_535 else np.uint32),
                INDICES,
            )
            if name is not None:
                if name not in materials:
                    materials[name] = draft.add("materials", _material(name, found.looks.get(name, Look())))
                primitive["material"] = materials[name]
            primitives.append(primitive)
        mesh = draft.add("meshes", {"name": solid.name, "primitives": primitives})
        draft.add("nodes", {"name": solid.name, "mesh": mesh})
    return draft.finish()


def _attributes(draft: Draft, solid: Solid) -> dict[str, int]:
    positions = np.asarray(solid.positions, np.float32)
    span: dict[str, Any] = {}
    if np.isfinite(positions).all() and len(positions):
        span = {"min": positions.min(axis=0).tolist(), "max": positions.max(axis=0).tolist()}
    held = {"POSITION": draft.add_accessor(positions, VERTICES, span)}
    if solid.normals is not None:
        lengths = np.linalg.norm(solid.normals, axis=1, keepdims=True)
        unit = np.where(lengths > 1e-12, solid.normals / np.maximum(lengths, 1e-12), (0.0, 0.0, 1.0))
        held["NORMAL"] = draft.add_accessor(unit.astype(np.float32), VERTICES)
    if solid.uv is not None:
        turned = np.stack([solid.uv[:, 0], 1 - solid.uv[:, 1]], axis=1)
        held["TEXCOORD_0"] = draft.add_accessor(turned.astype(np.float32), VERTICES)
    if solid.colours is not None:
        rgb = _linear(solid.colours[:, :3] / 255)
        rgba = np.concatenate([rgb, solid.colours[:, 3:] / 255], axis=1)
        held["COLOR_0"] = draft.add_accessor(
            np.round(rgba * 65_535).astype(np.uint16), VERTICES, {"normalized": True}
        )
    return held


def _material(name: str, look: Look) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": name,
        "pbrMetallicRoughness": {
            "baseColorFactor": list(look.colour),
            "metallicFactor": look.metallic,
            "roughnessFactor": look.roughness,
        },
    }
    if any(look.emission):
        made["emissiveFactor"] = list(look.emission)
    if look.colour[3] < 1:
        made["alphaMode"] = "BLEND"
    return made


def _linear(srgb: NDArray[Any]) -> NDArray[Any]:
    """Linear light of sRGB in [0, 1] (IEC 61966-2-1)."""
    return np.asarray(np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4))
