"""A person at a terminal sees one line that moves, a log gets plain lines, a program JSON events."""

from __future__ import annotations

import json
import sys
from typing import Any, TextIO

from engine.runner import Listener, StageRecord
from protocol.arrays import Array

_BAR = 24


class Console(Listener):
    """Prints a job's life. Words go to stderr, JSON events to stdout."""

    def __init__(self, *, as_json: bool, words: TextIO | None = None, events: TextIO | None = None) -> None:
        self._as_json = as_json
        self._words = words or sys.stderr
        self._events = events or sys.stdout
        self._is_live = not as_json and self._words.isatty()
        self._head = ""

    def event(self, name: str, **fields: Any) -> None:
        """One line of JSON, if JSON was asked for."""
        if self._as_json:
            line = json.dumps({"event": name, **fields}, ensure_ascii=False)
            print(line, file=self._events, flush=True)

    def say(self, text: str) -> None:
        """One line of words, unless JSON was asked for."""
        if not self._as_json:
            self._wipe()
            print(text, file=self._words, flush=True)

    def stage_started(self, stage: str, index: int, n_stages: int) -> None:
        """Shows where the job is."""
        self._head = f"[{index + 1}/{n_stages}] {stage}"
        self._draw(0.0)
        self.event("stage_started", stage=stage, index=index, n_stages=n_stages)

    def stage_progress(self, stage: str, step: int, n_steps: int) -> None:
        """Moves the bar."""
        self._draw(step / n_steps)
        self.event("stage_progress", stage=stage, step=step, n_steps=n_steps)

    def stage_finished(self, record: StageRecord) -> None:
        """Says what the stage took."""
        self.say(f"{self._head:<18} {record.seconds:6.2f} s")
        self.event(
            "stage_finished",
            stage=record.name,
            seconds=round(record.seconds, 4),
            peak_vram_bytes=record.peak_vram_bytes,
            cached=record.cached,
            notes=list(record.notes),
        )

    def notice(self, stage: str, text: str) -> None:
        """Says what degraded."""
        self.say(f"Note: {text}")
        self.event("notice", stage=stage, text=text)

    def shape_ready(self, vertices: Array, faces: Array) -> None:
        """Tells programs that the shape is there, before its texture."""
        self.event("shape_ready", vertices=vertices.shape[0], faces=faces.shape[0])

    def close(self) -> None:
        """Leaves a clean line behind."""
        self._wipe()

    def _draw(self, share: float) -> None:
        if self._is_live:
            full = round(_BAR * min(max(share, 0.0), 1.0))
            bar = "=" * full + " " * (_BAR - full)
            print(f"\r{self._head:<18} [{bar}] {share:4.0%}", end="", file=self._words, flush=True)

    def _wipe(self) -> None:
        if self._is_live:
            print("\r\x1b[K", end="", file=self._words, flush=True)
