"""A worker is a child process without a window, started with its secrets on stdin, and ended for certain.

The environment of everything that computes is set here and nowhere else.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import engine
from engine.folders import DATA_VARIABLE, MODELS_VARIABLE, Folders
from protocol.exits import exit_cause

WORKER_COMMAND = (sys.executable, "-m", "engine.worker")
_LOG_BYTES = 4 * 1024**2  # a log that grew beyond this makes room for a new one
_TAIL_BYTES = 8000
# Windows alone has these. The priority is that of a guest: Blender, with somebody before it, comes first.
_CREATION_FLAGS = getattr(subprocess, "CREATE_NO_WINDOW", 0) | getattr(
    subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0
)


@dataclass(frozen=True)
class Exit:
    """How a worker ended: words that follow "The worker", and the end of its log."""

    cause: str
    log_tail: str


def worker_environment(base: Mapping[str, str], folders: Folders) -> dict[str, str]:
    """The environment of a worker for `folders`, from the server's own."""
    package_parent = str(Path(engine.__file__).resolve().parents[1])
    paths = [package_parent, *filter(None, base.get("PYTHONPATH", "").split(os.pathsep))]
    return dict(base) | {
        "PYTHONPATH": os.pathsep.join(
            dict.fromkeys(paths)
        ),  # the same engine, wherever the server was started
        DATA_VARIABLE: str(folders.data),
        MODELS_VARIABLE: str(folders.models),
        "PYTHONUTF8": "1",  # names of files in any language, also on Windows
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # CUDA counts cards as NVML does
        "HF_HUB_OFFLINE": "1",  # models are downloaded when the user asks, never in the middle of a job
        "TOKENIZERS_PARALLELISM": "false",  # its threads and ours would fight
    }


class WorkerProcess:
    """One worker: running from the moment this is made until `poll` tells of its exit."""

    def __init__(
        self, command: tuple[str, ...], start: Mapping[str, str], log: Path, folders: Folders
    ) -> None:
        """Starts `command` with `start` as a line of JSON on its stdin; its output goes to the file `log`."""
        self._log = log
        self._is_killed_by_us = False
        self._oom_kills = _count_oom_kills()
        log.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):  # another program has it open (Windows): it grows a little more
            if log.stat().st_size > _LOG_BYTES:
                os.replace(log, log.with_suffix(".old.log"))
        with log.open("ab") as output:
            self._log_start = output.tell()
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=worker_environment(os.environ, folders),
                creationflags=_CREATION_FLAGS,
                start_new_session=os.name == "posix",  # Ctrl-C in the server's terminal is not for the worker
            )
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it ended at once: `poll` will say of what
            self._process.stdin.write(json.dumps(dict(start)).encode() + b"\n")
            self._process.stdin.flush()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def poll(self) -> Exit | None:
        """How it ended, None while it runs."""
        code = self._process.poll()
        if code is None:
            return None
        self._close_stdin()
        return Exit(self._cause(code), self._tail())

    def kill(self) -> None:
        """Ends it now; the system takes back all its memory, the GPU's too."""
        self._is_killed_by_us = True
        self._process.kill()

    def end(self, grace_s: float) -> None:
        """Ends it by closing its stdin, by a signal when that is not enough, and waits until it is gone."""
        self._is_killed_by_us = True
        self._close_stdin()
        for step in (None, self._process.terminate, self._process.kill):
            if step is not None:
                step()
            with contextlib.suppress(subprocess.TimeoutExpired):  # the next step is harder
                self._process.wait(grace_s)
                return
        self._process.wait()

    def _close_stdin(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # what was never read cannot be flushed to a process that is gone
            self._process.stdin.close()

    def _cause(self, code: int) -> str:
        if self._is_killed_by_us:
            return "was ended by the engine"
        if code == -getattr(signal, "SIGKILL", 9) and _count_oom_kills() > self._oom_kills:
            return "was killed by the system because the computer's memory (RAM) ran out"
        return exit_cause(code)

    def _tail(self) -> str:
        with self._log.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, end - _TAIL_BYTES))
            return log.read(_TAIL_BYTES).decode("utf-8", "replace").replace("\0", "?").strip()


def _count_oom_kills() -> int:
    """How often Linux has killed for want of memory (proc(5), /proc/vmstat); 0 on other systems."""
    with contextlib.suppress(OSError), open("/proc/vmstat", encoding="ascii") as lines:  # Linux alone has it
        for line in lines:
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0
