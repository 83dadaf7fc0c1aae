"""Backends say honestly what can run, and a choice that cannot be met names what can."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from engine.backends import DEFAULT_BACKEND, Backend, available_backends, choose_backend
from engine.errors import BadRequest, WeightsMissing, fault_of
from engine.memory.device import Device
from protocol.names import BACKENDS, VIEWS

PROCESSOR = Device("Processor", "cpu", 0, 0)
CARD = Device("Card", "cuda", 24 * 1024**3, 20 * 1024**3)
DEVICES = (PROCESSOR, CARD)


def judged(tmp_path: Path, device: Device) -> tuple[Backend, ...]:
    """The backends with a home of their own, where no other program has left weights."""
    return available_backends(tmp_path / "모형 models", device, {}, tmp_path / "home")


def put_model(tmp_path: Path, folder: str, *, is_whole: bool = True) -> None:
    """A complete folder of a checkpoint with one tensor, or one whose download broke off."""
    place = tmp_path / "모형 models" / folder
    place.mkdir(parents=True)
    (place / "config.yaml").write_text("model: {}")
    header = json.dumps({"a": {"dtype": "F16", "shape": [4], "data_offsets": [0, 8]}}).encode()
    content = len(header).to_bytes(8, "little") + header + bytes(8)
    (place / "model.fp16.safetensors").write_bytes(content if is_whole else content[:-3])


@pytest.fixture
def backends(tmp_path: Path) -> tuple[Backend, ...]:
    return judged(tmp_path, PROCESSOR)


def test_the_documentation_knows_every_backend(tmp_path: Path) -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "backends.md").read_text(encoding="utf-8")
    rows = {line.split("|")[1].strip(" `"): line for line in page.splitlines() if line.startswith("| `")}
    put_model(tmp_path, "hunyuan3d-dit-v2-0")
    for backend in judged(tmp_path, CARD):
        assert ("**yes**" in rows[backend.name]) is backend.is_available
        assert backend.licence.partition(";")[0].partition(" (")[0] in rows[backend.name]


@pytest.mark.parametrize("device", DEVICES, ids=lambda device: device.kind)
def test_silhouette_can_run_anywhere(tmp_path: Path, device: Device) -> None:
    found = {backend.name: backend for backend in judged(tmp_path, device)}
    assert found["silhouette"].is_available
    assert set(found["silhouette"].views) == set(VIEWS)


def test_the_list_is_the_wires_with_views_of_the_wire(backends: tuple[Backend, ...]) -> None:
    assert {backend.name for backend in backends} == set(BACKENDS)
    assert all(set(backend.views) <= set(VIEWS) for backend in backends)
    assert all(backend.licence for backend in backends)


def test_what_cannot_run_says_why_and_what_to_do(backends: tuple[Backend, ...]) -> None:
    unavailable = {backend.name: backend for backend in backends if not backend.is_available}
    assert list(unavailable) == ["hunyuan3d-2", "trellis"]
    assert "not in this version" in unavailable["trellis"].reason
    assert "not on this machine" in unavailable["hunyuan3d-2"].reason
    assert all(backend.remedy for backend in unavailable.values())


def test_missing_weights_name_the_line_that_gets_them_and_the_licence(backends: tuple[Backend, ...]) -> None:
    with pytest.raises(WeightsMissing) as caught:
        choose_backend("hunyuan3d-2", backends)
    assert "maquette models download hunyuan3d-2/2.0-turbo" in caught.value.remedy
    assert "not for use in the EU, the UK and South Korea" in caught.value.remedy
    fault = fault_of(caught.value)
    assert (fault.exit_code, fault.action) == (4, "download_models")


def test_half_downloaded_weights_are_told_apart_from_none(tmp_path: Path) -> None:
    put_model(tmp_path, "hunyuan3d-dit-v2-mv", is_whole=False)
    with pytest.raises(WeightsMissing, match="only half here") as caught:
        choose_backend("hunyuan3d-2", judged(tmp_path, CARD))
    assert "hunyuan3d-2/mv" in caught.value.remedy
    assert "모형 models" in caught.value.message


def test_one_model_makes_hunyuan_available(tmp_path: Path) -> None:
    put_model(tmp_path, "hunyuan3d-dit-v2-mini")
    chosen = choose_backend("hunyuan3d-2", judged(tmp_path, CARD))
    assert chosen.is_available
    assert (chosen.reason, chosen.remedy, chosen.note) == ("", "", "")
    assert chosen.views == ("front", "left", "back", "right")


def test_without_a_card_hunyuan_is_no_default(tmp_path: Path) -> None:
    put_model(tmp_path, "hunyuan3d-dit-v2-0")
    backends = judged(tmp_path, PROCESSOR)
    chosen = choose_backend(None, backends)
    assert chosen.name == DEFAULT_BACKEND
    assert "hunyuan3d-2 could run too" in chosen.note


def test_with_weights_and_a_card_hunyuan_is_the_default_and_says_so(tmp_path: Path) -> None:
    put_model(tmp_path, "hunyuan3d-dit-v2-0")
    backends = judged(tmp_path, CARD)
    assert [backend.name for backend in backends if backend.is_default] == ["hunyuan3d-2"]
    chosen = choose_backend(None, backends)
    assert chosen.name == "hunyuan3d-2"
    assert "--backend silhouette" in chosen.note
    assert "South Korea" in chosen.note


def test_words_fit_the_wire_however_long_a_path_is(tmp_path: Path) -> None:
    place = tmp_path / "모형 models" / "hunyuan3d-dit-v2-0"
    place.mkdir(parents=True)
    for number in range(40):
        (place / f"{'긴이름' * 20}{number}.part").write_bytes(b"")
    backend = judged(tmp_path, CARD)[1]
    assert len(backend.reason) <= 2000
    assert len(backend.licence) <= 200


def test_no_name_chooses_the_default_and_says_so(backends: tuple[Backend, ...]) -> None:
    chosen = choose_backend(None, backends)
    assert chosen.name == DEFAULT_BACKEND
    assert "draft" in chosen.note
    assert "hunyuan3d-2" in chosen.note


def test_a_named_choice_needs_no_note(backends: tuple[Backend, ...]) -> None:
    assert choose_backend("silhouette", backends) == backends[0]


def test_the_note_names_a_backend_that_could_run(backends: tuple[Backend, ...]) -> None:
    ready = (backends[0], replace(backends[2], is_available=True, reason="", remedy=""))
    assert "trellis could run too" in choose_backend(None, ready).note


@pytest.mark.parametrize("name", ["", "hunyuan", "Silhouette", "x" * 10_000])
def test_an_unknown_backend_is_refused_with_the_known_ones(backends: tuple[Backend, ...], name: str) -> None:
    with pytest.raises(BadRequest) as caught:
        choose_backend(name, backends)
    assert "silhouette, hunyuan3d-2, trellis" in caught.value.remedy
    assert len(caught.value.message) < 200


def test_a_known_backend_that_cannot_run_is_refused_with_its_reason(backends: tuple[Backend, ...]) -> None:
    with pytest.raises(BadRequest, match="not in this version") as caught:
        choose_backend("trellis", backends)
    assert caught.value.remedy
