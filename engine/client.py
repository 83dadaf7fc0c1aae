"""A program talks to a running engine as to a function: an order waits for its answer, but not for ever.

Events that come meanwhile are kept and handed out by `follow`. What goes wrong on the way is `Unreachable`;
what the engine rejects is raised with the engine's own words.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, Self, TypeVar, cast

import zmq
from zmq.utils.monitor import parse_monitor_message

from engine import __version__
from engine.errors import BadInput, Cancelled, MaquetteError, Unreachable
from engine.link.address import Address, read_address
from engine.link.sockets import ZmqSocket, dealer, receive, send
from engine.runner import Listener, StageRecord
from protocol import messages as m
from protocol.arrays import Array
from protocol.codec import FROM_CLIENT, FROM_ENGINE, ProtocolError, decode, encode
from protocol.events import JobSummary
from protocol.faults import Fault
from protocol.names import WIRE_MAJOR, WIRE_MINOR
from protocol.requests import Request
from protocol.results import CutoutReady, Result
from protocol.rules import Record
from protocol.states import CANCELLED, DONE
from protocol.track import EVENT_CLASSES, Event, JobView, fold, view_of

ANSWER_S = 20.0  # for any order; the engine answers in milliseconds unless its machine swaps
TAKE_S = 120.0  # a large result from another machine
PING_S = 5.0  # while nothing is heard; a quiet engine is asked whether it lives
_TICK_S = 0.05
LEAVE_VERSION = (1, 1)  # of the wire, in which `Leave` came
_RESTART = "Start an engine with `maquette serve`."
_GONE = zmq.Event.DISCONNECTED | zmq.Event.CLOSED | zmq.Event.CONNECT_RETRIED
_DENIED = zmq.Event.HANDSHAKE_FAILED_AUTH | zmq.Event.HANDSHAKE_FAILED_PROTOCOL
R = TypeVar("R", bound=Record)


class EngineFault(MaquetteError):
    """A fault that the engine told: its own code, words, remedy and button."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message, remedy=fault.remedy, action=fault.action)
        self.code = fault.code  # type: ignore[misc]  # the engine knows better than this class
        self.fault = fault

    def as_fault(self, stage: str = "") -> Fault:
        """The engine's own fault, which knows its stage and its detail."""
        return self.fault


class ShapeListener(Listener, Protocol):
    """Hears of a job's life, and of its shape before the texture is there."""

    def shape_ready(self, vertices: Array, faces: Array) -> None:
        """The shape: float32 (N, 3) and int32 (M, 3), in the wire's frame."""


class EngineClient:
    """A connection to a running engine; a context manager."""

    def __init__(self, address: Address, *, name: str = "maquette", is_owner: bool = False) -> None:
        """Connects and is welcomed; raises Unreachable without an engine, EngineFault when it refuses."""
        self.address = address
        self._events: deque[Event] = deque()
        self._may_leave = False  # as an owner, which the engine waits for, and while the engine lives
        self._context: zmq.Context[ZmqSocket] = zmq.Context()
        self._socket = dealer(self._context, address, limits=FROM_ENGINE)
        self._monitor = self._socket.get_monitor_socket(_GONE | _DENIED)
        try:
            self._socket.connect(address.endpoint)
            hello = m.Hello((WIRE_MAJOR, WIRE_MINOR), address.token, f"{name} {__version__}", is_owner)
            self.welcome = self._ask(hello, m.Welcome)
            self._may_leave = is_owner and self.welcome.version >= LEAVE_VERSION
        except BaseException:
            self.close()
            raise

    @classmethod
    def find(cls, place: Path, *, name: str = "maquette", is_owner: bool = False) -> EngineClient:
        """Connects to the engine of the data folder `place`, or to the one of the connection file `place`.

        Raises Unreachable when none runs there, EngineFault when it refuses.
        """
        return cls(read_address(place), name=name, is_owner=is_owner)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def close(self) -> None:
        """Leaves; jobs go on without us, and an owned engine ends after the last owner's last job."""
        with contextlib.suppress(MaquetteError):  # it is gone already, and so are we
            self._watch()
            if self._may_leave:
                send(self._socket, encode(m.Leave()))
        self._may_leave = False
        self._socket.disable_monitor()
        self._monitor.close()
        self._socket.close(linger=1000)  # an order that was just given still goes out
        self._context.term()

    def run(
        self,
        request: Request,
        listener: ShapeListener,
        *,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> Result | CutoutReady:
        """Has a request done, tells `listener` of it, and returns the result.

        Raises Cancelled once the job has stopped after `is_cancelled` said so, EngineFault when it failed.
        """
        job = self.submit(request)
        view = JobView(job)
        for moved, event in self.follow(view, is_cancelled=is_cancelled):
            view = moved
            if event is not None:
                _tell(listener, event)
        if view.state == CANCELLED:
            raise Cancelled
        if view.state != DONE:
            raise EngineFault(view.fault or Fault("internal", f"The job ended as {view.state}."))
        return self.take(job)

    def submit(self, request: Request, job: str = "") -> str:
        """Submits a request under `job`, or under a new id, and returns the id."""
        job = job or uuid.uuid4().hex
        try:
            self._ask(m.Submit(job, request), m.Accepted, job)
        except ProtocolError as error:  # raised by our own encoder, which knows what an engine takes
            raise BadInput(f"The pictures are too large for the engine: {error}.") from error
        return job

    def follow(
        self, view: JobView, *, is_cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[tuple[JobView, Event | None]]:
        """The job after each of its events, until it is closed; between events every tick with None.

        When `is_cancelled` says so, the job is cancelled once and followed until it has stopped.
        """
        is_asked = False
        heard_s = time.monotonic()
        while not view.is_closed:
            if not is_asked and is_cancelled():
                is_asked = True
                self._send(m.Cancel(view.job))
            event = self._next_event(view.job)
            if event is not None:
                heard_s = time.monotonic()
                view = fold(view, event)
            elif time.monotonic() - heard_s > PING_S:
                self.ping()
                heard_s = time.monotonic()
            yield view, event

    def cancel(self, job: str) -> None:
        """Asks that a job stop; `follow` tells when it has."""
        self._send(m.Cancel(job))

    def retry(self, job: str) -> None:
        """Asks that a failed or cancelled job be queued again."""
        self._send(m.Retry(job))

    def take(self, job: str) -> Result | CutoutReady:
        """The result of a job that is done."""
        answer = self._ask(m.Take(job), (Result, CutoutReady), job, TAKE_S)
        return cast("Result | CutoutReady", answer)

    def discard(self, job: str) -> None:
        """Has a closed job and its result forgotten."""
        self._ask(m.Discard(job), m.JobRemoved, job)

    def jobs(self) -> tuple[JobSummary, ...]:
        """All jobs that the engine holds, oldest first."""
        return self._ask(m.ListJobs(), m.Jobs).jobs

    def view(self, job: str) -> JobView:
        """Where a job stands, for `follow`; raises BadInput when the engine does not hold it."""
        jobs = self.jobs()
        self._events = deque(event for event in self._events if event.job != job)  # the list contains them
        for summary in jobs:
            if summary.job == job:
                return view_of(summary)
        raise BadInput(f"The engine has no job {job!r}.")

    def status(self) -> m.Status:
        """How the engine is."""
        return self._ask(m.AskStatus(), m.Status)

    def free_gpu(self) -> m.Status:
        """Has the worker end once it is idle."""
        return self._ask(m.FreeGpu(), m.Status)

    def ping(self) -> None:
        """Returns when the engine has answered; raises Unreachable when it does not."""
        self._ask(m.Ping(), m.Pong)

    def shutdown(self) -> None:
        """Has the engine end; returns when it says that it does."""
        self._ask(m.Shutdown(), m.Closing)

    def _ask(
        self,
        order: Record,
        answers: type[R] | tuple[type[R], ...],
        job: str = "",
        timeout_s: float = ANSWER_S,
    ) -> R:
        """The answer to an order: one of `answers` (of that job), keeping events for later."""
        deadline_s = time.monotonic() + timeout_s
        self._send(order)
        while (left_s := deadline_s - time.monotonic()) > 0:
            message = self._receive(min(left_s, 1.0))
            if isinstance(message, answers) and (not job or getattr(message, "job", "") == job):
                return message
            if isinstance(message, (m.Rejected, m.Refused)):
                raise EngineFault(message.fault)
            if isinstance(message, m.Closing):
                raise Unreachable(f"The engine ended: {message.reason}", remedy=_RESTART)
            if isinstance(message, EVENT_CLASSES):
                self._events.append(message)
        raise Unreachable(
            f"The engine at {self.address.endpoint} did not answer within {timeout_s:.0f} s.", remedy=_RESTART
        )

    def _next_event(self, job: str) -> Event | None:
        """The next event of a job, None when none comes within a tick; those of other jobs are let go."""
        while self._events:
            event = self._events.popleft()
            if event.job == job:
                return event
        message = self._receive(_TICK_S)
        if isinstance(message, (m.Rejected, m.Refused)):
            raise EngineFault(message.fault)
        if isinstance(message, m.Closing):
            raise Unreachable(f"The engine ended: {message.reason}", remedy=_RESTART)
        return message if isinstance(message, EVENT_CLASSES) and message.job == job else None

    def _send(self, order: Record) -> None:
        frames = encode(order, FROM_CLIENT)
        deadline_s = time.monotonic() + ANSWER_S
        while not send(self._socket, frames):
            self._watch()
            if time.monotonic() > deadline_s:
                raise Unreachable(f"The engine at {self.address.endpoint} reads nothing.", remedy=_RESTART)
            self._socket.poll(100, zmq.POLLOUT)

    def _receive(self, timeout_s: float) -> Record | None:
        """The next message, None when none comes in time; raises Unreachable when the connection ends."""
        deadline_s = time.monotonic() + timeout_s
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._monitor, zmq.POLLIN)
        while True:
            received = receive(self._socket, FROM_ENGINE, is_routed=False)
            if received is not None:
                return self._decoded(received.frames) if received.problem is None else None
            self._watch()
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                return None
            poller.poll(int(left_s * 1000) + 1)

    def _decoded(self, frames: tuple[bytes | bytearray | memoryview, ...]) -> Record:
        try:
            return decode(frames, FROM_ENGINE, m.FROM_ENGINE)
        except ProtocolError as error:
            raise Unreachable(
                f"The engine at {self.address.endpoint} speaks another language ({error}).",
                remedy="Use the same version of Maquette on both sides.",
            ) from error

    def _watch(self) -> None:
        """Raises what the connection's own events tell."""
        while self._monitor.poll(0):
            event = parse_monitor_message(self._monitor.recv_multipart())["event"]
            if event & _DENIED:
                fault = Fault(
                    "refused",
                    f"The engine at {self.address.endpoint} refused the token or key.",
                    "Read its connection file again, or start it anew.",
                    "restart_engine",
                )
                raise EngineFault(fault)
            if event & _GONE:
                self._may_leave = False
                raise Unreachable(f"No engine answers at {self.address.endpoint}.", remedy=_RESTART)


def _tell(listener: ShapeListener, event: Event) -> None:
    """Hands an event on as a runner in this process would."""
    match event:
        case m.StageStarted():
            listener.stage_started(event.stage, event.index, event.n_stages)
        case m.StageProgress():
            listener.stage_progress(event.stage, event.step, event.n_steps)
        case m.StageFinished():
            listener.stage_finished(
                StageRecord(event.stage, event.seconds, event.peak_vram_bytes, event.cached, event.notes)
            )
        case m.Notice():
            listener.notice(event.stage, event.text)
        case m.ShapeReady():
            listener.shape_ready(event.vertices, event.faces)
        case m.JobChanged(state="queued", fault=Fault() as fault):
            listener.notice("", f"{fault.message} {fault.remedy}".strip())
