"""The built extension in this Blender, moved by hand: outside a window no timer ever fires."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MODULE = "bl_ext.user_default.maquette"
ENGINE = "MAQUETTE_ENGINE"  # a Python with the engine in it
ZIP = "MAQUETTE_ZIP"  # an extension that was built before; without it one is built here
LIMIT_S = 60.0


def build_zip(folder: Path) -> Path:
    """The extension for this computer: the one that MAQUETTE_ZIP names, else one built into `folder`."""
    if given := os.environ.get(ZIP):
        return Path(given).resolve()
    command = [sys.executable, str(ROOT / "build_addon.py"), "-o", str(folder), "--platform", "linux-x64"]
    subprocess.run(command, check=True, capture_output=True)
    (made,) = folder.glob("*.zip")
    return made


def install(file: Path, *, is_enabled: bool) -> None:
    """Installs it as an artist does, from the disk."""
    import bpy

    bpy.ops.extensions.package_install_files(
        filepath=str(file), repo="user_default", enable_on_install=is_enabled
    )


class Addon:
    """The enabled add-on; `data` is where its engine keeps jobs."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def part(self, name: str) -> Any:
        """One of its modules."""
        return importlib.import_module(f"{MODULE}.{name}")

    def enable(self) -> None:
        import bpy

        os.environ["MAQUETTE_DATA"] = str(self.data)
        bpy.ops.preferences.addon_enable(module=MODULE)

    def disable(self) -> None:
        import bpy

        bpy.ops.preferences.addon_disable(module=MODULE)

    @property
    def clock(self) -> Any:
        return self.part("clock").running()

    @property
    def session(self) -> Any:
        return self.part("clock").session()

    @property
    def strip(self) -> Any:
        return self.clock.movement.strip

    @property
    def preferences(self) -> Any:
        return self.part("preferences").preferences()

    def beat(self, times: int = 1) -> None:
        """What Blender's timer would do, if the add-on has one registered."""
        import bpy

        for _ in range(times):
            assert bpy.app.timers.is_registered(self.clock._beat)
            self.clock.beat()

    def until(self, is_so: Callable[[], Any], limit_s: float = LIMIT_S) -> Any:
        """Beats until something is so, and returns it; fails with the add-on's own words if it never is."""
        end_s = time.monotonic() + limit_s
        while not (found := is_so()):
            assert time.monotonic() < end_s, self.told()
            self.beat()
            time.sleep(0.005)
        return found

    def told(self) -> str:
        """Everything that the add-on says at this moment."""
        session = self.session
        jobs = [(job.name, job.state, job.fate, job.view.stage) for job in session.jobs]
        return "\n".join([str(session.fault), session.news, str(jobs), *session.log])

    def generate(self, **words: Any) -> str:
        """Asks for one model and returns its job."""
        import bpy

        before = {job.job for job in self.session.jobs}
        assert bpy.ops.maquette.generate(**words) == {"FINISHED"}
        (new,) = [job.job for job in self.session.jobs if job.job not in before]
        return new

    def job(self, job: str) -> Any:
        return self.session.jobs.get(job)

    def has_landed(self, job: str) -> bool:
        return self.job(job) is not None and self.job(job).is_landed

    def landed(self, job: str) -> Any:
        """The object of a job, once it has landed."""
        import bpy

        self.until(lambda: self.has_landed(job))
        (item,) = [item for item in bpy.data.objects if item.get("maquette_job") == job and item.users_scene]
        return item

    def server(self) -> int:
        """The process id of the engine server that runs, 0 if none does."""
        try:
            pid = int(json.loads((self.data / "engine.json").read_text(encoding="utf-8"))["pid"])
        except (OSError, ValueError):
            return 0
        return pid if is_running(pid) else 0

    def workers(self) -> list[int]:
        """The process ids of its workers."""
        try:
            pid = self.server()
            return [
                int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split() if pid
            ]
        except OSError:
            return []

    def end_engine(self) -> None:
        """Ends the engine and waits until it is gone."""
        pid, workers = self.server(), self.workers()
        self.session.stop()
        end_s = time.monotonic() + 10
        while is_running(pid) and time.monotonic() < end_s:
            time.sleep(0.02)
        kill(pid, *workers)
        connection = self.session.connection
        for child in (connection._process, connection._ending):
            if child is not None:
                child.poll()


def is_running(pid: int) -> bool:
    """Whether a process is there and not merely waiting to be buried."""
    try:
        return pid > 0 and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill(*pids: int) -> None:
    """Kills processes without a warning."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            if pid > 0:
                os.kill(pid, signal.SIGKILL)


def addon_in(data: Path) -> Iterator[Addon]:
    """The add-on enabled with jobs of its own; afterwards disabled, its engine ended."""
    import bpy

    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    addon = Addon(data)
    addon.enable()
    while not addon.clock.is_warm:
        addon.beat()
    try:
        yield addon
    finally:
        addon.end_engine()
        addon.disable()
        for file in Path(bpy.utils.extension_path_user(MODULE)).glob("*.json"):  # what it remembers
            file.unlink()
