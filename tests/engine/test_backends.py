"""Backends say honestly what can run, and a choice that cannot be met names what can."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.backends import DEFAULT_BACKEND, Backend, available_backends, choose_backend
from engine.errors import BadRequest
from engine.memory.device import Device
from protocol.names import BACKENDS, VIEWS

DEVICES = (Device("Processor", "cpu", 0, 0), Device("Card", "cuda", 24 * 1024**3, 20 * 1024**3))


@pytest.fixture
def backends(tmp_path: Path) -> tuple[Backend, ...]:
    return available_backends(tmp_path / "models", DEVICES[0])


def test_the_documentation_knows_every_backend(backends: tuple[Backend, ...]) -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "backends.md").read_text(encoding="utf-8")
    rows = {line.split("|")[1].strip(" `"): line for line in page.splitlines() if line.startswith("| `")}
    for backend in backends:
        assert ("**yes**" in rows[backend.name]) is backend.is_available
        assert backend.licence.partition(";")[0].partition(" (")[0] in rows[backend.name]


@pytest.mark.parametrize("device", DEVICES, ids=lambda device: device.kind)
def test_silhouette_can_run_anywhere(tmp_path: Path, device: Device) -> None:
    found = {backend.name: backend for backend in available_backends(tmp_path / "없음", device)}
    assert found["silhouette"].is_available
    assert set(found["silhouette"].views) == set(VIEWS)


def test_the_list_is_the_wires_with_views_of_the_wire(backends: tuple[Backend, ...]) -> None:
    assert {backend.name for backend in backends} == set(BACKENDS)
    assert all(set(backend.views) <= set(VIEWS) for backend in backends)
    assert all(backend.licence for backend in backends)


def test_what_cannot_run_says_why_and_what_to_do(backends: tuple[Backend, ...]) -> None:
    unavailable = [backend for backend in backends if not backend.is_available]
    assert [backend.name for backend in unavailable] == ["hunyuan3d-2", "trellis"]
    for backend in unavailable:
        assert "not in this version" in backend.reason
        assert backend.remedy


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
