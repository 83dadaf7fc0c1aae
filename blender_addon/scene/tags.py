"""An object says itself whose job it is: names change and are cut at 63 bytes, custom properties stay."""

from __future__ import annotations

import json
from collections.abc import Mapping

import bpy

from .mesh import fingerprint

JOB = "maquette_job"
CLAY = "maquette_clay"  # the fingerprint of a shape that waits for its texture; no longer there afterwards
USE = "maquette_use"  # on an image: what it is for
BUILD = "maquette_build"  # on a mesh built ahead: what it is, and in which size
SINCE = "maquette_since_s"  # on an image: when its decoding began, on the monotonic clock

_YOURS = "yours, no model was used"  # the licence of a result that binds nobody
_INT_MAX = 2**31 - 1  # a custom property holds 32 bits


def job_objects(job: str, scene: bpy.types.Scene | None = None) -> list[bpy.types.Object]:
    """The objects of `job` in `scene`, or in any scene; those that an undo left in none do not count."""
    return [
        item
        for item in (bpy.data.objects if scene is None else scene.objects)
        if item.get(JOB) == job and item.is_editable and item.users_scene
    ]


def job_images(job: str) -> dict[str, bpy.types.Image]:
    """The images that wait for the result of `job`, by what they are for; none is used by anything yet."""
    return {
        str(image[USE]): image
        for image in bpy.data.images
        if image.get(JOB) == job and USE in image and not image.users
    }


def job_mesh(job: str, build: str) -> bpy.types.Mesh | None:
    """The mesh that waits for `job` to land, if it was built ahead and just as `build` says."""
    return next((mesh for mesh in bpy.data.meshes if mesh.get(JOB) == job and mesh.get(BUILD) == build), None)


def clays(job: str) -> list[bpy.types.Object]:
    """The shapes of `job` that wait for their texture."""
    return [item for item in job_objects(job) if CLAY in item]


def is_edited(clay: bpy.types.Object) -> bool:
    """Whether an artist put work into the surface of `clay` that another mesh would lose.

    Vertex weights and sculpted multiresolution levels are such work; modifiers, parents, constraints and the
    transform are not, because they belong to the object.
    """
    if clay.type != "MESH" or clay.vertex_groups:
        return True
    if any(modifier.type == "MULTIRES" for modifier in clay.modifiers):
        return True
    return fingerprint(clay.data) != clay[CLAY]


def tag(item: bpy.types.Object, job: str) -> None:
    """Marks `item` as made by `job`."""
    item[JOB] = job


def tag_clay(item: bpy.types.Object, job: str) -> None:
    """Marks `item` as the shape of `job` that waits for its texture, as it is now."""
    tag(item, job)
    item[CLAY] = fingerprint(item.data)


def settle(item: bpy.types.Object) -> None:
    """Ends the waiting of a shape."""
    if CLAY in item:
        del item[CLAY]


def sign(item: bpy.types.Object, provenance: Mapping[str, object], preset: str, seed: int | None) -> None:
    """Writes where `item` comes from into its custom properties; `preset` and `seed` win over the provenance.

    The whole provenance follows as JSON, so that an exported asset can carry it on.
    """
    said = provenance.get("models")
    models = [model for model in said if isinstance(model, Mapping)] if isinstance(said, list | tuple) else []

    def listed(key: str) -> str:
        return ", ".join(str(model[key]) for model in models if model.get(key))

    number = seed if seed is not None else provenance.get("seed")
    facts = {
        "backend": str(provenance.get("backend", "")),
        "model": listed("name") or "none",
        "revision": listed("revision") or "none",
        "licence": listed("licence") or _YOURS,
        "preset": preset or str(provenance.get("preset", "")),
        "seed": number if isinstance(number, int) and abs(number) <= _INT_MAX else str(number or ""),
        "engine": str(provenance.get("engine", "")),
        "provenance": json.dumps(dict(provenance), sort_keys=True, ensure_ascii=False, default=str),
    }
    for key, value in facts.items():
        if value != "":
            item[f"maquette_{key}"] = value
