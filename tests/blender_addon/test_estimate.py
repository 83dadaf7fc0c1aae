"""An estimate is the median of the last runs here; nothing that an engine or a file says can break it."""

from __future__ import annotations

import json
from math import inf, nan
from pathlib import Path

import pytest
from addon_bench import Maquette


def report(*seconds: float, peak: object = 0) -> dict[str, object]:
    """A report whose stages took that long."""
    names = ("shape", "bake", "save")
    stages = [{"name": name, "seconds": took} for name, took in zip(names, seconds, strict=False)]
    return {"stages": stages, "peak_vram_bytes": peak}


def test_the_median_of_the_last_five_is_told_with_the_highest_peak(
    maquette: Maquette, tmp_path: Path
) -> None:
    times = maquette.estimate.Times(tmp_path / "새 폴더")
    assert times.estimate("a") is None
    for total in (1000.0, 1.0, 2.0, 3.0, 40.0, 50.0):
        times.add("a", report(total, 0.5, peak=int(total)))
    again = maquette.estimate.Times(tmp_path / "새 폴더")
    assert again.estimate("a") == maquette.estimate.Estimate(3.5, 50, 5)
    assert again.estimate("b") is None


def test_what_is_left_counts_the_stages_that_are_to_come(maquette: Maquette, tmp_path: Path) -> None:
    times = maquette.estimate.Times(tmp_path)
    times.add("a", report(10.0, 4.0, 1.0))
    assert times.seconds_left("a", "shape", 3.0) == 12.0
    assert times.seconds_left("a", "bake", 60.0) == 1.0
    assert times.seconds_left("a", "clean", 0.0) is None
    assert times.seconds_left("b", "shape", 0.0) is None


ODD_REPORTS: dict[str, dict[str, object]] = {
    "nothing": {},
    "no stages": {"stages": []},
    "stages that are none": {"stages": 5},
    "stages without a name": {"stages": [{"seconds": 1.0}]},
    "texts": {"stages": ["shape"]},
    "words for seconds": {"stages": [{"name": "shape", "seconds": "long"}]},
    "no number": {"stages": [{"name": "shape", "seconds": nan}]},
    "no end": {"stages": [{"name": "shape", "seconds": inf}]},
    "before the start": {"stages": [{"name": "shape", "seconds": -1.0}]},
    "beyond a float": {"stages": [{"name": "shape", "seconds": 10**400}]},
    "peak without end": {"stages": [{"name": "shape", "seconds": 1.0}], "peak_vram_bytes": inf},
    "peak that is none": {"stages": [{"name": "shape", "seconds": 1.0}], "peak_vram_bytes": None},
}


@pytest.mark.parametrize("odd", ODD_REPORTS.values(), ids=ODD_REPORTS)
def test_a_report_that_tells_nothing_is_passed_over(
    maquette: Maquette, tmp_path: Path, odd: dict[str, object]
) -> None:
    times = maquette.estimate.Times(tmp_path)
    times.add("a", odd)
    assert times.estimate("a") is None
    assert not (tmp_path / "times.json").exists()


ODD_FILES = {
    "empty": "",
    "torn": '{"a": [[[["shape", 1.0]], 5',
    "a list": "[1]",
    "no runs": '{"a": 5}',
    "no stages": '{"a": [[[], 5]]}',
    "no end": '{"a": [[[["shape", Infinity]], 5]]}',
    "beyond a float": json.dumps({"a": [[[["shape", 1.0]], 10**400], [[["shape", 10**400]], 1]]}),
    "peak without end": '{"a": [[[["shape", 1.0]], Infinity]]}',
    "no numbers": '{"a": [[[["shape", NaN]], NaN]]}',
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("text", ODD_FILES.values(), ids=ODD_FILES)
def test_a_damaged_file_counts_as_none_and_is_written_anew(
    maquette: Maquette, tmp_path: Path, text: str
) -> None:
    (tmp_path / "times.json").write_text(text, encoding="utf-8")
    times = maquette.estimate.Times(tmp_path)
    assert times.estimate("a") is None
    times.add("a", report(2.0))
    assert maquette.estimate.Times(tmp_path).estimate("a") == maquette.estimate.Estimate(2.0, 0, 1)


def test_a_file_that_is_no_text_counts_as_none(maquette: Maquette, tmp_path: Path) -> None:
    (tmp_path / "times.json").write_bytes(b"\xff\xfe\x00")
    assert maquette.estimate.Times(tmp_path).estimate("a") is None


def test_without_room_for_the_file_the_estimate_still_learns(maquette: Maquette, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    times = maquette.estimate.Times(tmp_path / "file")
    times.add("a", report(2.0))
    assert times.estimate("a") == maquette.estimate.Estimate(2.0, 0, 1)
    assert (tmp_path / "file").read_bytes() == b""
