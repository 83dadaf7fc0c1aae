"""Work that tells nothing while it runs has a thread of its own, and a cancel ends it between two steps.

A thread that was merely left behind could be in the middle of a product of matrices when the process ends,
and OpenBLAS then waits for it for ever (numpy 2, seen 2026-11).
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

from engine.errors import Cancelled
from engine.runner import Progress

Out = TypeVar("Out")

# How often it is looked whether the job was cancelled.
_LOOK_S = 0.05


def aside(work: Callable[[], Out], progress: Progress) -> Out:
    """What `work` returns or raises; if the job is cancelled, `work` is ended and Cancelled raised.

    The end comes after the call into compiled code that is under way, anywhere in the Python around it:
    `work` must change nothing that stays.
    """
    result: Future[Out] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:  # noqa: BLE001  # whatever it is, the waiting thread raises it
            result.set_exception(error)

    thread = threading.Thread(target=run, name=progress.stage)
    thread.start()
    try:
        while not wait((result,), _LOOK_S).done:
            progress.check()
    finally:
        while thread.is_alive():  # more than once, since a parser may catch what is raised in it
            if not result.done():
                _raise_in(thread)
            thread.join(_LOOK_S)
    return result.result()


def _raise_in(thread: threading.Thread) -> None:
    """Makes `thread` raise Cancelled at its next line of Python (CPython's own way of it)."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(Cancelled))
