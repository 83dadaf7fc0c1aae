"""What an artist does with Maquette, and what can be seen of it: the vocabulary of the scenarios.

Looks into the add-on only to know what to wait for; what a mouse can do is done with the mouse.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import bpy
from drive import COLUMNS, Window, check, until

ADDON = "bl_ext.user_default.maquette"
TAB = "Maquette"
PICTURES = Path(os.environ["WINDOW_PICTURES"])
JOB, CLAY = "maquette_job", "maquette_clay"  # custom properties of what the add-on makes
JOB_LIMIT_S = (
    90.0  # the engine starts, the worker imports what computes, a draft is made: 10 to 30 s on 2 cores
)

Steps = Generator[float, None, Any]


def part(name: str) -> Any:
    """A module of the add-on."""
    return sys.modules[f"{ADDON}.{name}"]


def session() -> Any:
    """What the add-on knows of the engine."""
    return part("clock").session()


def open_panel(window: Window) -> Steps:
    """Opens the sidebar on Maquette's tab and measures from now on what the add-on costs."""
    check(ADDON in sys.modules, "the add-on is enabled")
    watch = window.stopwatch
    watch.watch(f"{ADDON}.clock", "Clock._tick")  # beat() itself is already in Blender's hands
    for function in ("insert_shape", "insert_result"):
        watch.watch(f"{ADDON}.scene.landing", function)
    watch.watch_panels(ADDON)
    watch.start_beat()
    yield from window.open_tab(TAB)
    clock = part("clock").running()
    yield from until(lambda: clock.is_warm or clock.failure, "the add-on has started", 20)
    check(clock.is_warm, f"the add-on works: {clock.failure}")


def choose_picture(name: str, view: str = "front") -> None:
    """Puts one of the example pictures into a slot of the panel."""
    setattr(bpy.context.scene.maquette, view, bpy.data.images.load(str(PICTURES / name)))


def press(window: Window, operator: str, columns: Sequence[float] = COLUMNS) -> Steps:
    """Clicks the button of an operator in the sidebar; looks again where a new line has moved it."""
    for _ in range(4):
        place = yield from window.find_operator(operator, columns)
        yield 0.3
        yield from window.hand.move(*place)
        yield 0.0
        if any(word.startswith(f"bpy.ops.{operator}(") for word in window.under_mouse()):
            break
    yield from window.hand.click(*place)


def objects() -> list[Any]:
    """What the add-on put into the scene."""
    return [item for item in bpy.context.scene.objects if JOB in item]


def clay() -> Any:
    """The object that waits for its texture."""
    return next((item for item in objects() if CLAY in item), None)


def textured() -> Any:
    """The object that has its texture."""
    return next((item for item in objects() if CLAY not in item and item.data.materials), None)


def running_job() -> Any:
    """The job that the engine is working on, once it has told of a stage."""
    return next((job for job in session().jobs.open_models if job.view.stage), None)


def fault() -> str:
    """The code of the fault that the panel shows."""
    return session().fault.code if session().fault is not None else ""


def generate(window: Window, picture: str = "owl.png") -> Steps:
    """Chooses a picture, clicks Generate, and waits until the engine works."""
    choose_picture(picture)
    yield 0.5
    yield from press(window, "maquette.generate")
    yield from until(running_job, f"the engine works ({fault() or 'no fault'})", JOB_LIMIT_S)


def wait_for_result(window: Window) -> Steps:
    """Waits until a textured object is in the scene."""
    return (yield from until(textured, f"a textured object is there ({fault() or 'no fault'})", JOB_LIMIT_S))


def processes(words: str) -> list[int]:
    """The ids of the processes in whose command line `words` stand."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:  # it ended while we looked
            continue
        if words in line:
            found.append(int(file.parent.name))
    return found


def servers() -> list[int]:
    """The engine's servers."""
    return processes("-m engine serve --owned")


def workers() -> list[int]:
    """The engine's workers."""
    return processes("-m engine.worker")


def nothing_wrong() -> None:
    """Fails if the panel shows a fault."""
    found = session().fault
    check(found is None, f"the panel shows no fault, but: {found and found.message}")
