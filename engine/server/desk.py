"""The desk hears clients: a stranger says Hello first, an order gets its answer, and bad bytes get words."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable
from typing import Protocol

from engine.errors import BadRequest, MaquetteError, fault_of
from engine.jobs import JobQueue
from engine.link.sockets import Received
from engine.server.clients import Client, Clients
from engine.server.owners import Owners
from engine.server.supervisor import Supervisor
from protocol import messages as m
from protocol.codec import FROM_CLIENT, FROM_STRANGER, ProtocolError, decode
from protocol.faults import Fault, fitted
from protocol.names import WIRE_MAJOR, WIRE_MINOR
from protocol.requests import Request
from protocol.rules import Record
from protocol.session import Device
from protocol.states import DONE, QUEUED, RUNNING, TAKEN

_ORDERS = tuple(message for message in m.FROM_CLIENTS if message is not m.Hello)
_log = logging.getLogger("maquette.server")


class Offers(Protocol):
    """What the desk asks about the engine; see engine.server.offer."""

    def device(self) -> Device:
        """The device now."""

    def welcome(self) -> m.Welcome:
        """The greeting."""

    def check(self, request: Request) -> None:
        """Raises MaquetteError when the request cannot be met."""


class Desk:
    """Answers clients from the queue, the supervisor and the offers; knows no sockets."""

    def __init__(
        self,
        token: str,
        clients: Clients,
        queue: JobQueue,
        supervisor: Supervisor,
        *,
        owners: Owners,
        offers: Offers,
        stop: Callable[[str], None],
    ) -> None:
        """`stop` ends the server for a reason in words."""
        self._token = token
        self._clients = clients
        self._queue = queue
        self._supervisor = supervisor
        self._owners = owners
        self._offers = offers
        self._stop = stop

    def hear(self, received: Received, now_s: float) -> None:
        """Acts on one message; `now_s` is of the monotonic clock."""
        client = self._clients.get(received.sender)
        if client is None:
            if not self._clients.is_refused(received.sender):
                self._greet(received, now_s)
            return
        if client.is_owner:
            self._owners.hear(received.sender, now_s)
        try:
            if received.problem is not None:
                raise received.problem
            self._obey(received.sender, decode(received.frames, FROM_CLIENT, _ORDERS), now_s)
        except ProtocolError as error:
            self._reject(received.sender, error.job, client, _garbled(error))

    def _greet(self, received: Received, now_s: float) -> None:
        """Lets a stranger in or refuses it."""
        try:
            if received.problem is not None:
                raise received.problem
            hello = decode(received.frames, FROM_STRANGER, m.FROM_STRANGERS)
        except ProtocolError as error:
            self._refuse(received.sender, f"The first message was no Hello ({error.field}: {error.why}).")
            return
        assert isinstance(hello, m.Hello)
        if not hmac.compare_digest(hello.token.encode(), self._token.encode()):
            self._refuse(received.sender, "The token is wrong.", "Read the engine's connection file again.")
        elif hello.version[0] != WIRE_MAJOR:
            ours, theirs = f"{WIRE_MAJOR}.{WIRE_MINOR}", ".".join(map(str, hello.version))
            self._refuse(
                received.sender,
                f"This engine speaks version {ours} of the wire, {hello.client} speaks {theirs}.",
                "Update the older of the two.",
                "update",
            )
        else:
            self._clients.admit(received.sender, hello.client, hello.owner)
            if hello.owner:
                self._owners.hear(received.sender, now_s)
            _log.info("client %s", hello.client)
            self._clients.say(received.sender, self._offers.welcome())

    def _refuse(self, sender: bytes, message: str, remedy: str = "", action: str = "") -> None:
        _log.warning("a connection was refused: %s", message)
        fault = Fault("refused", fitted(message, 2000), remedy, action)
        self._clients.refuse(sender, m.Refused(fault))

    def _reject(self, sender: bytes, job: str, client: Client, fault: Fault) -> None:
        _log.info("client %s was rejected: %s", client.name, fault.message)
        self._clients.say(sender, m.Rejected(job, fault))

    def _obey(self, sender: bytes, order: Record, now_s: float) -> None:
        client = self._clients.get(sender)
        assert client is not None
        try:
            answer = self._answer(order, sender, now_s)
        except MaquetteError as error:
            self._reject(sender, getattr(order, "job", ""), client, fault_of(error))
        else:
            if answer is not None:
                self._clients.say(sender, answer)

    def _answer(self, order: Record, sender: bytes, now_s: float) -> Record | None:
        """What the sender hears; None where all clients hear of what happened."""
        match order:
            case m.Submit(job, request):
                return self._submit(job, request)
            case m.Take(job):
                self._take(job, sender)
            case m.Cancel(job):
                self._cancel(job, now_s)
            case m.Retry(job):
                self._retry(job)
            case m.Discard(job):
                self._queue.discard(job)
                self._clients.tell_all(m.JobRemoved(job))
            case m.ListJobs():
                return m.Jobs(self._queue.summaries())
            case m.AskStatus():
                return self._status()
            case m.FreeGpu():
                self._supervisor.free()
                return self._status()
            case m.Ping():
                return m.Pong()
            case m.Shutdown():
                self._stop("The engine was told to end.")
            case m.Leave():
                self._owners.leave(sender)
                self._clients.leave(sender)
        return None

    def _submit(self, job: str, request: Request) -> Record:
        if job not in self._queue:
            self._offers.check(request)
        self._queue.add(job, request)
        return m.Accepted(job, self._queue.position(job))

    def _take(self, job: str, sender: bytes) -> None:
        """Sends the result before the news that it is taken."""
        self._clients.say(sender, self._queue.result(job))
        if self._queue.get(job).state == DONE:
            self._happen(m.JobChanged(job, TAKEN))

    def _cancel(self, job: str, now_s: float) -> None:
        """Cancels an open job; one that is closed or stopping stays as it is, and nobody is rejected."""
        record = self._queue.get(job)
        if record.state in (QUEUED, RUNNING):
            self._supervisor.cancel(record, now_s)

    def _retry(self, job: str) -> None:
        if self._queue.get(job).state in (RUNNING, QUEUED):
            raise BadRequest(f"Job {job} is under way already.")
        self._queue.check_step(job, QUEUED)
        self._happen(m.JobChanged(job, QUEUED))

    def _status(self) -> m.Status:
        n_queued = self._queue.n_queued
        return m.Status(
            self._offers.device(), self._supervisor.state, n_queued, self._queue.n_open - n_queued
        )

    def _happen(self, event: m.JobChanged) -> None:
        self._queue.apply(event)
        self._clients.tell_all(event)


def _garbled(error: ProtocolError) -> Fault:
    message = f"The message could not be read: {error.field}: {error.why}"
    return Fault("bad_request", fitted(message, 2000), "Use the same version of Maquette on both sides.")
