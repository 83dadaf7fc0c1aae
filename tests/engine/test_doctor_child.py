"""A probe may crash, hang or babble: the doctor learns how far it came and goes on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from engine.doctor.child import read_outcome, start_probe


def hear(tmp_path: Path, source: str, limit_s: float = 20.0):
    script = tmp_path / "탐침 probe.py"
    tell = "import json, os, sys, time\ndef tell(**line): print(json.dumps(line), flush=True)\n"
    script.write_text(tell + source, encoding="utf-8")
    return start_probe("torch", script=script).hear(limit_s)


def test_a_probe_that_ends_well_is_heard(tmp_path: Path) -> None:
    outcome = hear(tmp_path, "tell(step='a')\ntell(step='a', facts={'version': '1'})\n")
    assert outcome.facts == {"a": {"version": "1"}}
    assert (outcome.failed_step, outcome.failure) == ("", "")


def test_an_error_is_its_last_line(tmp_path: Path) -> None:
    outcome = hear(tmp_path, "tell(step='import')\nraise ImportError('libcudart.so.13: 없음')\n")
    assert (outcome.failed_step, outcome.failure) == ("import", "ended with code 1")
    assert outcome.detail == "ImportError: libcudart.so.13: 없음"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_a_crash_is_told_with_its_step(tmp_path: Path) -> None:
    source = "tell(step='a')\ntell(step='a', facts={'x': 1})\ntell(step='b')\nos.kill(os.getpid(), 9)\n"
    outcome = hear(tmp_path, source)
    assert outcome.facts == {"a": {"x": 1}}
    assert (outcome.failed_step, outcome.failure) == ("b", "was ended by signal 9")


def test_a_hang_is_ended_and_told(tmp_path: Path) -> None:
    outcome = hear(tmp_path, "tell(step='convolution')\ntime.sleep(600)\n", limit_s=2.0)
    assert outcome.failed_step == "convolution"
    assert "within 2 s" in outcome.failure


def test_much_noise_on_both_streams_blocks_nothing(tmp_path: Path) -> None:
    noise = "print('x' * 500_000)\nsys.stderr.write('y' * 500_000)\nprint('{broken')\nprint('{\"a\": 1}')\n"
    outcome = hear(tmp_path, noise + "print('[1]')\ntell(step='a', facts={'x': 1})\n")
    assert outcome.facts == {"a": {"x": 1}}
    assert outcome.failure == ""


def test_a_failure_after_the_last_step_has_a_name() -> None:
    outcome = read_outcome('{"step": "a"}\n{"step": "a", "facts": {}}\n', 3, "bye\n\n")
    assert (outcome.failed_step, outcome.failure, outcome.detail) == ("end", "ended with code 3", "bye")


def test_facts_that_are_no_map_are_passed_over() -> None:
    assert read_outcome('{"step": "a", "facts": 7}\n', 0, "").facts == {}


def test_the_import_probe_tells_good_and_bad_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_here.py").write_text("raise AttributeError('numpy.core')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    outcome = start_probe("import", "json", "no_such_module_here", "broken_here", "csv").hear()
    errors = {name: facts["error"] for name, facts in outcome.facts.items()}
    assert (errors["json"], errors["csv"]) == ("", "")
    assert "no_such_module_here" in str(errors["no_such_module_here"])
    assert errors["broken_here"] == "AttributeError: numpy.core"
