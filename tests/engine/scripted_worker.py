"""A worker that does what the name of the first picture says, so that tests script it through real messages.

`quick` is done at once, `slow` takes steps until it is cancelled, `deaf` never looks whether it was, `die` is
killed, `die-once FILE` only the first time, `fail`, `memory` and `bad-input` raise, `early` sends an event
out of turn, `other` one of another job, `leave` ends the process, `steps N` takes N steps of 20 ms, `busy`
computes without a pause, `full` finds the disk full when it is done.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from engine.errors import BadInput, Cancelled
from engine.runner import StageRecord
from engine.worker import JobListener, Made, work_for_server
from protocol.arrays import Array, Image, Mesh
from protocol.requests import CutoutRequest, Request
from protocol.results import CutoutReady, NamedImage, Result

VERTICES = Array("float32", (3, 3), bytes(36))
FACES = Array("int32", (1, 3), bytes(12))


def made_of(job: str, n_bytes: int = 8) -> Result:
    """A result whose texture has that many bytes."""
    mesh = Mesh(VERTICES, FACES, Array("float32", (1, 3, 2), bytes(24)))
    texture = NamedImage("base_color", "sRGB", Image("file", Array("uint8", (n_bytes,), bytes(n_bytes))))
    return Result(job, mesh, (texture,), {"engine": "scripted"}, {"pid": os.getpid()})


def work(job: str, request: Request, listener: JobListener, is_cancelled: Callable[[], bool]) -> Made:
    """Follows the script in the picture's name."""
    if isinstance(request, CutoutRequest):
        return CutoutReady(job, Image("pixels", Array("uint8", (1, 1, 4), bytes(4))), "alpha")
    script, _, rest = request.pictures[0].name.partition(" ")
    listener.stage_started("shape", 0, 1)
    listener.stage_progress("shape", 1, 2)
    SCRIPTS[script](listener, is_cancelled, rest)
    listener.stage_finished(StageRecord("shape", 0.5, 0, False, ("a note",)))
    listener.shape_ready(VERTICES, FACES)
    return made_of(job, int(rest) if rest.isdecimal() else 8)


def _quick(listener: JobListener, is_cancelled: Callable[[], bool], rest: str) -> None:
    listener.notice("shape", "worse than asked")


def _slow(listener: JobListener, is_cancelled: Callable[[], bool], rest: str) -> None:
    for step in range(600):
        if is_cancelled():
            raise Cancelled
        listener.stage_progress("shape", step, 600)
        time.sleep(0.02)


def _steps(listener: JobListener, is_cancelled: Callable[[], bool], rest: str) -> None:
    for step in range(int(rest)):
        if is_cancelled():
            raise Cancelled
        listener.stage_progress("shape", step, int(rest))
        time.sleep(0.02)


def _busy(listener: JobListener, is_cancelled: Callable[[], bool], rest: str) -> None:
    while True:
        sum(range(1_000_000))


def _full(listener: JobListener, is_cancelled: Callable[[], bool], rest: str) -> None:
    def fsync(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    os.fsync = fsync


def _deaf(listener: JobListener, is_cancelled: Callable[[], bool], rest: str) -> None:
    time.sleep(60)


def _die(listener: JobListener, is_cancelled: Callable[[], bool], rest: str) -> None:
    time.sleep(0.1)  # what was said before is still on its way out of this process
    os.kill(os.getpid(), signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)


def _die_once(listener: JobListener, is_cancelled: Callable[[], bool], rest: str) -> None:
    mark = Path(rest)
    if not mark.exists():
        mark.touch()
        _die(listener, is_cancelled, rest)


def _fail(listener: JobListener, is_cancelled: Callable[[], bool], rest: str) -> None:
    raise RuntimeError("the stage is broken")


def _bad_input(listener: JobListener, is_cancelled: Callable[[], bool], rest: str) -> None:
    raise BadInput("The picture is empty.", remedy="Choose another.")


def _memory(listener: JobListener, is_cancelled: Callable[[], bool], rest: str) -> None:
    raise MemoryError


def _early(listener: JobListener, is_cancelled: Callable[[], bool], rest: str) -> None:
    listener.stage_progress("bake", 2, 2)


def _other(listener: JobListener, is_cancelled: Callable[[], bool], rest: str) -> None:
    listener.job = "another"
    listener.notice("", "of a job that is not mine")


def _leave(listener: JobListener, is_cancelled: Callable[[], bool], rest: str) -> None:
    sys.exit(3)


SCRIPTS = {
    "quick": _quick,
    "slow": _slow,
    "deaf": _deaf,
    "steps": _steps,
    "busy": _busy,
    "full": _full,
    "die": _die,
    "die-once": _die_once,
    "fail": _fail,
    "bad-input": _bad_input,
    "memory": _memory,
    "early": _early,
    "other": _other,
    "leave": _leave,
}

if __name__ == "__main__":
    sys.exit(work_for_server(work))
