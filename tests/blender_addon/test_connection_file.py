"""Whatever stands in the connection file, and whoever listens there, an engine comes or words do."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from addon_bench import Bench

pytestmark = pytest.mark.skipif(
    "sys.platform == 'win32'", reason="the program that stands in is a shell script"
)


def write_address(at: Bench, **changes: object) -> None:
    """A connection file as a dead engine leaves it, but for `changes`."""
    fields = {
        "endpoint": "tcp://127.0.0.1:1",
        "port": 1,
        "token": "t" * 43,
        "pid": 999_999,
        "wire": [1, 1],
        "engine": "0.1.0",
    }
    (at.data / "engine.json").write_text(json.dumps(fields | changes), encoding="utf-8")


@contextmanager
def silent_listener() -> Iterator[int]:
    """The port of a program that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@contextmanager
def web_server() -> Iterator[int]:
    """The port of a program that speaks HTTP."""
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.RequestHandlerClass.log_message = lambda *unused: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def chatterer(greeting: bytes) -> Iterator[int]:
    """The port of a program that says something at once, as mail and shell servers do."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with peer:
                    peer.sendall(greeting)
                    time.sleep(0.2)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield listener.getsockname()[1]


def some_slow(cases: dict[str, Any]) -> list[Any]:
    """Parameters of which the first two are tested always, the others where there is time."""
    marks = [()] * 2 + [(pytest.mark.slow,)] * len(cases)
    return [
        pytest.param(case, id=name, marks=mark)
        for (name, case), mark in zip(cases.items(), marks, strict=False)
    ]


BROKEN_FILES = {
    "no JSON": b"\x00\xff{",
    "empty": b"",
    "a list": b"[]",
    "deep": b"[" * 100_000,
    "no token": b'{"endpoint": "tcp://127.0.0.1:1", "port": 1, "pid": 1, "wire": [1, 1], "engine": "x"}',
}


@pytest.mark.parametrize("content", some_slow(BROKEN_FILES))
def test_a_damaged_connection_file_counts_as_none(at: Bench, content: bytes) -> None:
    (at.data / "engine.json").write_bytes(content)
    blender = at.blender()
    blender.session.start()
    blender.until_ready()
    assert blender.session.fault is None


ODD_FIELDS: dict[str, dict[str, object]] = {
    "dead port": {},
    "empty token": {"token": ""},
    "no port": {"endpoint": "tcp://127.0.0.1"},
    "nonsense": {"endpoint": "tcp://[::zz]:99999999"},
    "a name that is none": {"endpoint": "tcp://no.such.host.invalid:5555"},
    "half a character": {"endpoint": "tcp://127.0.0.1:\ud800"},
    "NUL": {"endpoint": "tcp://127.0.0.1:1\0"},
    "endless token": {"token": "x" * 1000},
    "token of half a character": {"token": "\ud800"},
    "keys that are none": {"server_key": "a", "client_public_key": "b", "client_secret_key": "c"},
    "keys of half characters": {"server_key": "\ud800" * 40},
    "one key of three": {"server_key": "a" * 40},
    "huge numbers": {"port": 10**30, "pid": 10**30},
}


@pytest.mark.parametrize("changes", some_slow(ODD_FIELDS))
def test_a_stale_connection_file_is_got_over(at: Bench, changes: dict[str, object]) -> None:
    write_address(at, **changes)
    blender = at.blender()
    blender.session.start()
    blender.until_ready()
    assert blender.session.fault is None
    job = blender.submit()
    blender.until_landed(job)


def test_an_unreadable_connection_file_is_said_in_words(at: Bench) -> None:
    (at.data / "engine.json").mkdir()
    blender = at.blender()
    blender.session.start()
    fault = blender.fault()
    assert fault.code == "unreachable"
    assert "engine.json" in fault.message + fault.remedy + fault.detail


@pytest.mark.parametrize(
    "greeting", some_slow({"shell": b"SSH-2.0-OpenSSH_9.9\r\n", "mail": b"220 mail\r\n" + bytes(200)})
)
@pytest.mark.slow
def test_a_port_of_another_program_that_speaks_first_is_got_over_or_said(at: Bench, greeting: bytes) -> None:
    with chatterer(greeting) as port:
        write_address(at, endpoint=f"tcp://127.0.0.1:{port}", port=port)
        blender = at.blender()
        blender.session.start()
        blender.until(lambda: blender.session.fault or blender.session.is_ready)
        assert "token" not in str(blender.session.fault)
        blender.session.restart()
        blender.until_ready()


@pytest.mark.parametrize("listener", [silent_listener, web_server])
def test_a_port_of_another_program_is_said_and_a_click_goes_on(
    at: Bench, listener: Callable[[], Iterator[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at.maquette.connection, "_GREETING_S", 0.5)
    with listener() as port:
        write_address(at, endpoint=f"tcp://127.0.0.1:{port}", port=port)
        blender = at.blender()
        job = blender.submit()
        blender.until(lambda: blender.session.fault or blender.session.is_ready)
        fault = blender.session.fault
        if fault is not None:
            assert (fault.code, fault.action) == ("unreachable", "restart_engine")
            assert str(port) in fault.message
            blender.session.restart()
        blender.until_landed(job)
        assert blender.session.fault is None


def test_a_wrong_token_is_said(at: Bench) -> None:
    with at.engine():
        right = at.address
        write_address(at, endpoint=right.endpoint, port=right.port, token="w" * 43)
        blender = at.blender()
        blender.session.start()
        fault = blender.fault()
        assert (fault.code, fault.action) == ("refused", "restart_engine")
        assert "token" in fault.message
        blender.tick_for(1.2)
        assert blender.session.fault is fault
        assert not blender.session.is_ready
