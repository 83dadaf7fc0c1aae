"""Sessions of the built add-on on real engines with scripted workers, ticked as Blender's timer does.

A `Blender` does what the landing strip does: it takes what is due, one result at a time, and says so.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
VERSION = "0.1.0"
FIGURES: dict[str, float] = {}  # what is to be read at the end of a run


@dataclass(frozen=True)
class Maquette:
    """The modules of the built add-on that need no Blender."""

    session: ModuleType
    connection: ModuleType
    link: ModuleType
    ledger: ModuleType
    estimate: ModuleType
    own_files: ModuleType
    engine_options: ModuleType
    messages: ModuleType
    requests: ModuleType
    arrays: ModuleType
    address: ModuleType
    codec: ModuleType
    faults: ModuleType
    events: ModuleType
    names: ModuleType
    states: ModuleType


def import_built(folder: Path) -> Maquette:
    """Builds the add-on into `folder` without wheels, and imports it as `maquette`."""
    command = [
        sys.executable,
        str(ROOT / "build_addon.py"),
        "--stage",
        str(folder / "maquette"),
        "--no-wheels",
    ]
    subprocess.run(command, check=True, capture_output=True, text=True)
    sys.path.insert(0, str(folder))
    within = {"messages", "requests", "arrays", "address", "codec", "faults", "events", "names", "states"}
    names = Maquette.__dataclass_fields__
    paths = {name: f"maquette.protocol.{name}" if name in within else f"maquette.{name}" for name in names}
    return Maquette(**{name: importlib.import_module(path) for name, path in paths.items()})


def figures() -> Iterator[str]:
    """The figures of this run, a line each."""
    for name, value in FIGURES.items():
        yield f"{name}: {value:.3f}"


class Blender:
    """One Blender with one session; `arrived` is all that was meant for its scene."""

    def __init__(self, maquette: Maquette, options: Callable[[], Any], own: Path) -> None:
        self.maquette = maquette
        self.session = maquette.session.Session(options, own, VERSION)
        self.own = own
        self.arrived: list[Any] = []
        self.landed: list[str] = []
        self.news: list[str] = []
        self.is_landing = True
        self.processes: dict[int, Any] = {}

    def request(self, script: str = "quick", n_bytes: int = 3) -> Any:
        """A request that the scripted worker understands; its picture has `n_bytes`."""
        r, a = self.maquette.requests, self.maquette.arrays
        image = a.Image("file", a.Array("uint8", (n_bytes,), bytes(n_bytes)))
        return r.GenerateRequest((r.ViewPicture("front", script, image),))

    def submit(self, script: str = "quick", n_bytes: int = 3, place: object = "here") -> str:
        """Asks for such a job."""
        return self.session.submit(self.request(script, n_bytes), script, place, time.monotonic())

    def tick(self, now_s: float | None = None) -> list[Any]:
        """One tick of the timer, measured; lands at most one result."""
        before, began_s, worked_s = self.session.connection.phase, time.perf_counter(), time.thread_time()
        arrived = self.session.tick(time.monotonic() if now_s is None else now_s)
        held_ms = (time.perf_counter() - began_s) * 1000
        worked_ms = (time.thread_time() - worked_s) * 1000
        what = f"longest tick, {before} to {self.session.connection.phase}"
        for name, value in ((f"{what}, ms", held_ms), (f"{what}, ms of work", worked_ms)):
            FIGURES[name] = max(FIGURES.get(name, 0.0), value)
        self.arrived += arrived
        if self.session.news and self.session.news not in self.news[-1:]:
            self.news.append(self.session.news)
        process = self.session.connection._process
        if process is not None:
            self.processes[process.pid] = process
        if self.is_landing:
            self._land(arrived)
        return arrived

    def _land(self, arrived: list[Any]) -> None:
        for message in arrived:
            if type(message).__name__ == "Result":
                self.landed.append(message.job)
                self.session.landed(message.job)
        jobs, taking = self.session.jobs, self.maquette.ledger.TAKING
        due = [job for job in jobs.landing if job.place is not None]
        if due and self.session.is_ready and not any(job.fate == taking for job in jobs):
            self.session.take(due[0].job)

    def until(self, is_so: Callable[[], object], timeout_s: float = 20.0) -> None:
        """Ticks until something is so; fails when it does not become so in time."""
        end_s = time.monotonic() + timeout_s
        while not is_so():
            assert time.monotonic() < end_s, f"waited in vain: {self.state()}"
            self.tick()
            time.sleep(0.004)

    def tick_for(self, seconds: float) -> None:
        """Ticks for a while."""
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            self.tick()
            time.sleep(0.004)

    def until_ready(self) -> None:
        self.until(lambda: self.session.is_ready)

    def until_landed(self, *jobs: str) -> None:
        self.until(lambda: set(jobs) <= set(self.landed), 30)

    def job(self, job: str) -> Any:
        """The job as the session knows it."""
        return self.session.jobs.get(job)

    def job_running(self, script: str) -> str:
        """A job that runs."""
        job = self.submit(script)
        self.until(lambda: self.job(job).state == "running")
        return job

    def fault(self) -> Any:
        """The fault, once there is one."""
        self.until(lambda: self.session.fault)
        return self.session.fault

    def results(self, job: str) -> int:
        """How many results of a job arrived."""
        return sum(type(m).__name__ == "Result" and m.job == job for m in self.arrived)

    def ours(self) -> list[str]:
        """What ours.json holds."""
        return json.loads((self.own / "ours.json").read_text(encoding="utf-8"))

    def state(self) -> str:
        """All that explains a failure."""
        session = self.session
        return "\n".join(
            [
                f"phase {session.connection.phase}, fault {session.fault}, news {session.news!r}",
                *(f"{job.name} {job.state} {job.fate} accepted={job.is_accepted}" for job in session.jobs),
                *session.log,
            ]
        )


class Bench:
    """A folder with a program `maquette`, and all that runs on it."""

    def __init__(self, maquette: Maquette, folder: Path) -> None:
        self.maquette = maquette
        self.folder = folder / "내 폴더 1"
        self.data = self.folder / "data"
        self.program = self.folder / "maquette"
        self.blenders: list[Blender] = []
        self.changes: dict[str, Any] = {}
        self.data.mkdir(parents=True)
        self.write_program()

    def write_program(self, **settings: object) -> None:
        """Makes the program one that scripted_engine.py describes."""
        command = (sys.executable, str(HERE / "scripted_engine.py"), json.dumps(settings))
        self.program.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', encoding="utf-8")
        self.program.chmod(0o755)

    def options(self) -> Any:
        """What the preferences say."""
        made = self.maquette.engine_options.EngineOptions(
            str(self.program),
            self.folder / "home",
            self.data,
            self.folder / "models",
            environment={"PATH": ""},
        )
        return replace(made, **self.changes)

    def blender(self, own: str = "own") -> Blender:
        """A Blender whose add-on keeps its files in the folder `own`."""
        made = Blender(self.maquette, self.options, self.folder / own)
        self.blenders.append(made)
        return made

    @property
    def address(self) -> Any:
        """What engine.json says."""
        return self.maquette.address.address_from((self.data / "engine.json").read_bytes())

    @property
    def has_address(self) -> bool:
        return (self.data / "engine.json").exists()

    def kill_engine(self) -> int:
        """Kills the running engine's server with SIGKILL; returns what its process id was."""
        pid = self.address.pid
        os.kill(pid, signal.SIGKILL)
        return pid

    @contextmanager
    def engine(self, **settings: object) -> Iterator[subprocess.Popen[bytes]]:
        """An engine that nobody's add-on started."""
        command = (sys.executable, str(HERE / "scripted_engine.py"), json.dumps(settings), "serve")
        environment = {**os.environ, "MAQUETTE_DATA": str(self.data)}
        with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
            try:
                wait_for(lambda: self.has_address and self.address.pid == process.pid)
                yield process
            finally:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGCONT)
                process.terminate()

    def close(self) -> None:
        """Ends all that runs."""
        for blender in self.blenders:
            blender.session.close()
            for process in blender.processes.values():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGCONT)
                process.close()


def is_alive(pid: int) -> bool:
    """Whether a process runs."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for(is_so: Callable[[], object], timeout_s: float = 15.0) -> None:
    """Waits without a tick."""
    end_s = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.01)
