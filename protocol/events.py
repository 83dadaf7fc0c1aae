"""What is said about jobs: orders to the engine, its answers, and events, each of which names its job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from .arrays import Array, ArrayOf
from .faults import Fault
from .names import BACKENDS, JOB_KINDS, PRESETS, STAGES
from .requests import CutoutRequest, GenerateRequest, JobId
from .rules import Illegal, Items, Real, Record, Text, Whole
from .session import Bytes, Count
from .states import FAILED, STATES

State = Annotated[str, Text(16, names=STATES)]
StageName = Annotated[str, Text(32, names=STAGES)]
Seconds = Annotated[float, Real(0.0, 1e9)]
Note = Annotated[str, Text(2000, low=1)]
MAX_JOBS = 10_000  # in one list


@dataclass(frozen=True)
class Submit(Record):
    """Asks for a job under an id that the client chose; the same id again asks for the same job."""

    job: JobId
    request: GenerateRequest | CutoutRequest


@dataclass(frozen=True)
class Accepted(Record):
    """The answer to Submit: the job exists; `position` 0 is the next in the queue, or has left it."""

    job: JobId
    position: Count


@dataclass(frozen=True)
class Cancel(Record):
    """Asks that a job stop; JobChanged tells when it has."""

    job: JobId


@dataclass(frozen=True)
class Retry(Record):
    """Asks that a failed or cancelled job be queued again."""

    job: JobId


@dataclass(frozen=True)
class Take(Record):
    """Asks for a finished job's Result or CutoutReady; a job may be taken again while it is kept."""

    job: JobId


@dataclass(frozen=True)
class Discard(Record):
    """Asks that a closed job and its result be forgotten."""

    job: JobId


@dataclass(frozen=True)
class ListJobs(Record):
    """Asks for Jobs."""


@dataclass(frozen=True)
class JobSummary(Record):
    """A job in a list. `submitted_s` is in seconds since 1970 UTC; `stage` is empty before the first."""

    job: JobId
    kind: Annotated[str, Text(16, names=JOB_KINDS)]
    state: State
    backend: Annotated[str, Text(32, names=("", *BACKENDS))]
    preset: Annotated[str, Text(32, names=("", *PRESETS))]
    name: Annotated[str, Text(255)]
    submitted_s: Annotated[float, Real(0.0, 1e12)]
    position: Count
    stage: Annotated[str, Text(32, names=("", *STAGES))]
    index: Annotated[int, Whole(0, 99)]
    n_stages: Annotated[int, Whole(0, 100)]
    step: Count
    n_steps: Count
    result_bytes: Bytes
    fault: Fault | None = None


@dataclass(frozen=True)
class Jobs(Record):
    """All jobs that the engine holds, oldest first."""

    jobs: Annotated[tuple[JobSummary, ...], Items(MAX_JOBS)]


@dataclass(frozen=True)
class JobChanged(Record):
    """A job is in a new state; a failed one says why, and one that was queued again may."""

    job: JobId
    state: State
    fault: Fault | None = None

    def check(self) -> None:
        """Refuses a failure without its fault."""
        if self.state == FAILED and self.fault is None:
            raise Illegal("JobChanged.fault", "is missing, but the job failed")


@dataclass(frozen=True)
class JobRemoved(Record):
    """A job was discarded, and its id is unknown from now on."""

    job: JobId


@dataclass(frozen=True)
class StageStarted(Record):
    """Stage number `index` (from 0) of `n_stages` begins."""

    job: JobId
    stage: StageName
    index: Annotated[int, Whole(0, 99)]
    n_stages: Annotated[int, Whole(1, 100)]

    def check(self) -> None:
        """Refuses a stage beyond the last."""
        if self.index >= self.n_stages:
            raise Illegal("StageStarted.index", f"is {self.index} of {self.n_stages}, counted from 0")


@dataclass(frozen=True)
class StageProgress(Record):
    """`step` of `n_steps` is done in the stage under way; a newer one makes an older one worthless."""

    job: JobId
    stage: StageName
    step: Count
    n_steps: Annotated[int, Whole(1, 1_000_000)]

    def check(self) -> None:
        """Refuses a step beyond the last."""
        if self.step > self.n_steps:
            raise Illegal("StageProgress.step", f"is {self.step} of {self.n_steps}")


@dataclass(frozen=True)
class StageFinished(Record):
    """A stage ended well: its cost, whether its value came from the cache, and what to know about it."""

    job: JobId
    stage: StageName
    seconds: Seconds
    peak_vram_bytes: Bytes
    cached: bool
    notes: Annotated[tuple[Note, ...], Items(100)] = ()


@dataclass(frozen=True)
class Notice(Record):
    """Something was done worse than asked, in words for the user."""

    job: JobId
    stage: Annotated[str, Text(32, names=("", *STAGES))]
    text: Note


@dataclass(frozen=True)
class ShapeReady(Record):
    """The shape before its texture, in the wire's frame of reference; the result may split vertices."""

    job: JobId
    vertices: Annotated[Array, ArrayOf("float32", (None, 3))]
    faces: Annotated[Array, ArrayOf("int32", (None, 3))]
