"""A fault is data: what happened in plain words, what mends it, and where; nobody is shown a traceback."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from .names import STAGES
from .rules import Record, Text

DONE, INTERNAL, BAD_USAGE, OUT_OF_MEMORY, NO_WEIGHTS, UNREACHABLE = 0, 1, 2, 3, 4, 5
INTERRUPTED = 130  # what a shell reports after Ctrl-C

# Fault code -> exit code of the command line.
EXIT_CODES = {
    "bad_input": BAD_USAGE,  # the user's picture or mesh
    "bad_request": BAD_USAGE,  # a name, setting or message that is wrong
    "weights_missing": NO_WEIGHTS,
    "licence_not_accepted": NO_WEIGHTS,
    "out_of_vram": OUT_OF_MEMORY,
    "device_lost": INTERNAL,  # the driver was reset or the card went away
    "worker_died": INTERNAL,
    "numerics": INTERNAL,  # NaN, black or flat output, again after the repetition
    "cancelled": INTERRUPTED,
    "disk_full": BAD_USAGE,  # the user's disk
    "unreachable": UNREACHABLE,
    "refused": UNREACHABLE,  # wrong token or wire version
    "internal": INTERNAL,
}
CODES = tuple(EXIT_CODES)

# What the button beside a fault does; the panel has one for each.
ACTIONS = (
    "",
    "choose_picture",
    "choose_folder",
    "download_models",
    "accept_licence",
    "free_gpu",
    "lower_preset",
    "retry",
    "start_engine",
    "restart_engine",
    "update",
    "copy_report",
)


@dataclass(frozen=True)
class Fault(Record):
    """Why something was not done.

    `message` says what and where in one or two sentences, `remedy` what to do about it, `action` the button
    that does it, `stage` where it happened (empty: outside a stage), `detail` is for log and report only.
    """

    code: Annotated[str, Text(32, names=CODES)]
    message: Annotated[str, Text(2000, low=1)]
    remedy: Annotated[str, Text(2000)] = ""
    action: Annotated[str, Text(32, names=ACTIONS)] = ""
    stage: Annotated[str, Text(32, names=("", *STAGES))] = ""
    detail: Annotated[str, Text(20_000)] = ""

    @property
    def exit_code(self) -> int:
        """What the command line returns for it."""
        return EXIT_CODES[self.code]


def fitted(text: str, n_chars: int) -> str:
    """`text` made fit for a field: what is no UTF-8 or NUL as `?`, and cut in the middle if too long.

    File names on Linux may hold bytes that are no text; a message that quotes one must still get through.
    """
    clean = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "?")
    half = (n_chars - 5) // 2
    return clean if len(clean) <= n_chars else f"{clean[:half]} ... {clean[-half:]}"
