"""No bpy. The engine server is a child of Blender: found where the user said, started unseen.

A choice that does not work is an error with words; the next place is asked only where nothing was chosen.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .child_process import ChildProcess, clean_environment
from .engine_homes import Home, completed_environments, is_ours, python_in, read_marker
from .protocol.exits import exit_cause

VARIABLE = "MAQUETTE_ENGINE"
_SET_UP = "Press Set Up Engine, or name an engine's Python in the add-on's preferences."
_CHOOSE = {  # what to do when the choice of this origin is wrong
    "preferences": "Choose another in the add-on's preferences, or clear the field to have it found.",
    "environment": f"Correct or remove the environment variable {VARIABLE}, then start Blender again.",
}


class EngineMissing(Exception):
    """No engine can be started: `message` says what is wrong, `remedy` what to do, both plain sentences.

    `pattern` is the message before `values` were put in, for translation.
    """

    def __init__(self, pattern: str, remedy: str, **values: object) -> None:
        self.pattern = pattern
        self.values = {name: str(value) for name, value in values.items()}
        self.message = pattern.format(**self.values)
        self.remedy = remedy
        super().__init__(self.message)


@dataclass(frozen=True)
class Engine:
    """How an engine is run: `command` comes before the words of its command line.

    `origin` is where it was found: "preferences", "environment" (the variable), "set-up" or "path".
    """

    command: tuple[str, ...]
    origin: str


@dataclass(frozen=True)
class Ended:
    """How a server ended: exit `code` (negative: a signal), `message`, `remedy`, and the end of its log."""

    code: int
    message: str
    remedy: str
    tail: str


def find_engine(*, chosen: str, home: Path, environment: Mapping[str, str]) -> Engine:
    """The engine to run: the one chosen, else MAQUETTE_ENGINE's, else the last set up, else the PATH's.

    `chosen` and the variable may name a Python, the `maquette` program, a virtual environment, or a folder in
    which an engine was set up; blank counts as not chosen. `home` is where Set Up Engine puts environments.
    Raises EngineMissing, also when a choice will not do although another place would have an engine.
    """
    for text, origin in ((chosen, "preferences"), (environment.get(VARIABLE, ""), "environment")):
        if text := text.strip().strip('"').strip():
            return Engine(_command_at(Path(text).expanduser(), origin), origin)
    if finished := completed_environments(Home(home)):
        return Engine(_as_module(python_in(finished[0][1])), "set-up")
    if program := shutil.which("maquette", path=environment.get("PATH")):
        return Engine((program,), "path")
    raise EngineMissing("No engine was found on this computer.", _SET_UP)


class EngineProcess:
    """One server: running from `start` until `poll` tells how it ended."""

    def __init__(self, child: ChildProcess) -> None:
        self._child = child

    @classmethod
    def start(
        cls,
        engine: Engine,
        *,
        data: Path,
        models: Path,
        idle_s: float,
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> EngineProcess:
        """Starts `engine` for the folders `data` and `models`; returns without waiting for it to listen.

        `idle_s` ends an idle worker, more than 0. The server's words are appended to `log`, which
        is renamed to `*.old.log` above 1 MiB. `environment` is Blender's own if None.
        Raises EngineMissing when the data folder cannot be written or the program cannot be started.
        """
        _try_to_write(data)
        base = clean_environment(os.environ if environment is None else environment)
        command = (*engine.command, "serve", "--owned", "--idle", f"{idle_s:g}")
        folders = {"MAQUETTE_DATA": str(data), "MAQUETTE_MODELS": str(models)}
        try:
            child = ChildProcess(command, environment=base | folders, folder=data, log=log)
        except OSError as error:
            raise EngineMissing(
                "The engine {path} could not be started: {reason}.",
                _CHOOSE.get(engine.origin, "Press Set Up Engine to make it anew."),
                path=engine.command[0],
                reason=error.strerror or error,
            ) from error
        return cls(child)

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._child.pid

    def poll(self) -> Ended | None:
        """How the server ended, None while it runs; never waits. Call it until it has answered."""
        code = self._child.poll()
        if code is None:
            return None
        tail = self._child.tail()
        if self._child.is_ended_by_us:
            return Ended(code, "The engine was ended.", "", tail)
        return Ended(code, *_explain(code, tail), tail)

    def end(self, patience_s: float = 5.0) -> None:
        """Asks the server to end, returns at once; `poll` kills it if it still runs after `patience_s`."""
        self._child.end(patience_s)

    def close(self, limit_s: float = 1.0) -> None:
        """Ends the server for certain, waiting at most `limit_s` twice: for when the add-on goes away."""
        self._child.end(limit_s)
        if self._child.wait(limit_s) is None:
            self._child.kill()
            self._child.wait(limit_s)


def _command_at(path: Path, origin: str) -> tuple[str, ...]:
    """The command for what the user named."""
    remedy = _CHOOSE[origin]
    if not path.exists():
        if len(path.parts) == 1 and (program := shutil.which(str(path))):
            path = Path(program)
        else:
            raise EngineMissing("The engine {path} does not exist.", remedy, path=path)
    if path.is_dir():
        return _as_module(_python_at(path, remedy))
    if os.name == "posix" and not os.access(path, os.X_OK):
        raise EngineMissing("The engine {path} is not executable.", remedy, path=path)
    if os.name == "nt" and path.suffix.lower() not in (".exe", ".bat", ".cmd"):
        raise EngineMissing("The engine {path} is not a program.", remedy, path=path)
    if path.stem.lower().startswith("python"):
        return _as_module(path)
    if path.stem.lower().startswith("maquette"):
        return (str(_absolute(path)),)
    raise EngineMissing("{path} is neither a Python nor the program maquette.", remedy, path=path)


def _python_at(folder: Path, remedy: str) -> Path:
    """The Python of an environment, or of the newest environment that was set up in `folder`."""
    if is_ours(folder) and not read_marker(folder):
        raise EngineMissing(
            "The set-up of the engine in {path} was not finished.",
            "Press Set Up Engine to go on with it.",
            path=folder,
        )
    if finished := completed_environments(Home(folder)):
        folder = finished[0][1]
    if python := python_in(folder):
        return python
    raise EngineMissing("The folder {path} holds no Python environment.", remedy, path=folder)


def _as_module(python: Path | None) -> tuple[str, ...]:
    """The engine as a module, because the scripts of an environment name its Python by an absolute path."""
    assert python is not None, "an environment is finished only with a Python in it"
    return (str(_absolute(python)), "-m", "engine")


def _absolute(path: Path) -> Path:
    """`path` from the root on, with links kept: the Python of an environment is a link."""
    return Path(os.path.abspath(path))


def _try_to_write(data: Path) -> None:
    """Makes the data folder and a file in it. Raises EngineMissing."""
    trial = data / f".trial-{os.getpid()}"
    try:
        data.mkdir(parents=True, exist_ok=True)
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise EngineMissing(
            "The engine's data folder {path} cannot be written: {reason}.",
            "Choose another data folder in the add-on's preferences.",
            path=data,
            reason=error.strerror or error,
        ) from error


def _explain(code: int, tail: str) -> tuple[str, str]:
    """What happened and what to do, from the server's own last words where it had any."""
    lines = tail.splitlines()
    if any("No module named engine" in line or "No module named 'engine'" in line for line in lines):
        return "This Python has no Maquette engine in it.", _SET_UP
    if any("ModuleNotFoundError" in line or "ImportError" in line for line in lines):
        return "A part of the engine is missing or broken.", "Press Set Up Engine to make it anew."
    told = [number for number, line in enumerate(lines) if line.startswith("maquette: ")]
    if code > 0 and told:  # the form in which the engine's command line tells every failure
        message = lines[told[-1]].removeprefix("maquette: ")
        return message, " ".join(lines[told[-1] + 1 :]).strip()
    return f"The engine {exit_cause(code)}.", "Start it again; its log says more."
