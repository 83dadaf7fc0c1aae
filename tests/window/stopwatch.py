"""Measures how long Blender's main thread is held: between beats of a timer, and in chosen functions.

The beat also sees Blender's own drawing (0.1 to 1 s a frame without a graphics card); what an add-on costs is
therefore measured in its own functions.
"""

from __future__ import annotations

import functools
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import bpy

BEAT_S = 0.005
N_LONGEST = 10


@dataclass
class Lap:
    """All calls of one function, or all pauses of the beat."""

    seconds: list[tuple[float, float]] = field(default_factory=list)  # (when it began, how long it took)
    worked: list[float] = field(default_factory=list)  # seconds in which this thread had a processor

    def summary(self) -> dict[str, object]:
        """Count, middle, 99th of a hundred and longest in milliseconds, and when the longest were.

        `longest_worked_ms` leaves out what other programs had of the processor meanwhile.
        """
        if not self.seconds:
            return {"n_calls": 0}
        sorted_ms = sorted(1000 * took for _, took in self.seconds)
        longest = sorted(self.seconds, key=lambda call: -call[1])[:N_LONGEST]
        return {
            "n_calls": len(sorted_ms),
            "total_ms": round(sum(sorted_ms), 3),
            "median_ms": round(sorted_ms[len(sorted_ms) // 2], 4),
            "p99_ms": round(sorted_ms[math.ceil(0.99 * len(sorted_ms)) - 1], 4),
            "longest_ms": round(sorted_ms[-1], 3),
            "longest_worked_ms": round(1000 * max(self.worked), 3) if self.worked else None,
            "longest_at_s": [[round(when, 2), round(1000 * took, 2)] for when, took in longest],
        }


class Stopwatch:
    """Laps by name; times are seconds since it was made."""

    def __init__(self) -> None:
        self.phase = ""  # put before the names of laps, so that idling is told from working
        self.laps: dict[str, Lap] = {}
        self._start = time.perf_counter()
        self._last_beat: float | None = None
        self._awaited: list[tuple[str, str]] = []

    def start_beat(self) -> None:
        """Records from now on every pause of the main loop beyond the beat itself."""
        self._last_beat = None
        if not bpy.app.timers.is_registered(self._beat):
            bpy.app.timers.register(self._beat, persistent=True)

    def stop_beat(self) -> None:
        """Ends the recording."""
        if bpy.app.timers.is_registered(self._beat):
            bpy.app.timers.unregister(self._beat)

    def _beat(self) -> float:
        awaited, self._awaited = self._awaited, []
        for module, function in awaited:
            self.watch(module, function)
        now = time.perf_counter()
        if self._last_beat is not None:
            self._add("main loop", self._last_beat, max(0.0, now - self._last_beat - BEAT_S))
        self._last_beat = now
        return BEAT_S

    def watch(self, module: str, function: str) -> None:
        """Measures a function, or "Class.method", from now on; one of a later module from its import."""
        if module not in sys.modules:
            self._awaited.append((module, function))  # not imported here: that is the add-on's own time
            return
        owner: Any = sys.modules[module]
        *path, name = function.split(".")
        for part in path:
            owner = getattr(owner, part)
        setattr(owner, name, self.timed(getattr(owner, name), f"{module.rpartition('.')[2]}.{function}"))

    def watch_timers(self) -> None:
        """Measures every function that is registered with bpy.app.timers from now on, by its full name."""
        register, unregister = bpy.app.timers.register, bpy.app.timers.unregister
        is_registered = bpy.app.timers.is_registered
        stands_in: dict[Callable[[], Any], Callable[[], Any]] = {}

        def register_timed(function: Callable[[], Any], **options: Any) -> None:
            lap = f"timer {function.__module__.rpartition('.')[2]}.{function.__qualname__}"
            stands_in[function] = self.timed(function, lap)
            register(stands_in[function], **options)

        bpy.app.timers.register = register_timed
        bpy.app.timers.unregister = lambda function: unregister(stands_in.get(function, function))
        bpy.app.timers.is_registered = lambda function: is_registered(stands_in.get(function, function))

    def watch_panels(self, module: str) -> None:
        """Measures draw() of all panels that belong to a package."""
        for panel in bpy.types.Panel.__subclasses__():
            if panel.__module__.startswith(module) and "draw" in vars(panel):
                panel.draw = self._timed_draw(panel.draw, f"panel {panel.__name__}")

    def _timed_draw(self, draw: Callable[..., None], lap: str) -> Callable[[Any, Any], None]:
        timed = self.timed(draw, lap)

        def call(panel: Any, context: Any) -> None:  # Blender counts the parameters and passes as many
            timed(panel, context)

        return call

    def timed(self, function: Callable[..., Any], lap: str) -> Callable[..., Any]:
        """The function, recording each call under `lap`."""

        @functools.wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            start, began = time.perf_counter(), time.thread_time()
            try:
                return function(*arguments, **named)
            finally:
                worked_s = time.thread_time() - began
                self._add(lap, start, time.perf_counter() - start, worked_s)

        return call

    def summary(self) -> dict[str, object]:
        """All laps."""
        return {name: lap.summary() for name, lap in sorted(self.laps.items())}

    def _add(self, lap: str, start: float, took_s: float, worked_s: float | None = None) -> None:
        kept = self.laps.setdefault(f"{self.phase}: {lap}" if self.phase else lap, Lap())
        kept.seconds.append((start - self._start, took_s))
        if worked_s is not None:
            kept.worked.append(worked_s)
