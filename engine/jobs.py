"""The queue owns every job, and a job's state moves only by events that `protocol.states` allows.

It knows no disk: a keeper is told of every job and every change before anybody else is, and says where the
pictures and results lie. Times come from a clock that is given: tests have their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol, cast

from engine.errors import BadRequest, MaquetteError
from engine.payloads import InRam, Payload
from protocol.codec import ProtocolError
from protocol.events import MAX_JOBS, JobChanged, JobSummary, Submit
from protocol.faults import Fault
from protocol.requests import CutoutRequest, GenerateRequest, Request
from protocol.results import CutoutReady, Result
from protocol.states import CANCELLED, CLOSED, DONE, FAILED, OPEN, QUEUED, RUNNING, TAKEN, OutOfTurn, advance
from protocol.track import Event, JobView, fold

GIB = 1024**3
DAY_S = 86_400.0
Made = Result | CutoutReady
_DROPPED_FIRST = {TAKEN: 0, CANCELLED: 1, FAILED: 1, DONE: 2}  # a result that nobody has taken goes last


@dataclass(frozen=True)
class Job:
    """A job as the engine holds it; `place` orders those that wait, the smallest is next.

    `n_starts` counts the workers that were given it since it was queued by its client or found by a new
    server. `request` holds a Submit, `result` a Result or CutoutReady; None once they were dropped.
    `closed_s` is when it was closed, in seconds since 1970 UTC.
    """

    job: str
    summary: JobSummary
    view: JobView
    place: int
    request: Payload | None
    result: Payload | None = None
    n_starts: int = 0
    closed_s: float = 0.0

    @property
    def state(self) -> str:
        """One of protocol.states."""
        return self.view.state

    @property
    def result_bytes(self) -> int:
        """Size of the result that is kept, 0 for none."""
        return self.result.n_bytes if self.result else 0


@dataclass(frozen=True)
class QueueBounds:
    """What the queue holds at most; what is kept of closed jobs goes after `keep_s`."""

    max_queued_jobs: int = 1000
    max_jobs: int = MAX_JOBS  # what one list can carry
    max_request_bytes: int = 2 * GIB  # of all jobs that are open
    max_kept_bytes: int = 5_000_000_000  # on the disk, of all jobs that are closed
    max_ram_bytes: int = GIB  # the same in memory: cut-outs, and results for which the disk had no room
    keep_s: float = 30 * DAY_S


class Keeper(Protocol):
    """Hears of every job and change before a client does; see engine.records."""

    def keep_request(self, job: str, request: Request) -> Payload:
        """Keeps what a new job was given; raises MaquetteError when that cannot be done."""

    def save(self, job: Job) -> None:
        """Notes what has become of a job."""

    def drop(self, job: Job) -> None:
        """Notes a job that stays in the list without what it was given and has made."""

    def forget(self, job: Job) -> None:
        """Removes every trace of a job."""


class RamKeeper:
    """Keeps requests in memory and nothing else."""

    def keep_request(self, job: str, request: Request) -> Payload:
        """The request as it is."""
        return InRam(Submit(job, request), request_bytes(request))

    def save(self, job: Job) -> None:
        """Does nothing: memory is all there is."""

    drop = forget = save


class JobQueue:
    """All jobs by their id, oldest first, and the order in which the queued ones are to run."""

    def __init__(
        self,
        bounds: QueueBounds | None = None,
        keeper: Keeper | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` tells the seconds since 1970 UTC."""
        self.bounds = bounds or QueueBounds()
        self._keeper = keeper or RamKeeper()
        self._clock = clock
        self._jobs: dict[str, Job] = {}
        self._order: list[str] = []  # ids of queued jobs, next first
        self._last_place = 0
        self._listed: dict[str, tuple[Job, int, JobSummary]] = {}  # what the last list said, and of what

    def restore(self, jobs: Iterable[Job]) -> None:
        """Takes over the jobs of an earlier server, oldest first."""
        self._jobs |= {record.job: record for record in jobs}
        waiting = sorted(
            (record.place, record.job) for record in self._jobs.values() if record.state == QUEUED
        )
        self._order = [job for _, job in waiting]
        self._last_place = max((record.place for record in self._jobs.values()), default=0)

    def add(self, job: str, request: Request) -> Job:
        """A new job at the end of the queue, or the one that has this id already.

        Raises BadRequest when the queue is full, and what the keeper raises when it has no room.
        """
        if job in self._jobs:
            return self._jobs[job]
        n_bytes = request_bytes(request)
        held = sum(r.request.n_bytes for r in self._jobs.values() if r.request and r.state in OPEN)
        if len(self._order) >= self.bounds.max_queued_jobs:
            raise _full(f"{len(self._order)} jobs wait already, {self.bounds.max_queued_jobs} may")
        if held + n_bytes > self.bounds.max_request_bytes:
            raise _full(f"waiting pictures take {held / GIB:.1f} GiB, {n_bytes / GIB:.1f} more do not fit")
        self._make_place()
        kept = self._keeper.keep_request(job, request)
        record = Job(job, new_summary(job, request, self._clock()), JobView(job), self._last_place + 1, kept)
        self._keeper.save(record)
        self._last_place = record.place
        self._jobs[job] = record
        self._order.append(job)
        return record

    def get(self, job: str) -> Job:
        """The job with this id; raises BadRequest when there is none."""
        if job not in self._jobs:
            raise BadRequest(f"There is no job {job!r}.", remedy="It may have been discarded: list the jobs.")
        return self._jobs[job]

    def __contains__(self, job: str) -> bool:
        return job in self._jobs

    def __iter__(self) -> Iterator[Job]:
        return iter(tuple(self._jobs.values()))

    def next(self) -> Job | None:
        """The queued job that is to run next."""
        return self._jobs[self._order[0]] if self._order else None

    def position(self, job: str) -> int:
        """How many jobs come before this one in the queue; 0 when it has left it."""
        return self._order.index(job) if job in self._order else 0

    def apply(self, event: Event) -> Job:
        """Folds an event into its job; raises OutOfTurn when the job cannot have had it now."""
        record = self.get(event.job)
        moved = replace(record, view=fold(record.view, event))
        if isinstance(event, JobChanged):
            moved = self._moved(record, moved)
            self._keeper.save(moved)
        self._jobs[event.job] = moved
        return moved

    def _moved(self, before: Job, after: Job) -> Job:
        """The job after a change of state, with its place in the queue and what it holds put right."""
        if before.state == QUEUED:
            self._order.remove(before.job)
        if after.state == RUNNING:
            return replace(after, n_starts=before.n_starts + 1)
        if after.state == QUEUED:
            if before.state == RUNNING:  # its worker died: it was first and is first again
                self._order.insert(0, after.job)
                return after
            self._order.append(after.job)
            self._last_place += 1
            return replace(after, n_starts=0, place=self._last_place)
        if after.state in CLOSED and before.state in OPEN:
            after = replace(after, closed_s=self._clock())
        if after.state == DONE and after.request and not after.request.is_durable:
            return replace(after, request=None)  # nothing can ask for it again
        return after

    def keep(self, job: str, made: Payload) -> Job:
        """Keeps the result of a running job, which is done by that; older ones go when there is no room."""
        record = self.get(job)
        advance(record.state, DONE)
        most = self.bounds.max_kept_bytes if made.is_durable else self.bounds.max_ram_bytes
        closed = [other for other in self._jobs.values() if other.state in CLOSED]
        held = made.n_bytes + sum(_kept_bytes(other, made.is_durable) for other in closed)
        for other in sorted(closed, key=lambda other: _DROPPED_FIRST[other.state]):  # stable: oldest first
            if held <= most:
                break
            if n_bytes := _kept_bytes(other, made.is_durable):
                held -= n_bytes
                self._drop(other)
        self._jobs[job] = replace(record, result=made)
        return self.apply(JobChanged(job, DONE))

    def request(self, job: str) -> Submit:
        """What a job was given; raises MaquetteError when it is damaged or gone."""
        record = self.get(job)
        return cast(Submit, _read(record.request, f"What job {job} was given", "Submit it again."))

    def result(self, job: str) -> Made:
        """The result of a job that is done or taken.

        Raises BadRequest when there is none, MaquetteError when it is damaged; it is dropped then.
        """
        record = self.get(job)
        if record.state not in (DONE, TAKEN):
            raise BadRequest(f"Job {job} is {record.state} and has no result to take.")
        if record.result is None:
            raise BadRequest(
                f"The result of job {job} was dropped to make room for newer ones.", remedy="Submit it again."
            )
        try:
            return cast(Made, _read(record.result, f"The result of job {job}", "Submit it again."))
        except MaquetteError:
            self._drop(record)
            raise

    def discard(self, job: str) -> None:
        """Forgets a closed job; raises BadRequest for one that is open or unknown."""
        record = self.get(job)
        if record.state in OPEN:
            raise BadRequest(
                f"Job {job} is {record.state} and cannot be discarded.", remedy="Cancel it first."
            )
        self._forget(record)

    def expire(self) -> tuple[str, ...]:
        """Forgets what was closed long ago; returns the ids."""
        oldest_s = self._clock() - self.bounds.keep_s
        old = [record for record in self._jobs.values() if record.state in CLOSED]
        old = [record for record in old if record.closed_s < oldest_s]
        for record in old:
            self._forget(record)
        return tuple(record.job for record in old)

    def check_step(self, job: str, state: str) -> None:
        """Raises BadRequest when a client's wish cannot be met in the job's state."""
        record = self.get(job)
        try:
            advance(record.state, state)
        except OutOfTurn as error:
            raise BadRequest(f"Job {job}: {error}.") from error
        if state == QUEUED and record.request is None:
            raise BadRequest(
                f"The pictures of job {job} were dropped to make room for newer ones.",
                remedy="Submit it again.",
            )

    def summaries(self) -> tuple[JobSummary, ...]:
        """All jobs for a list, oldest first."""
        places = {job: place for place, job in enumerate(self._order)}
        before, self._listed = self._listed, {}
        for job, record in self._jobs.items():
            place = places.get(job, 0)
            known = before.get(job)
            is_known = known is not None and known[0] is record and known[1] == place
            self._listed[job] = known if known and is_known else (record, place, _listed(record, place))
        return tuple(summary for _, _, summary in self._listed.values())

    @property
    def n_queued(self) -> int:
        """Jobs that wait."""
        return len(self._order)

    @property
    def n_open(self) -> int:
        """Jobs with which something is still to be done."""
        return sum(record.state in OPEN for record in self._jobs.values())

    def _drop(self, record: Job) -> None:
        self._jobs[record.job] = replace(record, request=None, result=None)
        self._keeper.drop(self._jobs[record.job])

    def _forget(self, record: Job) -> None:
        self._keeper.forget(record)
        del self._jobs[record.job]

    def _make_place(self) -> None:
        """Forgets the oldest job that nobody waits for when a list could hold no more."""
        if len(self._jobs) < self.bounds.max_jobs:
            return
        for wanted in ({TAKEN, CANCELLED, FAILED}, CLOSED):
            for record in self._jobs.values():
                if record.state in wanted:
                    self._forget(record)
                    return
        raise _full(f"the engine holds {len(self._jobs)} jobs")


def _full(why: str) -> BadRequest:
    return BadRequest(f"The queue is full: {why}.", remedy="Wait until some are done, or discard some.")


def new_summary(job: str, request: Request, now_s: float) -> JobSummary:
    """What a list says of a job that was just submitted."""
    is_cutout = isinstance(request, CutoutRequest)
    first = request.picture if isinstance(request, CutoutRequest) else request.pictures[0]
    return JobSummary(
        job=job,
        kind="cutout" if is_cutout else "generate",
        state=QUEUED,
        backend=request.backend if isinstance(request, GenerateRequest) else "",
        preset=request.preset if isinstance(request, GenerateRequest) else "",
        name=first.name,
        submitted_s=now_s,
        position=0,
        stage="",
        index=0,
        n_stages=0,
        step=0,
        n_steps=0,
        result_bytes=0,
    )


def _listed(record: Job, position: int) -> JobSummary:
    """What a list says of a job now."""
    view = record.view
    return replace(
        record.summary,
        state=view.state,
        position=position,
        stage=view.stage,
        index=view.index,
        n_stages=view.n_stages,
        step=view.step,
        n_steps=view.n_steps,
        result_bytes=record.result_bytes,
        fault=replace(view.fault, detail="") if view.fault else None,
    )


def request_bytes(request: Request) -> int:
    """Size of the pictures of a request."""
    pictures = (request.picture,) if isinstance(request, CutoutRequest) else request.pictures
    return sum(picture.image.data.n_bytes for picture in pictures)


def _kept_bytes(record: Job, is_durable: bool) -> int:
    """What a closed job takes on the disk, or in memory."""
    payloads = (record.request, record.result)
    return sum(payload.n_bytes for payload in payloads if payload and payload.is_durable == is_durable)


def _read(payload: Payload | None, what: str, remedy: str) -> object:
    if payload is None:
        raise MaquetteError(f"{what} is no longer on the disk.", remedy=remedy, action="")
    try:
        return payload.read()
    except (ProtocolError, OSError) as error:
        raise MaquetteError(
            f"{what} cannot be read from the disk: {error}.", remedy=remedy, action=""
        ) from error


def cancelled_fault() -> Fault:
    """What a cancelled job says of itself."""
    return Fault("cancelled", "Cancelled.")
