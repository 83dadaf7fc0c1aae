"""The checkpoints that can be used: whose they are, under which licence, and where on this machine they lie.

Files are looked for and never fetched. A checkpoint whose download was broken off is told from one that is
not there, with what is there and what is missing. Imports nothing that computes: the light server asks too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.errors import BadRequest, WeightsMissing
from engine.weights.places import Files, examine_folder, folders_of

GIB = 1024**3
BACKEND = "hunyuan3d-2"

Form = Literal["plain", "fast", "turbo"]


@dataclass(frozen=True)
class Licence:
    """The licence of weights and results: its name, where it can be read, and whom it leaves out."""

    name: str
    url: str
    note: str


TENCENT = Licence(
    "Tencent Hunyuan 3D 2.0 Community License",
    "https://github.com/Tencent-Hunyuan/Hunyuan3D-2/blob/main/LICENSE",
    "Tencent community licence: not for use in the EU, the UK and South Korea.",
)


@dataclass(frozen=True)
class ShapeModel:
    """A shape checkpoint by its short name ("2.0", "mini-turbo").

    `repo` and `folder` name it on the Hugging Face hub; `file_bytes` and `n_tensors` are those of the file
    model.fp16.safetensors. `decoder_repo` and `decoder_folder` are the smaller decoder that fits it. A plain
    form is guided by a second, unconditional branch; fast and turbo have the guidance in them; turbo needs a
    few steps only.
    """

    name: str
    repo: str
    folder: str
    form: Form
    file_bytes: int
    n_tensors: int
    views: tuple[str, ...]
    decoder_repo: str
    decoder_folder: str
    licence: Licence = TENCENT

    @property
    def full_name(self) -> str:
        """The name with its backend's, as `maquette models` takes it."""
        return f"{BACKEND}/{self.name}"

    @property
    def is_multi_view(self) -> bool:
        """Whether it takes more than one view."""
        return len(self.views) > 1

    @property
    def n_views(self) -> int:
        """How many views it takes at most."""
        return len(self.views)

    @property
    def url(self) -> str:
        """The page of its folder on the hub."""
        return f"https://huggingface.co/{self.repo}/tree/main/{self.folder}"

    @property
    def download_line(self) -> str:
        """The command that gets it."""
        return f"maquette models download {self.full_name}"

    @property
    def remedy(self) -> str:
        """What to do where it is missing, and under which licence."""
        return f"Run {self.download_line} ({self.licence.note.rstrip('.')})."


@dataclass(frozen=True)
class Located:
    """A complete checkpoint on this machine, and the turbo decoder that lies on it too, if one does."""

    model: ShapeModel
    config: Path
    weights: Path
    turbo_decoder: Files | None = None

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return self.weights.parent


@dataclass(frozen=True)
class Search:
    """What was found of a model: where it is complete, else where a part of it lies and its trouble."""

    model: ShapeModel
    located: Located | None
    partial: Path | None = None
    trouble: str = ""


def _rows() -> tuple[ShapeModel, ...]:
    """The nine checkpoints: three families in three forms.

    Bytes and tensors: the plain ones and turbo of 2.0 equal the hub's files to the byte; those of the other
    fast and turbo forms follow from their tensor lists.
    """
    vae_repo, vae_folder = "tencent/Hunyuan3D-2", "hunyuan3d-vae-v2-0-turbo"
    mini_repo, mini_folder = "tencent/Hunyuan3D-2mini", "hunyuan3d-vae-v2-mini-turbo"
    one, four = ("front",), ("front", "left", "back", "right")
    full, guided = (4_928_151_562, 1645), (4_930_777_530, 1649)
    small, small_guided = (3_819_958_234, 1325), (3_822_584_202, 1329)
    families = (
        ("2.0", "tencent/Hunyuan3D-2", "hunyuan3d-dit-v2-0", full, guided, one, vae_repo, vae_folder),
        ("mini", mini_repo, "hunyuan3d-dit-v2-mini", small, small_guided, one, mini_repo, mini_folder),
        ("mv", "tencent/Hunyuan3D-2mv", "hunyuan3d-dit-v2-mv", full, guided, four, vae_repo, vae_folder),
    )
    forms: tuple[Form, ...] = ("plain", "fast", "turbo")
    rows = []
    for name, repo, folder, plain, distilled, views, decoder_repo, decoder_folder in families:
        for form in forms:
            end = "" if form == "plain" else f"-{form}"
            n_bytes, n_tensors = plain if form == "plain" else distilled
            decoder = (decoder_repo, decoder_folder)
            rows.append(
                ShapeModel(f"{name}{end}", repo, f"{folder}{end}", form, n_bytes, n_tensors, views, *decoder)
            )
    return tuple(rows)


SHAPE_MODELS = _rows()


def model_named(name: str) -> ShapeModel:
    """The model called `name`, with or without its backend's name before it; BadRequest if there is none."""
    by_name = {model.name: model for model in SHAPE_MODELS}
    short = name.removeprefix(f"{BACKEND}/")
    if short not in by_name:
        raise BadRequest(f'There is no model "{name[:80]}".', remedy=f"Models: {', '.join(by_name)}.")
    return by_name[short]


def search(
    models: Path,
    model: ShapeModel,
    environment: Mapping[str, str] | None = None,
    home: Path | None = None,
) -> Search:
    """Looks for `model` in all places; raises nothing. The last two stand in for the process's own."""
    partial: tuple[Path, str] | None = None
    for folder in folders_of(models, model.repo, model.folder, environment, home):
        found = examine_folder(folder, model.file_bytes)
        if isinstance(found, Files):
            decoder = _decoder(models, model, environment, home)
            return Search(model, Located(model, found.config, found.weights, decoder))
        if found and partial is None:
            partial = (folder, found)
    return Search(model, None, *(partial or (None, "")))


def locate(
    models: Path, name: str, environment: Mapping[str, str] | None = None, home: Path | None = None
) -> Located:
    """The complete checkpoint called `name`.

    Raises BadRequest if there is no such model, WeightsMissing with what is missing and the line that gets it
    if it is not on this machine.
    """
    model = model_named(name)
    found = search(models, model, environment, home)
    if found.located is not None:
        return found.located
    if found.partial is not None:
        message = f"The weights of {model.full_name} are only half here: {found.trouble} ({found.partial})."
    else:
        message = (
            f"The weights of {model.full_name} ({model.file_bytes / GIB:.1f} GiB) are not on this machine."
        )
    raise WeightsMissing(message, remedy=model.remedy)


def located_models(
    models: Path, environment: Mapping[str, str] | None = None, home: Path | None = None
) -> tuple[Located, ...]:
    """Every model that is complete on this machine, in the order of SHAPE_MODELS."""
    searches = (search(models, model, environment, home) for model in SHAPE_MODELS)
    return tuple(found.located for found in searches if found.located is not None)


def _decoder(
    models: Path, model: ShapeModel, environment: Mapping[str, str] | None, home: Path | None
) -> Files | None:
    """The turbo decoder that fits `model`, if it is complete on this machine."""
    for folder in folders_of(models, model.decoder_repo, model.decoder_folder, environment, home):
        found = examine_folder(folder, 0)
        if isinstance(found, Files):
            return found
    return None
