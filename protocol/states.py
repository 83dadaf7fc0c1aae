"""The life of a job is one table: which state follows which, and which events a state allows."""

from __future__ import annotations

QUEUED, RUNNING, CANCELLING = "queued", "running", "cancelling"
DONE, FAILED, CANCELLED, TAKEN = "done", "failed", "cancelled", "taken"

FOLLOWERS: dict[str, frozenset[str]] = {
    QUEUED: frozenset({RUNNING, CANCELLED, FAILED}),
    RUNNING: frozenset(
        {DONE, FAILED, CANCELLING, QUEUED}
    ),  # queued again: its worker died and it will resume
    CANCELLING: frozenset({CANCELLED}),  # whatever happens now, the user's wish is what counts
    DONE: frozenset({TAKEN}),
    TAKEN: frozenset(),
    FAILED: frozenset({QUEUED}),  # retried by the user
    CANCELLED: frozenset({QUEUED}),
}

STATES = tuple(FOLLOWERS)
OPEN = frozenset({QUEUED, RUNNING, CANCELLING})  # the engine still has something to do
CLOSED = frozenset(STATES) - OPEN

# Besides a change of state, which any state may announce where the table above allows it.
_WORK = frozenset({"StageStarted", "StageProgress", "StageFinished", "Notice", "ShapeReady"})
EVENTS: dict[str, frozenset[str]] = {
    QUEUED: frozenset(),
    RUNNING: _WORK,
    CANCELLING: _WORK,  # the worker has not seen the flag yet
    DONE: frozenset(),
    TAKEN: frozenset(),
    FAILED: frozenset(),
    CANCELLED: frozenset(),
}


class OutOfTurn(ValueError):
    """A step or an event that the job's state does not allow: a fault of the side that sent it."""


def advance(state: str, new: str) -> str:
    """The new state; raises `OutOfTurn` when it cannot follow."""
    if new not in FOLLOWERS:
        raise OutOfTurn(f"{new!r} is no job state, states are {', '.join(STATES)}")
    if new not in FOLLOWERS[state]:
        allowed = ", ".join(sorted(FOLLOWERS[state])) or "nothing"
        raise OutOfTurn(f"a job that is {state} cannot become {new}; {allowed} may follow")
    return new


def check_event(state: str, event: str) -> None:
    """Raises `OutOfTurn` when a job in this state cannot send the event of that class name."""
    if event not in EVENTS[state]:
        raise OutOfTurn(f"a job that is {state} cannot send {event}")
