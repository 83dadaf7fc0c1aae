"""A request or result lies in a file of its own as the wire's frames, and is read as if it came from outside.

The file: 8 bytes of name and version, the number of frames (4 bytes, little-endian), the length of each (8
bytes), then the frames. It is written whole or not at all; one that is damaged is a `ProtocolError`.
"""

from __future__ import annotations

import hashlib
import mmap
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engine.folders import write_atomically
from protocol.arrays import Buffer
from protocol.codec import FROM_ENGINE, ProtocolError, decode, encode
from protocol.rules import Record

REQUEST, RESULT = ".request", ".result"
_MAGIC = b"MAQ job1"
_COUNT, _LENGTH = struct.Struct("<I"), struct.Struct("<Q")


class Payload(Protocol):
    """What a job was given or has made, wherever it lies."""

    @property
    def n_bytes(self) -> int:
        """Its size in bytes."""

    @property
    def is_durable(self) -> bool:
        """Whether it outlives the process."""

    def read(self) -> Record:
        """The message; raises ProtocolError when it is damaged, OSError when it cannot be read."""


@dataclass(frozen=True)
class InRam:
    """A message in memory: short-lived, or for want of room on the disk."""

    message: Record
    n_bytes: int
    is_durable: bool = False

    def read(self) -> Record:
        """The message."""
        return self.message


@dataclass(frozen=True)
class OnDisk:
    """A message in the file `path`, which must be one of `classes` and of the job `job`."""

    path: Path
    job: str
    classes: tuple[type[Record], ...]
    n_bytes: int
    is_durable: bool = True

    def read(self) -> Record:
        """The message; its arrays are views of the file, which stays open as long as they live."""
        message = read_payload(self.path, self.classes)
        if getattr(message, "job", self.job) != self.job:
            raise ProtocolError("job", f"is {getattr(message, 'job', '')!r}, must be {self.job!r}")
        return message


def ram_payload(message: Record) -> InRam:
    """The payload of a message that stays in memory."""
    return InRam(message, sum(memoryview(frame).nbytes for frame in encode(message)))


def payload_name(job: str, suffix: str) -> str:
    """The name of a job's file: safe on every system, where `A` and `a` or `con` could be one name."""
    return hashlib.sha256(job.encode()).hexdigest()[:32] + suffix


def write_payload(path: Path, message: Record) -> int:
    """Writes a message, on the disk when this returns; returns the file's size in bytes.

    Raises what `engine.folders.write_atomically` raises.
    """
    frames = encode(message)
    lengths = [memoryview(frame).nbytes for frame in frames]
    head = _MAGIC + _COUNT.pack(len(frames)) + b"".join(_LENGTH.pack(length) for length in lengths)
    write_atomically(path, [head, *frames], is_private=True)
    return len(head) + sum(lengths)


def read_payload(path: Path, classes: Iterable[type[Record]]) -> Record:
    """The message in a file, one of `classes`; its arrays are views of the file, nothing is copied.

    Raises ProtocolError when the file is damaged, OSError when it cannot be read.
    """
    with path.open("rb") as file:
        try:
            view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except ValueError:  # an empty file cannot be mapped
            raise ProtocolError("file", "is empty") from None
    return decode(_frames_in(view), FROM_ENGINE, classes)


def _frames_in(view: memoryview) -> list[Buffer]:
    start = len(_MAGIC) + _COUNT.size
    if view.nbytes < start or view[: len(_MAGIC)] != _MAGIC:
        raise ProtocolError("file", "does not start as a file of a job does")
    (n_frames,) = _COUNT.unpack_from(view, len(_MAGIC))
    if n_frames > FROM_ENGINE.max_frames or view.nbytes < start + n_frames * _LENGTH.size:
        raise ProtocolError("file", f"cannot hold the {n_frames} frames that it announces")
    lengths = [_LENGTH.unpack_from(view, start + number * _LENGTH.size)[0] for number in range(n_frames)]
    start += n_frames * _LENGTH.size
    if view.nbytes != start + sum(lengths):
        raise ProtocolError("file", f"has {view.nbytes} bytes, its frames need {start + sum(lengths)}")
    frames: list[Buffer] = []
    for length in lengths:
        frames.append(view[start : start + length])
        start += length
    return frames
