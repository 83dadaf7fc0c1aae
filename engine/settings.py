"""A setting is a named, typed, bounded number; what is out of its bounds never reaches a stage.

Each stage declares its settings here as one frozen value, so that processes which compute nothing (the
server, the command line's help) can check a request without importing what computes. `override` is the one
way from the text `stage.key=value` to a changed value; its errors name the key, the value and the bounds.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, get_args, get_type_hints

from engine.errors import BadRequest

CutoutMethod = Literal["auto", "alpha", "grabcut", "u2net", "isnet-general-use", "birefnet-general"]
BackFill = Literal["mirror", "inpaint"]
UnwrapMethod = Literal["native", "xatlas"]
BakeMode = Literal["fast", "opt"]
BakeCompute = Literal["auto", "cpu", "cuda"]


def bounded(default: float, low: float, high: float, text: str) -> Any:
    """A dataclass field with inclusive bounds and a line of help."""
    return field(default=default, metadata={"low": low, "high": high, "help": text})


@dataclass(frozen=True)
class PreprocessSettings:
    """How the subject is taken out of its picture."""

    method: CutoutMethod = field(
        default="auto",
        metadata={"help": "alpha if there is one, else a local network, else GrabCut; or one by name"},
    )
    border: float = bounded(0.15, 0.0, 0.5, "empty share of the canvas around the subject")


@dataclass(frozen=True)
class ShapeSettings:
    """How the silhouette backend makes a body of outlines."""

    depth: float = bounded(0.8, 0.05, 2.0, "thickness of the inflated body; 1 makes a disc a ball")
    flatness: float = bounded(0.0, 0.0, 1.0, "0 swells freely, 1 holds broad parts nearly flat")
    relief: float = bounded(0.0, 0.0, 1.0, "detail from the picture's shading pressed into the front")
    resolution: int = bounded(0, 0, 640, "cells along the longest side; 0 chooses by the thinnest part")


@dataclass(frozen=True)
class CleanSettings:
    """What is done to the surface before it is unwrapped."""

    faces: int = bounded(40_000, 100, 1_000_000, "triangles after decimation")
    smooth: int = bounded(4, 0, 100, "rounds of smoothing that does not shrink")
    rebuild: int = bounded(0, 0, 512, "cubes along the longest side: one closed surface of anything; 0: not")
    floaters: float = bounded(0.02, 0.0, 1.0, "parts below this share of the largest part's size are dropped")


@dataclass(frozen=True)
class UnwrapSettings:
    """How the surface is laid out in the texture."""

    method: UnwrapMethod = field(
        default="native", metadata={"help": "our own charts, or those of the library xatlas (slower)"}
    )
    padding: int = bounded(4, 1, 64, "texels between charts")
    max_iterations: int = bounded(1, 1, 16, "rounds of growing charts")
    max_cost: float = bounded(2.0, 0.1, 16.0, "how far a chart may bend: fewer seams against less stretch")
    brute_force: bool = field(default=False, metadata={"help": "pack slowly for a little more room"})
    time_limit_s: float = bounded(60.0, 1.0, 3600.0, "seconds after which the rest is laid out simply")
    emphasis: float = bounded(2.2, 1.0, 4.0, "texels along a side for seen parts, against unseen ones")


@dataclass(frozen=True)
class BakeSettings:
    """How pictures become texels."""

    texture_size_px: int = bounded(1536, 64, 8192, "width and height of the texture")
    mode: BakeMode = field(
        default="opt", metadata={"help": "fast: views are blended; opt: then the texels are solved for"}
    )
    cosine_power: float = bounded(4.0, 0.0, 16.0, "how strongly views that look straight at a texel win")
    edge: float = bounded(0.004, 0.0, 0.1, "share of a view over which its say fades towards its outlines")
    exposure: bool = field(default=False, metadata={"help": "match the views' brightness to the first one's"})
    refine: int = bounded(4, 0, 50, "opt: rounds of solving for texels that give the views back sharply")
    back: BackFill = field(
        default="mirror",
        metadata={"help": "a back that no view shows: the front mirrored, or filled from around"},
    )
    normal_map: bool = field(default=False, metadata={"help": "bake the shape before decimation as normals"})
    occlusion: bool = field(default=False, metadata={"help": "bake how much of the sky each place sees"})
    compute: BakeCompute = field(
        default="auto", metadata={"help": "auto: the card if a network runs on it, else the processor"}
    )


@dataclass(frozen=True)
class SaveSettings:
    """What is written around the mesh and its texture."""

    roughness: float = bounded(0.9, 0.0, 1.0, "roughness of the material")


# The stages that make a mesh: they have nothing to do where one is given.
MESH_STAGES = ("shape", "clean")


@dataclass(frozen=True)
class Settings:
    """All settings of a job, stage by stage."""

    preprocess: PreprocessSettings = PreprocessSettings()
    shape: ShapeSettings = ShapeSettings()
    clean: CleanSettings = CleanSettings()
    unwrap: UnwrapSettings = UnwrapSettings()
    bake: BakeSettings = BakeSettings()
    save: SaveSettings = SaveSettings()

    def as_dict(self) -> dict[str, dict[str, Any]]:
        """Plain nested values, for reports and provenance."""
        return dataclasses.asdict(self)


def override(settings: Settings, key: str, text: str) -> Settings:
    """`settings` with `stage.key` set from its text; BadRequest if there is no such key or value."""
    stage_name, _, name = key.partition(".")
    stages = {entry.name for entry in fields(settings)}
    if stage_name not in stages:
        raise BadRequest(
            f"There is no setting {key!r}.", remedy=f"The stages are {', '.join(sorted(stages))}."
        )
    stage = getattr(settings, stage_name)
    known = {entry.name: entry for entry in fields(stage)}
    if name not in known:
        raise BadRequest(
            f"There is no setting {key!r}.", remedy=f"Stage {stage_name} has {', '.join(sorted(known))}."
        )
    value = _parse(key, text, get_type_hints(type(stage))[name])
    _check_bounds(key, value, known[name].metadata)
    return replace(settings, **{stage_name: replace(stage, **{name: value})})


def _parse(key: str, text: str, kind: Any) -> Any:
    choices = get_args(kind)
    if choices:
        if text not in choices:
            raise BadRequest(f"{key} is {text!r}.", remedy=f"It can be {', '.join(choices)}.")
        return text
    if kind is bool:
        words = {"true": True, "yes": True, "on": True, "1": True}
        words |= {"false": False, "no": False, "off": False, "0": False}
        if text.lower() not in words:
            raise BadRequest(f"{key} is {text!r}.", remedy="It can be true or false.")
        return words[text.lower()]
    try:
        return kind(text)
    except ValueError:
        noun = "a whole number" if kind is int else "a number"
        raise BadRequest(f"{key} is {text!r}, which is not {noun}.") from None


def _check_bounds(key: str, value: Any, metadata: Any) -> None:
    if "low" not in metadata:
        return
    low, high = metadata["low"], metadata["high"]
    if not low <= value <= high:  # also false for NaN
        raise BadRequest(f"{key} is {value}.", remedy=f"It can be {low} to {high}.")
