"""A client that reads slowly costs a bounded outbox and delays nobody; a send to it never blocks."""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from protocol.arrays import Buffer
from protocol.codec import encode
from protocol.events import StageProgress
from protocol.rules import Record
from protocol.session import Pong

MAX_WAITING = 10_000  # messages for one client; who leaves more unread is let go
MAX_CLIENTS = 1000
MAX_REFUSED = 1000  # connections remembered so that each hears one refusal

Send = Callable[[bytes, Sequence[Buffer]], bool]
_log = logging.getLogger("maquette.server")


@dataclass
class Outbox:
    """Messages that wait for one client, in order; of each job only the newest progress."""

    waiting: deque[tuple[str, list[Buffer]]] = field(default_factory=deque)
    progress: set[str] = field(default_factory=set)  # jobs of which a progress waits

    def put(self, message: Record, frames: list[Buffer]) -> None:
        """Adds a message, in whose favour an older progress of the same job is dropped."""
        job = message.job if isinstance(message, StageProgress) else ""
        if job in self.progress:
            self.waiting = deque(entry for entry in self.waiting if entry[0] != job)
        if job:
            self.progress.add(job)
        self.waiting.append((job, frames))

    def flush(self, send: Callable[[Sequence[Buffer]], bool]) -> None:
        """Sends in order until the client's queue is full."""
        while self.waiting and send(self.waiting[0][1]):
            self.progress.discard(self.waiting.popleft()[0])


@dataclass
class Client:
    """A client that was welcomed."""

    name: str
    is_owner: bool
    outbox: Outbox = field(default_factory=Outbox)


class Clients:
    """All clients by their connection, and the connections that were refused."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._clients: dict[bytes, Client] = {}
        self._refused: OrderedDict[bytes, None] = OrderedDict()

    def get(self, connection: bytes) -> Client | None:
        """The client of a connection, None for a stranger."""
        return self._clients.get(connection)

    def admit(self, connection: bytes, name: str, is_owner: bool) -> None:
        """Makes a stranger a client; the one that was silent longest goes when there are too many."""
        if len(self._clients) >= MAX_CLIENTS:
            self._drop(next(iter(self._clients)), "there are too many")
        self._clients[connection] = Client(name, is_owner)
        self._refused.pop(connection, None)

    def leave(self, connection: bytes) -> None:
        """Forgets a client that goes; what still waits for it is not sent."""
        self._drop(connection, "it left")

    def refuse(self, connection: bytes, message: Record) -> None:
        """Says `message` to a stranger, but only once."""
        if connection in self._refused:
            return
        self._refused[connection] = None
        if len(self._refused) > MAX_REFUSED:
            self._refused.popitem(last=False)
        try:
            self._send(connection, encode(message))
        except ConnectionError:
            del self._refused[connection]

    def is_refused(self, connection: bytes) -> bool:
        """Whether the connection was refused and is not heard any more."""
        return connection in self._refused

    def say(self, connection: bytes, message: Record) -> None:
        """Puts a message into one client's outbox."""
        client = self._clients.get(connection)
        if client is not None:
            client.outbox.put(message, encode(message))

    def is_connected(self, connection: bytes) -> bool:
        """Whether a client's end still lives, found out by a Pong that nobody asked for."""
        if connection not in self._clients:
            return False
        try:
            self._send(connection, encode(Pong()))
        except ConnectionError:
            return False
        return True

    def tell_all(self, message: Record) -> None:
        """Puts a message into every client's outbox."""
        frames = encode(message)
        for client in self._clients.values():
            client.outbox.put(message, frames)

    def flush(self) -> None:
        """Sends what can be sent and forgets the clients that are gone."""
        for connection, client in list(self._clients.items()):
            if len(client.outbox.waiting) > MAX_WAITING:
                self._drop(connection, f"it left {MAX_WAITING} messages unread")
                continue
            try:
                client.outbox.flush(lambda frames, to=connection: self._send(to, frames))  # type: ignore[misc]
            except ConnectionError:
                self._drop(connection, "it is gone")

    @property
    def is_waiting(self) -> bool:
        """Whether something could not be sent yet."""
        return any(client.outbox.waiting for client in self._clients.values())

    def _drop(self, connection: bytes, why: str) -> None:
        client = self._clients.pop(connection)
        _log.info("client %s was let go: %s", client.name, why)
