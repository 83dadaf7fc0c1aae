"""Starts the probes and hears them out: one that crashes, hangs or babbles has an outcome, never an error."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

PROBE_LIMIT_S = 60.0  # a cold start of torch from a slow disk with a virus scanner has taken half of this

_SCRIPT = Path(__file__).with_name("probe.py")


@dataclass(frozen=True)
class Outcome:
    """What a probe told before it ended.

    `facts` maps each finished step to what it found. `failed_step` is the step that was running when the
    process failed, empty if it ended well; `failure` says how it ended and `detail` holds its last words.
    """

    facts: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    failed_step: str = ""
    failure: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Probe:
    """A probe that is running; `hear` must be called once."""

    process: subprocess.Popen[str]
    errors: IO[str]

    def hear(self, limit_s: float = PROBE_LIMIT_S) -> Outcome:
        """Waits at most `limit_s` for the end, ends the process otherwise, and returns what it told."""
        failure = ""
        try:
            said, _ = self.process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            said, _ = self.process.communicate()
            failure = f"did not answer within {limit_s:.0f} s"
        with self.errors:
            self.errors.seek(0)
            last_words = self.errors.read()[-20_000:]
        return read_outcome(said, self.process.returncode, last_words, failure)


def start_probe(*arguments: str, script: Path = _SCRIPT) -> Probe:
    """Starts the probe with `arguments` (see engine.doctor.probe) in this Python and returns at once.

    Its errors go to a file: a pipe that no one reads would stop a talkative child.
    """
    errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115  # closed by hear
    process = subprocess.Popen(
        # -P: the folder of the script does not shadow modules; utf8: file names in messages survive
        [sys.executable, "-P", "-X", "utf8", str(script), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        encoding="utf-8",
        errors="replace",
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # Windows: no console flashes up
    )
    return Probe(process, errors)


def read_outcome(said: str, code: int, last_words: str, failure: str = "") -> Outcome:
    """The outcome of a process that wrote `said`, ended with `code`, and left `last_words` on stderr.

    `failure` overrides the words made from the code. Lines that are no message are passed over: libraries
    print at import.
    """
    facts: dict[str, Mapping[str, object]] = {}
    running = ""
    for message in filter(None, map(_read_message, said.splitlines())):
        step = str(message["step"])
        if "facts" in message:
            facts[step] = message["facts"]  # type: ignore[assignment]  # checked by _read_message
            running = ""
        else:
            running = step
    if code < 0:
        failure = failure or f"was ended by signal {-code}"
    elif code > 0:
        failure = failure or f"ended with code {code}"
    words = [line.strip() for line in last_words.splitlines() if line.strip()]
    return Outcome(
        facts=facts,
        failed_step=(running or "end") if failure else "",
        failure=failure,
        detail=words[-1][:500] if words and failure else "",
    )


def _read_message(line: str) -> dict[str, object] | None:
    """The message on `line`, None if it is something else."""
    if not line.startswith("{"):
        return None
    try:
        message = json.loads(line)
    except ValueError:  # a library's output that happens to open with a brace
        return None
    if not isinstance(message, dict) or "step" not in message:
        return None
    return message if isinstance(message.get("facts", {}), dict) else None
