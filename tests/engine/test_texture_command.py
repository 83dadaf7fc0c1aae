"""`maquette texture` as a stranger uses it: files appear whole, faults are two lines, the mesh stays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from made_meshes import box_maker, box_uv, parts, picture_of, split_box, written

from engine.__main__ import main

BOX = split_box()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "내 모델 (1)"
    written(place, box_maker(BOX, box_uv(BOX)).glb(), "상자.glb")
    written(place, picture_of(BOX, "front"), "앞.png")
    written(place, picture_of(BOX, "left"), "left.png")
    monkeypatch.chdir(place)
    monkeypatch.setenv("MAQUETTE_MODELS", str(tmp_path / "models"))
    return place


QUICK = ["--texture-size", "64", "--set", "bake.refine=0"]


def test_a_mesh_and_a_picture_give_a_glb_here(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (folder / "상자.glb").read_bytes()
    views = ["--view", "left=left.png"]
    assert main(["texture", "상자.glb", "앞.png", *views, "--report", "r.json", "--json", *QUICK]) == 0
    assert (folder / "상자.glb").read_bytes() == before
    tree, _, _ = parts((folder / "상자-textured.glb").read_bytes())
    assert tree["asset"]["extras"]["maquette"]["backend"] == "texture"
    report = json.loads((folder / "r.json").read_text(encoding="utf-8"))
    assert report["backend"] == "texture"
    assert set(report["mesh"]) >= {"vertices", "faces", "components", "watertight"}
    assert set(report["texture"]) >= {"size", "baked_fraction"}
    assert [view["view"] for view in report["views"]] == ["front", "left"]
    assert report["output"] == "상자-textured.glb"
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert events[-1]["event"] == "done"
    assert {event["stage"] for event in events if event["event"] == "stage_finished"} == {
        "load",
        "preprocess",
        "align",
        "unwrap",
        "bake",
        "inpaint",
        "save",
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "No mesh"),
        (["상자.glb"], "No picture"),
        (["없다.glb", "앞.png"], "no file 없다.glb"),
        (["상자.glb", "없다.png"], "no file 없다.png"),
        (["앞.png", "상자.glb"], "picture, not a mesh"),
        (["상자.glb", "앞.png", "-o", "상자.glb"], "never written over"),
        (["상자.glb", "앞.png", "-o", "./../내 모델 (1)/상자.glb"], "never written over"),
        (["상자.glb", "앞.png", "-o", "out.obj"], "end in .glb"),
        (["상자.glb", "앞.png", "-o", "nowhere/out.glb"], "does not exist"),
        (["상자.glb", "앞.png", "--view", "front=left.png"], "given twice"),
        (["상자.glb", "앞.png", "--view", "side=left.png"], "no view 'side'"),
        (["상자.glb", "앞.png", "--set", "clean.faces=1000"], "the mesh is given"),
        (["상자.glb", "앞.png", "--set", "bake.nothing=1"], "no setting"),
        (["상자.glb", "앞.png", "--texture-size", "1"], "texture_size_px"),
        (["상자.glb", "앞.png", "--preset", "ultra"], "no preset"),
    ],
)
def test_a_wrong_command_is_two_lines_and_writes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert main(["texture", *arguments]) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("[")]
    assert said in told[0]
    assert len(told) <= 2
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_another_name_for_the_same_file_is_the_mesh_too(folder: Path) -> None:
    os.link(folder / "상자.glb", folder / "other.glb")
    assert main(["texture", "상자.glb", "앞.png", "-o", "other.glb"]) == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no Ctrl-C to a single child")
def test_interrupting_ends_with_130_and_leaves_nothing(folder: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "engine",
        "texture",
        "상자.glb",
        "앞.png",
        "--json",
        "--texture-size",
        "1024",
    ]
    process = subprocess.Popen(
        [*command, "--set", "bake.refine=50"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=folder,
    )
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            if b'"bake"' in line:
                break
        process.send_signal(signal.SIGINT)
        started_s = time.monotonic()
        process.stdout.read()
    assert process.wait(60) == 130
    assert time.monotonic() - started_s < 20
    assert {path.name for path in folder.iterdir()} == {"상자.glb", "앞.png", "left.png"}
