"""No bpy. Set Up Engine makes an environment outside Blender, a little each tick; it can be cut anywhere.

Every attempt has a folder of its own and counts only when its marker is written; what an attempt has fetched
stays in uv's cache, so the next one goes on from there. Nothing goes into Blender or asks for other rights.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from .child_process import ChildProcess, clean_environment
from .engine_homes import Completed, Home, completed_environments, python_in, write_marker
from .pip_settings import forbids_indexes, has_own_torch, uv_environment
from .setup_checks import (
    bytes_to_come,
    check_folder,
    check_platform,
    check_room,
    sha256_of,
    take_lock,
    torch_of,
    version_of,
)
from .uv_tool import SetupStopped, take_uv, uv_at, uv_on_path
from .uv_words import Progress, SetupFault, follow, is_about_torch, read_fault

PYTHONS = ">=3.11,<3.14"  # the engine's own lower bound; xatlas 0.0.11 has no wheel for 3.14
CANCEL_S = 1.5  # a cancelled child is killed after this
# The share of the whole that is done when a step begins: measured on Linux, 2 cores, packages near by (40 s).
_BEGINS = (0.0, 0.01, 0.03, 0.06, 0.92, 0.97, 1.0)
_STEPS = ("check", "uv", "environment", "install", "try", "finish")
_TORCH_NOTE = (
    "PyTorch's own server was out of reach, so PyTorch came from the usual package source; "
    "on Windows that one does not use the graphics card."
)

Ticks = Generator[None, None, None]


@dataclass(frozen=True)
class SetupPlan:
    """What is to be set up: the engine's wheel into `home`.

    `uv_wheel` is the one shipped for this platform, None to use a uv on the PATH. `environment` is Blender's.
    `may_go_online` is Blender's own permission (Preferences > System > Network). `is_anew` makes the engine
    again even if this very wheel is set up and runs: after a change of the graphics card.
    """

    home: Path
    engine_wheel: Path
    uv_wheel: Path | None
    may_go_online: bool
    is_anew: bool = False
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))


@dataclass(frozen=True)
class SetupState:
    """How a set-up stands. `words` is a sentence into which `values` are to be put; `str` does so in English.

    `step` counts from 1 to `n_steps`; `fraction` in [0, 1] of the whole; `done_bytes` of `total_bytes` while
    packages are fetched (packed; 0 of 0 otherwise); `detail` the last line that uv said; `note` a sentence
    about a success that may not be all that was wished.
    """

    step: int = 1
    n_steps: int = len(_STEPS)
    words: str = "Checking the folder…"
    values: Mapping[str, str] = field(default_factory=dict)
    fraction: float = 0.0
    done_bytes: int = 0
    total_bytes: int = 0
    detail: str = ""
    note: str = ""
    is_over: bool = False
    is_cancelled: bool = False
    fault: SetupFault | None = None
    environment: Path | None = None
    freed_bytes: int = 0

    def __str__(self) -> str:
        return self.words.format(**self.values)


class Setup:
    """One run of the set-up: call `tick` until `state.is_over`."""

    def __init__(self, plan: SetupPlan) -> None:
        """Touches nothing before the first tick."""
        self.state = SetupState()
        self._plan = plan
        self._home = Home(plan.home)
        self._child: ChildProcess | None = None
        self._to_come_bytes = 0  # while packages are fetched: by how much the disk will fill
        self._work = self._all_steps()

    def tick(self) -> SetupState:
        """Goes on for a few milliseconds and returns the state; does nothing more when it is over."""
        if self.state.is_over:
            return self.state
        if self.state.is_cancelled:
            return self._tick_cancelled()
        try:
            next(self._work)
        except StopIteration:
            self._say(is_over=True, fraction=1.0)
        except SetupStopped as stopped:
            self._say(is_over=True, fault=stopped.fault)
        except OSError as error:
            fault = read_fault(f"error: {error} (os error {error.errno})")
            self._say(is_over=True, fault=fault, detail=str(error))
        return self.state

    def cancel(self) -> None:
        """Ends what runs, within two seconds of ticks; the next set-up goes on from there."""
        if not self.state.is_over and not self.state.is_cancelled:
            self._say(is_cancelled=True, words="Cancelling…", values={})
            if self._child:
                self._child.end(CANCEL_S)

    def close(self) -> None:
        """Ends everything at once: for when Blender goes away."""
        if self.state.is_over:
            return
        if self._child:
            self._child.kill()
            self._child.wait(1.0)
        self._work.close()
        self._say(is_over=True, is_cancelled=True)

    def _tick_cancelled(self) -> SetupState:
        if not self._child or self._child.poll() is not None:
            self._work.close()
            self._say(is_over=True, words="The set-up was cancelled; it can go on later.", values={})
        return self.state

    def _say(self, **changes: object) -> None:
        self.state = replace(self.state, **changes)  # type: ignore[arg-type]

    def _begin(self, name: str, words: str, **values: str) -> None:
        number = _STEPS.index(name)
        self._say(
            step=number + 1, words=words, values=values, fraction=_BEGINS[number], done_bytes=0, total_bytes=0
        )

    def _within(self, share: float) -> float:
        """The fraction of the whole at `share` of this step; never less than what was shown."""
        begin, end = _BEGINS[self.state.step - 1], _BEGINS[self.state.step]
        return max(self.state.fraction, begin + (end - begin) * min(max(share, 0.0), 1.0))

    def _all_steps(self) -> Ticks:
        """The set-up from beginning to end; each `yield` gives the timer back."""
        plan, home = self._plan, self._home
        yield
        check_platform()
        check_folder(plan.home, may_go_online=plan.may_go_online)
        with take_lock(home.lock):
            version, wheel_sha256 = version_of(plan.engine_wheel), sha256_of(plan.engine_wheel)
            yield
            if (yield from self._was_finished(version, wheel_sha256)):
                return
            check_room(plan.home, plan.environment)
            self._begin("uv", "Unpacking the installer…")
            uv = yield from self._take_uv()
            environment = self._variables()
            target = home.new_environment(version, wheel_sha256)
            self._begin("environment", "Making a Python environment…")
            yield from self._make_environment(uv, target, environment)
            self._begin("install", "Choosing packages…")
            yield from self._install(uv, target, environment)
            self._begin("try", "Trying the engine…")
            torch, verdict = yield from self._try_it(target, version)
            write_marker(target, Completed(version, wheel_sha256, time.time(), torch))
            self._begin("finish", "Tidying up…")
            yield from self._tidy(uv, target, environment)
            self._tell_ready(target, verdict)

    def _was_finished(self, version: str, wheel_sha256: str) -> Generator[None, None, bool]:
        """Whether this wheel is set up already and still runs; then it is the newest from now on."""
        for marker, target in completed_environments(self._home):
            if marker.wheel_sha256 == wheel_sha256 and not self._plan.is_anew:
                self._say(words="Trying the engine…")
                with contextlib.suppress(SetupStopped):  # then it is made again
                    _, verdict = yield from self._try_it(target, version)
                    write_marker(target, replace(marker, finished_s=time.time()))
                    self._tell_ready(target, verdict)
                    return True
        return False

    def _tell_ready(self, target: Path, verdict: str) -> None:
        self._say(environment=target, words="The engine is ready. {verdict}", values={"verdict": verdict})

    def _variables(self) -> dict[str, str]:
        """The environment for uv: the user's sources and proxies, and nothing outside `home` written."""
        base = uv_environment(clean_environment(self._plan.environment))
        return base | {
            "UV_CACHE_DIR": str(self._home.cache),
            "UV_PYTHON_INSTALL_DIR": str(self._home.pythons),
            "UV_PYTHON_INSTALL_BIN": "0",
            "UV_PYTHON_INSTALL_REGISTRY": "0",
            "UV_NO_PROGRESS": "0",
            "NO_COLOR": "1",
        }

    def _take_uv(self) -> Generator[None, None, Path]:
        wheel = self._plan.uv_wheel
        if wheel is None:
            return uv_on_path(self._plan.environment)
        for done in take_uv(wheel, self._home.uv):
            self._say(fraction=self._within(done))
            yield
        return uv_at(self._home.uv, wheel)

    def _make_environment(self, uv: Path, target: Path, environment: Mapping[str, str]) -> Ticks:
        """With a Python of the computer, else with one that uv fetches; a broken one is passed over."""
        command = (str(uv), "venv", "--no-project", "--python", PYTHONS, str(target))
        if not (yield from self._run(command, environment))[0]:
            return
        managed = (*command[:2], "--managed-python", *command[2:-1], "--clear", command[-1])
        code, output = yield from self._run(managed, environment)
        if code:
            raise SetupStopped(read_fault(output))

    def _install(self, uv: Path, target: Path, environment: Mapping[str, str]) -> Ticks:
        """All packages, with the PyTorch that fits the graphics card.

        uv's backend "auto" takes torch from PyTorch's own server, because the usual one has no CUDA build for
        Windows. It is left out where the user's own folder has a torch or says a backend, and where that
        server is out of reach: a mirror's torch is better than none.
        """
        python = python_in(target)
        options = ("--no-build", *(["--no-index"] if forbids_indexes(self._plan.environment) else []))
        wheel = str(self._plan.engine_wheel)
        command = (str(uv), "pip", "install", *options, "--python", str(python), wheel)
        is_chosen = environment.get("UV_TORCH_BACKEND") or has_own_torch(environment, torch_of(Path(wheel)))
        backend = () if is_chosen else ("auto",)
        code, output = yield from self._run_install(command, backend, environment)
        if code and backend and is_about_torch(output):
            self._say(note=_TORCH_NOTE)
            code, output = yield from self._run_install(command, (), environment)
        if code:
            raise SetupStopped(read_fault(output))

    def _run_install(
        self, command: tuple[str, ...], backend: tuple[str, ...], environment: Mapping[str, str]
    ) -> Generator[None, None, tuple[int, str]]:
        command += tuple(f"--torch-backend={name}" for name in backend)
        self._to_come_bytes = bytes_to_come(self._plan.home, self._plan.environment)
        try:
            return (yield from self._run(command, environment))
        finally:
            self._to_come_bytes = 0

    def _try_it(self, target: Path, version: str) -> Generator[None, None, tuple[str, str]]:
        """The version of torch and the engine's own verdict, from its examination of the computer."""
        command = (str(python_in(target)), "-m", "engine", "doctor", "--json")
        environment = clean_environment(self._plan.environment) | {
            "MAQUETTE_DATA": str(self._home.root / "trial")
        }
        _, output = yield from self._run(command, environment, is_heard=False)  # a report for a program
        start = output.find("{")
        try:
            report, _ = json.JSONDecoder().raw_decode(output[max(start, 0) :])
            versions = {
                finding["name"]: str(finding["facts"].get("version", ""))
                for section in report["sections"]
                for finding in section["findings"]
            }
            found, verdict = str(report["version"]), str(report["verdict"])
        except (ValueError, KeyError, TypeError, AttributeError):
            found, verdict, versions = "", "", {}
        if found == version and versions.get("torch"):
            return versions["torch"], verdict
        raise SetupStopped(
            SetupFault(
                "broken_engine",
                "The engine was installed, but it does not run.",
                "Try again; if it happens each time, the log {path} says why.",
                {"path": str(self._home.log)},
            )
        )

    def _tidy(self, uv: Path, target: Path, environment: Mapping[str, str]) -> Ticks:
        """Removes uv's cache, attempts that were not finished, and all but the previous engine.

        What cannot be removed (a running engine on Windows) is left for the next time.
        """
        keep = [path for _, path in completed_environments(self._home)][:2]
        old = [str(path) for path in self._home.environments() if path not in (target, *keep)]
        free_bytes = shutil.disk_usage(self._home.root).free
        yield from self._run((str(uv), "cache", "clean"), environment)
        script = "import shutil, sys\nfor folder in sys.argv[1:]: shutil.rmtree(folder, ignore_errors=True)"
        command = (
            *(str(python_in(target)), "-c", script),
            *(*old, str(self._home.cache), str(self._home.root / "trial")),
        )
        yield from self._run(command, clean_environment(self._plan.environment))
        self._say(freed_bytes=max(0, shutil.disk_usage(self._home.root).free - free_bytes))

    def _run(
        self, command: tuple[str, ...], environment: Mapping[str, str], *, is_heard: bool = True
    ) -> Generator[None, None, tuple[int, str]]:
        """Runs `command` to its end; returns its exit code and its words, which the state follows."""
        child = ChildProcess(command, environment=environment, folder=self._home.root, log=self._home.log)
        self._child = child
        output = rest = ""
        progress = Progress()
        free_bytes = shutil.disk_usage(self._home.root).free
        try:
            while True:
                code = child.poll()  # before reading, so that nothing that it said is missed
                text = child.new_text()
                output += text
                whole, newline, rest = (rest + text).rpartition("\n")
                progress = follow(progress, whole + newline)
                if is_heard:
                    self._show(progress, free_bytes)
                if code is not None and not text:
                    return code, output
                yield
        finally:
            self._child = None
            if child.poll() is None:
                child.kill()

    def _show(self, progress: Progress, free_bytes: int) -> None:
        """Puts uv's progress into the state; bytes only while packages are fetched."""
        if progress.line:
            self._say(detail=progress.line)
        if not self._to_come_bytes or not progress.total_bytes:
            return
        grown_bytes = 0
        with contextlib.suppress(OSError):  # the disk went away: uv will say so
            grown_bytes = max(0, free_bytes - shutil.disk_usage(self._home.root).free)
        done_bytes, total_bytes = progress.done_bytes(grown_bytes), progress.total_bytes
        # A torch from a folder is not announced: then the disk says more than uv does.
        share = min(done_bytes / total_bytes, grown_bytes / self._to_come_bytes)
        words, values = "Installing packages…", {}
        if progress.under_way:
            words, values = "Downloading {name}…", {"name": progress.under_way}
        self._say(
            words=words,
            values=values,
            fraction=self._within(share),
            done_bytes=done_bytes,
            total_bytes=total_bytes,
        )
