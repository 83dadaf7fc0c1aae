"""A hand at mouse and keyboard, twice: events that Blender simulates, real ones of the X server (xdotool).

Blender takes no real events while it simulates (--enable-event-simulate): a scenario has one of the two.
All movements are generators of seconds to wait. Places are pixels from the bottom left of the window.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

Steps = Generator[float, None, Any]

PRESS_S = (
    0.06  # between press and release, and after: Blender looks at its events once in a pass of its main loop
)
PROGRAM_LIMIT_S = 20.0
_KEYS = {"RET": "Return", "ESC": "Escape", "TAB": "Tab", "BACK_SPACE": "BackSpace", "DEL": "Delete"}
_BUTTONS = {"LEFT": "1", "MIDDLE": "2", "RIGHT": "3"}


def let_run(steps: Steps) -> Any:
    """Runs steps to their end at once, for the few that wait for nothing of Blender's."""
    while True:
        try:
            time.sleep(next(steps))
        except StopIteration as end:
            return end.value


class Hand:
    """What both hands can do."""

    def __init__(self, window: Any) -> None:
        self.window = window

    def move(self, x: int, y: int) -> Steps:
        """Moves the mouse."""
        raise NotImplementedError

    def press(self, x: int, y: int, is_down: bool, button: str = "LEFT") -> Steps:
        """Presses or releases a mouse button."""
        raise NotImplementedError

    def key(self, name: str, ctrl: bool = False, shift: bool = False) -> Steps:
        """Presses a key as Blender names it (A, RET, ESC, TAB)."""
        raise NotImplementedError

    def type(self, text: str) -> Steps:
        """Types ASCII letters, digits and spaces into the field that is being edited."""
        raise NotImplementedError

    def scroll(self, x: int, y: int, n_notches: int) -> Steps:
        """Turns the wheel over a place; negative is down."""
        raise NotImplementedError

    def click(self, x: int, y: int, button: str = "LEFT") -> Steps:
        """Clicks at a place."""
        yield from self.move(x, y)
        yield PRESS_S * 2
        yield from self.press(x, y, True, button)
        yield PRESS_S
        yield from self.press(x, y, False, button)
        yield PRESS_S

    def drag(self, start: tuple[int, int], end: tuple[int, int], n_moves: int = 8) -> Steps:
        """Drags with the left button from place to place."""
        yield from self.move(*start)
        yield PRESS_S
        yield from self.press(*start, True)
        for move in range(1, n_moves + 1):
            part = move / n_moves
            yield from self.move(
                round(start[0] + part * (end[0] - start[0])), round(start[1] + part * (end[1] - start[1]))
            )
            yield PRESS_S / 2
        yield from self.press(*end, False)
        yield PRESS_S

    def run_program(self, *command: str, limit_s: float = PROGRAM_LIMIT_S) -> Steps:
        """Runs a program beside Blender and waits for it without holding Blender."""
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        end_s = time.perf_counter() + limit_s
        while process.poll() is None:
            if time.perf_counter() > end_s:
                process.kill()
                raise TimeoutError(f"{command[0]} did not end within {limit_s:g} s.")
            yield 0.01
        words = process.stdout.read().strip() if process.stdout else ""
        if process.stdout:
            process.stdout.close()
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {words}")
        return words


class SimulatedHand(Hand):
    """Events that Blender makes for itself; needs --enable-event-simulate."""

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self.place = (0, 0)

    def _send(self, kind: str, value: str, **more: Any) -> None:
        x, y = self.place
        self.window.window.event_simulate(type=kind, value=value, x=x, y=y, **more)

    def move(self, x: int, y: int) -> Steps:
        """Moves the mouse."""
        self.place = (x, y)
        self._send("MOUSEMOVE", "NOTHING")
        yield 0.0

    def press(self, x: int, y: int, is_down: bool, button: str = "LEFT") -> Steps:
        """Presses or releases a mouse button."""
        self.place = (x, y)
        self._send(f"{button}MOUSE", "PRESS" if is_down else "RELEASE")
        yield 0.0

    def key(self, name: str, ctrl: bool = False, shift: bool = False) -> Steps:
        """Presses a key as Blender names it."""
        self._send(name, "PRESS", ctrl=ctrl, shift=shift)
        yield PRESS_S
        self._send(name, "RELEASE", ctrl=ctrl, shift=shift)
        yield PRESS_S

    def type(self, text: str) -> Steps:
        """Types letters."""
        names = {" ": "SPACE", ".": "PERIOD", "/": "SLASH", "-": "MINUS"} | dict(
            zip(
                "0123456789",
                ["ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE"],
                strict=True,
            )
        )
        for letter in text:
            name = names.get(letter, letter.upper())
            self._send(name, "PRESS", unicode=letter)
            yield PRESS_S / 2
            self._send(name, "RELEASE")
            yield PRESS_S / 2

    def scroll(self, x: int, y: int, n_notches: int) -> Steps:
        """Turns the wheel."""
        yield from self.move(x, y)
        for _ in range(abs(n_notches)):
            self._send("WHEELUPMOUSE" if n_notches > 0 else "WHEELDOWNMOUSE", "PRESS")
            yield PRESS_S / 2


class RealHand(Hand):
    """Events of the X server, which Blender cannot tell from a person's."""

    def _at(self, x: int, y: int) -> tuple[str, str]:
        """The place on the screen, whose first row is at the top; there is no window manager, so no frame."""
        return str(x), str(self.window.window.height - 1 - y)

    def move(self, x: int, y: int) -> Steps:
        """Moves the mouse."""
        yield from self.run_program("xdotool", "mousemove", *self._at(x, y))

    def press(self, x: int, y: int, is_down: bool, button: str = "LEFT") -> Steps:
        """Presses or releases a mouse button."""
        yield from self.run_program("xdotool", "mousedown" if is_down else "mouseup", _BUTTONS[button])

    def key(self, name: str, ctrl: bool = False, shift: bool = False) -> Steps:
        """Presses a key."""
        word = _KEYS.get(name, name.lower())
        chord = "+".join(["ctrl"] * ctrl + ["shift"] * shift + [word])
        yield from self.run_program("xdotool", "key", "--clearmodifiers", chord)
        yield PRESS_S

    def type(self, text: str) -> Steps:
        """Types letters."""
        yield from self.run_program("xdotool", "type", "--delay", "40", text)
        yield PRESS_S

    def drop(self, x: int, y: int, *files: str) -> Steps:
        """Drops files from outside at a place."""
        yield from self.move(x, y)
        program = Path(__file__).with_name("drop_files.py")
        yield from self.run_program("python3", str(program), *self._at(x, y), *files)

    def scroll(self, x: int, y: int, n_notches: int) -> Steps:
        """Turns the wheel."""
        yield from self.move(x, y)
        wheel = "4" if n_notches > 0 else "5"
        yield from self.run_program(
            "xdotool", "click", "--repeat", str(abs(n_notches)), "--delay", "30", wheel
        )
