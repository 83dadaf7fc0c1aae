"""An owned engine lives for its owners and its jobs, and no longer."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from running_server import RawPeer, client, request, server_process, wait_for

from engine.errors import Unreachable
from engine.link.address import Address
from engine.server.owners import Owners
from protocol import messages as m
from protocol.track import JobView

SILENCE_S = "30"  # longer than any of these tests


@contextmanager
def killed_owner(address: Address) -> Iterator[RawPeer]:
    """An owner whose end says no Leave."""
    with RawPeer(address) as peer:
        peer.say(m.Hello((1, 1), address.token, "raw", True))
        assert isinstance(peer.hear(), m.Welcome)
        yield peer


def test_the_last_owner_to_leave_ends_an_owned_engine_at_once(tmp_path: Path) -> None:
    with server_process(tmp_path, SILENCE_S) as (process, address):
        with client(address, is_owner=True) as second, client(address) as guest:
            with client(address, is_owner=True) as first:
                first.ping()
            second.ping()
            guest.ping()
            assert process.poll() is None
        assert process.wait(5) == 0
    assert not (tmp_path / "data" / "engine.json").exists()


def test_a_guest_s_leave_ends_nothing_but_its_own_session(tmp_path: Path) -> None:
    with server_process(tmp_path, SILENCE_S) as (process, address):
        with killed_owner(address) as owner, RawPeer(address) as guest:
            guest.say(m.Hello((1, 1), address.token, "guest", False))
            assert isinstance(guest.hear(), m.Welcome)
            guest.say(m.Leave())
            guest.say(m.Ping())
            assert isinstance(guest.hear(), m.Refused)
            owner.say(m.Ping())
            assert isinstance(owner.hear(), m.Pong)
        assert process.poll() is None


def test_an_engine_that_nobody_owns_outlives_an_owner(tmp_path: Path) -> None:
    with server_process(tmp_path) as (_, address):
        with client(address, is_owner=True) as owner:
            owner.ping()
        with client(address) as guest:
            guest.ping()


def test_with_open_jobs_the_engine_ends_when_they_are_done(tmp_path: Path) -> None:
    with server_process(tmp_path, SILENCE_S) as (process, address), client(address) as guest:
        with client(address, is_owner=True) as owner:
            job = owner.submit(request("slow"))
        wait_for(lambda: guest.view(job).step > 5)
        assert process.poll() is None
        guest.cancel(job)
        with pytest.raises(Unreachable, match="The program that started the engine is gone"):
            for _ in guest.follow(JobView("none")):
                pass
        assert process.wait(5) == 0


def test_an_owner_that_comes_while_jobs_are_open_keeps_the_engine(tmp_path: Path) -> None:
    with server_process(tmp_path, SILENCE_S) as (process, address):
        with client(address, is_owner=True) as owner:
            job = owner.submit(request("slow"))
        with client(address, is_owner=True) as owner:
            owner.cancel(job)
            for _ in owner.follow(owner.view(job)):
                pass
            owner.ping()
            assert process.poll() is None
        assert process.wait(5) == 0


def test_an_owned_engine_ends_when_a_killed_owner_was_silent_for_long(tmp_path: Path) -> None:
    with server_process(tmp_path, "1.5") as (process, address), client(address) as guest:
        with killed_owner(address):
            job = guest.submit(request())
            for view, _ in guest.follow(JobView(job)):
                assert view.job == job
            assert isinstance(guest.take(job), m.Result)
            assert process.poll() is None
        assert process.wait(10) == 0
    assert not (tmp_path / "data" / "engine.json").exists()


def test_an_owner_that_is_busy_for_long_keeps_its_engine(tmp_path: Path) -> None:
    with server_process(tmp_path, "0.6") as (process, address):
        with killed_owner(address) as owner:  # says nothing, as Blender does while it compiles shaders
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(2.0)
            assert isinstance(owner.hear(), m.Pong)
        assert process.wait(10) == 0


def test_a_killed_owner_s_engine_waits_for_its_jobs(tmp_path: Path) -> None:
    with server_process(tmp_path, "0.2") as (process, address):
        with client(address) as guest:
            with killed_owner(address):
                job = guest.submit(request("slow"))
            # 30 steps of 20 ms: longer than it waits for its owner
            wait_for(lambda: guest.view(job).step > 30)
            assert process.poll() is None
            guest.cancel(job)
        assert process.wait(10) == 0


def test_an_engine_of_an_older_wire_is_not_sent_what_it_does_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine import client as module

    monkeypatch.setattr(module, "LEAVE_VERSION", (1, 999))  # as if this engine were older than Leave
    with server_process(tmp_path, SILENCE_S) as (process, address), client(address) as guest:
        with client(address, is_owner=True) as owner:
            owner.ping()
        guest.ping()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)


def test_an_owner_closes_at_once_when_its_engine_is_gone(tmp_path: Path) -> None:
    with server_process(tmp_path, SILENCE_S) as (process, address):
        owner = client(address, is_owner=True)
        process.kill()
        process.wait()
        with pytest.raises(Unreachable):
            owner.ping()
        owner.close()


def test_an_owner_that_left_is_not_waited_for_but_a_silent_one_is() -> None:
    owners = Owners(30.0, now_s=0.0)
    assert not owners.are_gone(29.0)
    assert owners.are_gone(31.0)
    owners.hear(b"a", 40.0)
    owners.hear(b"b", 41.0)
    owners.leave(b"stranger")
    owners.leave(b"b")
    assert not owners.are_gone(69.0)  # a may only be slow
    assert owners.are_gone(71.0)
    owners.hear(b"c", 80.0)
    assert not owners.are_gone(81.0)
    owners.leave(b"c")
    assert owners.are_gone(81.0)


def test_an_owner_that_fell_silent_and_one_that_left_leave_nobody() -> None:
    owners = Owners(30.0, now_s=0.0)
    owners.hear(b"a", 1.0)
    assert owners.are_gone(32.0)
    owners.hear(b"a", 33.0)
    assert not owners.are_gone(60.0)
