"""What is wrong with a checkpoint or a request is told in a line or two, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from tiny_hunyuan import DECODER_FOLDERS, write_tiny_bundle, write_tiny_decoder
from tiny_runs import OWL, Heard, asset, generate, settle

from engine.errors import Numerics
from engine.models.hunyuan3d import sampler

Tensor = Any


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return settle(tmp_path, monkeypatch)


def weights(models: Path, model: str = "2.0") -> Path:
    return write_tiny_bundle(models, model) / "model.fp16.safetensors"


def changed(file: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    """The file with `change` done to its tensors."""
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file)


def said_of(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """The config beside `file` with `change` done to it."""
    config = file.with_name("config.yaml")
    told = yaml.safe_load(config.read_text("utf-8"))
    change(told)
    config.write_text(yaml.safe_dump(told), "utf-8")


def refused(
    code: int, capsys: pytest.CaptureFixture[str], *words: str, model: str = "2.0", **given: Any
) -> None:
    """A run ends with `code` and a line or two that hold `words`, and writes nothing."""
    assert generate(model=model, **given) == code
    told = capsys.readouterr().err
    assert all(word in told for word in words), told
    assert "Traceback" not in told
    assert "Something went wrong" not in told
    assert not Path("made.glb").exists()


def test_without_weights_the_line_that_gets_them_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    line = "Run maquette models download hunyuan3d-2/mini-turbo ("
    refused(4, capsys, line, "not for use in the EU, the UK and South Korea", model="mini-turbo")


def test_a_truncated_file_counts_as_half_downloaded(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = weights(models)
    file.write_bytes(file.read_bytes()[:-1000])
    refused(4, capsys, "only half here", "model.fp16.safetensors", "maquette models download hunyuan3d-2/2.0")


def test_a_download_under_way_counts_as_half(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = weights(models)
    file.rename(file.with_name(f"{file.name}.incomplete"))
    refused(4, capsys, "only half here", "model.fp16.safetensors.incomplete is an unfinished download")


def test_weights_without_their_config_count_as_half(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights(models).with_name("config.yaml").unlink()
    refused(4, capsys, "only half here", "config.yaml is missing")


def test_a_pickled_file_cut_short_counts_as_half(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_tiny_bundle(models, "2.0", form="ckpt") / "model.fp16.ckpt"
    file.write_bytes(file.read_bytes()[:-1000])
    refused(4, capsys, "only half here", "model.fp16.ckpt is not whole")


def test_a_missing_tensor_is_named(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "double_blocks.1.img_mlp.2.weight"
    changed(weights(models), lambda tensors: tensors.pop(f"model.{name}"))
    refused(2, capsys, name, "missing")


def test_a_tensor_of_no_network_is_named(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed(weights(models), lambda tensors: tensors.update({"model.lora.up": torch.zeros(2)}))
    refused(2, capsys, "lora.up", "belong to no part")


def test_a_tensor_of_another_shape_is_told_with_both(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed(
        weights(models), lambda tensors: tensors.update({"model.final_layer.linear.bias": torch.zeros(5)})
    )
    refused(2, capsys, "final_layer.linear.bias is [5] instead of [64]")


def test_a_bundle_without_its_picture_encoder_is_refused(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = weights(models)
    save_file({name: held for name, held in load_file(file).items() if name[:4] != "cond"}, file)
    refused(2, capsys, "lacks the picture encoder")


def test_a_config_that_disagrees_is_told_with_both_numbers(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said_of(weights(models), lambda told: told["model"]["params"].update(depth_single_blocks=9))
    refused(2, capsys, "config.yaml says model.params.depth_single_blocks = 9", "say 3")


def test_a_config_that_is_no_yaml_is_refused(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights(models).with_name("config.yaml").write_text("<html>{{", "utf-8")
    refused(2, capsys, "config.yaml is not", "Use the config.yaml that came with the model")


@pytest.mark.parametrize(("folder", "file"), [("2.0", "2.0-fast"), ("2.0-fast", "2.0"), ("2.0-turbo", "2.0")])
def test_another_form_in_the_folder_of_a_model_is_seen(
    folder: str, file: str, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = weights(models, folder)
    weights(models, file).replace(place)
    refused(2, capsys, "guidance", f"maquette models download hunyuan3d-2/{folder}", model=folder)


def test_another_family_in_the_folder_of_a_model_is_seen(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = weights(models)
    weights(models, "mini").replace(place)
    refused(2, capsys, "depth", "say 1")


def test_a_turbo_decoder_that_is_not_here_is_named(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tiny_bundle(models, "2.0")
    refused(4, capsys, DECODER_FOLDERS["2.0"], "load.vae=bundle", settings={"load.vae": "turbo"})


def test_a_turbo_decoder_without_a_tensor_is_refused(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tiny_bundle(models, "2.0")
    file = write_tiny_decoder(models, "2.0") / "model.fp16.safetensors"
    changed(file, lambda tensors: tensors.pop("geo_decoder.output_proj.weight"))
    refused(2, capsys, "output_proj.weight", "missing", settings={"load.vae": "turbo"})


def test_steps_that_a_turbo_model_does_not_know_are_refused(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tiny_bundle(models, "2.0-turbo")
    refused(2, capsys, "200", "1 to 100", model="2.0-turbo", settings={"shape.steps": "200"})


def test_a_view_that_the_model_does_not_know_is_refused(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tiny_bundle(models, "2.0")
    assert generate("--view", f"back={OWL}") == 2
    assert "2.0 cannot use the view back" in capsys.readouterr().err


def test_a_view_given_twice_is_refused(capsys: pytest.CaptureFixture[str], models: Path) -> None:
    write_tiny_bundle(models, "mv")
    assert generate("--view", f"front={OWL}", model="mv") == 2
    assert "The view front is given twice" in capsys.readouterr().err


def test_a_card_that_is_not_there_is_not_waited_for(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a card")
    write_tiny_bundle(models, "2.0")
    refused(2, capsys, "no CUDA card", settings={"load.compute": "cuda"})


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("conditioner.main_image_encoder.model.layernorm.bias", "The picture encoder"),
        ("model.final_layer.linear.bias", "Step 1 of 3 of sampling"),
        ("vae.post_kl.bias", "The shape decoder"),
        ("vae.geo_decoder.output_proj.bias", "The field decoder"),
    ],
)
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_not_finite_are_found_in_their_network(
    name: str, where: str, value: float, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed(weights(models), lambda tensors: tensors[name].fill_(value))
    refused(1, capsys, f"{where} gave NaN", "Are the weights whole?")


def test_weights_that_are_nan_are_tried_once_more_and_then_a_failure(models: Path) -> None:
    changed(weights(models), lambda tensors: tensors["model.final_layer.linear.bias"].fill_(torch.nan))
    heard = Heard()
    with pytest.raises(Numerics, match="Step 1 of 3 of sampling gave NaN"):
        asset(models, {"load.precision": "bfloat16"}, heard=heard)
    assert sum("made once more in float32" in note for note in heard.notes) == 1


def test_what_only_half_precision_cannot_hold_is_healed(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tiny_bundle(models, "2.0")
    plain = sampler.euler_step

    def overflowing(latents: Tensor, velocity: Tensor, length: float) -> Tensor:
        return plain(latents, velocity * (torch.nan if latents.dtype == torch.float16 else 1), length)

    monkeypatch.setattr(sampler, "euler_step", overflowing)
    heard = Heard()
    healed = asset(models, {"load.precision": "float16"}, heard=heard).mesh
    assert any("Step 1 of 3 of sampling gave NaN" in note and "float32" in note for note in heard.notes)
    plain_run = asset(models, {"load.precision": "float32"}).mesh
    assert (healed.vertices == plain_run.vertices).all()


@pytest.mark.parametrize("bias", [-1000.0, 1000.0])
def test_a_field_without_a_surface_is_a_failure_in_words(
    bias: float, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed(weights(models), lambda tensors: tensors["vae.geo_decoder.output_proj.bias"].fill_(bias))
    refused(1, capsys, "no surface", "wholly inside or wholly outside", "another seed")
