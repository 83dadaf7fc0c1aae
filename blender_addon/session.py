"""No bpy. What the artist wants of the engine and what has become of it; orders outlive a lost engine.

No call blocks and none raises for what the engine or the user did: that is a `Fault`, which stays until it is
dismissed. Whatever arrives for the scene is returned by `tick`.
"""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Callable
from pathlib import Path

from .connection import READY, Connection
from .engine_options import EngineOptions
from .estimate import Estimate, Times, kind_of_job
from .ledger import LANDED, PENDING, TAKING, WAITING, Job, Ledger
from .own_files import read_json, write_json
from .protocol import messages as m
from .protocol.codec import ProtocolError
from .protocol.faults import Fault
from .protocol.requests import GenerateRequest, Request
from .protocol.results import CutoutReady, Result
from .protocol.rules import Record
from .protocol.states import CANCELLED, CLOSED, DONE, FAILED, QUEUED, RUNNING
from .protocol.track import EVENT_CLASSES

OURS_FILE = "ours.json"  # ids of jobs whose results this Blender still wants
_BUSY_S, _IDLE_S = 2.0, 10.0  # between questions for free memory
_N_LINES = 200  # of the log that the report shows
_ABANDONED_S = 3600.0  # a cut-out as old as that is of a Blender that was killed
_MAY_BE = {
    m.Cancel: {QUEUED, RUNNING},
    m.Retry: {FAILED, CANCELLED},
    m.Discard: CLOSED,
}  # states for an order


class Session:
    """One Blender's dealings with the engine."""

    def __init__(self, options: Callable[[], EngineOptions], own_folder: Path, version: str) -> None:
        """`options` is asked when it is needed; `own_folder` is the add-on's; `version` the add-on's."""
        self.version = version
        self.fault: Fault | None = None
        self.fault_job = ""
        self.news = ""  # one sentence that the user should know, until dismissed or replaced
        self.status: m.Status | None = None
        self.log: deque[str] = deque(maxlen=_N_LINES)
        self.times = Times(own_folder)
        self._ours_path = own_folder / OURS_FILE
        self._ours_written = _ids_of(read_json(self._ours_path))
        self.jobs = Ledger(self._ours_written)
        self.connection = Connection(options, version, self)
        self.connection.is_wanted = bool(self._ours_written)  # they may wait since Blender ended
        self._asked_s = 0.0
        self._is_listed = not self._ours_written
        self._is_asking = False  # a list of jobs is on its way
        self._is_new = True  # the engine has not told yet what it holds
        self._orders: dict[str, m.Cancel | m.Retry | m.Discard] = {}  # given and not obeyed yet

    # What the artist may do.

    def start(self) -> None:
        """Wants an engine."""
        if self.fault is not None and self.fault.code in ("unreachable", "refused"):
            self.clear_fault()
        self.connection.start()

    def stop(self) -> None:
        """Ends the engine; its open jobs go on when it is started again."""
        self.connection.stop()
        self.status = None

    def restart(self) -> None:
        """Ends the engine and starts it anew."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Leaves, as Blender does when it ends or disables the add-on."""
        self._keep_ours()
        self.connection.close()

    def submit(self, request: Request, name: str, place: object, now_s: float) -> str:
        """Asks for a job and returns its id; starts the engine if need be."""
        job = uuid.uuid4().hex
        self.jobs.add(job, request, name, place, now_s)
        self.note(f"asked for {name!r} as {job}")
        self._keep_ours()
        self.start()
        self._submit(job)
        return job

    def cancel(self, job: str) -> None:
        """Asks that a job stop; one that no engine has seen is forgotten."""
        known = self.jobs.get(job)
        if known is not None and not known.is_accepted and not self.is_ready:
            self.jobs.remove(job)
            self._keep_ours()
            self._order(m.Cancel(job))  # an engine that was lost may have taken it without a word
        elif known is not None:
            self._order(m.Cancel(job))

    def retry(self, job: str) -> None:
        """Has a failed or cancelled job done again, its result landing where the first would have."""
        known = self.jobs.change(job, fate=PENDING, is_ours=True, has_shape=False)
        if known is None:
            return
        self.start()
        if known.is_accepted:
            self._order(m.Retry(job))
        elif known.request is not None:
            self.jobs.add(job, known.request, known.name, known.place, time.monotonic())
            self._keep_ours()
            self._submit(job)

    def take(self, job: str, place: object = None) -> None:
        """Asks for a result, which arrives by `tick`; with a `place` the artist asks for it there."""
        known = self.jobs.get(job)
        is_coming = known is not None and known.fate == TAKING
        if place is None:
            self.jobs.change(job, fate=TAKING)
        else:
            self.jobs.change(job, fate=TAKING, is_ours=True, place=place, is_asked=True)
            self._keep_ours()
            self.start()  # an engine that was stopped still has it on its disk
        if not is_coming:
            self.connection.say(m.Take(job))

    def discard(self, job: str) -> None:
        """Has a job that is over and its result forgotten."""
        known = self.jobs.get(job)
        if known is None or known.is_accepted:
            self._order(m.Discard(job))
        else:
            self.jobs.remove(job)
            self._keep_ours()

    def free_gpu(self) -> None:
        """Has the worker end once it is idle, which leaves no graphics memory in use."""
        self.connection.say(m.FreeGpu())

    def clear_fault(self) -> None:
        """The user has read it."""
        self.fault, self.fault_job, self.news = None, "", ""

    # What the scene tells.

    def shape_landed(self, job: str) -> None:
        """The untextured shape is in the scene."""
        self.jobs.change(job, has_shape=True)

    def landed(self, job: str, news: str = "") -> None:
        """The result is in the scene."""
        self.jobs.change(job, fate=LANDED)
        self.news = news or self.news
        self._keep_ours()

    def postpone(self, job: str, why: str) -> None:
        """The result cannot land by itself: it waits for a click, and the user hears why."""
        self.jobs.change(job, fate=WAITING)
        self.news = why
        self._keep_ours()

    def forget_places(self) -> None:
        """Another file was opened: nothing of ours lands in it by itself any more."""
        for job in self.jobs:
            if job.is_ours and job.is_model and job.fate in (PENDING, TAKING):
                self.jobs.change(job.job, place=None, has_shape=False)

    # What the timer does.

    def tick(self, now_s: float) -> list[Record]:
        """Does what is due; returns what arrived for the scene.

        That is ShapeReady, Result and CutoutReady of our jobs, JobChanged of one that was cancelled, and of a
        cut-out that failed.
        """
        arrived: list[Record] = []
        for message in self.connection.tick(now_s):
            arrived += self._hear(message, now_s)
        silent_s = now_s - self._asked_s
        if self.is_ready and silent_s > _BUSY_S and (silent_s > _IDLE_S or self.jobs.open_models):
            self._asked_s = now_s
            self.connection.say(m.AskStatus())
        return arrived

    @property
    def is_ready(self) -> bool:
        """Whether an engine answers."""
        return self.connection.phase == READY

    @property
    def interval_s(self) -> float:
        """How soon `tick` should be called again."""
        calm_s = self.connection.interval_s
        if not self.is_ready:
            return calm_s
        if any(job.fate == TAKING or (job.is_open and not job.is_accepted) for job in self.jobs):
            return 0.02
        return 0.03 if any(job.is_ours and job.is_open for job in self.jobs) else calm_s

    @property
    def other_version(self) -> str:
        """The engine's version if it is not the add-on's."""
        welcome = self.connection.welcome
        return welcome.engine if welcome is not None and welcome.engine != self.version else ""

    def estimate(self, backend: str, preset: str, n_views: int) -> Estimate | None:
        """What such a job cost on this computer so far."""
        return self.times.estimate(kind_of_job(backend, preset, n_views))

    def seconds_left(self, job: Job, now_s: float) -> float | None:
        """Seconds until a running job is done, judged by earlier ones; None if not known."""
        if not job.view.stage:
            return None
        kind = kind_of_job(job.backend, job.preset, job.n_views)
        return self.times.seconds_left(kind, job.view.stage, now_s - job.stage_began_s)

    # What the connection tells.

    def fail(self, fault: Fault, job: str = "") -> None:
        """Shows a fault until it is dismissed or another one comes."""
        self.fault, self.fault_job = fault, job
        self.note(f"fault {fault.code}: {fault.message} {fault.detail}".rstrip())

    def notice(self, text: str) -> None:
        """Shows a sentence."""
        self.news = text
        self.note(text)

    def note(self, line: str) -> None:
        """Keeps a line for the report."""
        self.log.append(f"{time.strftime('%H:%M:%S')} {line}")

    def opened(self) -> None:
        """An engine answers: it is asked what it holds."""
        self._asked_s = 0.0
        if self.fault is not None and self.fault.code in ("unreachable", "refused"):
            self.fault, self.fault_job = None, ""
        for job in self.jobs:
            if job.fate == TAKING:  # the engine ended while its result was on the way
                self.jobs.change(job.job, fate=PENDING)
        self._is_asking, self._is_new = False, True
        self._ask_for_list()

    def has_work(self) -> bool:
        """Whether something is still to be done for us."""
        return any(job.is_ours and job.is_under_way for job in self.jobs)

    def _ask_for_list(self) -> None:
        if not self._is_asking:
            self._is_asking = True
            self.connection.say(m.ListJobs())

    def _order(self, order: m.Cancel | m.Retry | m.Discard) -> None:
        """Gives an order now, and again to the next engine if this one is lost before it has obeyed."""
        self._orders[order.job] = order
        if not self._is_new:
            self.connection.say(order)

    def _drop_obeyed(self, job: str) -> None:
        """Forgets the order for a job that is not, or no longer, in a state for it."""
        known, order = self.jobs.get(job), self._orders.get(job)
        if order is not None and (known is None or known.state not in _MAY_BE[type(order)]):
            del self._orders[job]

    # What the engine says.

    def _hear(self, message: Record, now_s: float) -> list[Record]:
        match message:
            case m.Jobs():
                self._compare(message)
            case m.Accepted():
                self.jobs.change(message.job, is_accepted=True, position=message.position)
            case m.Rejected():
                self._be_rejected(message)
            case m.Status():
                self.status = message
            case m.JobRemoved():
                self.jobs.remove(message.job)
                self._orders.pop(message.job, None)
                self._keep_ours()
            case Result() | CutoutReady():
                return self._receive(message)
            case _ if isinstance(message, EVENT_CLASSES):
                return self._happen(message, now_s)
        return []

    def _compare(self, listed: m.Jobs) -> None:
        """Takes the engine's list over; what it has not heard of, it is asked for again."""
        self._is_asking = False
        for job in self.jobs.merge(listed.jobs):
            if job.request is not None:
                self._submit(job.job)
            else:
                gone = Fault(
                    "internal", f"The engine no longer knows the job {job.name}.", "Generate it again."
                )
                self.jobs.fail(job.job, gone)
                self.fail(gone, job.job)
        for job in self.jobs:
            if job.is_model or job.state != DONE:
                continue
            if job.is_ours:
                self.connection.say(m.Take(job.job))
            elif time.time() - job.submitted_at_s > _ABANDONED_S:  # else another Blender is about to take it
                self.connection.say(m.Discard(job.job))
        for name, order in tuple(self._orders.items()):
            self._drop_obeyed(name)
            if self._is_new and name in self._orders:
                self.connection.say(order)
        self._is_listed, self._is_new = True, False
        self._keep_ours()

    def _submit(self, job: str) -> None:
        known = self.jobs.get(job)
        if known is None or known.request is None:
            return
        try:
            self.connection.say(m.Submit(job, known.request))
        except ProtocolError as error:
            message = f"The pictures of {known.name} are too large for the engine: {error}."
            fault = Fault("bad_input", message, "Make them smaller.", "choose_picture")
            self.jobs.fail(job, fault)
            self.fail(fault, job)

    def _be_rejected(self, message: m.Rejected) -> None:
        known = self.jobs.get(message.job)
        self._orders.pop(message.job, None)
        if known is not None and not known.is_accepted:
            self.jobs.fail(message.job, message.fault)
        elif known is not None and known.fate == TAKING:
            self.jobs.change(message.job, fate=WAITING)
        if known is None or known.is_model:
            self.fail(message.fault, message.job)
        self._keep_ours()

    def _happen(self, event: Record, now_s: float) -> list[Record]:
        job = self.jobs.hear(event, now_s)  # type: ignore[arg-type]
        self._drop_obeyed(event.job)  # type: ignore[attr-defined]
        if isinstance(event, m.ShapeReady):
            return [event] if job is not None and job.is_ours and job.is_model else []
        if not isinstance(event, m.JobChanged):
            return []
        self.note(f"job {event.job} is {event.state}")
        if self.jobs.get(event.job) is None:  # another program's new job
            self._ask_for_list()
        if job is None or not job.is_ours:
            return []
        return self._follow_model(job, event) if job.is_model else self._follow_cutout(job, event)

    def _follow_model(self, job: Job, event: Record) -> list[Record]:
        fault = job.view.fault
        if job.state == FAILED and fault is not None:
            self.fail(fault, job.job)
        elif job.state == QUEUED and fault is not None:  # its worker died and it starts again
            self.news = f"{fault.message} {fault.remedy}".strip()
        self._keep_ours()
        return [event] if job.state == CANCELLED else []

    def _follow_cutout(self, job: Job, event: Record) -> list[Record]:
        if job.state == DONE:
            self.connection.say(m.Take(job.job))
        if job.state not in (FAILED, CANCELLED):
            return []
        self.connection.say(m.Discard(job.job))
        return [event]

    def _receive(self, message: Result | CutoutReady) -> list[Record]:
        known = self.jobs.get(message.job)
        if isinstance(message, CutoutReady):
            self.connection.say(m.Discard(message.job))
        elif known is not None:
            self.times.add(kind_of_job(known.backend, known.preset, known.n_views), message.report)
        return [message] if known is not None and known.is_ours else []

    def _keep_ours(self) -> None:
        """Writes down whose results this Blender still wants, for the case that it is killed."""
        wanted = {job.job for job in self.jobs.ours}
        if not self._is_listed:  # the engine has not told yet what became of the earlier ones
            wanted.update(self._ours_written)
        ids = sorted(wanted)
        if ids != self._ours_written and write_json(self._ours_path, ids):
            self._ours_written = ids


def _ids_of(plain: object) -> list[str]:
    return [item for item in plain if isinstance(item, str)] if isinstance(plain, list) else []


__all__ = ("GenerateRequest", "Session")
