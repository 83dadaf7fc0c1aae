"""From a picture to a textured GLB with each public checkpoint, a thousand times smaller."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from tiny_hunyuan import FOLDERS, write_tiny_bundle, write_tiny_decoder

from engine.__main__ import main
from engine.errors import Cancelled
from engine.models.hunyuan3d import sampler
from engine.pipelines import run_generate
from engine.runner import StageRecord
from protocol.arrays import Array, Image
from protocol.names import SHAPE_MODELS
from protocol.requests import GenerateRequest, ViewPicture

EXAMPLES = Path(__file__).parents[3] / "examples"
OWL = EXAMPLES / "owl.png"
SMALL = ("--set", "shape.octree=32", "--set", "shape.steps=4", "--faces", "400", "--texture-size", "64")
QUICK = (("shape.octree", "32"), ("shape.steps", "4"))


@pytest.fixture(autouse=True)
def a_place_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in ("HOME", "USERPROFILE", "HY3DGEN_MODELS", "HF_HOME", "HF_HUB_CACHE"):
        monkeypatch.setenv(variable, str(tmp_path / "nowhere"))
    monkeypatch.setenv("MAQUETTE_MODELS", str(tmp_path / "모형 models"))
    monkeypatch.setenv("MAQUETTE_DATA", str(tmp_path / "data"))


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "모형 models"


def generate(*words: str, picture: Path = OWL, model: str = "2.0") -> int:
    return main(["generate", str(picture), "-o", "made.glb", "--model", model, *SMALL, *words])


def said(path: str = "made.glb") -> dict[str, Any]:
    """The JSON part of a GLB."""
    content = Path(path).read_bytes()
    (length,) = struct.unpack_from("<I", content, 12)
    found: dict[str, Any] = json.loads(content[20 : 20 + length])
    return found


class Heard:
    """A listener that keeps the notes and ends the job at a given share of a stage."""

    def __init__(self, ends_in: str = "", after: int = 0) -> None:
        self.notes: list[str] = []
        self.steps: list[tuple[str, int, int]] = []
        self.ends_in, self.after = ends_in, after

    def stage_started(self, stage: str, index: int, n_stages: int) -> None:
        assert index < n_stages

    def stage_progress(self, stage: str, step: int, n_steps: int) -> None:
        self.steps.append((stage, step, n_steps))

    def stage_finished(self, record: StageRecord) -> None:
        assert record.seconds >= 0

    def notice(self, stage: str, text: str) -> None:
        self.notes.append(text)

    def is_cancelled(self) -> bool:
        return (
            bool(self.ends_in)
            and [step for step in self.steps if step[0] == self.ends_in][self.after : self.after + 1] != []
        )


def asset(models: Path, heard: Heard, *settings: tuple[str, str], views: tuple[str, ...] = ("front",)) -> Any:
    files = {view: EXAMPLES / "turnaround" / f"{view}.png" for view in views} if len(views) > 1 else {}
    pictures = []
    for view in views:
        content = files.get(view, OWL).read_bytes()
        pictures.append(ViewPicture(view, view, Image("file", Array("uint8", (len(content),), content))))
    request = GenerateRequest(
        tuple(pictures),
        backend="hunyuan3d-2",
        faces=400,
        texture_size_px=64,
        settings=tuple((dict(QUICK) | dict(settings)).items()),
    )
    return run_generate(request, heard, models_dir=models, is_cancelled=heard.is_cancelled)


@pytest.mark.parametrize("model", SHAPE_MODELS)
def test_every_checkpoint_makes_a_closed_textured_body(model: str, models: Path) -> None:
    write_tiny_bundle(models, model)
    assert generate("--report", "made.json", model=model) == 0
    report = json.loads(Path("made.json").read_text(encoding="utf-8"))
    names = [stage["name"] for stage in report["stages"]]
    assert names == ["preprocess", "load", "shape", "clean", "unwrap", "bake", "inpaint", "save"]
    assert report["mesh"]["watertight"]
    assert report["mesh"]["faces"] > 100
    (used,) = report["provenance"]["models"]
    assert used["name"] == f"hunyuan3d-2/{model}"
    assert used["revision"] == FOLDERS[model]
    assert "Tencent" in used["licence"]
    assert said()["asset"]["extras"]["maquette"]["backend"] == "hunyuan3d-2"


def test_the_same_seed_is_the_same_file_and_another_seed_another_body(models: Path) -> None:
    write_tiny_bundle(models, "2.0")
    files = []
    for seed in ("3", "3", "4"):
        assert generate("--seed", seed) == 0
        files.append(Path("made.glb").read_bytes())
    assert files[0] == files[1]
    assert files[0] != files[2]


def test_views_in_any_order_make_the_same_body(models: Path) -> None:
    write_tiny_bundle(models, "mv")
    found = [
        asset(models, Heard(), ("load.model", "mv"), views=views).mesh
        for views in (("front", "left", "back"), ("back", "front", "left"), ("front", "right", "back"))
    ]
    assert np.array_equal(found[0].vertices, found[1].vertices)
    assert not np.array_equal(found[0].vertices, found[2].vertices)


def test_streaming_changes_no_bit(models: Path) -> None:
    write_tiny_bundle(models, "2.0")
    held, streamed = (asset(models, Heard(), ("load.stream", word)).mesh for word in ("false", "true"))
    assert np.array_equal(held.vertices, streamed.vertices)


def test_the_turbo_decoder_and_fewer_keys_can_be_asked_for(models: Path) -> None:
    write_tiny_bundle(models, "2.0")
    write_tiny_decoder(models, "2.0")
    assert generate("--set", "load.vae=turbo") == 0
    assert generate("--set", "shape.keys=adaptive") == 0


def test_a_turbo_decoder_that_is_not_here_is_named(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tiny_bundle(models, "2.0")
    assert generate("--set", "load.vae=turbo") == 4
    assert "hunyuan3d-vae-v2-0-turbo" in capsys.readouterr().err


def test_without_weights_the_line_that_gets_them_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert generate(model="mini-turbo") == 4
    words = capsys.readouterr().err
    assert "maquette models download hunyuan3d-2/mini-turbo" in words
    assert "not for use in the EU, the UK and South Korea" in words
    assert not Path("made.glb").exists()


@pytest.mark.parametrize("form", ["safetensors", "ckpt"])
@pytest.mark.parametrize("dtype", ["F16", "F32"])
def test_any_form_of_the_weights_is_taken(form: Any, dtype: Any, models: Path) -> None:
    write_tiny_bundle(models, "mini", form=form, dtype=dtype)
    assert generate(model="mini") == 0


def weights(models: Path, model: str = "2.0") -> Path:
    return write_tiny_bundle(models, model) / "model.fp16.safetensors"


def refused(code: int, capsys: pytest.CaptureFixture[str], *words: str) -> None:
    """A run ends with `code` and a line or two that hold `words`, and writes nothing."""
    assert generate() == code
    told = capsys.readouterr().err
    assert all(word in told for word in words), told
    assert "Traceback" not in told
    assert not Path("made.glb").exists()


def test_a_truncated_file_counts_as_half_downloaded(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = weights(models)
    file.write_bytes(file.read_bytes()[:-1000])
    refused(4, capsys, "only half here", "model.fp16.safetensors", "maquette models download")


def test_a_missing_tensor_is_named(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = weights(models)
    tensors = load_file(file)
    del tensors["model.double_blocks.1.img_mlp.2.weight"]
    save_file(tensors, file)
    refused(2, capsys, "double_blocks.1.img_mlp.2.weight", "missing")


def test_a_config_that_disagrees_is_told_with_both_numbers(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = weights(models).with_name("config.yaml")
    told = yaml.safe_load(config.read_text())
    n_blocks = told["model"]["params"]["depth_single_blocks"]
    told["model"]["params"]["depth_single_blocks"] = 9
    config.write_text(yaml.safe_dump(told))
    refused(2, capsys, "config.yaml", "9", str(n_blocks))


def test_the_fast_form_in_the_folder_of_the_plain_one_is_seen(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = weights(models)
    weights(models, "2.0-fast").replace(file)
    refused(2, capsys, "guidance")


def test_weights_that_are_nan_are_tried_once_more_and_then_a_failure(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = weights(models)
    tensors = load_file(file)
    tensors["model.final_layer.linear.bias"][:] = torch.nan
    save_file(tensors, file)
    assert generate("--set", "load.precision=bfloat16") == 1
    told = capsys.readouterr()
    assert "made once more in float32" in told.out + told.err
    assert "gave NaN" in told.err
    assert not Path("made.glb").exists()


def test_what_only_half_precision_cannot_hold_is_healed(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tiny_bundle(models, "2.0")
    plain = sampler.euler_step

    def overflowing(latents: Any, velocity: Any, length: float) -> Any:
        return plain(latents, velocity * (torch.nan if latents.dtype == torch.float16 else 1), length)

    monkeypatch.setattr(sampler, "euler_step", overflowing)
    heard = Heard()
    made = asset(models, heard, ("load.precision", "float16"))
    assert len(made.mesh.faces) > 100
    assert any("Step 1 of 3 of sampling gave NaN" in note and "float32" in note for note in heard.notes)


@pytest.mark.parametrize("after", [1, 3, 8, 15])
def test_a_cancel_is_heard_at_the_next_step(after: int, models: Path) -> None:
    write_tiny_bundle(models, "2.0")
    heard = Heard(ends_in="shape", after=after)
    with pytest.raises(Cancelled):
        asset(models, heard, ("shape.octree", "128"))
    assert len([step for step in heard.steps if step[0] == "shape"]) == after + 1


def test_progress_of_the_shape_rises_to_its_end(models: Path) -> None:
    write_tiny_bundle(models, "2.0-turbo")
    heard = Heard()
    asset(models, heard)
    steps = [(step, of) for stage, step, of in heard.steps if stage == "shape"]
    assert steps == sorted(steps)
    assert steps[-1][0] == steps[-1][1]


def test_the_processor_is_said_to_be_slow(models: Path) -> None:
    write_tiny_bundle(models, "2.0")
    heard = Heard()
    asset(models, heard, ("load.compute", "cpu"))
    assert any("processor" in note for note in heard.notes)


def test_a_view_that_the_model_does_not_know_is_refused(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tiny_bundle(models, "2.0")
    assert generate("--view", f"back={OWL}") == 2
    assert "2.0 cannot use the view back" in capsys.readouterr().err
