"""Runs of the whole pipeline on tiny checkpoints: through the command line, or with a listener."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.__main__ import main
from engine.asset import Asset
from engine.pipelines import run_generate
from engine.runner import StageRecord
from protocol.arrays import Array, Image
from protocol.requests import GenerateRequest, ViewPicture

EXAMPLES = Path(__file__).parents[3] / "examples"
OWL = EXAMPLES / "owl.png"
SMALL = ("--faces", "400", "--texture-size", "64")
QUICK = {"shape.octree": "32", "shape.steps": "4"}
_OTHER_PLACES = ("HOME", "USERPROFILE", "HY3DGEN_MODELS", "HF_HOME", "HF_HUB_CACHE")


def settle(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes `folder` the working folder, without weights elsewhere; returns its folder for models."""
    monkeypatch.chdir(folder)
    for variable in _OTHER_PLACES:
        monkeypatch.setenv(variable, str(folder / "nowhere"))
    monkeypatch.setenv("MAQUETTE_MODELS", str(folder / "모형 models"))
    monkeypatch.setenv("MAQUETTE_DATA", str(folder / "data"))
    return folder / "모형 models"


class Heard:
    """A listener that keeps what it hears, and ends the job once `after` + 1 steps of a stage are done."""

    def __init__(self, ends_in: str = "", after: int = 0) -> None:
        self.stages: list[str] = []
        self.notes: list[str] = []
        self.steps: list[tuple[str, int, int]] = []
        self.n_shape_faces = 0
        self.ends_in, self.after = ends_in, after

    def stage_started(self, stage: str, index: int, n_stages: int) -> None:
        assert index < n_stages
        self.stages.append(stage)

    def stage_progress(self, stage: str, step: int, n_steps: int) -> None:
        self.steps.append((stage, step, n_steps))

    def stage_finished(self, record: StageRecord) -> None:
        assert record.seconds >= 0

    def notice(self, stage: str, text: str) -> None:
        self.notes.append(text)

    def shape_ready(self, vertices: Array, faces: Array) -> None:
        self.n_shape_faces = faces.shape[0]

    def of(self, stage: str) -> list[tuple[int, int]]:
        """The steps of `stage`, each with how many there are."""
        return [(step, of) for name, step, of in self.steps if name == stage]

    def is_cancelled(self) -> bool:
        return bool(self.ends_in) and len(self.of(self.ends_in)) > self.after


def generate(
    *words: str, picture: Path | None = OWL, model: str = "2.0", settings: dict[str, str] | None = None
) -> int:
    """The command line's exit code for a small made.glb."""
    told = [word for pair in (QUICK | (settings or {})).items() for word in ("--set", "=".join(pair))]
    pictures = [] if picture is None else [str(picture)]
    return main(["generate", *pictures, "-o", "made.glb", "--model", model, *SMALL, *told, *words])


def request(
    settings: dict[str, str] | None = None, views: tuple[str, ...] = ("front",), **changes: int
) -> GenerateRequest:
    """A small request of the owl, or of those sides of a turnaround."""
    pictures = []
    for view in views:
        file = OWL if views == ("front",) else EXAMPLES / "turnaround" / f"{view}.png"
        content = file.read_bytes()
        pictures.append(ViewPicture(view, view, Image("file", Array("uint8", (len(content),), content))))
    return GenerateRequest(
        tuple(pictures),
        backend="hunyuan3d-2",
        faces=400,
        texture_size_px=64,
        settings=tuple((QUICK | (settings or {})).items()),
        **changes,
    )


def asset(
    models: Path,
    settings: dict[str, str] | None = None,
    *,
    views: tuple[str, ...] = ("front",),
    heard: Heard | None = None,
) -> Asset:
    """The asset of a small request."""
    heard = heard or Heard()
    return run_generate(request(settings, views), heard, models_dir=models, is_cancelled=heard.is_cancelled)
