"""The server as a process of its own: light, ended when it should be, and leaving nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from running_server import client, request, server_process, wait_for

from engine.client import EngineClient, EngineFault
from engine.errors import Unreachable
from protocol.track import JobView

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals are of POSIX")


def busy_worker(engine: EngineClient, pid: int) -> psutil.Process:
    """The worker of the server `pid` once it is at a job that takes long."""
    engine.submit(request("slow"))
    wait_for(lambda: engine.status().worker == "busy")
    (worker,) = psutil.Process(pid).children()
    return worker


@posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_ends_server_and_worker_cleanly(tmp_path: Path, name: str) -> None:
    with server_process(tmp_path) as (process, address), client(address) as engine:
        worker = busy_worker(engine, process.pid)
        process.send_signal(getattr(signal, name))
        with pytest.raises(Unreachable, match=f"was ended by {name}"):
            for _ in engine.follow(JobView("none")):
                pass
        assert process.wait(10) == 0
        assert not worker.is_running()
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["jobs", "logs"]


@posix
def test_a_killed_server_takes_its_worker_along_and_can_be_started_again(tmp_path: Path) -> None:
    with server_process(tmp_path) as (process, address), client(address) as engine:
        worker = busy_worker(engine, process.pid)
        process.kill()
        process.wait()
        wait_for(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)
        with pytest.raises(Unreachable):
            engine.ping()
    (tmp_path / "data" / "engine.json").unlink()  # only so that the wait for the new one is not fooled
    with server_process(tmp_path) as (_, address), client(address) as engine:
        engine.ping()


def test_a_second_server_is_refused_in_words(tmp_path: Path) -> None:
    with server_process(tmp_path) as (_, address):
        script = Path(__file__).parent / "scripted_server.py"
        second = subprocess.run(
            (sys.executable, str(script), str(tmp_path)), capture_output=True, check=False, timeout=30
        )
        assert second.returncode != 0
        assert b"An engine is already running" in second.stderr
        with client(address) as engine:
            engine.ping()


def test_the_server_computes_nothing_and_stays_small(tmp_path: Path) -> None:
    with server_process(tmp_path) as (process, address), client(address) as engine:
        for _ in range(3):
            engine.discard(engine.run(request("quick 1000000"), _Silent()).job)
        maps = psutil.Process(process.pid).memory_info()
        assert maps.rss < 80 * 1024**2
        if sys.platform == "linux":
            libraries = Path(f"/proc/{process.pid}/maps").read_text()
            assert "torch" not in libraries
            assert "numpy" not in libraries


def test_a_token_that_is_not_of_this_server_is_refused_after_a_restart(tmp_path: Path) -> None:
    with server_process(tmp_path / "a") as (_, old), server_process(tmp_path / "b") as (_, new):
        stolen = type(old)(**{**new.__dict__, "token": old.token})
        with pytest.raises(EngineFault, match="refused the token"):
            client(stolen)
        assert os.getpid() not in (old.pid, new.pid)


class _Silent:
    """Listens to a job and says nothing."""

    def __getattr__(self, name: str) -> object:
        return lambda *told: None
