"""Sockets carry messages without copying arrays; a send never blocks, a receive keeps to its limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import zmq

from engine.errors import BadRequest
from engine.link.address import Address
from engine.link.gate import PLAIN_USER, Gate, Judge
from protocol.arrays import Buffer
from protocol.codec import Limits, ProtocolError

ZmqSocket = zmq.Socket[bytes]
ZmqContext = zmq.Context[zmq.Socket[bytes]]

_HANDSHAKE_MS = 5000  # a peer that has not shown its token by then is let go
_HEARTBEAT_MS = 5000  # notices a machine that vanished without a word
_HEARTBEAT_TIMEOUT_MS = 20_000
_SEND_QUEUE = 16  # messages; small, so that progress is still replaced before it leaves the engine
_RECEIVE_QUEUE = 64


@dataclass(frozen=True)
class Received:
    """One message as it came: its sender (empty on a DEALER) and its frames, or why there are none."""

    sender: bytes
    frames: tuple[Buffer, ...]
    problem: ProtocolError | None = None


def listen(
    context: ZmqContext,
    gate: Gate,
    judge: Judge,
    *,
    domain: bytes,
    limits: Limits,
    host: str = "127.0.0.1",
    port: int = 0,
    server_secret_key: str = "",
) -> tuple[ZmqSocket, int]:
    """A bound ROUTER socket and its port (0 asks for a random one); CURVE when there is a key, else PLAIN.

    Raises BadRequest when the port is taken or may not be used.
    """
    socket = context.socket(zmq.ROUTER)
    gate.judges[domain] = judge
    socket.setsockopt(zmq.ZAP_DOMAIN, domain)
    if server_secret_key:
        socket.curve_server = True
        socket.curve_secretkey = server_secret_key.encode()
    else:
        socket.plain_server = True
    socket.setsockopt(zmq.HANDSHAKE_IVL, _HANDSHAKE_MS)
    socket.setsockopt(zmq.ROUTER_MANDATORY, 1)  # a peer that is gone or full is an error, not a silent drop
    socket.setsockopt(zmq.MAXMSGSIZE, limits.max_frame_bytes)
    _tune(socket)
    try:
        socket.bind(f"tcp://{host}:{port or '*'}")
    except zmq.ZMQError as error:
        socket.close()
        raise BadRequest(
            f"The engine cannot listen on port {port}: {error.strerror}.",
            remedy="Choose another with --port, or leave it out for a free one.",
        ) from error
    endpoint = bytes(socket.getsockopt(zmq.LAST_ENDPOINT)).rstrip(b"\0").decode()
    return socket, int(endpoint.rpartition(":")[2])


def dealer(context: ZmqContext, address: Address, *, limits: Limits, identity: bytes = b"") -> ZmqSocket:
    """A DEALER socket with all that `address` asks for; not yet connected, so that it can be watched."""
    socket = context.socket(zmq.DEALER)
    if address.server_key:
        socket.curve_serverkey = address.server_key.encode()
        socket.curve_publickey = address.client_public_key.encode()
        socket.curve_secretkey = address.client_secret_key.encode()
    else:
        socket.plain_username = PLAIN_USER
        socket.plain_password = address.token.encode()
    if identity:
        socket.setsockopt(zmq.ROUTING_ID, identity)
    socket.setsockopt(zmq.MAXMSGSIZE, limits.max_frame_bytes)
    _tune(socket)
    return socket


def send(socket: ZmqSocket, frames: Sequence[Buffer], to: bytes = b"") -> bool:
    """Whether the message left; False when the peer's queue is full. Arrays are not copied.

    Raises ConnectionError when the peer of a ROUTER is gone.
    """
    parts = [to, *frames] if to else list(frames)
    try:
        socket.send_multipart(parts, zmq.NOBLOCK, copy=False)
    except zmq.Again:
        return False
    except zmq.ZMQError as error:
        if error.errno == zmq.EHOSTUNREACH:
            raise ConnectionError("the peer is gone") from error
        raise
    return True


def receive(socket: ZmqSocket, limits: Limits, *, is_routed: bool) -> Received | None:
    """The next message, None when there is none; frames beyond `limits` are dropped one by one, not gathered.

    `is_routed`: the socket is a ROUTER, whose first frame names the sender.
    """
    try:
        frame = socket.recv(zmq.NOBLOCK, copy=False)
    except zmq.Again:
        return None
    sender = bytes(frame.buffer) if is_routed else b""
    frames: list[Buffer] = [] if is_routed else [frame.buffer]
    n_frames = len(frames)
    while frame.more:
        frame = socket.recv(copy=False)  # the frames of a message arrive together
        n_frames += 1
        if n_frames <= limits.max_frames:
            frames.append(frame.buffer)
    if n_frames > limits.max_frames:
        problem = ProtocolError("frames", f"are {n_frames}, allowed are 1 to {limits.max_frames}")
        return Received(sender, (), problem)
    return Received(sender, tuple(frames))


def _tune(socket: ZmqSocket) -> None:
    socket.linger = 0
    socket.setsockopt(zmq.SNDHWM, _SEND_QUEUE)
    socket.setsockopt(zmq.RCVHWM, _RECEIVE_QUEUE)
    socket.setsockopt(zmq.HEARTBEAT_IVL, _HEARTBEAT_MS)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, _HEARTBEAT_TIMEOUT_MS)
    socket.setsockopt(zmq.TCP_KEEPALIVE, 1)
