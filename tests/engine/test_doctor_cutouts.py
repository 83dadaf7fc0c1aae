"""Networks for cutting out are found where Maquette or rembg keeps them; their absence is explained."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from engine.doctor.cutouts import NETWORKS, examine_cutouts, find_networks
from engine.settings import CutoutMethod


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"onnx")
    return path


@pytest.mark.parametrize(
    ("place", "variable"),
    [
        ("모델/u2net.onnx", ""),
        ("모델/u2net/u2net.onnx", ""),
        ("home/.rembg/models/u2net/u2net.onnx", ""),
        ("home/.u2net/u2net.onnx", ""),
        ("mine/models/u2net/u2net.onnx", "REMBG_HOME"),
        ("mine/u2net.onnx", "U2NET_HOME"),
        ("mine/rembg/models/u2net/u2net.onnx", "XDG_DATA_HOME"),
    ],
)
def test_a_network_is_found_in_every_known_place(tmp_path: Path, place: str, variable: str) -> None:
    file = put(tmp_path / place)
    environment = {variable: str(tmp_path / "mine")} if variable else {}
    assert find_networks(tmp_path / "모델", environment, tmp_path / "home") == {"u2net": file}


def test_maquettes_own_folder_comes_first(tmp_path: Path) -> None:
    put(tmp_path / "home/.u2net/u2net.onnx")
    own = put(tmp_path / "models/u2net.onnx")
    assert find_networks(tmp_path / "models", {}, tmp_path / "home") == {"u2net": own}


def test_networks_of_other_names_are_not_offered(tmp_path: Path) -> None:
    put(tmp_path / "home/.rembg/models/bria-rmbg/bria-rmbg.onnx")
    assert find_networks(tmp_path, {}, tmp_path / "home") == {}


def test_the_names_are_those_of_the_setting() -> None:
    assert {network.name for network in NETWORKS} == set(get_args(CutoutMethod)) - {
        "auto",
        "alpha",
        "grabcut",
    }


def test_absence_is_a_note_with_what_is_done_instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("U2NET_HOME", "REMBG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    found = examine_cutouts(tmp_path / "models")
    assert found.status == "note"
    assert "GrabCut" in found.what
    assert str(tmp_path / "models") in found.remedy
    put(tmp_path / "models" / "u2net.onnx")
    assert examine_cutouts(tmp_path / "models").status == "ok"
