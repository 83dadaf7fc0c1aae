"""Whatever becomes of a worker, its job ends done, cancelled, or failed with the cause in words."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from running_server import IMPATIENT, client, picture, request, served, wait_for

from engine.client import EngineClient, EngineFault
from engine.errors import Cancelled
from engine.runner import StageRecord
from engine.server.serve import Server
from protocol.arrays import Array
from protocol.faults import Fault
from protocol.messages import JobChanged, Result
from protocol.track import JobView


class Ear:
    """Remembers what it was told of a job, and may act on a stage's progress."""

    def __init__(self, on_progress: Callable[[], None] = lambda: None) -> None:
        self.told: list[str] = []
        self._on_progress = on_progress

    def stage_started(self, stage: str, index: int, n_stages: int) -> None:
        self.told.append(f"started {stage} {index}/{n_stages}")

    def stage_progress(self, stage: str, step: int, n_steps: int) -> None:
        self._on_progress()

    def stage_finished(self, record: StageRecord) -> None:
        self.told.append(f"finished {record.name} {record.notes}")

    def notice(self, stage: str, text: str) -> None:
        self.told.append(text)

    def shape_ready(self, vertices: Array, faces: Array) -> None:
        self.told.append(f"shape {vertices.shape} {faces.shape}")


def workers(server: Server) -> list[psutil.Process]:
    """The living workers that this process has started."""
    return [child for child in psutil.Process().children() if "scripted_worker" in " ".join(child.cmdline())]


def failed(engine: EngineClient, script: str, ear: Ear | None = None) -> Fault:
    with pytest.raises(EngineFault) as caught:
        engine.run(request(script), ear or Ear())
    return caught.value.fault


def test_what_a_job_does_is_heard_in_order(tmp_path: Path) -> None:
    ear = Ear()
    with served(tmp_path) as server, client(server) as engine:
        made = engine.run(request("quick"), ear)
    assert isinstance(made, Result)
    assert ear.told == [
        "started shape 0/1",
        "worse than asked",
        "finished shape ('a note',)",
        "shape (3, 3) (1, 3)",
    ]


def test_a_worker_does_one_job_after_another(tmp_path: Path) -> None:
    with served(tmp_path) as server, client(server) as engine:
        pids = {engine.run(request(), Ear()).report["pid"] for _ in range(3)}  # type: ignore[union-attr]
        assert len(pids) == 1
        assert engine.status().worker == "idle"


def test_cancel_reaches_a_running_job(tmp_path: Path) -> None:
    asked: list[float] = []
    with served(tmp_path) as server, client(server) as engine:
        ear = Ear(lambda: asked.append(time.monotonic()))
        with pytest.raises(Cancelled):
            engine.run(request("slow"), ear, is_cancelled=lambda: bool(asked))
        assert len(workers(server)) == 1
        assert engine.run(request(), Ear()).job != ""


def test_cancel_takes_a_queued_job_out_before_it_starts(tmp_path: Path) -> None:
    with served(tmp_path) as server, client(server) as engine:
        first, second = engine.submit(request("slow")), engine.submit(request("slow"))
        engine.cancel(second)
        states = [event for _, event in engine.follow(JobView(second)) if event is not None]
        assert states == [JobChanged(second, "cancelled", Fault("cancelled", "Cancelled."))]
        engine.cancel(second)  # again: nothing happens
        engine.cancel(first)
        engine.ping()


def test_a_worker_that_does_not_hear_the_cancel_is_ended(tmp_path: Path) -> None:
    with served(tmp_path) as server, client(server) as engine:
        job = engine.submit(request("deaf"))
        wait_for(lambda: engine.view(job).stage == "shape")
        (worker,) = workers(server)
        engine.cancel(job)
        assert [view for view, _ in engine.follow(engine.view(job))][-1].state == "cancelled"
        wait_for(lambda: not worker.is_running())
        assert engine.run(request(), Ear()).job != ""


def test_a_job_whose_worker_is_killed_starts_again_and_says_so(tmp_path: Path) -> None:
    ear = Ear()
    with served(tmp_path) as server, client(server) as engine:
        made = engine.run(request(f"die-once {tmp_path / 'mark'}"), ear)
    assert isinstance(made, Result)
    assert [text for text in ear.told if text.startswith("started")] == ["started shape 0/1"] * 2
    assert any("It starts again" in text for text in ear.told)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are of POSIX")
def test_a_job_that_kills_its_worker_twice_fails_with_the_cause(tmp_path: Path) -> None:
    with served(tmp_path) as server, client(server) as engine:
        fault = failed(engine, "die")
        assert (fault.code, fault.action, fault.stage) == ("worker_died", "retry", "shape")
        assert "was killed" in fault.message
        assert "SIGKILL" in fault.message
        assert isinstance(engine.run(request(), Ear()), Result)


def test_a_failed_job_can_be_retried(tmp_path: Path) -> None:
    with served(tmp_path) as server, client(server) as engine:
        job = engine.submit(request("fail"))
        assert [view for view, _ in engine.follow(JobView(job))][-1].state == "failed"
        engine.retry(job)
        wait_for(lambda: engine.view(job).state == "failed" and engine.view(job).n_stages == 1)


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        ("fail", "internal", "RuntimeError: the stage is broken"),
        ("bad-input", "bad_input", "The picture is empty."),
        ("memory", "internal", "memory (RAM)"),
    ],
)
def test_what_a_stage_raises_becomes_a_fault_of_that_stage(
    tmp_path: Path, script: str, code: str, words: str
) -> None:
    with served(tmp_path) as server, client(server) as engine:
        fault = failed(engine, script)
        assert (fault.code, fault.stage) == (code, "shape")
        assert words in fault.message
        assert "Traceback" not in fault.message
        assert len(workers(server)) == 1


@pytest.mark.parametrize(
    ("script", "words"), [("early", "out of turn"), ("other", "another"), ("leave", "exit code 3")]
)
def test_a_worker_that_breaks_the_rules_is_replaced(tmp_path: Path, script: str, words: str) -> None:
    with served(tmp_path) as server, client(server) as engine:
        assert words in failed(engine, script).message
        assert isinstance(engine.run(request(), Ear()), Result)


def test_a_worker_that_cannot_start_fails_the_job_with_its_log(tmp_path: Path) -> None:
    command = (sys.executable, "-c", "raise SystemExit('no such library')")
    with served(tmp_path, worker_command=command) as server, client(server) as engine:
        fault = failed(engine, "quick")
    assert fault.code == "worker_died"
    assert "ended by itself with exit code 1" in fault.message
    assert "no such library" in fault.detail


def test_a_worker_that_does_not_exist_fails_the_job(tmp_path: Path) -> None:
    with served(tmp_path, worker_command=(str(tmp_path / "nothing"),)) as server, client(server) as engine:
        assert "could not be started" in failed(engine, "quick").message


def test_a_worker_that_never_says_hello_is_given_up(tmp_path: Path) -> None:
    command = (sys.executable, "-c", "import time; time.sleep(60)")
    patience = replace(IMPATIENT, start_s=0.3)
    with (
        served(tmp_path, worker_command=command, patience=patience) as server,
        client(server) as engine,
    ):
        assert "did not start within 0 s" in failed(engine, "quick").message


def test_free_gpu_ends_an_idle_worker_and_spares_a_busy_one(tmp_path: Path) -> None:
    with served(tmp_path) as server, client(server) as engine:
        engine.run(request(), Ear())
        (worker,) = workers(server)
        engine.free_gpu()
        wait_for(lambda: not worker.is_running() and engine.status().worker == "absent")
        job = engine.submit(request("slow"))
        wait_for(lambda: engine.status().worker == "busy")
        engine.free_gpu()
        assert engine.view(job).state == "running"
        engine.cancel(job)
        wait_for(lambda: engine.status().worker == "absent")


def test_an_idle_worker_is_ended_after_a_while(tmp_path: Path) -> None:
    with served(tmp_path, patience=replace(IMPATIENT, idle_s=0.2)) as server, client(server) as engine:
        engine.run(request(), Ear())
        wait_for(lambda: engine.status().worker == "absent" and not workers(server))


def test_an_idle_worker_that_is_killed_is_replaced_when_needed(tmp_path: Path) -> None:
    with served(tmp_path) as server, client(server) as engine:
        engine.run(request(), Ear())
        workers(server)[0].kill()
        wait_for(lambda: engine.status().worker == "absent")
        assert isinstance(engine.run(request(), Ear()), Result)


def test_stopping_the_server_leaves_no_process(tmp_path: Path) -> None:
    with served(tmp_path) as server, client(server) as engine:
        engine.submit(request("deaf"))
        wait_for(lambda: engine.status().worker == "busy")
        (worker,) = workers(server)
    assert not worker.is_running()
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["jobs", "logs"]


def test_a_cancelled_job_is_cancelled_even_if_it_finishes_first(tmp_path: Path) -> None:
    with served(tmp_path) as server, client(server) as engine:
        for _ in range(5):
            job = engine.submit(request("quick"))
            engine.cancel(job)
            view = [view for view, _ in engine.follow(JobView(job))][-1]
            assert view.state in ("cancelled", "done")


def test_views_reach_the_worker_unchanged(tmp_path: Path) -> None:
    asked = replace(request(), pictures=(picture("quick 고양이", 100_000), picture("back", 5, "back")))
    with served(tmp_path) as server, client(server) as engine:
        assert isinstance(engine.run(asked, Ear()), Result)
        assert engine.jobs()[0].name == "quick 고양이"


def test_signals_of_this_platform_are_in_plain_words() -> None:
    from protocol.exits import exit_cause

    assert exit_cause(3) == "ended by itself with exit code 3"
    assert "access violation" in exit_cause(0xC0000005)
    assert exit_cause(0xC0001234) == "crashed (exit code 0xC0001234)"
    if os.name == "posix":
        assert "driver" in exit_cause(-signal.SIGSEGV)
        assert exit_cause(-signal.SIGUSR1) == "was ended by SIGUSR1"
        assert exit_cause(-250) == "was ended by signal 250"
