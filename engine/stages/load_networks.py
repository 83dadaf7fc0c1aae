"""Stage load: the checkpoint that makes the shape is found, opened and checked; nothing large is read yet.

Its networks are read one after the other while the shape is made, each when it is needed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import BadRequest, WeightsMissing
from engine.models.residence import Place
from engine.runner import Progress, Stage
from engine.settings import LoadSettings
from engine.stages.values import Subject
from engine.weights.checkpoint import Bundle, open_bundle, open_decoder
from engine.weights.choice import choose_model
from engine.weights.config import VaeConfig
from engine.weights.inventory import Located
from engine.weights.tensors import Tensors


@dataclass(frozen=True, eq=False)
class Opened:
    """Subjects, and the checkpoint that makes their shape; `decoder` stands in for the bundle's own.

    Use it in a `with`: it closes the files.
    """

    subjects: tuple[Subject, ...]
    bundle: Bundle
    place: Place
    decoder: tuple[VaeConfig, Tensors] | None = None

    @property
    def model(self) -> str:
        """The name of the checkpoint."""
        return self.bundle.located.model.name

    @property
    def vae(self) -> tuple[VaeConfig, Tensors]:
        """The decoder of latents."""
        return self.decoder or (self.bundle.config.vae, self.bundle.vae)

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.bundle.close()
        if self.decoder is not None:
            self.decoder[1].close()


def load_networks(settings: LoadSettings, models_dir: Path) -> Stage[tuple[Subject, ...], Opened]:
    """The stage from subjects to an open checkpoint.

    Raises WeightsMissing, BadRequest for views that the model does not know, BadInput for damaged files.
    """

    def work(subjects: tuple[Subject, ...], progress: Progress) -> Opened:
        located = choose_model(settings, [subject.view for subject in subjects], models_dir)
        place = _choose_place(settings, progress)
        progress.step(1, 2)
        bundle = open_bundle(located)
        try:
            opened = Opened(subjects, bundle, place, _open_turbo_decoder(settings, located))
            progress.step(2, 2)
        except BaseException:
            bundle.close()
            raise
        return opened

    return Stage("load", work)


def _open_turbo_decoder(settings: LoadSettings, located: Located) -> tuple[VaeConfig, Tensors] | None:
    if settings.vae == "bundle":
        return None
    if located.turbo_decoder is None:
        model = located.model
        raise WeightsMissing(
            f"The turbo decoder ({model.decoder_repo}/{model.decoder_folder}) is not on this machine.",
            remedy=f"Use load.vae=bundle, or put its files beside those of {model.full_name}.",
        )
    return open_decoder(located)


def _choose_place(settings: LoadSettings, progress: Progress) -> Place:
    import torch

    has_card = torch.cuda.is_available()
    if settings.compute == "cuda" and not has_card:
        raise BadRequest(
            "load.compute is cuda, and PyTorch finds no CUDA card.",
            remedy="Use load.compute=auto; `maquette doctor` says what is missing.",
        )
    is_card = has_card and settings.compute != "cpu"
    precision = settings.precision
    if precision == "auto":
        precision = "float16" if is_card else "float32"
    if not is_card:
        progress.note("The networks run on the processor: expect minutes to hours instead of seconds.")
        torch.set_num_threads(os.cpu_count() or 1)
    elif settings.stream:
        progress.note("Weights are brought in block by block: less GPU memory, more time.")
    dtype: Any = getattr(torch, precision)
    return Place(
        torch.device("cuda", 0) if is_card else torch.device("cpu"), dtype, settings.stream, progress.check
    )
