"""The checkpoint that is taken fits the pictures, and one that is missing is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.errors import BadRequest, WeightsMissing
from engine.settings import LoadSettings
from engine.weights.choice import choose_model
from engine.weights.inventory import model_named


@pytest.fixture(autouse=True)
def no_other_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HY3DGEN_MODELS", "HF_HOME", "HF_HUB_CACHE", "HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "nowhere"))


def put(models: Path, name: str) -> None:
    model = model_named(name)
    folder = models / model.repo / model.folder
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("model: {}")
    header = json.dumps({"a": {"dtype": "F16", "shape": [4], "data_offsets": [0, 8]}}).encode()
    (folder / "model.fp16.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))


def test_few_steps_come_before_many(tmp_path: Path) -> None:
    for name in ("2.0", "mini", "mini-turbo"):
        put(tmp_path, name)
    assert choose_model(LoadSettings(), ["front"], tmp_path).model.name == "mini-turbo"


def test_a_named_model_is_taken_though_a_faster_one_is_there(tmp_path: Path) -> None:
    for name in ("2.0", "2.0-turbo"):
        put(tmp_path, name)
    assert choose_model(LoadSettings(model="2.0"), ["front"], tmp_path).model.name == "2.0"


def test_several_views_need_a_model_that_knows_them(tmp_path: Path) -> None:
    put(tmp_path, "2.0-turbo")
    with pytest.raises(WeightsMissing, match="mv-turbo") as caught:
        choose_model(LoadSettings(), ["front", "back"], tmp_path)
    assert "maquette models download hunyuan3d-2/mv-turbo" in caught.value.remedy


def test_a_model_of_several_views_serves_one_where_no_other_is(tmp_path: Path) -> None:
    put(tmp_path, "mv")
    assert choose_model(LoadSettings(), ["front"], tmp_path).model.name == "mv"


@pytest.mark.parametrize(("name", "view"), [("2.0", "back"), ("mv", "top")])
def test_a_view_that_the_model_does_not_know_is_refused(tmp_path: Path, name: str, view: str) -> None:
    put(tmp_path, name)
    with pytest.raises(BadRequest, match=f"{name} cannot use the view {view}") as caught:
        choose_model(LoadSettings(model=name), ["front", view], tmp_path)
    assert "front" in caught.value.remedy
