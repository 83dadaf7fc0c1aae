"""The queue owns every job, and a job's state moves only by events that `protocol.states` allows.

Jobs and results live in memory, within bounds. Times come from the caller: tests have their own clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from engine.errors import BadRequest
from protocol.events import MAX_JOBS, JobChanged, JobSummary
from protocol.faults import Fault
from protocol.requests import CutoutRequest, GenerateRequest, Request
from protocol.results import CutoutReady, Result
from protocol.states import CANCELLED, CLOSED, DONE, FAILED, OPEN, QUEUED, RUNNING, TAKEN, OutOfTurn, advance
from protocol.track import Event, JobView, fold

GIB = 1024**3
Made = Result | CutoutReady


@dataclass(frozen=True)
class Job:
    """A job as the engine holds it.

    `n_starts` counts the workers that were given it since it was queued by its client. `request` is None once
    the job is done: nothing can ask for it again.
    """

    job: str
    summary: JobSummary
    request: Request | None
    view: JobView
    request_bytes: int
    n_starts: int = 0
    result: Made | None = None
    result_bytes: int = 0

    @property
    def state(self) -> str:
        """One of protocol.states."""
        return self.view.state


@dataclass(frozen=True)
class QueueBounds:
    """What the queue holds at most; requests and results are in RAM."""

    max_queued_jobs: int = 1000
    max_jobs: int = MAX_JOBS  # what one list can carry
    max_request_bytes: int = 2 * GIB
    max_result_bytes: int = 2 * GIB


class JobQueue:
    """All jobs by their id, oldest first, and the order in which the queued ones are to run."""

    def __init__(self, bounds: QueueBounds | None = None) -> None:
        self.bounds = bounds or QueueBounds()
        self._jobs: dict[str, Job] = {}
        self._order: list[str] = []  # ids of queued jobs, next first

    def add(self, job: str, request: Request, now_s: float) -> Job:
        """A new job at the end of the queue, or the one that has this id already.

        `now_s` is in seconds since 1970 UTC. Raises BadRequest when the queue is full.
        """
        if job in self._jobs:
            return self._jobs[job]
        n_bytes = _request_bytes(request)
        held = sum(record.request_bytes for record in self._jobs.values())
        if len(self._order) >= self.bounds.max_queued_jobs:
            raise _full(f"{len(self._order)} jobs wait already, {self.bounds.max_queued_jobs} may")
        if held + n_bytes > self.bounds.max_request_bytes:
            raise _full(f"waiting pictures take {held / GIB:.1f} GiB, {n_bytes / GIB:.1f} more do not fit")
        self._make_room()
        record = Job(job, _summary(job, request, now_s), request, JobView(job), n_bytes)
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
            return replace(after, n_starts=0)
        if after.state == DONE:
            return replace(after, request=None, request_bytes=0)
        return after

    def keep(self, made: Made) -> Job:
        """Keeps the result of a running job, which is done by that; older ones go when there is no room."""
        record = self.get(made.job)
        advance(record.state, DONE)
        n_bytes = _result_bytes(made)
        held = sum(other.result_bytes for other in self._jobs.values())
        for other in sorted(
            self._jobs.values(), key=lambda other: other.state != TAKEN
        ):  # stable: oldest first
            if held + n_bytes <= self.bounds.max_result_bytes:
                break
            if other.result is not None:
                held -= other.result_bytes
                self._jobs[other.job] = replace(other, result=None, result_bytes=0)
        self._jobs[made.job] = replace(record, result=made, result_bytes=n_bytes)
        return self.apply(JobChanged(made.job, DONE))

    def result(self, job: str) -> Made:
        """The result of a job that is done or taken; raises BadRequest when there is none."""
        record = self.get(job)
        if record.state not in (DONE, TAKEN):
            raise BadRequest(f"Job {job} is {record.state} and has no result to take.")
        if record.result is None:
            raise BadRequest(
                f"The result of job {job} was dropped to make room for newer ones.", remedy="Submit it again."
            )
        return record.result

    def discard(self, job: str) -> None:
        """Forgets a closed job; raises BadRequest for one that is open or unknown."""
        record = self.get(job)
        if record.state in OPEN:
            raise BadRequest(
                f"Job {job} is {record.state} and cannot be discarded.", remedy="Cancel it first."
            )
        del self._jobs[job]

    def check_step(self, job: str, state: str) -> None:
        """Raises BadRequest when a client's wish cannot be met in the job's state."""
        record = self.get(job)
        try:
            advance(record.state, state)
        except OutOfTurn as error:
            raise BadRequest(f"Job {job}: {error}.") from error

    def summaries(self) -> tuple[JobSummary, ...]:
        """All jobs for a list, oldest first."""
        places = {job: place for place, job in enumerate(self._order)}
        return tuple(_listed(record, places.get(record.job, 0)) for record in self._jobs.values())

    @property
    def n_queued(self) -> int:
        """Jobs that wait."""
        return len(self._order)

    @property
    def n_open(self) -> int:
        """Jobs with which something is still to be done."""
        return sum(record.state in OPEN for record in self._jobs.values())

    def _make_room(self) -> None:
        """Forgets the oldest job that nobody waits for when a list could hold no more."""
        if len(self._jobs) < self.bounds.max_jobs:
            return
        for wanted in ({TAKEN, CANCELLED, FAILED}, CLOSED):
            for record in self._jobs.values():
                if record.state in wanted:
                    del self._jobs[record.job]
                    return
        raise _full(f"the engine holds {len(self._jobs)} jobs")


def _full(why: str) -> BadRequest:
    return BadRequest(f"The queue is full: {why}.", remedy="Wait until some are done, or discard some.")


def _summary(job: str, request: Request, now_s: float) -> JobSummary:
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


def _request_bytes(request: Request) -> int:
    pictures = (request.picture,) if isinstance(request, CutoutRequest) else request.pictures
    return sum(picture.image.data.n_bytes for picture in pictures)


def _result_bytes(made: Made) -> int:
    if isinstance(made, CutoutReady):
        return made.image.data.n_bytes
    mesh = made.mesh
    arrays = (mesh.vertices, mesh.faces, mesh.uv, *(image.image.data for image in made.images))
    return sum(array.n_bytes for array in arrays)


def cancelled_fault() -> Fault:
    """What a cancelled job says of itself."""
    return Fault("cancelled", "Cancelled.")
