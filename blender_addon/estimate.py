"""What a job will cost is what the last ones like it cost on this computer; nothing is guessed. No bpy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from statistics import median

from .own_files import read_json, write_json

FILE_NAME = "times.json"
_RUNS = 5  # of each kind; older computers, drivers and engines are forgotten soon


@dataclass(frozen=True)
class Run:
    """What one job cost: seconds of each stage in their order, and its most graphics memory."""

    stages: tuple[tuple[str, float], ...]
    peak_vram_bytes: int

    @property
    def seconds(self) -> float:
        """All stages together."""
        return sum(seconds for _, seconds in self.stages)


@dataclass(frozen=True)
class Estimate:
    """What a job like the `n_runs` last ones will cost."""

    seconds: float
    peak_vram_bytes: int
    n_runs: int


def kind_of_job(backend: str, preset: str, n_views: int) -> str:
    """Jobs of one kind cost about the same."""
    return f"{backend}/{preset}/{n_views}"


class Times:
    """The last runs of each kind, kept in a file of the add-on's own folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._runs: dict[str, list[Run]] | None = None

    def add(self, kind: str, report: Mapping[str, object]) -> None:
        """Keeps what a result's report tells; a report without stages tells nothing."""
        run = _run_of(report)
        if run is None:
            return
        runs = self._known()
        runs[kind] = [*runs.get(kind, []), run][-_RUNS:]
        plain = {key: [[list(run.stages), run.peak_vram_bytes] for run in kept] for key, kept in runs.items()}
        write_json(self._path, plain)

    def estimate(self, kind: str) -> Estimate | None:
        """The median of the last runs, None before the first."""
        runs = self._known().get(kind)
        if not runs:
            return None
        peak = max(run.peak_vram_bytes for run in runs)
        return Estimate(median(run.seconds for run in runs), peak, len(runs))

    def seconds_left(self, kind: str, stage: str, in_stage_s: float) -> float | None:
        """Seconds until the end of a job that has been in `stage` for `in_stage_s`; None if not known."""
        runs = [run for run in self._known().get(kind, ()) if stage in dict(run.stages)]
        if not runs:
            return None
        left = []
        for run in runs:
            names = [name for name, _ in run.stages]
            at = names.index(stage)
            rest = sum(seconds for _, seconds in run.stages[at + 1 :])
            left.append(max(run.stages[at][1] - in_stage_s, 0.0) + rest)
        return median(left)

    def _known(self) -> dict[str, list[Run]]:
        if self._runs is None:
            self._runs = _runs_of(read_json(self._path))
        return self._runs


def _run_of(report: Mapping[str, object]) -> Run | None:
    stages, peak = report.get("stages"), report.get("peak_vram_bytes", 0)
    try:
        return _run([(stage["name"], stage["seconds"]) for stage in stages], peak)  # type: ignore[attr-defined]
    except (TypeError, KeyError, ValueError, OverflowError):
        return None  # another engine's report: no figures are better than wrong ones


def _run(stages: Iterable[tuple[object, object]], peak: object) -> Run:
    """A run of these numbers; raises TypeError, ValueError or OverflowError for what are none."""
    named = tuple((str(name), float(seconds)) for name, seconds in stages)  # type: ignore[arg-type]
    if not named or not all(0.0 <= seconds < inf for _, seconds in named):
        raise ValueError("a run has stages, and each takes some time")
    return Run(named, max(int(peak), 0))  # type: ignore[call-overload]


def _runs_of(plain: object) -> dict[str, list[Run]]:
    runs: dict[str, list[Run]] = {}
    try:
        for kind, kept in plain.items():  # type: ignore[attr-defined]
            runs[str(kind)] = [_run(stages, peak) for stages, peak in kept][-_RUNS:]
    except (AttributeError, TypeError, ValueError, OverflowError):  # no file yet, or one that was damaged
        return {}
    return runs
