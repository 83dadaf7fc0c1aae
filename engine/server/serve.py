"""One server for a data folder: it takes the lock, opens the doors, tells where, and leaves nothing behind.

It ends on Shutdown, on a signal, or - when it was started as owned - when its last owner has left or was not
heard for a while, and no job is open. Everything happens in one thread; no call in it blocks.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import FrameType

import zmq

from engine import __version__
from engine.folders import Folders, make_folder
from engine.jobs import JobQueue, QueueBounds
from engine.link.address import Address, remove_address, write_address
from engine.link.gate import Gate, knows_key, knows_token
from engine.link.lock import FolderLock
from engine.link.sockets import ZmqSocket, listen, receive, send
from engine.records.keeper import Records
from engine.server.clients import Clients
from engine.server.desk import Desk, Offers
from engine.server.offer import Offer
from engine.server.owners import Owners
from engine.server.supervisor import Patience, Supervisor
from engine.worker_process import WORKER_COMMAND, WorkerProcess
from protocol import messages as m
from protocol.codec import FROM_CLIENT, FROM_ENGINE, ProtocolError, decode, encode
from protocol.names import WIRE_MAJOR, WIRE_MINOR
from protocol.rules import Record

_BATCH = 64  # messages heard from one socket before the other and the clock have their turn
_WATCHFUL_S, _QUIET_S, _CROWDED_S = 0.1, 0.25, 0.01  # longest sleep: at work, at rest, with messages unsent
_EXPIRY_S = 3600.0  # between two looks for what was kept long enough
_LOG_BYTES = 2 * 1024**2
_FROM_WORKER: tuple[type[Record], ...] = (m.Hello, *m.FROM_ENGINE)
_log = logging.getLogger("maquette.server")


@dataclass(frozen=True)
class ServeOptions:
    """How a server is to be.

    `data` and `models` are its folders; `port` 0 asks for a free one; `is_remote` opens it to the network
    with CURVE; `is_owned` ends it when its last owner has left, or was not heard for `owner_silence_s`.
    """

    data: Path
    models: Path
    port: int = 0
    is_remote: bool = False
    is_owned: bool = False
    owner_silence_s: float = 30.0
    patience: Patience = field(default_factory=Patience)
    bounds: QueueBounds = field(default_factory=QueueBounds)
    worker_command: tuple[str, ...] = WORKER_COMMAND


def serve(options: ServeOptions, offers: Offers | None = None) -> None:
    """Serves until the end; returns when everything is closed.

    Raises BadRequest when an engine serves the folder already or the port is taken, BadInput when the folder
    cannot be written.
    """
    with Server(options, offers) as server, _logging_to(options.data / "logs" / "engine.log"):

        def on_signal(number: int, frame: FrameType | None) -> None:
            server.stop(f"The engine was ended by {signal.Signals(number).name}.")

        if threading.current_thread() is threading.main_thread():
            # SIGHUP: the terminal was closed; SIGBREAK: so was the console of Windows, which has no SIGHUP
            for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
                if hasattr(signal, name):
                    signal.signal(getattr(signal, name), on_signal)
        server.run()


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    """Keeps what the server says in a file of at most two times `_LOG_BYTES`; no secret is ever logged."""
    path.parent.mkdir(exist_ok=True)
    handler = RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=1, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    try:
        yield
    finally:
        _log.removeHandler(handler)
        handler.close()


class Server:
    """The sockets and the loop around desk and supervisor; a context manager that cleans up."""

    def __init__(self, options: ServeOptions, offers: Offers | None = None) -> None:
        self._options = options
        self._reason = ""
        with ExitStack() as stack:
            self._open(stack, offers)
            self._stack = stack.pop_all()

    def _open(self, stack: ExitStack, offers: Offers | None) -> None:
        options = self._options
        make_folder(options.data, setting="MAQUETTE_DATA")
        stack.callback(FolderLock(options.data).release)
        context: zmq.Context[ZmqSocket] = zmq.Context()
        stack.callback(context.term)
        self._gate = Gate.open(context)
        stack.callback(self._gate.close)
        self._open_doors(stack, context)
        self._records = Records(options.data / "jobs")
        stack.callback(self._records.close)
        queue = JobQueue(options.bounds, self._records)
        self._clients = Clients(lambda to, frames: send(self._door, frames, to))
        self._supervisor = Supervisor(
            queue,
            self._start_worker,
            self._say_to_worker,
            self._clients.tell_all,
            self._records,
            options.patience,
        )
        stack.callback(self._supervisor.close)
        self._queue = queue
        self._owners = Owners(options.owner_silence_s, time.monotonic())
        offers = offers or Offer(options.models, FROM_CLIENT, options.bounds.max_queued_jobs)
        self._desk = Desk(
            self.address.token,
            self._clients,
            queue,
            self._supervisor,
            owners=self._owners,
            offers=offers,
            stop=self.stop,
        )
        write_address(options.data, self.address)
        stack.callback(remove_address, options.data, self.address)

    def _open_doors(self, stack: ExitStack, context: zmq.Context[ZmqSocket]) -> None:
        """One door for clients, one for the worker, so that neither can use the other's."""
        token, self._worker_token = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        keys = {"server_key": "", "client_public_key": "", "client_secret_key": ""}
        judge, host, server_secret = knows_token(token), "127.0.0.1", ""
        if self._options.is_remote:
            public, secret = (key.decode() for key in zmq.curve_keypair())
            client_public, client_secret = (key.decode() for key in zmq.curve_keypair())
            keys = {
                "server_key": public,
                "client_public_key": client_public,
                "client_secret_key": client_secret,
            }
            judge, host, server_secret = (
                knows_key(client_public),
                "0.0.0.0",
                secret,
            )  # the user asked for the network
        self._door, port = listen(
            context,
            self._gate,
            judge,
            domain=b"clients",
            limits=FROM_CLIENT,
            host=host,
            port=self._options.port,
            server_secret_key=server_secret,
        )
        stack.callback(self._door.close)
        self._worker_door, self._worker_port = listen(
            context, self._gate, knows_token(self._worker_token), domain=b"worker", limits=FROM_ENGINE
        )
        stack.callback(self._worker_door.close)
        self.address = Address(
            f"tcp://127.0.0.1:{port}",
            port,
            token,
            os.getpid(),
            (WIRE_MAJOR, WIRE_MINOR),
            __version__,
            **keys,
        )

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def run(self) -> None:
        """Hears, acts and sends until `stop`."""
        _log.info("engine %s listens on %s", __version__, self.address.endpoint)
        self._queue.restore(self._records.load())
        expiry_s = 0.0
        poller = zmq.Poller()
        for socket in (self._gate.socket, self._door, self._worker_door):
            poller.register(socket, zmq.POLLIN)
        while not self._reason:
            poller.poll(int(self._sleep_s() * 1000))
            self._gate.answer()
            self._hear_worker()
            self._hear_clients()
            now_s = time.monotonic()
            self._supervisor.tick(now_s)
            if now_s >= expiry_s:
                expiry_s = now_s + _EXPIRY_S
                for job in self._queue.expire():
                    self._clients.tell_all(m.JobRemoved(job))
            self._clients.flush()
            self._watch_owner(now_s)
        _log.info("engine ends: %s", self._reason)
        self._clients.tell_all(m.Closing(self._reason))
        self._clients.flush()

    def stop(self, reason: str) -> None:
        """Makes `run` return soon; safe to call from a signal handler or another thread."""
        self._reason = self._reason or reason

    def close(self) -> None:
        """Ends the worker and removes every trace."""
        self._door.linger = 1000  # the goodbye is a hundred bytes; who does not read it by then never will
        self._stack.close()

    def _sleep_s(self) -> float:
        if self._clients.is_waiting:
            return _CROWDED_S
        return _WATCHFUL_S if self._supervisor.is_watchful else _QUIET_S

    def _hear_clients(self) -> None:
        for _ in range(_BATCH):
            received = receive(self._door, FROM_CLIENT, is_routed=True)
            if received is None:
                return
            self._desk.hear(received, time.monotonic())

    def _hear_worker(self) -> None:
        for _ in range(_BATCH):
            received = receive(self._worker_door, FROM_ENGINE, is_routed=True)
            if received is None:
                return
            try:
                if received.problem is not None:
                    raise received.problem
                message = decode(received.frames, FROM_ENGINE, _FROM_WORKER)
            except ProtocolError as error:
                self._supervisor.distrust(f"sent what is no message ({error})")
            else:
                self._supervisor.hear(received.sender, message, time.monotonic())

    def _start_worker(self, name: bytes) -> WorkerProcess:
        start = {
            "endpoint": f"tcp://127.0.0.1:{self._worker_port}",
            "token": self._worker_token,
            "identity": name.decode(),
            "results": str(self._records.run_folder),
        }
        log = self._options.data / "logs" / "worker.log"
        folders = Folders(self._options.data, self._options.models)
        return WorkerProcess(self._options.worker_command, start, log, folders)

    def _say_to_worker(self, name: bytes, message: Record) -> None:
        try:
            if not send(self._worker_door, encode(message), name):
                self._supervisor.distrust("does not read its messages")
        except ConnectionError:
            self._supervisor.distrust("closed its connection")

    def _watch_owner(self, now_s: float) -> None:
        if not self._options.is_owned or self._queue.n_open:
            return
        self._owners.probe(self._clients.is_connected, now_s)
        if self._owners.are_gone(now_s):
            self.stop("The program that started the engine is gone.")
