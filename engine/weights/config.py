"""What a checkpoint's config.yaml says and its tensors do not, read once and checked value by value.

The file is YAML without any of YAML's power to make objects, at most 1 MB. A key that is missing, of the
wrong type or out of its range is refused with the file's name and the key's. Keys are those of the public
checkpoints (tencent/Hunyuan3D-2, -2mini, -2mv); what they leave out is what the public pipeline takes for
it. Imports no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

from engine.errors import BadInput
from engine.weights.header import shown

MAX_CONFIG_BYTES = 1_000_000

ScheduleKind = Literal["euler", "consistency"]
_SCHEDULES: dict[str, ScheduleKind] = {
    "FlowMatchEulerDiscreteScheduler": "euler",
    "ConsistencyFlowMatchEulerDiscreteScheduler": "consistency",
}
_ENCODERS = {"DinoImageEncoder": False, "DinoImageEncoderMV": True}  # whether they take several views
_PROCESSORS = {"ImageProcessorV2": False, "MVImageProcessorV2": True}


@dataclass(frozen=True)
class DitConfig:
    """The diffusion transformer."""

    width: int
    n_heads: int
    n_double: int
    n_single: int
    latent_channels: int
    context_channels: int
    has_guidance: bool


@dataclass(frozen=True)
class VaeConfig:
    """The decoder of latents; `n_latents` is how many tokens are sampled."""

    n_latents: int
    latent_channels: int
    width: int
    n_heads: int
    n_layers: int
    n_frequencies: int
    scale_factor: float


@dataclass(frozen=True)
class ConditionerConfig:
    """The picture encoder; pictures enter it `image_px` wide and high."""

    is_multi_view: bool
    n_views: int
    image_px: int
    width: int
    n_heads: int
    n_layers: int


@dataclass(frozen=True)
class SchedulerConfig:
    """The times at which the transformer is asked; `n_pcm` counts for the consistency kind alone."""

    kind: ScheduleKind
    n_train: int
    n_pcm: int
    shift: float


@dataclass(frozen=True)
class PictureConfig:
    """The square that a subject is put on, and the empty share of it around the subject."""

    is_multi_view: bool
    size_px: int
    border: float


@dataclass(frozen=True)
class ShapeConfig:
    """All of a shape checkpoint's config.yaml that is used."""

    dit: DitConfig
    vae: VaeConfig
    conditioner: ConditionerConfig
    scheduler: SchedulerConfig
    picture: PictureConfig


def read_shape_config(path: Path) -> ShapeConfig:
    """The config of a bundle of transformer, decoder and picture encoder; raises BadInput."""
    whole = read_mapping(path)
    config = ShapeConfig(
        dit=_read_dit(whole.part("model.params")),
        vae=_read_vae(whole.part("vae.params")),
        conditioner=_read_conditioner(whole.part("conditioner")),
        scheduler=_read_scheduler(whole.part("scheduler")),
        picture=_read_picture(whole.part("image_processor")),
    )
    if config.conditioner.is_multi_view != config.picture.is_multi_view:
        words = {True: "several views", False: "one view"}
        whole.refuse(
            "image_processor.target",
            f"is for {words[config.picture.is_multi_view]}, the conditioner for "
            f"{words[config.conditioner.is_multi_view]}",
        )
    return config


def read_vae_config(path: Path) -> VaeConfig:
    """The config of a decoder on its own (the turbo ones); raises BadInput."""
    return _read_vae(read_mapping(path).part("params"))


@dataclass(frozen=True)
class Part:
    """A mapping in a config, with its file and the dotted key under which it stands."""

    path: Path
    key: str
    values: dict[str, Any]

    def part(self, keys: str) -> Part:
        """The mapping under dotted `keys`."""
        found = self
        for key in keys.split("."):
            below = found.values.get(key)
            if not isinstance(below, dict):
                found.refuse(key, "is missing" if below is None else "is not a mapping")
            found = Part(self.path, found._full(key), below)
        return found

    def optional_part(self, key: str) -> Part:
        """The mapping under `key`, an empty one if there is none."""
        return Part(self.path, self._full(key), {}) if self.values.get(key) is None else self.part(key)

    def count(self, key: str, default: int | None = None, *, low: int = 1, high: int = 100_000) -> int:
        """A whole number from `low` to `high`."""
        value = self._value(key, default)
        if type(value) is not int:
            self.refuse(key, f"is {_told(value)}, not a whole number")
        if not low <= value <= high:
            self.refuse(key, f"is {_told(value)}; it can be {low} to {high}")
        return int(value)

    def number(self, key: str, default: float | None = None, *, low: float, high: float) -> float:
        """A number from `low` to `high`."""
        value = self._value(key, default)
        if type(value) not in (int, float):
            self.refuse(key, f"is {_told(value)}, not a number")
        if not low <= value <= high:  # also false for NaN
            self.refuse(key, f"is {_told(value)}; it can be {low} to {high}")
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self._value(key, default)
        if type(value) is not bool:
            self.refuse(key, f"is {_told(value)}, not true or false")
        return bool(value)

    def name(self, key: str, known: dict[str, Any]) -> Any:
        """What `known` has for the last part of a dotted class name."""
        value = self._value(key, None)
        found = value.rpartition(".")[2] if isinstance(value, str) else ""
        if found not in known:
            self.refuse(key, f"is {_told(value)}; known are {', '.join(known)}")
        return known[found]

    def refuse(self, key: str, why: str) -> NoReturn:
        """Raises BadInput about `key`."""
        raise BadInput(
            f"{self.path}: {self._full(key)} {why}.", remedy="Use the config.yaml that came with the model."
        )

    def _full(self, key: str) -> str:
        return f"{self.key}.{key}" if self.key else key

    def _value(self, key: str, default: Any) -> Any:
        """The value of `key`; one that is not there, or null, is `default`, or refused without one."""
        value = self.values.get(key)
        if value is None:
            value = default
        if value is None:
            self.refuse(key, "is missing")
        return value


def read_mapping(path: Path) -> Part:
    """The whole of a YAML file as a mapping; raises BadInput."""
    import yaml  # imported here: only a model that is used needs it

    remedy = "Use the config.yaml that came with the model."
    try:
        n_bytes = path.stat().st_size
        if n_bytes > MAX_CONFIG_BYTES:
            raise BadInput(f"{path} has {n_bytes:,} bytes; {MAX_CONFIG_BYTES:,} are allowed.", remedy=remedy)
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}.", remedy=remedy) from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}.", remedy=remedy) from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 (byte {error.start}).", remedy=remedy) from error
    try:
        said = yaml.safe_load(text)
    # Besides its own error PyYAML lets those of broken numbers, dates and deep nesting through.
    except (
        *(yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError),
        *(ArithmeticError, RecursionError),
    ) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1})" if mark is not None else ""
        raise BadInput(f"{path} is not YAML{place}.", remedy=remedy) from error
    if not isinstance(said, dict):
        raise BadInput(f"{path} is not a mapping of keys to values.", remedy=remedy)
    return Part(path, "", said)


def _read_dit(part: Part) -> DitConfig:
    return DitConfig(
        width=part.count("hidden_size"),
        n_heads=part.count("num_heads"),
        n_double=part.count("depth", high=1000),
        n_single=part.count("depth_single_blocks", high=1000),
        latent_channels=part.count("in_channels"),
        context_channels=part.count("context_in_dim"),
        has_guidance=part.flag("guidance_embed", False),
    )


def _read_vae(part: Part) -> VaeConfig:
    if part.flag("include_pi", True):  # the public class's own default; all public checkpoints say false
        part.refuse("include_pi", "is true, or not said; only false is known")
    return VaeConfig(
        n_latents=part.count("num_latents", high=16_384),
        latent_channels=part.count("embed_dim"),
        width=part.count("width"),
        n_heads=part.count("heads"),
        n_layers=part.count("num_decoder_layers", high=1000),
        n_frequencies=part.count("num_freqs", 8, high=32),
        scale_factor=part.number("scale_factor", 1.0, low=1e-3, high=1e3),
    )


def _read_conditioner(whole: Part) -> ConditionerConfig:
    whole.name("target", {"SingleImageEncoder": True})
    part = whole.part("params.main_image_encoder")
    is_multi_view = part.name("type", _ENCODERS)
    given = part.part("kwargs")
    if not given.flag("use_cls_token", True):
        given.refuse("use_cls_token", "is false; only true is known")
    network = given.part("config")
    patch_px = network.count("patch_size", 14)
    image_px = given.count("image_size", 224, low=patch_px, high=4096)
    if image_px % patch_px:
        given.refuse("image_size", f"is {image_px}, which is not a multiple of the patch size {patch_px}")
    return ConditionerConfig(
        is_multi_view=is_multi_view,
        n_views=given.count("view_num", 4, high=64) if is_multi_view else 1,
        image_px=image_px,
        width=network.count("hidden_size"),
        n_heads=network.count("num_attention_heads"),
        n_layers=network.count("num_hidden_layers", high=1000),
    )


def _read_scheduler(part: Part) -> SchedulerConfig:
    kind = part.name("target", _SCHEDULES)
    given = part.optional_part("params")
    n_train = given.count("num_train_timesteps", 1000)
    return SchedulerConfig(
        kind=kind,
        n_train=n_train,
        n_pcm=given.count("pcm_timesteps", 50, high=n_train),
        shift=given.number("shift", 1.0, low=1e-2, high=100.0),
    )


def _read_picture(part: Part) -> PictureConfig:
    is_multi_view = part.name("target", _PROCESSORS)
    given = part.optional_part("params")
    return PictureConfig(
        is_multi_view=is_multi_view,
        size_px=given.count("size", 512, low=16, high=4096),
        border=given.number("border_ratio", 0.15, low=0.0, high=0.9),
    )


def _told(value: Any) -> str:
    return shown(repr(value)[:200])
