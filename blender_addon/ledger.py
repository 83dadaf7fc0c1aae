"""No bpy. Jobs as this Blender knows them: the engine's list, and what only we know of our own.

A job is ours if this Blender asked for it, now or before it was closed; only ours land in the scene by
themselves. `place` belongs to the caller and is only kept here.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import PurePath

from .protocol.events import JobSummary
from .protocol.faults import Fault
from .protocol.requests import CutoutRequest, GenerateRequest, Request
from .protocol.states import DONE, FAILED, OPEN, RUNNING, TAKEN, OutOfTurn
from .protocol.track import Event, JobView, fold, view_of

# What becomes of the result of a job of ours.
PENDING, TAKING, LANDED, WAITING = "pending", "taking", "landed", "waiting"


@dataclass(frozen=True)
class Job:
    """A job: what the engine says of it, and for our own the request, the place and the result's fate.

    `fate`: PENDING lands by itself, TAKING is on its way, LANDED is in the scene, WAITING needs a click.
    `has_shape`: the untextured shape was put into the scene; `is_asked`: the artist asks for the result now,
    whatever is in the scene. Times are of the monotonic clock, in seconds.
    """

    job: str
    kind: str
    name: str
    backend: str
    preset: str
    view: JobView
    submitted_at_s: float = 0.0  # since 1970 UTC, as the engine says
    n_views: int = 1
    position: int = 0
    result_bytes: int = 0
    is_ours: bool = False
    is_accepted: bool = True
    request: Request | None = None
    place: object = None
    fate: str = WAITING
    has_shape: bool = False
    is_asked: bool = False
    seed: int | None = None
    began_s: float = 0.0
    stage_began_s: float = 0.0

    @property
    def state(self) -> str:
        """One of protocol.states."""
        return self.view.state

    @property
    def is_open(self) -> bool:
        """Whether the engine has something to do for it."""
        return self.view.state in OPEN

    @property
    def is_under_way(self) -> bool:
        """Whether it is open or its result is still to land."""
        return self.is_open or (self.state in (DONE, TAKEN) and self.fate in (PENDING, TAKING))

    @property
    def is_landed(self) -> bool:
        """Whether its result is in the scene."""
        return self.fate == LANDED

    @property
    def is_model(self) -> bool:
        """Whether it makes a model; cut-outs are shown in the panel and listed nowhere."""
        return self.kind == "generate"


class Ledger:
    """All jobs by their id, oldest first; `version` grows with each change that a list would show."""

    def __init__(self, ours_before: Iterable[str] = ()) -> None:
        """`ours_before`: ids of jobs that this Blender asked for before it was closed."""
        self.version = 0
        self._jobs: dict[str, Job] = {}
        self._ours_before = set(ours_before)

    def __iter__(self) -> Iterator[Job]:
        return iter(tuple(self._jobs.values()))

    def __len__(self) -> int:
        return len(self._jobs)

    def get(self, job: str) -> Job | None:
        """The job with this id."""
        return self._jobs.get(job)

    def add(self, job: str, request: Request, name: str, place: object, now_s: float) -> Job:
        """A job of ours that the engine has not heard of yet; a cut-out has no place."""
        is_cutout = isinstance(request, CutoutRequest)
        made = Job(
            job,
            "cutout" if is_cutout else "generate",
            name,
            request.backend if isinstance(request, GenerateRequest) else "",
            request.preset if isinstance(request, GenerateRequest) else "",
            JobView(job),
            n_views=len(request.pictures) if isinstance(request, GenerateRequest) else 1,
            is_ours=True,
            is_accepted=False,
            request=request,
            place=place,
            fate=PENDING,
            seed=request.seed if isinstance(request, GenerateRequest) else None,
            began_s=now_s,
            submitted_at_s=time.time(),
        )
        return self._put(made)

    def change(self, job: str, **changes: object) -> Job | None:
        """The job with some of its fields changed; None if it is not known."""
        known = self._jobs.get(job)
        return self._put(replace(known, **changes)) if known else None  # type: ignore[arg-type]

    def merge(self, summaries: Iterable[JobSummary]) -> list[Job]:
        """Takes over the engine's list; returns our open jobs that are not in it."""
        listed = {summary.job: summary for summary in summaries}
        before, self._jobs = self._jobs, {}
        for summary in listed.values():
            self._jobs[summary.job] = self._merged(before.pop(summary.job, None), summary)
        refused = [job for job in before.values() if job.state == FAILED and not job.is_accepted]
        missing = [job for job in before.values() if job.is_ours and job.is_open]
        self._jobs.update((job.job, job) for job in (*refused, *missing))
        self.version += 1
        return missing

    def hear(self, event: Event, now_s: float) -> Job | None:
        """Folds an event in; None for an unknown job or one that the list told already."""
        known = self._jobs.get(event.job)
        if known is None:
            return None
        try:
            view = fold(known.view, event)
        except OutOfTurn:  # an event that was under way while the list was made
            return None
        moved = replace(known, view=view)
        if view.stage != known.view.stage or view.state != known.state:
            moved = replace(moved, stage_began_s=now_s)
        if view.state == RUNNING and known.state != RUNNING:
            moved = replace(moved, began_s=now_s)
        if view.state not in (*OPEN, FAILED):  # a failed job may be tried again
            moved = replace(moved, request=None)
        return self._put(moved)

    def fail(self, job: str, fault: Fault) -> Job | None:
        """A job that the engine did not accept has failed before it began."""
        known = self._jobs.get(job)
        return (
            self._put(replace(known, view=replace(known.view, state=FAILED, fault=fault))) if known else None
        )

    def remove(self, job: str) -> None:
        """Forgets a job."""
        if self._jobs.pop(job, None) is not None:
            self.version += 1

    @property
    def open_models(self) -> list[Job]:
        """Models that the engine is making or will make, oldest first."""
        return [job for job in self._jobs.values() if job.is_model and job.is_open]

    @property
    def ours(self) -> list[Job]:
        """Our models that are open or whose result has not landed: what must survive a crash of Blender."""
        return [
            job
            for job in self._jobs.values()
            if job.is_ours
            and job.is_model
            and (job.is_open or (job.state in (DONE, TAKEN) and not job.is_landed))
        ]

    @property
    def landing(self) -> list[Job]:
        """Our finished models that are to land by themselves, oldest first."""
        return [
            job
            for job in self._jobs.values()
            if job.is_ours and job.is_model and job.state in (DONE, TAKEN) and job.fate == PENDING
        ]

    @property
    def waiting(self) -> list[Job]:
        """Finished models that will not land by themselves: nobody has taken them, or ours did not land."""
        return [
            job
            for job in self._jobs.values()
            if job.is_model
            and (
                (job.state == DONE and (job.fate == WAITING or not job.is_ours))
                or (job.state == TAKEN and job.is_ours and job.fate == WAITING)
            )
        ]

    def _merged(self, known: Job | None, summary: JobSummary) -> Job:
        told = {
            "kind": summary.kind,
            "name": PurePath(summary.name).stem if known is None else known.name,  # its picture's name
            "backend": summary.backend,
            "preset": summary.preset,
            "submitted_at_s": summary.submitted_s,
            "position": summary.position,
            "result_bytes": summary.result_bytes,
        }
        view = view_of(summary)
        if known is None:
            is_ours = summary.job in self._ours_before
            return Job(job=summary.job, view=view, is_ours=is_ours, **told)  # type: ignore[arg-type]
        view = replace(view, notices=known.view.notices)
        return replace(known, view=view, is_accepted=True, **told)  # type: ignore[arg-type]

    def _put(self, job: Job) -> Job:
        self._jobs[job.job] = job
        self.version += 1
        return job
