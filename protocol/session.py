"""What is said about the connection and the engine: greeting, refusal, what it offers and how it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from .faults import Fault
from .names import BACKENDS, DEVICE_KINDS, PRESETS, VIEWS
from .rules import Items, Record, Text, Whole

Version = tuple[Annotated[int, Whole(1, 999)], Annotated[int, Whole(0, 999)]]  # major, minor
Words = Annotated[str, Text(2000)]
Token = Annotated[str, Text(128, low=1)]
Bytes = Annotated[int, Whole()]
Count = Annotated[int, Whole(0, 1_000_000)]

WORKER_STATES = ("absent", "starting", "idle", "busy", "ending")


@dataclass(frozen=True)
class Hello(Record):
    """The first message of a client, and the only one that every engine of every version understands.

    `client` names the program and its version for the log; an `owner` started the engine and keeps it alive
    by Ping.
    """

    version: Version
    token: Token
    client: Annotated[str, Text(100)]
    owner: bool


@dataclass(frozen=True)
class Device(Record):
    """What the engine computes on; `total_bytes` and `free_bytes` are of its memory."""

    name: Annotated[str, Text(200)]
    kind: Annotated[str, Text(8, names=DEVICE_KINDS)]
    total_bytes: Bytes
    free_bytes: Bytes
    note: Words = ""


@dataclass(frozen=True)
class BackendInfo(Record):
    """A backend, and where it is not available the reason, the words that help and the button that does."""

    name: Annotated[str, Text(32, names=BACKENDS)]
    is_available: bool
    reason: Words
    remedy: Words
    licence: Annotated[str, Text(200)]
    views: Annotated[tuple[Annotated[str, Text(16, names=VIEWS)], ...], Items(len(VIEWS), low=1)]


@dataclass(frozen=True)
class PresetInfo(Record):
    """A quality level and the line that describes it."""

    name: Annotated[str, Text(32, names=PRESETS)]
    description: Words


@dataclass(frozen=True)
class Bounds(Record):
    """The most that the engine takes from a client in one message."""

    max_frame_bytes: Bytes
    max_total_bytes: Bytes
    max_queued_jobs: Count


@dataclass(frozen=True)
class Welcome(Record):
    """The answer to a Hello that was let in: what the engine is and offers."""

    version: Version
    engine: Annotated[str, Text(32)]
    device: Device
    backends: Annotated[tuple[BackendInfo, ...], Items(len(BACKENDS))]
    presets: Annotated[tuple[PresetInfo, ...], Items(len(PRESETS))]
    limits: Bounds


@dataclass(frozen=True)
class Refused(Record):
    """The only answer to a Hello that was not let in; understood by every version."""

    fault: Fault


@dataclass(frozen=True)
class Rejected(Record):
    """A message that cannot be obeyed; `job` is empty where it named none or could not be read."""

    job: Annotated[str, Text(64, pattern="[A-Za-z0-9_-]*")]
    fault: Fault


@dataclass(frozen=True)
class AskStatus(Record):
    """Asks for Status."""


@dataclass(frozen=True)
class Status(Record):
    """How the engine is: its device now, its worker, its queue."""

    device: Device
    worker: Annotated[str, Text(16, names=WORKER_STATES)]
    n_queued: Count
    n_running: Count


@dataclass(frozen=True)
class FreeGpu(Record):
    """Asks that the worker end once it is idle, so that all its GPU memory is free; answered by Status."""


@dataclass(frozen=True)
class Ping(Record):
    """Asks for Pong; from an owner it also keeps the engine alive."""


@dataclass(frozen=True)
class Pong(Record):
    """The answer to Ping."""


@dataclass(frozen=True)
class Shutdown(Record):
    """Asks the engine to end now; a running job goes back into the queue."""


@dataclass(frozen=True)
class Leave(Record):
    """Says that the client goes; it has no answer.

    An owned engine ends once its last owner has left and no job is open.
    """


@dataclass(frozen=True)
class Closing(Record):
    """The last message to every client: the engine ends, and why."""

    reason: Words
