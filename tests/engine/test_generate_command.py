"""`maquette generate --model` names a checkpoint of one backend; other words are refused at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.__main__ import build_parser, main
from engine.cli.generate import choose_backend_name, read_request
from engine.errors import BadRequest
from engine.presets import settings_for
from engine.weights import inventory
from protocol.names import SHAPE_MODELS

EXAMPLE = str(Path(__file__).parents[2] / "examples" / "owl.png")


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights, and a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("HY3DGEN_MODELS", "HF_HOME", "HF_HUB_CACHE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("MAQUETTE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("MAQUETTE_DATA", str(tmp_path / "data"))


@pytest.mark.parametrize("model", SHAPE_MODELS)
@pytest.mark.parametrize("prefix", ["", "hunyuan3d-2/"])
def test_a_model_is_a_setting_of_the_request_and_tells_its_backend(model: str, prefix: str) -> None:
    options = build_parser().parse_args(["generate", EXAMPLE, "--model", prefix + model])
    assert choose_backend_name(options) == "hunyuan3d-2"
    request = read_request(options, "hunyuan3d-2")
    assert request.settings == (("load.model", model),)
    assert settings_for(request.preset, overrides=request.settings).load.model == model


def test_a_model_and_further_settings_go_together_but_not_two_models() -> None:
    words = ["generate", EXAMPLE, "--model", "mini", "--set", "shape.steps=7"]
    request = read_request(build_parser().parse_args(words), "hunyuan3d-2")
    made = settings_for(request.preset, overrides=request.settings)
    assert (made.load.model, made.shape.steps) == ("mini", 7)
    options = build_parser().parse_args([*words, "--set", "load.model=mv"])
    with pytest.raises(BadRequest, match=r"load\.model' twice"):
        read_request(options, "hunyuan3d-2")


@pytest.mark.parametrize("backend", [None, "silhouette", "trellis"])
def test_without_a_model_the_backend_is_as_asked(backend: str | None) -> None:
    words = ["generate", EXAMPLE, *(["--backend", backend] if backend else [])]
    options = build_parser().parse_args(words)
    assert choose_backend_name(options) == backend
    assert read_request(options, "silhouette").settings == ()


def test_an_unknown_model_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", EXAMPLE, "--model", "2.1"]) == 2
    told = capsys.readouterr().err
    assert 'There is no model "2.1".' in told
    assert all(model in told for model in SHAPE_MODELS)
    assert not list(Path.cwd().glob("*.glb"))


@pytest.mark.parametrize("model", SHAPE_MODELS)
def test_a_model_that_is_not_here_ends_with_4_and_the_line_that_gets_it(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", EXAMPLE, "--model", model]) == 4
    told = capsys.readouterr().err
    assert f"Run maquette models download hunyuan3d-2/{model} (" in told
    assert "EU" in told


@pytest.mark.parametrize("backend", ["silhouette", "trellis", "nonsense"])
def test_a_model_beside_another_backend_is_refused(backend: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", EXAMPLE, "--model", "mini", "--backend", backend]) == 2
    told = capsys.readouterr().err
    assert f"The model mini is one of the backend hunyuan3d-2, not of {backend}." in told
    assert "Leave --model out" in told


def test_the_models_on_the_wire_are_those_of_the_inventory() -> None:
    assert tuple(model.name for model in inventory.SHAPE_MODELS) == SHAPE_MODELS


def test_models_can_be_listed_and_fetched_by_name() -> None:
    parser = build_parser()
    assert parser.parse_args(["models", "list", "--json"]).json
    assert parser.parse_args(["models", "download", "hunyuan3d-2/mini"]).name == "hunyuan3d-2/mini"
    for words in (["models"], ["models", "download"], ["models", "burn"]):
        with pytest.raises(SystemExit):
            parser.parse_args(words)
