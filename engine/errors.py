"""Every failure has an owner: the user's, the peer's, or ours; the first two carry a remedy in words.

The user's own faults are raised as subclasses of `MaquetteError`, early and with both numbers in the
message. Anything else that escapes is ours and becomes the fault `internal`, its traceback kept as detail
for the log and never shown. `fault_of` is the one place where an exception becomes data.
"""

from __future__ import annotations

import errno
import traceback
from typing import ClassVar

from protocol.faults import Fault, fitted

GIB = 1024**3


class MaquetteError(Exception):
    """A failure that the user can mend: `message` says what and where, `remedy` what to do.

    `action` is the machine name of the button that mends it (see protocol.faults).
    """

    code: ClassVar[str] = "internal"
    action: ClassVar[str] = "copy_report"

    def __init__(self, message: str, *, remedy: str = "", action: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        if action is not None:
            self.action = action  # type: ignore[misc]  # an instance may know better than its class

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()

    def as_fault(self, stage: str = "") -> Fault:
        """The failure as data, raised in `stage`; its words are made to fit the wire."""
        return Fault(
            code=self.code,
            message=fitted(self.message, 2000),
            remedy=fitted(self.remedy, 2000),
            action=self.action,
            stage=stage,
        )


class BadInput(MaquetteError):
    """A file, picture or folder that cannot be used."""

    code = "bad_input"
    action = "choose_picture"


class BadRequest(MaquetteError):
    """A setting, name or combination that does not exist or is out of its range."""

    code = "bad_request"
    action = ""


class OutOfVram(MaquetteError):
    """Raised before loading what cannot fit; both figures in bytes."""

    code = "out_of_vram"
    action = "lower_preset"

    def __init__(self, needed_bytes: int, free_bytes: int, *, what: str) -> None:
        super().__init__(
            f"{what} needs {needed_bytes / GIB:.1f} GiB of GPU memory, {free_bytes / GIB:.1f} GiB are free.",
            remedy="Choose a lower preset, or close programs that use the GPU.",
        )


class VramExhausted(OutOfVram):
    """Raised where memory ran out in the middle of the work; both figures in bytes."""

    def __init__(self, held_bytes: int, free_bytes: int, *, what: str) -> None:
        MaquetteError.__init__(
            self,
            f"{what} ran out of GPU memory: {held_bytes / GIB:.1f} GiB were in use here, "
            f"{free_bytes / GIB:.1f} GiB free.",
            remedy="Choose a lower preset, set load.stream=true, or close programs that use the GPU.",
        )


class Numerics(MaquetteError):
    """Networks gave no usable numbers, again after they were run in a wider format."""

    code = "numerics"
    action = "retry"


class WeightsMissing(MaquetteError):
    """Model files that are not on this machine."""

    code = "weights_missing"
    action = "download_models"


class DiskFull(MaquetteError):
    """No room, or no more room, for a file."""

    code = "disk_full"
    action = "choose_folder"


class Unreachable(MaquetteError):
    """No engine answers."""

    code = "unreachable"
    action = "restart_engine"


class WorkerDied(MaquetteError):
    """The process that did the work ended; the message says of what."""

    code = "worker_died"
    action = "restart_engine"


class Cancelled(MaquetteError):
    """The job was cancelled; raised at the next step after the request."""

    code = "cancelled"
    action = ""

    def __init__(self) -> None:
        super().__init__("Cancelled.")


def fault_of(error: BaseException, *, stage: str = "") -> Fault:
    """The fault that tells a user of `error`, raised while `stage` ran (empty: outside any stage)."""
    if isinstance(error, MaquetteError):
        return error.as_fault(stage)
    if isinstance(error, KeyboardInterrupt):
        return Cancelled().as_fault(stage)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        message = (
            f"The disk is full: {error.filename} could not be written."
            if error.filename
            else "The disk is full."
        )
        remedy = "Free some space or choose another folder."
        return DiskFull(message, remedy=remedy).as_fault(stage)
    if isinstance(error, MemoryError):
        message = "The computer ran out of memory (RAM)."
        remedy = "Close other programs, or lower --faces or --texture-size."
        return _internal(message, remedy, "lower_preset", stage, error)
    message = f"Something went wrong inside Maquette: {type(error).__name__}: {error}"
    return _internal(message, "Please report it with its log.", "copy_report", stage, error)


def _internal(message: str, remedy: str, action: str, stage: str, error: BaseException) -> Fault:
    """A fault of ours, its traceback's end as detail: enough for a log, bounded for the wire."""
    trace = "".join(traceback.format_exception(error))[-8000:]
    return Fault("internal", fitted(message, 500), remedy, action, stage, fitted(trace, 8000))
