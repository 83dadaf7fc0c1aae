"""No byte of a peer is read as a message before it has shown the token or a known key.

libzmq joins the frames of one message before the program sees any of them, so a stranger could make it
hold millions of empty ones (40 bytes each for 2 on the wire). The handshake comes before all frames and is
bounded: the gate stands there. ZAP, RFC 27 (rfc.zeromq.org/spec/27), with PLAIN (RFC 24) or CURVE (RFC 25).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass

import zmq
from zmq.utils import z85

PLAIN_USER = b"maquette"
_ENDPOINT = "inproc://zeromq.zap.01"  # fixed by RFC 27
Judge = Callable[[bytes, tuple[bytes, ...]], bool]  # mechanism, credentials -> may enter


def knows_token(token: str) -> Judge:
    """Lets in who gives `token` as the PLAIN password."""

    def judge(mechanism: bytes, credentials: tuple[bytes, ...]) -> bool:
        if mechanism != b"PLAIN" or len(credentials) != 2:
            return False
        user, password = credentials
        return user == PLAIN_USER and hmac.compare_digest(password, token.encode())

    return judge


def knows_key(public_key: str) -> Judge:
    """Lets in who proves in the CURVE handshake to have the secret key of `public_key` (Z85)."""
    key = z85.decode(public_key.encode())

    def judge(mechanism: bytes, credentials: tuple[bytes, ...]) -> bool:
        return mechanism == b"CURVE" and len(credentials) == 1 and hmac.compare_digest(credentials[0], key)

    return judge


@dataclass
class Gate:
    """Answers the handshakes of all sockets of one context; made before any of them is bound.

    `judges` holds for each ZAP domain (one a listening socket) who may enter.
    """

    socket: zmq.Socket[bytes]
    judges: dict[bytes, Judge]

    @classmethod
    def open(cls, context: zmq.Context[zmq.Socket[bytes]]) -> Gate:
        """The gate of `context`."""
        socket = context.socket(zmq.ROUTER)
        socket.linger = 0
        socket.bind(_ENDPOINT)
        return cls(socket, {})

    def answer(self) -> None:
        """Answers what waits; called when the socket can be read."""
        while self.socket.poll(0):
            frames = self.socket.recv_multipart()  # from libzmq itself, never from a peer
            split = frames.index(b"") + 1
            version, request, domain, _address, _identity, mechanism, *credentials = frames[split:]
            judge = self.judges.get(domain)
            may_enter = judge is not None and judge(mechanism, tuple(credentials))
            verdict = (b"200", b"OK") if may_enter else (b"400", b"The token or key is wrong.")
            self.socket.send_multipart([*frames[:split], version, request, *verdict, b"", b""])

    def close(self) -> None:
        """Lets nobody in any more."""
        self.socket.close()
