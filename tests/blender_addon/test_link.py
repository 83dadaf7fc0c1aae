"""A link waits for nobody, starts no Python thread, and closed it leaves nothing behind."""

from __future__ import annotations

import gc
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from addon_bench import Bench, Maquette, wait_for
from running_server import served

from protocol.address import Address


def address_at(maquette: Maquette, address: Address, **changes: object) -> object:
    """An address as the add-on reads it."""
    plain = maquette.address.address_from(maquette_text(address))
    return plain.__class__(**{**plain.__dict__, **changes})


def maquette_text(address: Address) -> bytes:
    """What stands in the connection file."""
    from protocol.address import text_of

    return text_of(address)


def until(is_so: Callable[[], object], timeout_s: float = 10.0) -> None:
    wait_for(is_so, timeout_s)


def hello(maquette: Maquette, address: Address) -> object:
    return maquette.messages.Hello((1, 1), address.token, "a test", True)


def submit(maquette: Maquette, job: str, n_bytes: int) -> object:
    """An order with a picture of that size."""
    a, r = maquette.arrays, maquette.requests
    image = a.Image("file", a.Array("uint8", (n_bytes,), bytes(n_bytes)))
    return maquette.messages.Submit(job, r.GenerateRequest((r.ViewPicture("front", "quick", image),)))


def test_it_hears_the_welcome_and_its_end(maquette: Maquette, tmp_path: Path) -> None:
    with served(tmp_path) as server:
        link = maquette.link.Link(address_at(maquette, server.address))
        link.send(hello(maquette, server.address))
        heard: list[object] = []
        until(lambda: heard.extend(link.receive()) or heard)
        assert isinstance(heard[0], maquette.messages.Welcome)
        assert link.state == maquette.link.OPEN
    until(lambda: list(link.receive()) is None or link.state == maquette.link.GONE)
    link.close()


def test_a_wrong_token_is_denied(maquette: Maquette, tmp_path: Path) -> None:
    with served(tmp_path) as server:
        link = maquette.link.Link(address_at(maquette, server.address, token="wrong"))
        until(lambda: list(link.receive()) or link.state == maquette.link.DENIED)
        link.close()


def test_a_large_picture_needs_no_python_thread(maquette: Maquette, tmp_path: Path) -> None:
    with served(tmp_path) as server:
        threads = set(threading.enumerate())
        link = maquette.link.Link(address_at(maquette, server.address))
        link.send(hello(maquette, server.address))
        link.send(submit(maquette, "large", 20_000_000))
        heard: list[object] = []
        until(lambda: heard.extend(link.receive()) or any(type(m).__name__ == "Accepted" for m in heard))
        assert set(threading.enumerate()) == threads
        link.close()


def test_a_peer_that_reads_nothing_holds_nobody(maquette: Maquette) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        there = maquette.address.Address(f"tcp://127.0.0.1:{port}", port, "t", 1, (1, 1), "x")
        link = maquette.link.Link(there)
        for number in range(20):
            link.send(submit(maquette, f"job-{number}", 1_000_000))
        assert list(link.receive()) == []
        assert link.state == maquette.link.OPENING
        link.close(says_goodbye=True)


@pytest.mark.parametrize(
    "fields",
    [
        {"endpoint": "tcp://nowhere"},
        {"endpoint": "tcp://\ud800:1"},
        {"token": "\ud800"},
        {"token": "x" * 300},
        {"server_key": "short"},
        {"server_key": "x" * 40, "client_public_key": "", "client_secret_key": "\ud800"},
    ],
)
def test_an_address_that_is_none_is_gone_at_once(maquette: Maquette, fields: dict[str, str]) -> None:
    plain = {
        "endpoint": "tcp://127.0.0.1:1",
        "port": 1,
        "token": "t",
        "pid": 1,
        "wire": (1, 1),
        "engine": "x",
    }
    link = maquette.link.Link(maquette.address.Address(**{**plain, **fields}))
    assert link.state == maquette.link.GONE
    assert list(link.receive()) == []
    link.close()
    gc.collect()


@pytest.mark.slow
def test_a_hundred_links_leave_no_file_and_no_thread(maquette: Maquette, tmp_path: Path) -> None:
    me = psutil.Process()
    with served(tmp_path) as server:
        for number in range(101):
            if number == 1:
                n_files, n_threads = me.num_fds(), me.num_threads()
            link = maquette.link.Link(address_at(maquette, server.address))
            link.send(hello(maquette, server.address))
            until(lambda link=link: list(link.receive()))
            link.close(says_goodbye=True)
        time.sleep(0.3)
        assert me.num_fds() <= n_files + 2
        assert me.num_threads() <= n_threads


def test_ended_in_the_middle_of_a_result_nothing_is_left(at: Bench) -> None:
    blender = at.blender()
    blender.is_landing = False
    blender.session.start()
    blender.until_ready()
    job = blender.submit("quick 30000000")
    blender.until(lambda: blender.job(job).state == "done")
    blender.session.take(job)
    blender.session.close()
    assert blender.session.connection.phase == "stopped"
