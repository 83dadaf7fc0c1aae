"""A server that is killed at any moment and started again loses no job, no result, and leaves no trace."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from running_server import client, picture, request, server_process, wait_for
from scripted_worker import made_of

from engine.client import EngineClient, EngineFault
from engine.errors import Unreachable
from protocol.messages import Result
from protocol.requests import CutoutRequest
from protocol.track import JobView

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are of POSIX")

ENDS = {"quick": {"done"}, "steps": {"done"}, "fail": {"failed"}}
CLOSED = {"done", "taken", "failed", "cancelled"}


@dataclass
class Ledger:
    """What a client was told, which no server may forget."""

    scripts: dict[str, str] = field(default_factory=dict)  # of jobs that were accepted
    asked: set[str] = field(default_factory=set)  # submitted, but perhaps never accepted
    told: dict[str, str] = field(default_factory=dict)  # the last state of each
    cancelled: set[str] = field(default_factory=set)  # asked for; it may come too late
    discarded: set[str] = field(default_factory=set)  # asked for, and perhaps never done
    n_taken: int = 0


def play(engine: EngineClient, ledger: Ledger, chance: random.Random) -> None:
    """Gives orders until the engine is gone."""
    while True:
        known = sorted(set(ledger.scripts) - ledger.discarded)
        order = chance.choice(["submit", "submit", "cancel", "take", "take", "cutout", "discard", "wait"])
        job = chance.choice(known) if known else ""
        if order == "submit" and len(known) < 12:
            job, script = (
                f"job-{len(ledger.asked)}",
                chance.choice(["quick 3000", "quick 7", "steps 5", "fail"]),
            )
            ledger.asked.add(job)
            engine.submit(request(script), job)
            ledger.scripts[job] = script
        elif order == "cutout":
            engine.submit(CutoutRequest(picture("cut")))
        elif order == "wait":
            time.sleep(0.02)
        elif job:
            state = {summary.job: summary.state for summary in engine.jobs()}[job]
            ledger.told[job] = state
            if order == "cancel" and state in ("queued", "running") and chance.random() < 0.3:
                ledger.cancelled.add(job)
                engine.cancel(job)
            elif order == "take" and state in ("done", "taken"):
                check_result(engine, ledger, job)
            elif order == "discard" and state in CLOSED and chance.random() < 0.2:
                ledger.discarded.add(job)
                engine.discard(job)


def check_result(engine: EngineClient, ledger: Ledger, job: str) -> None:
    made = engine.take(job)
    assert isinstance(made, Result)
    rest = ledger.scripts[job].partition(" ")[2]
    assert made.mesh == made_of(job).mesh
    assert made.images == made_of(job, int(rest) if rest else 8).images
    assert made.job == job
    ledger.n_taken += 1


def check_list(engine: EngineClient, ledger: Ledger) -> dict[str, str]:
    """Compares what the engine knows with what was told; returns the states."""
    summaries = engine.jobs()
    states = {summary.job: summary.state for summary in summaries}
    assert len(states) == len(summaries)
    assert set(ledger.scripts) - ledger.discarded <= set(states)
    for job, state in ledger.told.items():
        if job not in ledger.discarded and state in CLOSED:
            assert states[job] in ({"done", "taken"} if state == "done" else {state}), (job, state)
    ledger.told |= states
    return states


def drain(folder: Path, ledger: Ledger) -> None:
    """Lets a last server finish everything, and looks at the ends and at what is left."""
    with server_process(folder) as (process, address), client(address) as engine:
        wait_for(lambda: {summary.state for summary in engine.jobs()} <= CLOSED, 60)
        states = check_list(engine, ledger)
        for job, script in ledger.scripts.items():
            if job not in states:
                continue
            ends = ENDS[script.partition(" ")[0]] | ({"cancelled"} if job in ledger.cancelled else set())
            state = "done" if states[job] == "taken" else states[job]
            assert state in ends, (job, script, state)
            if states[job] in ("done", "taken"):
                check_result(engine, ledger, job)
        for job in states:
            engine.discard(job)
        engine.shutdown()
        assert process.wait(10) == 0
    left = sorted(path.relative_to(folder / "data").as_posix() for path in (folder / "data").rglob("*"))
    assert [name for name in left if not name.startswith("logs")] == ["jobs", "jobs/jobs.sqlite3"]


def kill_while_it_starts(folder: Path, delay_s: float) -> None:
    command = (sys.executable, str(Path(__file__).parent / "scripted_server.py"), str(folder))
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    time.sleep(delay_s)
    process.kill()
    process.wait()


def kill_often(folder: Path, n_kills: int, seed: int) -> Ledger:
    chance, ledger = random.Random(seed), Ledger()
    for _ in range(n_kills):
        if chance.random() < 0.3:
            kill_while_it_starts(folder, chance.uniform(0.1, 0.5))
        (folder / "data" / "engine.json").unlink(missing_ok=True)  # only so that the wait is not fooled
        with server_process(folder) as (process, address), client(address) as engine:
            check_list(engine, ledger)
            killer = threading.Timer(chance.uniform(0.0, 1.0), process.kill)
            killer.start()
            workers: list[psutil.Process] = []
            try:
                workers += psutil.Process(process.pid).children()
                if workers and chance.random() < 0.3:
                    workers[0].kill()
                play(engine, ledger, chance)
            except (Unreachable, psutil.NoSuchProcess):
                killer.join()
            process.wait(10)
            wait_for(lambda: not any(child.is_running() for child in workers), 10)  # noqa: B023
    (folder / "data" / "engine.json").unlink(missing_ok=True)
    drain(folder, ledger)
    return ledger


def test_killed_servers_lose_nothing(tmp_path: Path) -> None:
    ledger = kill_often(tmp_path, n_kills=4, seed=1)
    assert len(ledger.scripts) > 5


@pytest.mark.slow
def test_killed_servers_lose_nothing_at_200_moments(tmp_path: Path) -> None:
    ledger = kill_often(tmp_path, n_kills=200, seed=2)
    assert ledger.n_taken > 100


def test_a_result_waits_for_a_client_of_the_next_server(tmp_path: Path) -> None:
    with server_process(tmp_path) as (process, address), client(address) as engine:
        job = engine.submit(request("quick 5000"))
        assert [view for view, _ in engine.follow(JobView(job))][-1].state == "done"
        process.kill()
        process.wait()
    (tmp_path / "data" / "engine.json").unlink()
    with server_process(tmp_path) as (_, address), client(address) as engine:
        assert [(summary.job, summary.state) for summary in engine.jobs()] == [(job, "done")]
        made = engine.take(job)
        assert isinstance(made, Result)
        assert made.images == made_of(job, 5000).images


@pytest.mark.parametrize("script", ["deaf", "busy", "slow"])
def test_a_worker_ends_with_its_killed_server_in_the_middle_of_a_stage(tmp_path: Path, script: str) -> None:
    with server_process(tmp_path) as (process, address), client(address) as engine:
        job = engine.submit(request(script))
        wait_for(lambda: engine.view(job).stage == "shape")
        (worker,) = psutil.Process(process.pid).children()
        process.kill()
        process.wait()
        wait_for(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE, 5)


def test_a_full_disk_keeps_the_result_in_memory_and_says_so(tmp_path: Path) -> None:
    with server_process(tmp_path) as (process, address), client(address) as engine:
        job = engine.submit(request("full"))
        *_, view = [view for view, _ in engine.follow(JobView(job))]
        assert view.state == "done"
        assert any("The disk is full" in text and "only in memory" in text for text in view.notices)
        assert isinstance(engine.take(job), Result)
        engine.shutdown()
        assert process.wait(10) == 0
    assert [path.suffix for path in (tmp_path / "data" / "jobs").iterdir()] in (
        [".request", ".sqlite3"],
        [".sqlite3", ".request"],
    )


def test_a_data_folder_of_a_newer_version_is_refused_in_words(tmp_path: Path) -> None:
    jobs = tmp_path / "data" / "jobs"
    jobs.mkdir(parents=True)
    with sqlite3.connect(jobs / "jobs.sqlite3") as table:
        table.execute("PRAGMA user_version = 99")
    table.close()
    script = Path(__file__).parent / "scripted_server.py"
    ended = subprocess.run(
        (sys.executable, str(script), str(tmp_path)), capture_output=True, check=False, timeout=30
    )
    assert ended.returncode != 0
    assert b"newer Maquette" in ended.stderr


def test_a_job_s_damaged_pictures_fail_it_and_spare_the_next(tmp_path: Path) -> None:
    with server_process(tmp_path) as (process, address), client(address) as engine:
        engine.submit(request("slow"), "first")
        engine.submit(request(), "broken")
        engine.submit(request(), "whole")
        process.kill()
        process.wait()
    (tmp_path / "data" / "engine.json").unlink()
    for path in (tmp_path / "data" / "jobs").glob("*.request"):
        if b"broken" in path.read_bytes():
            path.write_bytes(b"garbage")
    with server_process(tmp_path) as (_, address), client(address) as engine:
        engine.cancel("first")
        wait_for(lambda: engine.view("whole").state == "done")
        fault = engine.view("broken").fault
        assert fault is not None
        assert "cannot be read from the disk" in fault.message
        with pytest.raises(EngineFault, match="no result"):
            engine.take("broken")
