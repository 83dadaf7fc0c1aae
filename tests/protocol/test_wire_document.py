"""The specification names every message, field, state and fault that the code has, and no others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from protocol import names
from protocol.arrays import Image, Mesh
from protocol.codec import FROM_CLIENT, FROM_ENGINE, FROM_STRANGER, MIB
from protocol.events import JobSummary
from protocol.faults import ACTIONS, EXIT_CODES, Fault
from protocol.messages import MESSAGES
from protocol.requests import CutoutRequest, GenerateRequest, ViewPicture
from protocol.results import NamedImage
from protocol.rules import Record, rules_of
from protocol.session import BackendInfo, Bounds, Device, PresetInfo
from protocol.states import FOLLOWERS

TEXT = (Path(__file__).parents[2] / "docs" / "wire.md").read_text(encoding="utf-8")
RECORDS = (
    *(Fault, Image, ViewPicture, GenerateRequest, CutoutRequest, Device, BackendInfo, PresetInfo, Bounds),
    *(JobSummary, Mesh, NamedImage),
)


def sections() -> dict[str, str]:
    found: dict[str, str] = {}
    for block in re.split(r"^### ", TEXT, flags=re.MULTILINE)[1:]:
        title, _, body = block.partition("\n")
        for name in re.findall(r"`(\w+)`", title):
            found[name] = body.split("\n## ")[0]
    return found


@pytest.mark.parametrize("record", [*MESSAGES, *RECORDS], ids=lambda record: record.__name__)
def test_every_record_is_specified_with_its_fields_and_no_others(record: type[Record]) -> None:
    listed = [
        name
        for line in sections()[record.__name__].splitlines()
        if line.startswith("- ")
        for part in line[2:].split("; `")
        for name in re.findall(r"`(\w+)`", ("`" + part.lstrip("`")).partition(":")[0])
    ]
    assert listed == [held.name for held in rules_of(record)]


def test_states_and_what_follows_are_those_of_the_table() -> None:
    rows = dict(
        re.findall(
            r"^\| `(\w+)`[^|]*\| ([^|]*)\|",
            TEXT.partition("## 8.")[2].partition("## 9.")[0],
            flags=re.MULTILINE,
        )
    )
    for state, followers in FOLLOWERS.items():
        assert set(re.findall(r"`(\w+)`", rows[state])) == followers


def test_faults_and_exit_codes_are_those_of_the_table() -> None:
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\| (\d+) \|", TEXT.partition("## 9.")[2], flags=re.MULTILINE)
    assert {code: int(exit_code) for code, exit_code in rows} == EXIT_CODES


def test_names_are_all_written_down() -> None:
    for name in (*names.VIEWS, *names.BACKENDS, *names.PRESETS, *names.STAGES, *ACTIONS, *names.DEVICE_KINDS):
        assert name in TEXT


def test_limits_and_version_are_the_codec_s() -> None:
    assert TEXT.startswith(f"# The wire, version {names.WIRE_MAJOR}.{names.WIRE_MINOR}\n")
    assert (FROM_CLIENT.max_frames, FROM_CLIENT.max_items) == (16, 1024)
    assert (FROM_CLIENT.max_header_bytes, FROM_CLIENT.max_frame_bytes) == (MIB, 128 * MIB)
    assert (FROM_CLIENT.max_total_bytes, FROM_CLIENT.max_text_bytes) == (512 * MIB, 65_536)
    assert (FROM_STRANGER.max_frames, FROM_STRANGER.max_header_bytes) == (1, 4096)
    assert (FROM_ENGINE.max_frames, FROM_ENGINE.max_header_bytes) == (64, 8 * MIB)
    assert (FROM_ENGINE.max_frame_bytes, FROM_ENGINE.max_total_bytes) == (512 * MIB, 1024 * MIB)
