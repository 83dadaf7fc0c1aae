"""No bpy. A child process never shows a window, never waits for a reader, and takes its own children with it.

What it says goes to a file; the file is read in small pieces, so that a timer of Blender's is never held.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

LOG_BYTES = 1024**2  # a log that grew beyond this makes room for a new one
_PIECE_BYTES = 64 * 1024  # read at once: far more than uv or the engine say between two ticks


def clean_environment(base: Mapping[str, str]) -> dict[str, str]:
    """`base` without what Blender's own Python, or an activated environment, would impose on another Python.

    The child speaks UTF-8 on every platform and never imports from the folder that it runs in.
    """
    kept = {
        name: value
        for name, value in base.items()
        if not name.upper().startswith("PYTHON")
        and name.upper() not in ("VIRTUAL_ENV", "CONDA_PREFIX", "__PYVENV_LAUNCHER__")
    }
    # Variables and not `-I`, because the engine hands them on to its worker and `-I` would ignore PYTHONUTF8.
    return kept | {"PYTHONUTF8": "1", "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}


class ChildProcess:
    """One command that runs from the moment this is made until `poll` gives its exit code."""

    def __init__(
        self, command: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path
    ) -> None:
        """Starts `command` in `folder`; stdout and stderr are appended to `log`, stdin is empty.

        Raises OSError when the log cannot be written or the program cannot be started.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):  # not there, or open elsewhere (Windows): it grows a little more
            if log.stat().st_size > LOG_BYTES:
                os.replace(log, log.with_suffix(".old.log"))
        self._log = log
        self._kill_at_s = float("inf")
        self.is_ended_by_us = False
        with log.open("ab") as output:
            self._log_start = self._read_up_to = output.tell()
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                cwd=folder,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # Windows alone has it
                start_new_session=os.name == "posix",  # Ctrl-C in Blender's terminal is not for the child
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code, None while it runs; kills it when the patience given to `end` is used up."""
        code = self._process.poll()
        if code is None and time.monotonic() >= self._kill_at_s:
            self.kill()
            code = self._process.poll()
        return code

    def end(self, patience_s: float) -> None:
        """Asks it and its children to end, returns at once; a later `poll` kills it after `patience_s`.

        Windows has no way to ask a program without a console: there it is ended with its children at once.
        """
        self.is_ended_by_us = True
        if os.name != "posix":
            self.kill()
            return
        if self._process.poll() is None and self._kill_at_s == float("inf"):
            self._signal_all(signal.SIGTERM)
            self._kill_at_s = time.monotonic() + patience_s

    def kill(self) -> None:
        """Ends it and its children now."""
        self.is_ended_by_us = True
        if self._process.poll() is not None:
            return
        if os.name == "posix":
            self._signal_all(signal.SIGKILL)
            return
        with contextlib.suppress(OSError):  # taskkill is a part of every Windows; without it the child alone
            subprocess.Popen(  # not waited for: it takes up to half a second
                ["taskkill", "/T", "/F", "/PID", str(self._process.pid)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
            return
        self._process.kill()

    def _signal_all(self, number: int) -> None:
        """Signals it and those of its children that have not left its process group (POSIX)."""
        with contextlib.suppress(ProcessLookupError):  # it ended by itself in this moment
            os.killpg(self._process.pid, number)

    def wait(self, limit_s: float) -> int | None:
        """The exit code, after waiting at most `limit_s`; None if it still runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):  # None says so
            return self._process.wait(limit_s)
        return None

    def new_text(self) -> str:
        """What it said since the last call, at most 64 KiB at a time."""
        with self._log.open("rb") as file:
            file.seek(self._read_up_to)
            piece = file.read(_PIECE_BYTES)
        self._read_up_to += len(piece)
        return piece.decode("utf-8", "replace")

    def tail(self, n_lines: int = 20) -> str:
        """The last lines that it said, at most `n_lines` and 8000 bytes."""
        with contextlib.suppress(OSError), self._log.open("rb") as file:  # no log: nothing to show
            end = file.seek(0, os.SEEK_END)
            file.seek(max(self._log_start, end - 8000))
            return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-n_lines:])
        return ""
