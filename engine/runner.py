"""The runner does what every stage would otherwise repeat, and knows no stage.

Before a stage starts and at each of its steps it looks whether the job was cancelled; it tells the listener
of the start, the steps and the end; it takes the seconds and the peak of GPU memory; it keeps the notes. A
stage is a name and a function of (value, progress); whatever that function raises goes through unchanged,
and `Runner.stage` still names the stage in which it happened.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from engine.errors import Cancelled

In = TypeVar("In")
Out = TypeVar("Out")


class Listener(Protocol):
    """Hears of a job's life; the command line prints it, the worker sends it."""

    def stage_started(self, stage: str, index: int, n_stages: int) -> None:
        """`stage` is number `index` (from 0) of `n_stages`."""

    def stage_progress(self, stage: str, step: int, n_steps: int) -> None:
        """`step` of `n_steps` is done."""

    def stage_finished(self, record: StageRecord) -> None:
        """A stage ended well."""

    def notice(self, stage: str, text: str) -> None:
        """Something degraded, in words for the user."""


class VramMeter(Protocol):
    """Measures GPU memory; the runner never imports what measures it."""

    def reset(self) -> None:
        """Forgets the peak."""

    def peak_bytes(self) -> int:
        """Highest use since the last reset."""


@dataclass(frozen=True)
class StageRecord:
    """What a finished stage cost."""

    name: str
    seconds: float
    peak_vram_bytes: int
    cached: bool
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Stage(Generic[In, Out]):
    """A name that users know and the function that does the work.

    `load_seconds`-like parts are notes, not stages: the list of stages is what the user sees.
    """

    name: str
    work: Callable[[In, Progress], Out]


@dataclass
class Progress:
    """What a stage's function may say while it works."""

    runner: Runner
    stage: str
    notes: list[str] = field(default_factory=list)

    def step(self, step: int, n_steps: int) -> None:
        """Says that `step` of `n_steps` is done; raises Cancelled if the job was cancelled."""
        self.runner.check()
        self.runner.listener.stage_progress(self.stage, step, n_steps)

    def check(self) -> None:
        """Raises Cancelled if the job was cancelled."""
        self.runner.check()

    def note(self, text: str) -> None:
        """Tells the user of a degradation; kept in the report too. The same words are said once."""
        if text not in self.notes:
            self.notes.append(text)
            self.runner.listener.notice(self.stage, text)


class Runner:
    """Runs the stages of one job."""

    def __init__(
        self,
        listener: Listener,
        *,
        n_stages: int,
        is_cancelled: Callable[[], bool] = lambda: False,
        vram: VramMeter | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.listener = listener
        self.stage = ""
        self.records: list[StageRecord] = []
        self._n_stages = n_stages
        self._is_cancelled = is_cancelled
        self._vram = vram
        self._clock = clock

    def check(self) -> None:
        """Raises Cancelled if the job was cancelled."""
        if self._is_cancelled():
            raise Cancelled

    def run(self, stage: Stage[In, Out], value: In) -> Out:
        """Runs one stage on `value` and returns what it makes."""
        self.stage = stage.name
        self.check()
        index = len(self.records)
        if index >= self._n_stages:
            raise ValueError(f"stage {stage.name!r} is number {index + 1} of {self._n_stages} announced")
        self.listener.stage_started(stage.name, index, self._n_stages)
        progress = Progress(self, stage.name)
        if self._vram is not None:
            self._vram.reset()
        started_s = self._clock()
        made = stage.work(value, progress)
        seconds = self._clock() - started_s
        peak_bytes = self._vram.peak_bytes() if self._vram is not None else 0
        record = StageRecord(stage.name, seconds, peak_bytes, cached=False, notes=tuple(progress.notes))
        self.records.append(record)
        self.listener.stage_finished(record)
        self.check()
        return made
