"""The doctor says which checkpoints are here, what is wrong with one, and whether the card has room."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.doctor.report import Finding
from engine.doctor.shapes import examine_shapes
from engine.memory.device import Device
from engine.weights.inventory import model_named

GIB = 2**30
PROCESSOR = Device("A processor", "cpu", 16 * GIB, 8 * GIB)


def card(free_gib: float) -> Device:
    return Device("A card", "cuda", 8 * GIB, int(free_gib * GIB))


def put(models: Path, name: str, *, is_whole: bool = True) -> None:
    model = model_named(name)
    folder = models / model.repo / model.folder
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("model: {}")
    header = json.dumps({"a": {"dtype": "F16", "shape": [4], "data_offsets": [0, 8]}}).encode()
    content = len(header).to_bytes(8, "little") + header + bytes(8)
    (folder / "model.fp16.safetensors").write_bytes(content if is_whole else content[:-3])


def examined(models: Path, device: Device = PROCESSOR) -> dict[str, Finding]:
    return {found.name: found for found in examine_shapes(models, device, {}, models / "nowhere")}


def test_no_weights_are_a_note_that_stops_nothing(tmp_path: Path) -> None:
    found = examined(tmp_path)
    assert list(found) == ["weights"]
    assert found["weights"].status == "note"
    assert "maquette models list" in found["weights"].remedy


def test_what_is_here_is_named_with_its_place(tmp_path: Path) -> None:
    put(tmp_path / "모델", "mini")
    put(tmp_path / "모델", "mv-turbo")
    found = examined(tmp_path / "모델")
    assert "mini, mv-turbo" in found["weights"].what
    assert "모델" in str(dict(found["weights"].facts)["mini"])


def test_half_of_a_download_is_a_problem_with_the_line_that_mends_it(tmp_path: Path) -> None:
    put(tmp_path, "2.0", is_whole=False)
    found = examined(tmp_path)
    assert found["2.0"].status == "problem"
    assert "maquette models download hunyuan3d-2/2.0" in found["2.0"].remedy


@pytest.mark.parametrize(
    ("device", "status", "word"),
    [
        (card(6.0), "ok", "6.0 are free"),
        (card(1.5), "note", "1.5 are free"),
        (card(0.3), "problem", "0.3 are free"),
        (PROCESSOR, "note", "processor"),
    ],
)
def test_the_room_on_the_card_is_judged(tmp_path: Path, device: Device, status: str, word: str) -> None:
    put(tmp_path, "mini")
    room = examined(tmp_path, device)["room"]
    assert room.status == status
    assert word in room.what
