"""Work that tells nothing while it runs has a thread of its own, so that a cancel need not wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

from engine.runner import Progress

Out = TypeVar("Out")

# How often it is looked whether the job was cancelled.
_LOOK_S = 0.05


def aside(work: Callable[[], Out], progress: Progress) -> Out:
    """What `work` returns or raises; raises Cancelled at once if the job is cancelled.

    What was given up runs on unheard to its end, or to the process's: `work` must change nothing that stays.
    """
    result: Future[Out] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:  # noqa: BLE001  # whatever it is, the waiting thread raises it
            result.set_exception(error)

    threading.Thread(target=run, name=progress.stage, daemon=True).start()
    while not wait((result,), _LOOK_S).done:
        progress.check()
    return result.result()
