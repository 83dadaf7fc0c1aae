"""Who reaches the port costs the server neither its life nor its memory; honest clients are served after."""

from __future__ import annotations

import random
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import msgpack
import psutil
import pytest
import zmq
from running_server import client, request, server_process

from engine.link.address import Address
from engine.link.sockets import dealer
from protocol import messages as m
from protocol.codec import FROM_ENGINE, MIB, decode, encode
from protocol.rules import Record

GROWTH_BYTES = 24 * MIB  # an allocator keeps some of what was used for a moment


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen[bytes], Address]]:
    """One server for all the attacks."""
    with server_process(tmp_path_factory.mktemp("hostile")) as running:
        yield running


@pytest.fixture
def address(running: tuple[subprocess.Popen[bytes], Address]) -> Iterator[Address]:
    """The server, which must be alive, small and of service after what a test does to it."""
    process, address = running
    serve_honestly(address)
    before = psutil.Process(process.pid).memory_info().rss
    yield address
    serve_honestly(address)
    after = psutil.Process(process.pid).memory_info().rss
    assert process.poll() is None
    assert after - before < GROWTH_BYTES, f"{before >> 20} MiB became {after >> 20} MiB"


def serve_honestly(address: Address) -> None:
    with client(address) as engine:
        engine.discard(engine.run(request(), _Silent()).job)


class Wire:
    """A bare TCP connection that speaks just enough ZMTP 3.0 to misuse it (rfc.zeromq.org/spec/23)."""

    def __init__(self, address: Address, mechanism: bytes = b"NULL") -> None:
        self.socket = socket.create_connection(("127.0.0.1", address.port), 5)
        self.socket.settimeout(5)
        self.send(b"\xff" + bytes(8) + b"\x7f\x03\x00" + mechanism.ljust(20, b"\0") + bytes(32))

    def send(self, data: bytes) -> bool:
        """Whether the server still listened."""
        try:
            self.socket.sendall(data)
        except OSError:
            return False
        return True

    def command(self, name: bytes, body: bytes) -> bool:
        payload = bytes([len(name)]) + name + body
        return self.send(b"\x04" + bytes([len(payload)]) + payload)

    def enter(self, token: str) -> None:
        """The handshake of a client that knows the token."""
        self.command(b"HELLO", b"\x08maquette" + bytes([len(token)]) + token.encode())
        kind = b"DEALER"
        self.command(b"INITIATE", b"\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind)
        time.sleep(0.2)

    def is_closed(self) -> bool:
        """Whether the server has hung up."""
        try:
            while self.socket.recv(4096):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *unused: object) -> None:
        self.socket.close()


@contextmanager
def raw_peer(address: Address, hello: Record | None = None) -> Iterator[zmq.Socket[bytes]]:
    """A DEALER that is past the door, and welcomed if it says hello."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    peer = dealer(context, address, limits=FROM_ENGINE)
    peer.sndhwm = 0
    peer.rcvtimeo = 10_000
    peer.connect(address.endpoint)
    try:
        if hello is not None:
            peer.send_multipart(encode(hello))
            assert isinstance(decode(peer.recv_multipart()), m.Welcome)
        yield peer
    finally:
        peer.close(0)
        context.term()


def hello(address: Address) -> m.Hello:
    return m.Hello((1, 0), address.token, "hostile", False)


def test_random_bytes_on_the_port(address: Address) -> None:
    noise = random.Random(1)
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", address.port), 5) as raw:
            try:
                raw.sendall(noise.randbytes(noise.randrange(1, 5000)))
            except OSError:
                continue  # it hung up in the middle, as it should


def test_web_browsers_on_the_port(address: Address) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", address.port), 5) as raw:
            raw.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{}")


def test_a_stranger_cannot_pile_up_frames(address: Address) -> None:
    ready = b"\x0bSocket-Type" + struct.pack(">I", 6) + b"DEALER"
    for mechanism in (b"NULL", b"PLAIN"):
        with Wire(address, mechanism) as wire:
            wire.command(b"READY", ready)
            flood = b"\x01\x00" * 500_000  # empty frames, each with another to follow
            for _ in range(4):
                if not wire.send(flood):
                    break
            assert wire.is_closed()


@pytest.mark.parametrize("knows_token", [True, False])
def test_a_claim_of_two_gigabytes_ends_the_connection(address: Address, knows_token: bool) -> None:
    with Wire(address, b"PLAIN") as wire:
        wire.enter(address.token if knows_token else "wrong")
        wire.send(b"\x02" + struct.pack(">Q", 2 * 1024**3) + bytes(MIB))
        assert wire.is_closed()


def test_a_claim_of_two_gigabytes_in_the_handshake(address: Address) -> None:
    with Wire(address, b"PLAIN") as wire:
        wire.send(b"\x06" + struct.pack(">Q", 2 * 1024**3) + b"\x05HELLO")
        assert wire.is_closed()


def test_very_many_frames_of_a_client_are_rejected(address: Address) -> None:
    with raw_peer(address, hello(address)) as peer:
        for _ in range(3):
            peer.send_multipart([b""] * 100_000)
            answer = decode(peer.recv_multipart())
            assert isinstance(answer, m.Rejected)
            assert "frames: are 100000, allowed are 1 to 16" in answer.fault.message


HOSTILE = [
    b"",
    b"\xc1",
    b"\x91" * 100_000,
    b"\x81\xa1a" * 100_000,
    b"\xdd\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\xdc\x04\x00" * 1000,
    b"\xdc\x03\xff" + b"\x80" * 1023,
    b"\xc0" * (2 * MIB),
    msgpack.packb({"tag": "Take", "job": "../../etc/passwd"}),
    msgpack.packb({"tag": "Take", "job": "x" * 60_000}),
    msgpack.packb({"tag": "Welcome"}),
    msgpack.packb({"tag": "Hello"}),
]


def test_hostile_headers_of_a_client_are_rejected_with_the_field(address: Address) -> None:
    with raw_peer(address, hello(address)) as peer:
        for bad in HOSTILE:
            peer.send(bad)
            answer = decode(peer.recv_multipart())
            assert isinstance(answer, m.Rejected)
            assert "The message could not be read: " in answer.fault.message


def test_hostile_headers_of_a_stranger_get_one_refusal(address: Address) -> None:
    with raw_peer(address) as peer:
        for bad in HOSTILE:
            peer.send(bad)
        assert isinstance(decode(peer.recv_multipart()), m.Refused)
        assert not peer.poll(300)


def test_random_messages_of_a_client(address: Address) -> None:
    noise = random.Random(2)
    golden = [encode(m.Submit("j", request())), encode(m.Take("j")), encode(m.ListJobs())]
    with raw_peer(address, hello(address)) as peer:
        for _ in range(1000):
            frames = [bytearray(frame) for frame in noise.choice(golden)]
            at = noise.choice(frames)
            at[noise.randrange(len(at))] = noise.randrange(256)
            peer.send_multipart([bytes(frame) for frame in frames])
        peer.send_multipart(encode(m.Ping()))
        while not isinstance(decode(peer.recv_multipart()), m.Pong):
            pass


def test_wrong_tokens_by_the_hundred(address: Address) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    for _ in range(100):
        peer = dealer(context, replace(address, token="wrong"), limits=FROM_ENGINE)
        peer.connect(address.endpoint)
        peer.send(b"never read")
        peer.close(0)
    context.term()


def test_a_client_that_reads_nothing_is_let_go_and_delays_nobody(address: Address) -> None:
    with raw_peer(address, hello(address)) as peer:
        ask = encode(m.ListJobs())
        for _ in range(20_000):
            peer.send_multipart(ask)
        with client(address) as engine:
            assert engine.run(request(), _Silent()).job


def test_connections_that_say_nothing_are_let_go(address: Address) -> None:
    silent = [socket.create_connection(("127.0.0.1", address.port), 5) for _ in range(100)]
    with client(address) as engine:
        engine.ping()
    for raw in silent:
        raw.close()


class _Silent:
    """Listens to a job and says nothing."""

    def __getattr__(self, name: str) -> object:
        return lambda *told: None
