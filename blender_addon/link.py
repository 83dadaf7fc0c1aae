"""No bpy. One socket to the engine: a send never waits, a receive takes what is there, an end is told.

ZeroMQ has its own threads; here is none. `docs/wire.md` section 2 is the specification.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import zmq

from .protocol import messages as m
from .protocol.address import Address
from .protocol.arrays import Buffer
from .protocol.codec import FROM_CLIENT, FROM_ENGINE, ProtocolError, decode, encode
from .protocol.rules import Record

OPENING, OPEN, DENIED, GONE = "opening", "open", "denied", "gone"

_USER = b"maquette"  # fixed by the wire; the token is the password
_HEARTBEAT_MS = 5000
_SILENCE_MS = 20_000
_GOODBYE_MS = 200
_EVENT = struct.Struct("=Hi")  # number and value of a monitor's event, zmq_socket_monitor(3)
_DENIALS = zmq.Event.HANDSHAKE_FAILED_AUTH | zmq.Event.HANDSHAKE_FAILED_PROTOCOL
_ENDS = zmq.Event.DISCONNECTED | zmq.Event.CLOSED | zmq.Event.CONNECT_RETRIED


class Link:
    """A connection to the engine at one address; closed, it leaves nothing behind."""

    def __init__(self, address: Address) -> None:
        """Begins to connect; `state` tells when that has come to something."""
        self.state = OPENING
        self.address = address
        self._waiting: list[list[Buffer]] = []
        self._context = zmq.Context(io_threads=1)
        self._socket = socket = self._context.socket(zmq.DEALER)
        self._monitor = socket.get_monitor_socket(_DENIALS | _ENDS | zmq.Event.HANDSHAKE_SUCCEEDED)
        socket.linger = 0
        socket.setsockopt(zmq.MAXMSGSIZE, FROM_ENGINE.max_frame_bytes)
        socket.setsockopt(zmq.HEARTBEAT_IVL, _HEARTBEAT_MS)
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, _SILENCE_MS)
        try:
            self._connect(address)
        except (zmq.ZMQError, UnicodeError):  # what no engine wrote: out of a damaged connection file
            self.state = GONE

    def _connect(self, address: Address) -> None:
        if address.server_key:
            self._socket.curve_serverkey = address.server_key.encode()
            self._socket.curve_publickey = address.client_public_key.encode()
            self._socket.curve_secretkey = address.client_secret_key.encode()
        else:
            self._socket.plain_username = _USER
            self._socket.plain_password = address.token.encode()
        self._socket.connect(address.endpoint)

    def send(self, message: Record) -> None:
        """Sends now, or as soon as the engine reads; raises ProtocolError for what it would not take."""
        self._waiting.append(encode(message, FROM_CLIENT))
        self.flush()

    def flush(self) -> None:
        """Sends what waits, as far as it goes without waiting."""
        while self._waiting:
            try:
                # Copied: pyzmq would free what it lends to ZeroMQ in a Python thread of its own.
                self._socket.send_multipart(self._waiting[0], zmq.NOBLOCK)
            except zmq.Again:
                return
            del self._waiting[0]

    def receive(self) -> Iterator[Record]:
        """The messages that have arrived; raises ProtocolError for one that is none."""
        self._watch()
        while True:
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            yield decode(_buffers(frames), FROM_ENGINE, m.FROM_ENGINE)

    def close(self, *, says_goodbye: bool = False) -> None:
        """Ends the connection; a goodbye that was just sent still leaves, which takes a millisecond."""
        self._socket.disable_monitor()
        self._monitor.close(linger=0)
        self._socket.close(linger=_GOODBYE_MS if says_goodbye and self.state == OPEN else 0)
        self._context.term()  # waits for that at most
        self.state = GONE

    def _watch(self) -> None:
        while self._monitor.poll(0):
            event, _ = _EVENT.unpack(self._monitor.recv_multipart()[0])
            if event & _DENIALS:
                self.state = DENIED
            elif event & _ENDS and self.state != DENIED:
                self.state = GONE
            elif self.state == OPENING:
                self.state = OPEN


def _buffers(frames: Sequence[zmq.Frame]) -> list[Buffer]:
    return [frame.buffer for frame in frames]


__all__ = ("DENIED", "GONE", "OPEN", "OPENING", "Link", "ProtocolError")
