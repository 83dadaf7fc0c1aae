"""Server, worker and Blender itself may be killed at any moment: nothing finished is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from drawn import be_quick, egg
from extension import ENGINE, ZIP, Addon, kill
from held_jobs import asked_slowly, go, with_clay

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def quick(addon: Addon) -> None:
    be_quick()


# The server and the worker are killed.


@pytest.mark.parametrize("stage", ["queued", "running", "shape"])
def test_a_killed_server_is_started_again_and_the_job_ends_in_the_scene(
    addon: Addon, tmp_path: Path, stage: str
) -> None:
    import bpy

    if stage == "queued":
        asked_slowly(addon, tmp_path)
        job = addon.generate(filepath=str(egg(tmp_path, "box.png")))
        addon.until(lambda: addon.job(job).is_accepted)
    elif stage == "running":
        job = asked_slowly(addon, tmp_path)
    else:
        job, _ = with_clay(addon, tmp_path)
    first = addon.server()
    kill(first)
    addon.until(lambda: addon.session.news)
    assert "stopped unexpectedly" in addon.session.news
    assert "your jobs go on" in addon.session.news
    assert addon.session.fault is None
    go(addon)
    item = addon.landed(job)
    assert len(item.data.materials) == 1
    assert addon.server() not in (0, first)
    if stage == "shape":
        assert [each for each in bpy.data.objects if each.users_scene] == [item]


@pytest.mark.parametrize("stage", ["running", "shape"])
def test_a_killed_worker_costs_a_stage_and_not_the_job(addon: Addon, tmp_path: Path, stage: str) -> None:
    import bpy

    job = asked_slowly(addon, tmp_path) if stage == "running" else with_clay(addon, tmp_path)[0]
    server = addon.server()
    kill(*addon.workers())
    addon.until(lambda: addon.session.news)
    assert "killed" in addon.session.news
    go(addon)
    item = addon.landed(job)
    assert addon.server() == server
    assert [each for each in bpy.data.objects if each.users_scene] == [item]


def test_a_worker_that_dies_twice_fails_its_job_in_words_and_one_click_tries_again(
    addon: Addon, tmp_path: Path
) -> None:
    import bpy

    job = asked_slowly(addon, tmp_path)
    for n_starts in (1, 2):
        addon.until(lambda n=n_starts: sum("is running" in line for line in addon.session.log) == n)
        kill(*addon.workers())
    addon.until(lambda: addon.session.fault)
    assert addon.session.fault.code == "worker_died"
    assert addon.job(job).state == "failed"
    go(addon)
    bpy.ops.maquette.retry(job=job)
    assert addon.session.fault is None
    assert addon.landed(job)


def test_a_server_that_keeps_dying_is_left_alone_until_a_click(addon: Addon, tmp_path: Path) -> None:
    import bpy

    job = asked_slowly(addon, tmp_path)
    for _ in range(3):
        addon.until(lambda: addon.session.is_ready)
        kill(addon.server())
        addon.until(lambda: not addon.session.is_ready)
    addon.until(lambda: addon.session.fault)
    assert "several times" in addon.session.fault.message
    assert addon.session.fault.action == "restart_engine"
    assert not addon.session.connection.is_wanted
    go(addon)
    bpy.ops.maquette.restart_engine()
    assert addon.landed(job)
    assert addon.session.fault is None


def test_a_finished_result_survives_a_kill_before_it_was_taken(addon: Addon, tmp_path: Path) -> None:
    import bpy

    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.object.mode_set(mode="SCULPT")  # so that the result has to wait
    job = addon.generate(filepath=str(egg(tmp_path, "box.png")))
    addon.until(lambda: addon.job(job).state == "done")
    addon.beat(20)
    kill(addon.server(), *addon.workers())
    addon.until(lambda: not addon.session.is_ready)
    addon.until(lambda: addon.session.is_ready)
    bpy.ops.object.mode_set(mode="OBJECT")
    assert addon.landed(job).name == "box"


def test_a_result_on_its_way_during_a_kill_still_lands(addon: Addon, tmp_path: Path) -> None:
    job = addon.generate(filepath=str(egg(tmp_path, "box.png")))
    addon.until(lambda: addon.job(job).state == "done")
    addon.session.take(job)
    kill(addon.server())
    assert addon.landed(job)


def test_stopped_and_started_the_engine_goes_on_with_its_jobs(addon: Addon, tmp_path: Path) -> None:
    import bpy

    job = asked_slowly(addon, tmp_path)
    bpy.ops.maquette.stop_engine()
    addon.until(lambda: not addon.server())
    go(addon)
    bpy.ops.maquette.start_engine()
    assert addon.landed(job)


def test_a_result_is_inserted_although_the_engine_was_stopped(addon: Addon, tmp_path: Path) -> None:
    import bpy

    job = addon.generate(filepath=str(egg(tmp_path, "box.png")))
    bpy.data.objects.remove(addon.landed(job))
    bpy.ops.maquette.stop_engine()
    addon.until(lambda: not addon.server())
    bpy.ops.maquette.insert_result(job=job)
    assert addon.landed(job).name == "box"


def test_the_add_on_disabled_and_enabled_again_finds_its_job(addon: Addon, tmp_path: Path) -> None:
    import bpy

    job = asked_slowly(addon, tmp_path)
    addon.disable()
    addon.enable()
    go(addon)
    addon.until(lambda: addon.clock.is_warm and addon.job(job) and addon.job(job).state == "done")
    # Its place was forgotten with the session; the panel offers to insert it.
    assert [each.job for each in addon.session.jobs.waiting] == [job]
    bpy.ops.maquette.insert_result()
    assert addon.landed(job).name == "slow egg"


# Blender is killed.


def blender(addon: Addon, resources: Path, act: str, picture: Path) -> subprocess.Popen[str]:
    """Another Blender with the same engine; see second_blender.py."""
    environment = {
        **os.environ,
        "BLENDER_USER_RESOURCES": str(resources),
        "MAQUETTE_DATA": str(addon.data),
        "PYTHONPATH": str(HERE),
    }
    command = [sys.executable, str(HERE / "second_blender.py"), act, str(picture)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )


def told(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The next line that the other Blender says of itself."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{"):
            return dict(json.loads(line))
    assert process.stderr is not None
    raise AssertionError(process.stderr.read())


def test_blender_killed_during_a_job_finds_the_result_at_its_next_start(
    addon: Addon, addon_zip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    addon.disable()  # this Blender is out of it
    monkeypatch.setenv(ZIP, str(addon_zip))
    try:
        picture, resources = egg(tmp_path, "slow 부엉이.png"), tmp_path / "사용자 folder"
        first = blender(addon, resources, "ask", picture)
        job = told(first)["job"]
        kill(first.pid)
        first.communicate()
        time.sleep(0.2)
        go(addon)
        second = blender(addon, resources, "insert", picture)
        waits, landed = told(second), told(second)
        _, errors = second.communicate(timeout=60)
        assert waits == {"waiting": [job], "objects": [], "fault": None}
        assert landed["objects"] == ["slow 부엉이"]
        assert "Traceback" not in errors
    finally:
        addon.enable()
        addon.until(lambda: addon.clock.is_warm)


def test_two_blenders_share_one_engine_and_each_gets_its_own(
    addon: Addon, addon_zip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bpy

    monkeypatch.setenv(ZIP, str(addon_zip))
    addon.session.start()
    addon.until(lambda: addon.session.is_ready)
    other = blender(addon, tmp_path / "other", "make", egg(tmp_path, "box 남의 것.png"))
    ours = addon.generate(filepath=str(egg(tmp_path, "box 내 것.png")))
    addon.until(lambda: other.poll() is not None)
    assert told(other) == {"objects": ["box 남의 것"]}
    other.communicate()
    assert addon.landed(ours)
    addon.beat(20)
    assert [item.name for item in bpy.data.objects] == ["box 내 것"]
    assert {job.name for job in addon.session.jobs} == {"box 내 것", "box 남의 것"}
    assert addon.session.is_ready  # the other left, and the engine stayed


@pytest.mark.slow
def test_the_real_engine_killed_again_and_again_still_delivers(
    addon: Addon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine_python: str
) -> None:
    """Worker, then server, at growing times into the job."""
    monkeypatch.setenv(ENGINE, engine_python)
    for delay_s in (0.0, 0.3, 0.6, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0):
        job = addon.generate(filepath=str(egg(tmp_path, f"{delay_s}.png")))
        addon.until(lambda: addon.session.is_ready and addon.job(job).is_accepted)  # noqa: B023
        end_s = time.monotonic() + delay_s
        while time.monotonic() < end_s:
            addon.beat()
            time.sleep(0.01)
        kill(*(addon.workers() if delay_s in (0.3, 1.0, 2.0) else [addon.server()]))
        assert addon.landed(job)
        addon.session.connection._crashes_s.clear()  # as if minutes lay between
