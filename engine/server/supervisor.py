"""The worker may crash, hang or not start: its job is started once more, and then its failure is told.

A machine with five states, moved by messages of the worker and by `tick`; every wait has an end. Times are
those of a monotonic clock, in seconds, and come from the caller.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from engine.errors import MaquetteError, fault_of
from engine.jobs import Job, JobQueue, cancelled_fault
from engine.payloads import Payload, ram_payload
from engine.worker_process import Exit, WorkerProcess
from protocol import messages as m
from protocol.faults import Fault, fitted
from protocol.results import CutoutReady, Result
from protocol.rules import Record
from protocol.states import CANCELLED, CANCELLING, DONE, FAILED, QUEUED, RUNNING, OutOfTurn
from protocol.track import EVENT_CLASSES

MAX_STARTS = 2  # a job whose worker died twice is not tried again
_log = logging.getLogger("maquette.server")


@dataclass(frozen=True)
class Patience:
    """How long the server waits for its worker, in seconds."""

    start_s: float = 180.0  # the first import of torch on a slow disk with a virus scanner takes a minute
    cancel_s: float = 5.0  # then the process is ended, because a long call cannot be interrupted
    end_s: float = 5.0
    idle_s: float = 300.0  # then the worker is ended and its memory free


class Results(Protocol):
    """Where workers put the results that they do not send; see engine.records."""

    def claim_result(self, job: str) -> Payload:
        """Takes over a job's result; raises MaquetteError when it is none."""

    def spurn_result(self, job: str) -> None:
        """Removes a job's result that nobody wants."""


class Supervisor:
    """Starts the worker when a job waits, gives it one job at a time, and ends it."""

    def __init__(
        self,
        queue: JobQueue,
        start: Callable[[bytes], WorkerProcess],
        say: Callable[[bytes, Record], None],
        tell_all: Callable[[Record], None],
        results: Results,
        patience: Patience,
    ) -> None:
        """`start` starts a worker that will connect under a name; `say` sends to a worker of that name."""
        self.state = "absent"  # one of protocol.session.WORKER_STATES
        self._queue = queue
        self._start = start
        self._say = say
        self._tell_all = tell_all
        self._results = results
        self._patience = patience
        self._process: WorkerProcess | None = None
        self._name = b""
        self._n_workers = 0
        self._n_failed_starts = 0
        self._job = ""
        self._deadline_s = 0.0  # of the state, or of a cancel that is under way
        self._is_free_wanted = False
        self._broken = ""  # why the worker was ended although it ran

    @property
    def is_watchful(self) -> bool:
        """Whether something is under way that a tick may have to act on soon."""
        return self.state in ("starting", "busy", "ending") or self._queue.next() is not None

    def tick(self, now_s: float) -> None:
        """Does what time or the queue asks for."""
        if self._process is not None and (ended := self._process.poll()) is not None:
            self._bury(ended)
        if self._process is None:
            if self._queue.next() is not None:
                self._launch(now_s)
        elif self.state == "idle":
            self._use_or_end(now_s)
        elif now_s >= self._deadline_s and (self.state in ("starting", "ending") or self._is_cancelling()):
            if self.state == "starting":
                self._broken = f"did not start within {self._patience.start_s:.0f} s"
            self._process.kill()

    def hear(self, name: bytes, message: Record, now_s: float) -> None:
        """Acts on a worker's message; one that is no longer ours is not heard."""
        if name != self._name or self._process is None or self.state == "ending":
            return
        if isinstance(message, m.Hello):
            self._n_failed_starts = 0
            self._rest(now_s)
        elif getattr(message, "job", "") != self._job or not self._job:
            self.distrust(f"spoke of job {getattr(message, 'job', '')!r} while it had {self._job!r}")
        elif isinstance(message, (Result, CutoutReady, m.JobChanged)):
            self._end(message, now_s)
        elif isinstance(message, EVENT_CLASSES):
            try:
                self._happen(message)
            except OutOfTurn as error:
                self.distrust(f"sent an event out of turn ({error})")

    def distrust(self, why: str) -> None:
        """Ends a worker that breaks the protocol; what follows is as if it had crashed."""
        _log.error("the worker %s", why)
        if self._process is not None:
            self._broken, self._name = why, b""  # what it still sends is not heard
            self._process.kill()

    def cancel(self, job: Job, now_s: float) -> None:
        """Cancels a queued job at once; asks the worker to stop a running one, which it must do in time."""
        if job.state == QUEUED:
            self._happen(m.JobChanged(job.job, CANCELLED, cancelled_fault()))
        else:
            self._happen(m.JobChanged(job.job, CANCELLING))
            self._deadline_s = now_s + self._patience.cancel_s
            self._say(self._name, m.Cancel(job.job))

    def free(self) -> None:
        """Has the worker end once nothing runs or waits."""
        self._is_free_wanted = True

    def close(self) -> None:
        """Ends the worker now and waits until it is gone."""
        if self._process is not None:
            self._process.end(self._patience.end_s)
            self._process = None
        self.state = "absent"

    def _launch(self, now_s: float) -> None:
        self._n_workers += 1
        self._name = f"worker-{self._n_workers}".encode()
        self._broken = ""
        self._is_free_wanted = False
        try:
            self._process = self._start(self._name)
        except OSError as error:
            self._bury(Exit(f"could not be started: {error}", ""))
            return
        self.state, self._deadline_s = "starting", now_s + self._patience.start_s
        _log.info("worker started, process %d", self._process.pid)

    def _use_or_end(self, now_s: float) -> None:
        job = self._queue.next()
        if job is not None:
            self._give(job)
        elif self._is_free_wanted or now_s >= self._deadline_s:
            self._is_free_wanted = False
            self.state, self._deadline_s = "ending", now_s + self._patience.end_s
            self._say(self._name, m.Shutdown())

    def _give(self, job: Job) -> None:
        """Gives the worker a job; one whose pictures cannot be read has failed."""
        try:
            submit = self._queue.request(job.job)
        except MaquetteError as error:
            self._happen(m.JobChanged(job.job, FAILED, fault_of(error)))
            return
        self.state, self._job = "busy", job.job
        self._happen(m.JobChanged(job.job, RUNNING))
        self._say(self._name, submit)

    def _rest(self, now_s: float) -> None:
        self.state, self._job, self._deadline_s = "idle", "", now_s + self._patience.idle_s

    def _is_cancelling(self) -> bool:
        return self.state == "busy" and self._queue.get(self._job).state == CANCELLING

    def _finish(self, made: Payload, now_s: float) -> None:
        self._queue.keep(self._job, made)
        self._tell_all(m.JobChanged(self._job, DONE))
        self._rest(now_s)

    def _end(self, message: Result | CutoutReady | m.JobChanged, now_s: float) -> None:
        """The worker is done with its job: a result came or lies on the disk, or there is none."""
        if self._is_cancelling():
            self._results.spurn_result(self._job)
            self._happen(m.JobChanged(self._job, CANCELLED, cancelled_fault()))
            self._rest(now_s)
        elif not isinstance(message, m.JobChanged):
            self._finish(ram_payload(message), now_s)
        elif message.state == DONE:
            try:
                self._finish(self._results.claim_result(self._job), now_s)
            except MaquetteError as error:
                self.distrust(f"said that job {self._job} is done, but {error.message}")
        elif message.state == FAILED:
            self._happen(message)
            self._rest(now_s)
        else:
            self.distrust(f"said that job {self._job} is {message.state}, which nobody asked for")

    def _bury(self, ended: Exit) -> None:
        """Puts right what the worker left, and tells why it ended."""
        cause = self._broken or ended.cause
        job, state = self._job, self.state
        self._process, self._name, self._job, self.state = None, b"", "", "absent"
        if state == "ending":
            _log.info("worker ended")
            return
        _log.warning("the worker %s\n%s", cause, ended.log_tail)
        if job:
            self._mourn(self._queue.get(job), cause, ended)
        elif state != "idle":
            self._n_failed_starts += 1
            waiting = self._queue.next()
            if waiting is not None and self._n_failed_starts >= MAX_STARTS:
                self._n_failed_starts = 0
                self._happen(m.JobChanged(waiting.job, FAILED, _died(cause, ended, "")))

    def _mourn(self, job: Job, cause: str, ended: Exit) -> None:
        if job.state == CANCELLING:
            self._happen(m.JobChanged(job.job, CANCELLED, cancelled_fault()))
        elif job.n_starts < MAX_STARTS:
            self._happen(
                m.JobChanged(job.job, QUEUED, _died(cause, ended, job.view.stage, "It starts again."))
            )
        else:
            self._happen(m.JobChanged(job.job, FAILED, _died(cause, ended, job.view.stage)))

    def _happen(self, event: Record) -> None:
        assert isinstance(event, EVENT_CLASSES)
        self._queue.apply(event)
        self._tell_all(event)


def _died(cause: str, ended: Exit, stage: str, remedy: str = "") -> Fault:
    message = f"The worker {cause} during {stage}." if stage else f"The worker {cause}."
    return Fault(
        "worker_died",
        fitted(message, 2000),
        remedy or "Try again; if it happens again, choose a lower preset or report it with the log.",
        "" if remedy else "retry",
        stage,
        fitted(ended.log_tail, 20_000),
    )
