"""One fold over events gives a job's progress on either side; an event out of turn is an error."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .events import JobChanged, JobSummary, Notice, ShapeReady, StageFinished, StageProgress, StageStarted
from .faults import Fault
from .states import CLOSED, QUEUED, RUNNING, OutOfTurn, advance, check_event

Event = JobChanged | StageStarted | StageProgress | StageFinished | Notice | ShapeReady
EVENT_CLASSES = (JobChanged, StageStarted, StageProgress, StageFinished, Notice, ShapeReady)


@dataclass(frozen=True)
class JobView:
    """What is known of a job from its events; `notices` say what was done worse than asked."""

    job: str
    state: str = QUEUED
    stage: str = ""
    index: int = 0
    n_stages: int = 0
    step: int = 0
    n_steps: int = 0
    notices: tuple[str, ...] = ()
    fault: Fault | None = None

    @property
    def is_closed(self) -> bool:
        """Whether the engine has nothing more to do for it."""
        return self.state in CLOSED

    @property
    def fraction(self) -> float:
        """Share of its work that is done, 0 to 1, each stage counted alike."""
        if self.is_closed:
            return 1.0
        within = self.step / self.n_steps if self.n_steps else 0.0
        return min((self.index + within) / self.n_stages, 1.0) if self.n_stages else 0.0


def view_of(summary: JobSummary) -> JobView:
    """Where a job stands that was found in a list, so that its later events can be folded in."""
    return JobView(
        summary.job,
        summary.state,
        summary.stage,
        summary.index,
        summary.n_stages,
        summary.step,
        summary.n_steps,
        (),
        summary.fault,
    )


def fold(view: JobView, event: Event) -> JobView:
    """The view after `event`; raises OutOfTurn when the job cannot have sent it now."""
    if event.job != view.job:
        raise OutOfTurn(f"an event of job {event.job} reached the view of job {view.job}")
    if isinstance(event, JobChanged):
        state = advance(view.state, event.state)
        fresh = state in (RUNNING, QUEUED)
        start = JobView(view.job, notices=view.notices) if fresh else view
        return replace(start, state=state, fault=event.fault)
    check_event(view.state, type(event).__name__)
    match event:
        case StageStarted():
            return replace(
                view, stage=event.stage, index=event.index, n_stages=event.n_stages, step=0, n_steps=0
            )
        case StageProgress() | StageFinished() if event.stage != view.stage:
            raise OutOfTurn(f"job {view.job} is in stage {view.stage or 'none'}, not {event.stage}")
        case StageProgress():
            return replace(view, step=event.step, n_steps=event.n_steps)
        case StageFinished():
            return replace(view, step=1, n_steps=1)
        case Notice():
            return replace(view, notices=(*view.notices, event.text))
    return view
