"""The worker does one job at a time for the server that started it, and ends when that server is gone.

It is the only process that computes: a crash here costs one job. One thread does everything; the socket is
looked at whenever the runner asks whether the job was cancelled. What a stage raises becomes a fault.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import zmq

from engine import __version__
from engine.errors import Cancelled, MaquetteError, fault_of
from engine.link.address import Address
from engine.link.sockets import ZmqSocket, dealer, receive, send
from engine.records.files import write_result
from engine.runner import Listener, StageRecord
from protocol import messages as m
from protocol.arrays import Array
from protocol.codec import FROM_ENGINE, ProtocolError, decode, encode
from protocol.faults import fitted
from protocol.names import WIRE_MAJOR, WIRE_MINOR
from protocol.requests import Request
from protocol.results import CutoutReady, Result
from protocol.rules import Record
from protocol.states import DONE

_NICE = 5  # Blender, with somebody before it, comes first; worker_process says the same for Windows
_PROGRESS_GAP_S = 0.05  # twenty a second are more than a panel shows
_ORDERS = (m.Submit, m.Cancel, m.Shutdown)
_log = logging.getLogger("maquette.worker")

Made = Result | CutoutReady


class JobListener(Listener):
    """Sends what happens in one job to the server."""

    def __init__(self, job: str, say: Callable[[Record], None]) -> None:
        self.job = job
        self._say = say
        self._progress_s = -1.0

    def stage_started(self, stage: str, index: int, n_stages: int) -> None:
        """Sends StageStarted."""
        self._say(m.StageStarted(self.job, stage, index, n_stages))

    def stage_progress(self, stage: str, step: int, n_steps: int) -> None:
        """Sends StageProgress, but no more often than a reader wants."""
        now_s = time.monotonic()
        if step == n_steps or now_s - self._progress_s >= _PROGRESS_GAP_S:
            self._progress_s = now_s
            self._say(m.StageProgress(self.job, stage, step, n_steps))

    def stage_finished(self, record: StageRecord) -> None:
        """Sends StageFinished."""
        _log.info("job %s: %s took %.2f s", self.job, record.name, record.seconds)
        self._say(
            m.StageFinished(
                self.job, record.name, record.seconds, record.peak_vram_bytes, record.cached, record.notes
            )
        )

    def notice(self, stage: str, text: str) -> None:
        """Sends Notice."""
        self._say(m.Notice(self.job, stage, text))

    def shape_ready(self, vertices: Array, faces: Array) -> None:
        """Sends the shape before its texture: float32 (N, 3), int32 (M, 3), in the wire's frame."""
        self._say(m.ShapeReady(self.job, vertices, faces))


# Does a job: its id, what was asked for, who listens, and whether it was cancelled meanwhile.
Work = Callable[[str, Request, JobListener, Callable[[], bool]], Made]


@dataclass
class Worker:
    """One connection to the server and the job under way."""

    socket: ZmqSocket
    work: Work
    results: Path
    job: str = ""
    is_cancelled: bool = False
    is_ending: bool = False
    _stage: str = field(default="", repr=False)

    def serve(self) -> None:
        """Obeys until told to end."""
        self.say(m.Hello((WIRE_MAJOR, WIRE_MINOR), "worker", f"worker {__version__}", False))
        while not self.is_ending:
            self.socket.poll()
            self.hear()

    def say(self, message: Record) -> None:
        """Sends a message; waits while the server has not read the ones before."""
        if isinstance(message, m.StageStarted):
            self._stage = message.stage
        frames = encode(message, FROM_ENGINE)
        while not send(self.socket, frames):
            self.socket.poll(1000, zmq.POLLOUT)

    def hear(self) -> None:
        """Obeys the messages that have come."""
        while (received := receive(self.socket, FROM_ENGINE, is_routed=False)) is not None:
            order = decode(received.frames, FROM_ENGINE, _ORDERS)
            if isinstance(order, m.Submit):
                self.do(order)
            elif isinstance(order, m.Cancel):
                self.is_cancelled = self.is_cancelled or order.job == self.job
            else:
                self.is_ending = self.is_cancelled = True

    def do(self, order: m.Submit) -> None:
        """Does one job; its end, good or bad, is said in one message."""
        if self.job:
            raise ProtocolError("Submit", f"came while job {self.job} is under way")
        self.job, self.is_cancelled, self._stage = order.job, False, ""
        try:
            listener = JobListener(order.job, self.say)
            end = self._kept(self.work(order.job, order.request, listener, self._ask))
        except Cancelled:
            end = m.JobChanged(order.job, "cancelled")
        except Exception as error:  # noqa: BLE001  # whatever a stage raises is told as a fault
            fault = fault_of(error, stage=self._stage)
            _log.warning("job %s failed: %s\n%s", order.job, fault.message, fault.detail)
            end = m.JobChanged(order.job, "failed", fault)
            self.is_ending = (
                self.is_ending or fault.code == "device_lost"
            )  # only a new process has a new context
        self.job = ""
        self.say(end)

    def _kept(self, made: Made) -> Record:
        """What tells the server of the result: that it lies on the disk, or itself where there is no room."""
        if not isinstance(made, Result):
            return made  # a cut-out is small and not kept
        try:
            write_result(self.results, made)
        except MaquetteError as error:
            words = "The result is only in memory: take it before the engine ends."
            self.say(m.Notice(made.job, "", fitted(f"{error.message} {words} {error.remedy}", 2000)))
            return made
        return m.JobChanged(made.job, DONE)

    def _ask(self) -> bool:
        self.hear()
        return self.is_cancelled


def work_for_server(work: Work) -> int:
    """Works for the server whose address comes in one line on stdin; returns the exit code."""
    faulthandler.enable()  # a crash in a library writes where it was into the log
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then tells us
    if os.name == "posix":
        os.nice(_NICE)
    start = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_server, name="stdin", daemon=True).start()
    context: zmq.Context[ZmqSocket] = zmq.Context()
    address = Address(start["endpoint"], 0, start["token"], 0, (WIRE_MAJOR, WIRE_MINOR), __version__)
    socket = dealer(context, address, limits=FROM_ENGINE, identity=start["identity"].encode())
    socket.linger = 10_000  # the last word may be a large result
    socket.connect(address.endpoint)
    try:
        Worker(socket, work, Path(start["results"])).serve()
    finally:
        socket.close()
        context.term()
    return 0


def _end_with_server() -> None:
    """Waits for the end of stdin, which comes when the server ends in any way, and ends the process."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(1)


def work_with_pipelines(
    job: str, request: Request, listener: JobListener, is_cancelled: Callable[[], bool]
) -> Made:
    """Does a job exactly as the command line does it in its own process."""
    # Imported late: the worker connects first, so that the server sees it live while libraries load.
    from engine.pipelines import run_request

    return run_request(job, request, listener, is_cancelled)


if __name__ == "__main__":
    sys.exit(work_for_server(work_with_pipelines))
