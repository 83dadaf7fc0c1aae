"""Checkpoints are found wherever public programs keep them, and half a download is told from none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from made_weights import write_folder

from engine.errors import BadRequest, WeightsMissing
from engine.weights.inventory import SHAPE_MODELS, Search, locate, located_models, model_named, search
from protocol import names

REPO, FOLDER = "tencent/Hunyuan3D-2", "hunyuan3d-dit-v2-0"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "모형 models"


def found(models: Path, name: str = "2.0", **variables: str) -> Search:
    return search(models, model_named(name), variables, models.parent / "home")


def test_the_nine_models_are_those_of_the_wire() -> None:
    assert tuple(model.name for model in SHAPE_MODELS) == names.SHAPE_MODELS
    assert {model.folder for model in SHAPE_MODELS if model.repo == "tencent/Hunyuan3D-2mini"} == {
        f"hunyuan3d-dit-v2-mini{end}" for end in ("", "-fast", "-turbo")
    }
    assert [model.name for model in SHAPE_MODELS if model.is_multi_view] == ["mv", "mv-fast", "mv-turbo"]
    assert {model.n_views for model in SHAPE_MODELS} == {1, 4}
    guidance = (4, 1_312_768 * 2 + 432)  # tensors; numbers of half precision and the header's lines for them
    for model in SHAPE_MODELS:
        plain = model_named(model.name.partition("-")[0])
        more = (model.n_tensors - plain.n_tensors, model.file_bytes - plain.file_bytes)
        assert more == ((0, 0) if model.form == "plain" else guidance)
        assert set(model.views) <= set(names.VIEWS)


def test_a_model_is_known_with_and_without_its_backend() -> None:
    assert model_named("hunyuan3d-2/mini") is model_named("mini")
    for name in ("", "2.1", "hunyuan3d-2/", "MINI", "x" * 10_000):
        with pytest.raises(BadRequest) as caught:
            model_named(name)
        assert "2.0, 2.0-fast, 2.0-turbo, mini" in caught.value.remedy
        assert len(caught.value.message) < 200


@pytest.mark.parametrize("below", [f"{REPO}/{FOLDER}", f"Hunyuan3D-2/{FOLDER}", FOLDER])
def test_maquettes_own_folder_is_looked_in(models: Path, below: str) -> None:
    file = write_folder(models / below)
    assert locate(models, "2.0", {}, models.parent).weights == file


def test_the_public_programs_folders_are_looked_in(models: Path) -> None:
    home = models.parent / "home"
    by_home = write_folder(home / ".cache" / "hy3dgen" / REPO / FOLDER)
    assert locate(models, "hunyuan3d-2/2.0", {}, home).weights == by_home
    by_variable = write_folder(models.parent / "다른 곳" / REPO / FOLDER)
    variables = {"HY3DGEN_MODELS": str(models.parent / "다른 곳")}
    assert locate(models, "2.0", variables, home).weights == by_variable
    assert locate(models, "2.0", {"HY3DGEN_MODELS": " "}, home).weights == by_home
    assert locate(models, "2.0", {"HY3DGEN_MODELS": "~/.cache/hy3dgen"}, home).weights == by_home


@pytest.mark.parametrize(
    ("variable", "below"),
    [
        ("", "home/.cache/huggingface/hub"),
        ("HF_HUB_CACHE", "cache"),
        ("HUGGINGFACE_HUB_CACHE", "cache"),
        ("HF_HOME", "cache/hub"),
        ("XDG_CACHE_HOME", "cache/huggingface/hub"),
    ],
)
def test_the_hubs_cache_with_its_links_is_looked_in(models: Path, variable: str, below: str) -> None:
    repo = models.parent / below / "models--tencent--Hunyuan3D-2"
    real = write_folder(repo / "blobs")
    folder = repo / "snapshots" / "9cd649ba" / FOLDER
    folder.mkdir(parents=True)
    for name in ("config.yaml", real.name):
        (folder / name).symlink_to(repo / "blobs" / name)
    variables = {variable: str(models.parent / "cache")} if variable else {}
    assert locate(models, "2.0", variables, models.parent / "home").folder == folder
    real.unlink()
    assert "a link to a file that is gone" in found(models, **variables).trouble


def test_the_newest_complete_snapshot_is_taken(models: Path) -> None:
    snapshots = models.parent / "cache" / "models--tencent--Hunyuan3D-2" / "snapshots"
    files = {name: write_folder(snapshots / name / FOLDER) for name in ("aa", "bb", "cc")}
    for age_s, name in enumerate(("cc", "bb", "aa")):
        os.utime(snapshots / name, (1e9 - age_s, 1e9 - age_s))
    files["cc"].write_bytes(files["cc"].read_bytes()[:-1])
    variables = {"HF_HUB_CACHE": str(models.parent / "cache")}
    assert locate(models, "2.0", variables, models.parent).weights == files["bb"]


def test_half_precision_comes_first_and_safetensors_before_pickles(models: Path) -> None:
    order = ["model.ckpt", "model.fp16.ckpt", "model.safetensors", "model.fp16.safetensors"]
    for name in order:
        file = write_folder(models / FOLDER, name=name)
        if name.endswith(".ckpt"):
            torch.save({"model": {"a": torch.ones(1)}}, file)
        assert locate(models, "2.0", {}, models.parent).weights == file


def test_a_broken_best_file_is_passed_over_for_a_whole_one(models: Path) -> None:
    second = write_folder(models / FOLDER, name="model.safetensors")
    (models / FOLDER / "model.fp16.safetensors").write_bytes(b"\0" * 5)
    assert locate(models, "2.0", {}, models.parent).weights == second


def missing(models: Path, name: str = "2.0") -> WeightsMissing:
    with pytest.raises(WeightsMissing) as caught:
        locate(models, name, {}, models.parent / "home")
    assert f"maquette models download hunyuan3d-2/{name} " in caught.value.remedy
    assert "not for use in the EU, the UK and South Korea" in caught.value.remedy
    return caught.value


def test_an_absent_model_is_missing_with_its_size_and_the_line_that_gets_it(models: Path) -> None:
    error = missing(models, "mini-turbo")
    assert "3.6 GiB" in error.message
    assert "not on this machine" in error.message
    assert error.as_fault().exit_code == 4


def test_half_a_file_is_told_with_both_sizes(models: Path) -> None:
    file = write_folder(models / REPO / FOLDER)
    n_bytes = file.stat().st_size
    file.write_bytes(file.read_bytes()[:-100])
    error = missing(models)
    assert "only half here" in error.message
    assert (
        f"model.fp16.safetensors has {n_bytes - 100:,} bytes, its header tells of {n_bytes:,}"
        in error.message
    )
    assert str(models / REPO / FOLDER) in error.message


def test_half_a_checkpoint_of_torch_is_told_with_the_usual_size(models: Path) -> None:
    file = write_folder(models / FOLDER, name="model.fp16.ckpt")
    torch.save({"model": {"a": torch.ones(9)}}, file)
    file.write_bytes(file.read_bytes()[:-1])
    assert "model.fp16.ckpt is not whole (0.00 of 4.59 GiB)" in missing(models).message


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["config.yaml"], "model.fp16.safetensors is missing"),
        (["readme.md"], "model.fp16.safetensors is missing, and so is config.yaml"),
        (["config.yaml", "model.fp16.safetensors.part"], "safetensors.part is an unfinished download"),
        (["abc.incomplete"], "abc.incomplete is an unfinished download"),
    ],
)
def test_what_is_missing_of_a_folder_is_told(models: Path, files: list[str], words: str) -> None:
    (models / FOLDER).mkdir(parents=True)
    for name in files:
        (models / FOLDER / name).write_bytes(b"abc")
    assert words in missing(models).message


def test_a_folder_without_config_is_half_a_download(models: Path) -> None:
    (write_folder(models / FOLDER).parent / "config.yaml").unlink()
    assert "config.yaml is missing" in missing(models).message


def test_a_file_that_aria2_still_fills_is_half_a_download(models: Path) -> None:
    file = write_folder(models / FOLDER)
    (models / FOLDER / f"{file.name}.aria2").write_bytes(b"")
    assert "aria2" in missing(models).message


def test_a_page_in_a_files_place_is_called_so(models: Path) -> None:
    write_folder(models / FOLDER).write_bytes(b"<!DOCTYPE html><title>Access denied</title>")
    assert "a web page" in missing(models).message


def test_every_complete_model_is_listed_in_order(models: Path) -> None:
    assert located_models(models, {}, models.parent) == ()
    for model in (SHAPE_MODELS[5], SHAPE_MODELS[0]):
        write_folder(models / model.repo / model.folder)
    listed = located_models(models, {}, models.parent)
    assert [each.model.name for each in listed] == ["2.0", "mini-turbo"]


def test_the_turbo_decoder_is_found_where_it_fits(models: Path) -> None:
    write_folder(models / REPO / FOLDER)
    assert locate(models, "2.0", {}, models.parent).turbo_decoder is None
    file = write_folder(models / REPO / "hunyuan3d-vae-v2-0-turbo")
    decoder = locate(models, "2.0", {}, models.parent).turbo_decoder
    assert decoder is not None
    assert decoder.weights == file
    write_folder(models / "hunyuan3d-dit-v2-mini")
    assert locate(models, "mini", {}, models.parent).turbo_decoder is None


def test_a_place_that_may_not_be_read_holds_nothing(models: Path) -> None:
    models.parent.joinpath("file").write_bytes(b"")
    assert found(models.parent / "file" / "models").located is None
    assert found(models, HF_HOME="/dev/null", HY3DGEN_MODELS="\0").partial is None
