"""The table of job states, and the fold of events over it."""

from __future__ import annotations

import pytest
from wire_samples import golden_samples

from protocol.events import JobChanged, Notice, ShapeReady, StageFinished, StageProgress, StageStarted
from protocol.faults import Fault
from protocol.states import CLOSED, EVENTS, FOLLOWERS, OPEN, STATES, OutOfTurn, advance, check_event
from protocol.track import EVENT_CLASSES, Event, JobView, fold, view_of

LEGAL = {
    ("queued", "running"),
    ("queued", "cancelled"),
    ("queued", "failed"),
    ("running", "done"),
    ("running", "failed"),
    ("running", "cancelling"),
    ("running", "queued"),
    ("cancelling", "cancelled"),
    ("done", "taken"),
    ("failed", "queued"),
    ("cancelled", "queued"),
}
STEPS = (
    JobChanged("j", "running"),
    StageStarted("j", "preprocess", 0, 2),
    StageProgress("j", "preprocess", 1, 2),
)


def folded(*events: Event) -> JobView:
    view = JobView("j")
    for event in events:
        view = fold(view, event)
    return view


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("new", STATES)
def test_only_the_steps_in_the_table_are_legal(state: str, new: str) -> None:
    if (state, new) in LEGAL:
        assert advance(state, new) == new
    else:
        with pytest.raises(OutOfTurn):
            advance(state, new)


def test_an_unknown_state_is_refused() -> None:
    with pytest.raises(OutOfTurn, match="'asleep' is no job state"):
        advance("queued", "asleep")


def test_every_state_can_be_reached_from_queued_and_is_open_or_closed() -> None:
    reached = {"queued"}
    for _ in STATES:
        reached |= {new for state in reached for new in FOLLOWERS[state]}
    assert reached == set(STATES) == OPEN | CLOSED
    assert not OPEN & CLOSED


def test_work_is_told_of_only_while_a_job_runs() -> None:
    classes = {event.__name__ for event in EVENT_CLASSES} - {"JobChanged"}
    for state in STATES:
        assert EVENTS[state] == (classes if state in ("running", "cancelling") else frozenset())
    with pytest.raises(OutOfTurn, match="a job that is done cannot send StageStarted"):
        check_event("done", "StageStarted")


def test_events_fold_into_progress() -> None:
    view = folded(*STEPS)
    assert (view.state, view.stage, view.step, view.n_steps, view.n_stages) == (
        "running",
        "preprocess",
        1,
        2,
        2,
    )
    assert view.fraction == 0.25
    view = fold(view, StageFinished("j", "preprocess", 0.1, 0, False))
    assert view.fraction == 0.5
    view = fold(view, StageStarted("j", "bake", 1, 2))
    assert (view.step, view.n_steps, view.fraction) == (0, 0, 0.5)
    view = fold(view, Notice("j", "bake", "smaller texture"))
    shape = golden_samples()["ShapeReady"]
    assert isinstance(shape, ShapeReady)
    assert fold(view, ShapeReady("j", shape.vertices, shape.faces)) == view
    view = fold(view, JobChanged("j", "done"))
    assert (view.is_closed, view.fraction, view.notices) == (True, 1.0, ("smaller texture",))


@pytest.mark.parametrize(
    "event",
    [
        JobChanged("j", "queued"),
        JobChanged("j", "taken"),
        StageStarted("j", "bake", 0, 1),
        StageProgress("j", "bake", 1, 2),
        Notice("j", "", "words"),
    ],
)
def test_an_event_out_of_turn_is_an_error(event: Event) -> None:
    with pytest.raises(OutOfTurn):
        folded(event)


def test_progress_of_another_stage_is_an_error() -> None:
    with pytest.raises(OutOfTurn, match="is in stage preprocess, not bake"):
        folded(*STEPS, StageProgress("j", "bake", 1, 2))


def test_an_event_of_another_job_is_an_error() -> None:
    with pytest.raises(OutOfTurn, match="job other"):
        folded(JobChanged("other", "running"))


def test_a_job_that_is_queued_again_starts_its_stages_again() -> None:
    died = Fault("worker_died", "The worker was ended by the system.")
    view = folded(*STEPS, JobChanged("j", "queued", died))
    assert (view.state, view.stage, view.step, view.fault) == ("queued", "", 0, died)
    assert fold(view, JobChanged("j", "running")).fault is None


def test_a_job_found_in_a_list_can_be_followed() -> None:
    listed = golden_samples()["Jobs"].jobs[0]  # type: ignore[attr-defined]
    view = view_of(listed)
    assert (view.job, view.state, view.stage, view.fault) == ("job-1", "failed", "shape", listed.fault)
    assert fold(view, JobChanged("job-1", "queued")).state == "queued"
