"""`maquette models` tells what is here of each checkpoint and how to get the rest, and fetches nothing."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from made_weights import write_folder

from engine.__main__ import main
from engine.weights.inventory import SHAPE_MODELS


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for models, with a home where no other program has left any, and no network."""

    def no_network(*_: object) -> None:
        raise AssertionError("the network was asked")

    for variable in ("HY3DGEN_MODELS", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.setenv("MAQUETTE_MODELS", str(tmp_path / "모형 models"))
    monkeypatch.setattr(socket.socket, "connect", no_network)
    return tmp_path / "모형 models"


def test_every_model_is_listed_with_size_licence_and_state(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = write_folder(models / "hunyuan3d-dit-v2-mini")
    half = write_folder(models / "hunyuan3d-dit-v2-mv")
    half.write_bytes(half.read_bytes()[:-1])
    assert main(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("hunyuan3d-2/")] == [
        model.full_name for model in SHAPE_MODELS
    ]
    text = "\n".join(lines)
    assert "hunyuan3d-2/2.0           4.6 GiB  absent" in text
    assert "hunyuan3d-2/mini          3.6 GiB  complete" in text
    assert f"at {whole.parent}" in text
    assert "hunyuan3d-2/mv            4.6 GiB  half downloaded" in text
    assert "its header tells of" in text
    assert "not for use in the EU, the UK and South Korea" in text


def test_the_list_is_told_as_json(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_folder(models / "hunyuan3d-dit-v2-mini")
    assert main(["models", "list", "--json"]) == 0
    told = {each["name"]: each for each in json.loads(capsys.readouterr().out)}
    assert len(told) == 9
    assert told["hunyuan3d-2/mini"]["state"] == "complete"
    assert told["hunyuan3d-2/mini"]["where"] == str(file.parent)
    assert told["hunyuan3d-2/2.0"]["state"] == "absent"
    assert told["hunyuan3d-2/2.0"]["where"] is None
    assert told["hunyuan3d-2/2.0"]["file_bytes"] == 4_928_151_562


def test_download_says_what_to_fetch_from_where_and_ends_with_4(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "download", "hunyuan3d-2/mini-turbo"]) == 4
    told = capsys.readouterr().err
    assert "does not download hunyuan3d-2/mini-turbo by itself" in told
    assert "https://huggingface.co/tencent/Hunyuan3D-2mini/tree/main/hunyuan3d-dit-v2-mini-turbo" in told
    assert "config.yaml and model.fp16.safetensors" in told
    assert str(models / "tencent" / "Hunyuan3D-2mini" / "hunyuan3d-dit-v2-mini-turbo") in told
    assert "South Korea" in told
    assert not models.exists()


def test_a_model_put_where_download_says_is_found(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_folder(models / "tencent" / "Hunyuan3D-2mini" / "hunyuan3d-dit-v2-mini-turbo")
    assert main(["models", "download", "mini-turbo"]) == 0
    assert "is complete at" in capsys.readouterr().out


def test_download_of_a_half_model_says_what_is_wrong(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (write_folder(models / "hunyuan3d-dit-v2-0").parent / "config.yaml").unlink()
    assert main(["models", "download", "2.0"]) == 4
    assert "config.yaml is missing" in capsys.readouterr().err


def test_an_unknown_model_ends_with_2(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "download", "hunyuan3d-9"]) == 2
    assert "2.0, 2.0-fast" in capsys.readouterr().err
