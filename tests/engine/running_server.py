"""A real server on a folder of its own, in a thread or as a process, with scripted workers."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import zmq

from engine.client import EngineClient
from engine.link.address import Address, read_address
from engine.link.sockets import dealer
from engine.server.serve import ServeOptions, Server
from engine.server.supervisor import Patience
from protocol.arrays import Array, Image
from protocol.codec import FROM_ENGINE, decode, encode
from protocol.requests import GenerateRequest, ViewPicture
from protocol.rules import Record

HERE = Path(__file__).parent
WORKER = (sys.executable, str(HERE / "scripted_worker.py"))
IMPATIENT = Patience(start_s=30, cancel_s=0.5, end_s=2, idle_s=60)


def picture(script: str, n_bytes: int = 3, view: str = "front") -> ViewPicture:
    """A picture whose name tells the scripted worker what to do."""
    return ViewPicture(view, script, Image("file", Array("uint8", (n_bytes,), bytes(n_bytes))))


def request(script: str = "quick", **changes: object) -> GenerateRequest:
    """A request that the scripted worker understands."""
    return replace(GenerateRequest((picture(script),)), **changes)  # type: ignore[arg-type]


def options(folder: Path, **changes: object) -> ServeOptions:
    """A server with scripted workers and little patience."""
    made = ServeOptions(folder / "data", folder / "models", worker_command=WORKER, patience=IMPATIENT)
    return replace(made, **changes)  # type: ignore[arg-type]


@contextmanager
def served(folder: Path, **changes: object) -> Iterator[Server]:
    """A server in a thread of this process."""
    with Server(options(folder, **changes)) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield server
        finally:
            server.stop("The test is over.")
            thread.join(10)
            assert not thread.is_alive()


@contextmanager
def server_process(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], Address]]:
    """A server as a process of its own; killed at the end if it still runs."""
    command = (sys.executable, str(HERE / "scripted_server.py"), str(folder), *arguments)
    process = subprocess.Popen(command, cwd=HERE.parents[1], stderr=subprocess.PIPE)
    try:
        wait_for(lambda: (folder / "data" / "engine.json").exists() or process.poll() is not None, 20)
        assert process.poll() is None, process.stderr.read().decode() if process.stderr else ""
        yield process, read_address(folder / "data")
    finally:
        process.kill()
        process.communicate()


def client(server: Server | Address, **changes: object) -> EngineClient:
    """A client of that server."""
    address = server.address if isinstance(server, Server) else server
    return EngineClient(address, **changes)  # type: ignore[arg-type]


class RawPeer:
    """A DEALER that knows the token of the door and says whatever it likes."""

    def __init__(self, address: Address) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = dealer(self.context, address, limits=FROM_ENGINE)
        self.socket.connect(address.endpoint)

    def say(self, message: Record) -> None:
        self.socket.send_multipart(encode(message))

    def hear(self, timeout_s: float = 5) -> Record | None:
        if not self.socket.poll(int(timeout_s * 1000)):
            return None
        return decode(self.socket.recv_multipart())

    def __enter__(self) -> RawPeer:
        return self

    def __exit__(self, *unused: object) -> None:
        self.socket.close(0)
        self.context.term()


def wait_for(is_so: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Waits until something is so; fails when it does not become so in time."""
    end_s = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.01)
