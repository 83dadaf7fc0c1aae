"""Outboxes of slow readers: bounded, in order, newest progress only."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from engine.server import clients as module
from engine.server.clients import Clients
from protocol.codec import decode
from protocol.events import JobChanged, StageFinished, StageProgress, StageStarted
from protocol.rules import Record
from protocol.session import Pong


class Line:
    """A reader that takes `room` messages and may hang up."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.is_gone = False
        self.heard: list[Record] = []

    def send(self, to: bytes, frames: Sequence[bytes | bytearray | memoryview]) -> bool:
        if self.is_gone:
            raise ConnectionError
        if not self.room:
            return False
        self.room -= 1
        self.heard.append(decode([bytes(frame) for frame in frames]))
        return True


def line_of(room: int) -> tuple[Line, Clients]:
    line = Line(room)
    clients = Clients(line.send)
    clients.admit(b"c", "test", False)
    return line, clients


def test_the_newest_progress_replaces_older_ones_of_its_job_only() -> None:
    line, clients = line_of(room=0)
    clients.tell_all(StageStarted("a", "bake", 0, 1))
    for step in range(50):
        clients.tell_all(StageProgress("a", "bake", step, 50))
        clients.tell_all(StageProgress("b", "bake", step, 50))
    clients.tell_all(StageFinished("a", "bake", 1, 0, False))
    clients.tell_all(StageProgress("b", "bake", 50, 50))
    clients.flush()
    assert clients.is_waiting
    line.room = 100
    clients.flush()
    assert line.heard == [
        StageStarted("a", "bake", 0, 1),
        StageProgress("a", "bake", 49, 50),
        StageFinished("a", "bake", 1, 0, False),
        StageProgress("b", "bake", 50, 50),
    ]
    assert not clients.is_waiting


def test_progress_after_a_sent_one_is_sent_too() -> None:
    line, clients = line_of(room=100)
    for step in range(3):
        clients.tell_all(StageProgress("a", "bake", step, 3))
        clients.flush()
    assert len(line.heard) == 3


def test_a_reader_that_leaves_too_much_unread_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 10)
    _, clients = line_of(room=0)
    for _ in range(11):
        clients.tell_all(JobChanged("a", "running"))
    clients.flush()
    assert clients.get(b"c") is None
    assert not clients.is_waiting


def test_a_reader_that_is_gone_is_forgotten() -> None:
    line, clients = line_of(room=1)
    line.is_gone = True
    clients.say(b"c", Pong())
    clients.flush()
    assert clients.get(b"c") is None


def test_too_many_clients_push_out_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CLIENTS", 2)
    _, clients = line_of(room=1)
    clients.admit(b"d", "second", False)
    clients.admit(b"e", "third", False)
    assert [clients.get(name) is None for name in (b"c", b"d", b"e")] == [True, False, False]


def test_a_refusal_is_said_once_and_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REFUSED", 3)
    line = Line(100)
    clients = Clients(line.send)
    for number in range(10):
        for _ in range(3):
            clients.refuse(b"%d" % number, Pong())
    assert len(line.heard) == 10
    assert [clients.is_refused(b"%d" % number) for number in range(10)] == [False] * 7 + [True] * 3
