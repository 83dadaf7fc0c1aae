"""A job that paints a mesh stops where it is told to, and does not wait for a large file."""

from __future__ import annotations

import threading
import time
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
    ear, before = Ear(), threading.active_count()

    def read_for_a_minute(path: Path) -> None:
        ear.is_cancelled = True
        n_caught = 0
        for _ in range(6000):
            try:
                time.sleep(0.01)
            except Cancelled:
                n_caught += 1  # a parser that catches everything, once
                if n_caught > 1:
                    raise

    monkeypatch.setattr(load_mesh, "read_mesh_file", read_for_a_minute)
    started_s = time.monotonic()
    with pytest.raises(Cancelled):
        textured(tmp_path / "large.obj", ear, pictures=FRONT)
    assert time.monotonic() - started_s < 30
    assert threading.active_count() == before  # what goes on may hang the process when it ends


def test_work_aside_gives_back_what_it_made_or_its_fault() -> None:
    progress = Progress(Runner(Ear(), n_stages=1), "load")
    assert aside(lambda: threading.current_thread().name, progress) == "load"

    def fail() -> None:
        raise BadInput("It is a picture.")

    with pytest.raises(BadInput, match="a picture"):
        aside(fail, progress)
