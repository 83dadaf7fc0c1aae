"""A job that paints a mesh stops where it is told to, and does not wait for a large file."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from made_assets import Ear
from made_meshes import box_maker, box_uv, picture_of, split_box, textured, written

from engine.errors import BadInput, Cancelled
from engine.runner import Progress, Runner
from engine.stages import load_mesh
from engine.stages.aside import aside

BOX = split_box()
FRONT = {"front": picture_of(BOX, "front")}


def test_cancelling_at_any_stage_stops_there(tmp_path: Path) -> None:
    path = written(tmp_path, box_maker(BOX, box_uv(BOX)).glb())
    for stage in ("load", "preprocess", "align", "unwrap", "bake", "inpaint", "save"):
        ear = Ear(("started", stage))
        with pytest.raises(Cancelled):
            textured(path, ear, pictures=FRONT)
        assert ear.said("started")[-1] == stage


def test_a_cancel_does_not_wait_until_a_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ear, is_released = Ear(), threading.Event()

    def read_for_ever(path: Path) -> None:
        ear.is_cancelled = True
        is_released.wait(60)

    monkeypatch.setattr(load_mesh, "read_mesh_file", read_for_ever)
    try:
        with pytest.raises(Cancelled):
            textured(tmp_path / "large.obj", ear, pictures=FRONT)
        assert not is_released.is_set()
    finally:
        is_released.set()


def test_work_aside_gives_back_what_it_made_or_its_fault() -> None:
    progress = Progress(Runner(Ear(), n_stages=1), "load")
    assert aside(lambda: threading.current_thread().name, progress) == "load"

    def fail() -> None:
        raise BadInput("It is a picture.")

    with pytest.raises(BadInput, match="a picture"):
        aside(fail, progress)
