"""A report reads well, survives any console, and can be pasted in public without private paths."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.doctor import Finding, Report, Section, as_dict, hide_private_paths, render_text

LONG = "a sentence that goes on " * 12


def report_of(*findings: Finding, can_generate: bool = True) -> Report:
    return Report("0.1.0", can_generate, (Section("Things", findings),))


def test_columns_are_aligned_and_lines_wrapped() -> None:
    text = render_text(
        report_of(
            Finding("ok", "short", "fine"),
            Finding("problem", "much longer name", LONG, f"Do this: {LONG}"),
        )
    )
    lines = text.splitlines()
    assert max(map(len, lines)) <= 100
    column = next(line.index("fine") for line in lines if "fine" in line)
    assert next(line for line in lines if "much longer" in line).index("a sentence") == column
    assert next(line for line in lines if "->" in line).index("->") == column


def test_a_command_is_never_broken_inside_a_word() -> None:
    path = "/a/" + "very-long-folder/" * 12
    assert path in render_text(report_of(Finding("problem", "x", "y", f'Run: "{path}python" -m pip')))


@pytest.mark.parametrize(
    ("findings", "can_generate", "words"),
    [
        ((Finding("ok", "a", "b"),), True, "can make models here."),
        ((Finding("problem", "a", "b"),), True, "1 problem above"),
        ((Finding("problem", "a", "b"),) * 2, True, "2 problems above"),
        ((Finding("problem", "a", "b"),), False, "cannot make models here yet"),
    ],
)
def test_the_last_line_is_the_verdict(findings: tuple[Finding, ...], can_generate: bool, words: str) -> None:
    assert words in render_text(report_of(*findings, can_generate=can_generate)).splitlines()[-1]


def test_json_holds_everything() -> None:
    finding = Finding("note", "카드", "없음", "do", (("free_bytes", 7), ("is_writable", True), ("x", None)))
    back = json.loads(json.dumps(as_dict(report_of(finding))))
    assert back["can_generate"] is True
    assert back["sections"][0]["findings"][0] == {
        "status": "note",
        "name": "카드",
        "what": "없음",
        "remedy": "do",
        "facts": {"free_bytes": 7, "is_writable": True, "x": None},
    }


@pytest.mark.parametrize(
    ("home", "said", "shown"),
    [
        ("/home/jiwoo", "at /home/jiwoo/.local/x", "at ~/.local/x"),
        ("/home/jiwoo", "/home/jiwoo", "~"),
        ("/home/jiwoo", "/home/jiwoo2/x and /home/jiwoo-b", "/home/jiwoo2/x and /home/jiwoo-b"),
        ("/home/jiwoo", '"/home/jiwoo/a b" -m', '"~/a b" -m'),
        ("/home/jiwoo", "/media/jiwoo/disk", "/media/<user>/disk"),
        ("/home/jiwoo", "D:\\data\\jiwoo", "D:\\data\\<user>"),
        ("/Users/김 지우", "/Users/김 지우/모형", "~/모형"),
        ("C:\\Users\\Kim", "c:\\users\\kim\\AppData", "~\\AppData"),
        ("C:\\Users\\Kim", "C:/Users/Kim/AppData", "~/AppData"),
        ("/", "/srv/data", "/srv/data"),
    ],
)
def test_private_paths_are_hidden(home: str, said: str, shown: str) -> None:
    class Home(type(Path())):  # a path that prints as written, of whichever platform
        def __str__(self) -> str:
            return home

    finding = Finding("ok", "data", said, said, (("path", said), ("n", 1)))
    hidden = next(hide_private_paths(report_of(finding), Home("x")).findings)
    assert (hidden.what, hidden.remedy, dict(hidden.facts)) == (shown, shown, {"path": shown, "n": 1})
