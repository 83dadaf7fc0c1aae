"""The table of all messages: who may send which; a message is in here or it does not exist."""

from __future__ import annotations

from .events import (
    Accepted,
    Cancel,
    Discard,
    JobChanged,
    JobRemoved,
    Jobs,
    ListJobs,
    Notice,
    Retry,
    ShapeReady,
    StageFinished,
    StageProgress,
    StageStarted,
    Submit,
    Take,
)
from .results import CutoutReady, Result
from .rules import Record
from .session import (
    AskStatus,
    Closing,
    FreeGpu,
    Hello,
    Leave,
    Ping,
    Pong,
    Refused,
    Rejected,
    Shutdown,
    Status,
    Welcome,
)

Message = Record  # one of the classes below; the codec refuses any other

_ORDERS = (Submit, Cancel, Retry, Take, Discard, ListJobs, FreeGpu, AskStatus, Ping, Shutdown, Leave)
_EVENTS = (JobChanged, StageStarted, StageProgress, StageFinished, Notice, ShapeReady)
_ANSWERS = (Welcome, Refused, Rejected, Accepted, Jobs, Status, Pong, JobRemoved, Closing)
_RESULTS = (Result, CutoutReady)

FROM_STRANGERS: tuple[type[Record], ...] = (Hello,)
FROM_CLIENTS: tuple[type[Record], ...] = (Hello, *_ORDERS)
FROM_ENGINE: tuple[type[Record], ...] = (*_ANSWERS, *_EVENTS, *_RESULTS)
MESSAGES: tuple[type[Record], ...] = (*FROM_CLIENTS, *FROM_ENGINE)

__all__ = (
    "FROM_CLIENTS",
    "FROM_ENGINE",
    "FROM_STRANGERS",
    "MESSAGES",
    "Accepted",
    "AskStatus",
    "Cancel",
    "Closing",
    "Discard",
    "FreeGpu",
    "Hello",
    "JobChanged",
    "JobRemoved",
    "Jobs",
    "Leave",
    "ListJobs",
    "Message",
    "Notice",
    "Ping",
    "Pong",
    "Refused",
    "Rejected",
    "Retry",
    "ShapeReady",
    "Shutdown",
    "StageFinished",
    "StageProgress",
    "StageStarted",
    "Status",
    "Submit",
    "Take",
    "Welcome",
)
