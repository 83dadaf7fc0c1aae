"""The runner tells of every stage in order, stops where it is told to, and keeps what a stage cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from engine.errors import BadInput, Cancelled
from engine.runner import Progress, Runner, Stage, StageRecord


@dataclass
class Diary:
    """A listener that writes everything down."""

    lines: list[tuple[object, ...]] = field(default_factory=list)

    def stage_started(self, stage: str, index: int, n_stages: int) -> None:
        self.lines.append(("started", stage, index, n_stages))

    def stage_progress(self, stage: str, step: int, n_steps: int) -> None:
        self.lines.append(("step", stage, step, n_steps))

    def stage_finished(self, record: StageRecord) -> None:
        self.lines.append(("finished", record.name))

    def notice(self, stage: str, text: str) -> None:
        self.lines.append(("notice", stage, text))


@dataclass
class Meter:
    """A card whose use rises by what is taken and falls back at a reset."""

    peak: int = 0
    resets: int = 0

    def take(self, n_bytes: int) -> None:
        self.peak = max(self.peak, n_bytes)

    def reset(self) -> None:
        self.peak = 0
        self.resets += 1

    def peak_bytes(self) -> int:
        return self.peak


def double(value: int, progress: Progress) -> int:
    progress.step(1, 2)
    progress.step(2, 2)
    return 2 * value


def ticking(seconds: float) -> Iterator[float]:
    now = 100.0
    while True:
        yield now
        now += seconds


def test_events_come_in_order_and_values_go_through() -> None:
    diary = Diary()
    runner = Runner(diary, n_stages=2)
    first = runner.run(Stage("shape", double), 3)
    assert runner.run(Stage("clean", lambda value, progress: f"<{value}>"), first) == "<6>"
    assert diary.lines == [
        ("started", "shape", 0, 2),
        ("step", "shape", 1, 2),
        ("step", "shape", 2, 2),
        ("finished", "shape"),
        ("started", "clean", 1, 2),
        ("finished", "clean"),
    ]
    assert [record.name for record in runner.records] == ["shape", "clean"]


def test_a_cancelled_job_does_not_start_its_next_stage() -> None:
    diary = Diary()
    cancelled: list[bool] = []
    runner = Runner(diary, n_stages=2, is_cancelled=lambda: bool(cancelled))

    def work(value: int, progress: Progress) -> int:
        cancelled.append(True)
        return value

    with pytest.raises(Cancelled):
        runner.run(Stage("shape", work), 1)
    assert diary.lines[-1] == ("finished", "shape")
    with pytest.raises(Cancelled):
        runner.run(Stage("clean", double), 1)
    assert not any(line[:2] == ("started", "clean") for line in diary.lines)


@pytest.mark.parametrize("look", [lambda progress: progress.check(), lambda progress: progress.step(1, 3)])
def test_cancel_reaches_a_running_stage(look: object) -> None:
    diary = Diary()
    cancelled: list[bool] = []
    reached: list[str] = []
    runner = Runner(diary, n_stages=1, is_cancelled=lambda: bool(cancelled))

    def work(value: int, progress: Progress) -> int:
        cancelled.append(True)
        look(progress)  # type: ignore[operator]
        reached.append("past it")
        return value

    with pytest.raises(Cancelled):
        runner.run(Stage("shape", work), 1)
    assert reached == []
    assert diary.lines == [("started", "shape", 0, 1)]
    assert runner.records == []


def test_a_note_is_said_once_and_kept_with_its_stage() -> None:
    diary = Diary()
    runner = Runner(diary, n_stages=2)

    def work(value: int, progress: Progress) -> int:
        for text in ("coarse", "slow", "coarse"):
            progress.note(text)
        return value

    runner.run(Stage("shape", work), 1)
    assert [line for line in diary.lines if line[0] == "notice"] == [
        ("notice", "shape", "coarse"),
        ("notice", "shape", "slow"),
    ]
    runner.run(Stage("clean", double), 1)
    assert [record.notes for record in runner.records] == [("coarse", "slow"), ()]


def test_more_stages_than_announced_are_an_error_with_both_numbers() -> None:
    diary = Diary()
    runner = Runner(diary, n_stages=1)
    runner.run(Stage("shape", double), 1)
    with pytest.raises(ValueError, match="'clean' is number 2 of 1"):
        runner.run(Stage("clean", double), 1)
    assert ("started", "clean", 1, 1) not in diary.lines


def test_seconds_are_those_of_the_clock() -> None:
    clock = ticking(2.5)
    runner = Runner(Diary(), n_stages=2, clock=lambda: next(clock))
    runner.run(Stage("shape", double), 1)
    runner.run(Stage("clean", double), 1)
    assert [record.seconds for record in runner.records] == [2.5, 2.5]


def test_the_peak_of_each_stage_is_its_own() -> None:
    meter = Meter()
    runner = Runner(Diary(), n_stages=3, vram=meter)

    def taking(n_bytes: int) -> Stage[int, int]:
        def work(value: int, progress: Progress) -> int:
            meter.take(n_bytes)
            meter.take(n_bytes // 2)
            return value

        return Stage("render", work)

    for n_bytes in (500, 900, 100):
        runner.run(taking(n_bytes), 0)
    assert [record.peak_vram_bytes for record in runner.records] == [500, 900, 100]
    assert meter.resets == 3


def test_without_a_card_the_peak_is_zero() -> None:
    runner = Runner(Diary(), n_stages=1)
    runner.run(Stage("shape", double), 1)
    assert runner.records[0].peak_vram_bytes == 0
    assert not runner.records[0].cached


def test_a_failure_goes_through_unchanged_and_its_stage_is_known() -> None:
    diary = Diary()
    runner = Runner(diary, n_stages=3)
    fault = BadInput("The picture is empty.")

    def work(value: int, progress: Progress) -> int:
        raise fault

    assert runner.stage == ""
    runner.run(Stage("preprocess", double), 1)
    with pytest.raises(BadInput) as caught:
        runner.run(Stage("shape", work), 1)
    assert caught.value is fault
    assert runner.stage == "shape"
    assert diary.lines[-1] == ("started", "shape", 1, 3)
    assert [record.name for record in runner.records] == ["preprocess"]
