"""A setting is a named, typed, bounded number; what is out of its bounds never reaches a stage.

Each stage declares its settings here as one frozen value, so that processes which compute nothing (the
server, the command line's help) can check a request without importing what computes. `override` is the one
way from the text `stage.key=value` to a changed value; its errors name the key, the value and the bounds.
A setting that only one kind of backend reads says so ("of"), and is told of no other's results. What a
setting leaves open (0, -1, auto) is decided by the functions at the end, and nowhere else.
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
Compute = Literal["auto", "cpu", "cuda"]
# "auto" and protocol.names.SHAPE_MODELS, spelled because a type must be.
_Full = Literal["2.0", "2.0-fast", "2.0-turbo"]
_Mini = Literal["mini", "mini-fast", "mini-turbo"]
_SeveralViews = Literal["mv", "mv-fast", "mv-turbo"]
ShapeModel = Literal["auto", _Full, _Mini, _SeveralViews]
Precision = Literal["auto", "float16", "bfloat16", "float32"]
VaeForm = Literal["bundle", "turbo"]
GuidanceFill = Literal["hold", "skip"]
Keys = Literal["all", "adaptive"]
Kind = Literal["silhouette", "networks"]  # of backends: those of outlines, those of networks


def bounded(default: float, low: float, high: float, text: str, *, of: Kind | None = None) -> Any:
    """A dataclass field with inclusive bounds and a line of help; `of` a kind of backend, None: of all."""
    return field(default=default, metadata={"low": low, "high": high, "help": text, "of": of})


def chosen(default: Any, text: str, *, of: Kind | None = None) -> Any:
    """A dataclass field for a word or a switch, with a line of help; `of` as in `bounded`."""
    return field(default=default, metadata={"help": text, "of": of})


@dataclass(frozen=True)
class PreprocessSettings:
    """How the subject is taken out of its picture."""

    method: CutoutMethod = chosen(
        "auto", "alpha if there is one, else a local network, else GrabCut; or one by name"
    )
    border: float = bounded(0.15, 0.0, 0.5, "empty share of the canvas around the subject")


@dataclass(frozen=True)
class LoadSettings:
    """Which networks make the shape, and how they come into memory."""

    model: ShapeModel = chosen(
        "auto", "the checkpoint of hunyuan3d-2; auto: one that is there, turbo first", of="networks"
    )
    precision: Precision = chosen(
        "auto", "of their numbers; auto: float16 on a card, else float32", of="networks"
    )
    vae: VaeForm = chosen(
        "bundle", "what decodes the shape: the checkpoint's own, or the faster turbo form", of="networks"
    )
    stream: bool = chosen(
        False, "weights brought in block by block: less GPU memory, more time", of="networks"
    )
    compute: Compute = chosen("auto", "where they run; auto: a card if any", of="networks")


@dataclass(frozen=True)
class ShapeSettings:
    """How a body is made; each setting is of one kind of backend, and says of which.

    `turbo_steps` is what presets set: few steps serve turbo models alone, so others keep their own number.
    """

    depth: float = bounded(0.8, 0.05, 2.0, "thickness; 1 makes a disc a ball", of="silhouette")
    flatness: float = bounded(
        0.0, 0.0, 1.0, "0 swells freely, 1 holds broad parts nearly flat", of="silhouette"
    )
    relief: float = bounded(0.0, 0.0, 1.0, "the picture's shading pressed into the front", of="silhouette")
    resolution: int = bounded(
        0, 0, 640, "cells of the longest side; 0: by the thinnest part", of="silhouette"
    )
    steps: int = bounded(0, 0, 200, "steps from noise to shape; 0: as many as suit the model", of="networks")
    turbo_steps: int = bounded(5, 1, 50, "steps of a turbo model where steps is 0", of="networks")
    guidance: float = bounded(5.0, 0.0, 30.0, "how strongly the picture holds; 1: as learnt", of="networks")
    guidance_every: int = bounded(1, 1, 10, "guidance is computed anew every so many steps", of="networks")
    guidance_from: float = bounded(0.0, 0.0, 1.0, "least noise with guidance; 0 is the shape", of="networks")
    guidance_to: float = bounded(1.0, 0.0, 1.0, "most noise with guidance; 1 is pure noise", of="networks")
    guidance_fill: GuidanceFill = chosen("hold", "between, hold the last guidance, or skip it", of="networks")
    octree: int = bounded(256, 16, 512, "cells along the side of the volume", of="networks")
    level: float = bounded(
        0.0, -1.0, 1.0, "value of the field that is the surface; more: thinner", of="networks"
    )
    chunk: int = bounded(
        0, 0, 5_000_000, "points decoded at once, fewer for less memory; 0: by itself", of="networks"
    )
    keys: Keys = chosen("all", "points ask the whole shape, or what is near (approximate)", of="networks")
    parity: bool = chosen(
        False, "with the public project's slips of a pixel and a cell, to compare numbers", of="networks"
    )


@dataclass(frozen=True)
class CleanSettings:
    """What is done to the surface before it is unwrapped."""

    faces: int = bounded(40_000, 100, 1_000_000, "triangles after decimation")
    smooth: int = bounded(-1, -1, 100, "rounds of smoothing that does not shrink; -1: as the backend needs")
    rebuild: int = bounded(0, 0, 512, "cubes along the longest side: one closed surface of anything; 0: not")
    floaters: float = bounded(0.02, 0.0, 1.0, "parts below this share of the largest part's size are dropped")


@dataclass(frozen=True)
class UnwrapSettings:
    """How the surface is laid out in the texture."""

    method: UnwrapMethod = chosen("native", "our own charts, or those of the library xatlas (slower)")
    padding: int = bounded(4, 1, 64, "texels between charts")
    max_iterations: int = bounded(1, 1, 16, "rounds of growing charts")
    max_cost: float = bounded(2.0, 0.1, 16.0, "how far a chart may bend: fewer seams against less stretch")
    brute_force: bool = chosen(False, "pack slowly for a little more room")
    time_limit_s: float = bounded(60.0, 1.0, 3600.0, "seconds after which the rest is laid out simply")
    emphasis: float = bounded(2.2, 1.0, 4.0, "texels along a side for seen parts, against unseen ones")


@dataclass(frozen=True)
class BakeSettings:
    """How pictures become texels."""

    texture_size_px: int = bounded(1536, 64, 8192, "width and height of the texture")
    mode: BakeMode = chosen("opt", "fast: views are blended; opt: then the texels are solved for")
    cosine_power: float = bounded(4.0, 0.0, 16.0, "how strongly views that look straight at a texel win")
    edge: float = bounded(0.004, 0.0, 0.1, "share of a view over which its say fades towards its outlines")
    exposure: bool = chosen(False, "match the views' brightness to the first one's")
    refine: int = bounded(4, 0, 50, "opt: rounds of solving for texels that give the views back sharply")
    back: BackFill = chosen("mirror", "a back that no view shows: the front mirrored, or filled from around")
    normal_map: bool = chosen(False, "bake the shape before decimation as normals")
    occlusion: bool = chosen(False, "bake how much of the sky each place sees")
    compute: Compute = chosen("auto", "auto: the card if a network runs on it, else the processor")


@dataclass(frozen=True)
class SaveSettings:
    """What is written around the mesh and its texture."""

    roughness: float = bounded(0.9, 0.0, 1.0, "roughness of the material")


# The stages that make a mesh: they have nothing to do where one is given.
MESH_STAGES = ("load", "shape", "clean")

# The order in which "auto" looks for models: few steps before many, then the larger of about equal cost. In
# TFLOP at their own steps, picture included (computed from the sizes of layers): 50, 79, 48, 152, 282, 928.
_ONE_VIEW_MODELS = ("2.0-turbo", "mini-turbo", "mini-fast", "mini", "2.0-fast", "2.0")
_SEVERAL_VIEW_MODELS = ("mv-turbo", "mv-fast", "mv")

# Steps that suit a model, by its form: the defaults of the public project's pipeline and demonstration. The
# turbo form's (5, as in its examples) is the default of `turbo_steps`.
_OWN_STEPS = {"": 50, "fast": 30}
_EVEN_STEPS = (2, 200)  # both ends of the schedule are counted
_TURBO_STEPS = (1, 100)  # the hundred that a turbo model was distilled for

# Rounds of smoothing: marching cubes on outlines leaves steps, the surface of a learnt field none.
_OWN_SMOOTHING = {"silhouette": 4}


@dataclass(frozen=True)
class Settings:
    """All settings of a job, stage by stage."""

    preprocess: PreprocessSettings = PreprocessSettings()
    load: LoadSettings = LoadSettings()
    shape: ShapeSettings = ShapeSettings()
    clean: CleanSettings = CleanSettings()
    unwrap: UnwrapSettings = UnwrapSettings()
    bake: BakeSettings = BakeSettings()
    save: SaveSettings = SaveSettings()

    def as_dict(self) -> dict[str, dict[str, Any]]:
        """Plain nested values."""
        return dataclasses.asdict(self)

    def as_dict_of(self, backend: str) -> dict[str, dict[str, Any]]:
        """The plain values of what `backend` reads, for provenance; stages without any are left out."""
        kinds = (None, "silhouette" if backend == "silhouette" else "networks")
        stages = {stage.name: getattr(self, stage.name) for stage in fields(self)}
        read = {
            name: {
                entry.name: getattr(held, entry.name)
                for entry in fields(held)
                if entry.metadata["of"] in kinds
            }
            for name, held in stages.items()
        }
        return {name: values for name, values in read.items() if values}


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


def settled(settings: Settings, backend: str) -> Settings:
    """`settings` with what they leave to `backend` decided; raises BadRequest for two that contradict."""
    low, high = settings.shape.guidance_from, settings.shape.guidance_to
    if low > high:
        raise BadRequest(
            f"shape.guidance_from is {low}, above shape.guidance_to, {high}.",
            remedy="Noise falls from 1 to 0; guidance_from is the lower end of the window.",
        )
    if settings.clean.smooth >= 0:
        return settings
    return replace(settings, clean=replace(settings.clean, smooth=_OWN_SMOOTHING.get(backend, 0)))


def models_to_try(load: LoadSettings, n_views: int) -> tuple[str, ...]:
    """The checkpoints that would serve `n_views` pictures, the best first; the one that is named, if one is.

    For one picture those for several come last: they make a shape of a front alone too.
    """
    if load.model != "auto":
        return (load.model,)
    return _SEVERAL_VIEW_MODELS if n_views > 1 else (*_ONE_VIEW_MODELS, *_SEVERAL_VIEW_MODELS)


def steps_of(shape: ShapeSettings, model: str) -> int:
    """How many steps the checkpoint `model` takes: those asked for, else those that suit it.

    Presets speak of turbo models alone (`turbo_steps`): with so few steps another model makes no shape.
    Raises BadRequest for a number that the model's schedule has not.
    """
    form = model.partition("-")[2]
    if not shape.steps:
        return shape.turbo_steps if form == "turbo" else _OWN_STEPS[form]
    low, high = _TURBO_STEPS if form == "turbo" else _EVEN_STEPS
    if not low <= shape.steps <= high:
        raise BadRequest(
            f"shape.steps is {shape.steps}, which the model {model} cannot take.",
            remedy=f"It takes {low} to {high}; 0 leaves it to the model.",
        )
    return shape.steps
