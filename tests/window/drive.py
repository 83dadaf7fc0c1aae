"""Runs a scenario inside a Blender that has a window: steps wait, nothing blocks, a failure is written down.

A scenario is a generator function of a `Window`. It yields seconds to wait; `yield from` calls the helpers:

    def scenario(window):
        yield from window.open_tab("Maquette")
        button = yield from window.find_operator("maquette.generate")
        yield from window.hand.click(*button)
        yield from until(lambda: bpy.data.objects.get("Owl"), "the object is there", limit_s=60)
        yield from window.take_picture("result")

run.py starts Blender with `main`. OUT gets result.json (reason, notes, times) and pictures. A scenario that
raises ends Blender with exit code 3.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import bpy
from hands import RealHand, SimulatedHand, let_run
from stopwatch import Stopwatch

Steps = Generator[float, None, Any]
Value = TypeVar("Value")

FAILED = 3
LOOK_AGAIN_S = 0.02
HOVER_S = 0.0  # the next pass of the main loop has seen the mouse
PROBE_STEP_PX = 9  # a button is 20 px high
COLUMNS = (0.5, 0.85, 0.91, 0.15)  # parts of the sidebar's width; small buttons are at the right
TABS_PX = 24  # the column of tabs at the sidebar's right


class ScenarioFailed(AssertionError):
    """A claim of a scenario did not hold."""


def until(claim: Callable[[], Value], words: str, limit_s: float = 10.0) -> Generator[float, None, Value]:
    """Waits until `claim()` is true and returns its value; fails with `words` after `limit_s`."""
    start = time.perf_counter()
    while not (value := claim()):
        if time.perf_counter() - start > limit_s:
            raise ScenarioFailed(f"Not within {limit_s:g} s: {words}.")
        yield LOOK_AGAIN_S
    return value


def check(claim: object, words: str) -> None:
    """Fails the scenario with `words` unless `claim` is true; unlike assert it works under -O."""
    if not claim:
        raise ScenarioFailed(f"Not so: {words}.")


class Window:
    """Blender's first window as a user meets it: its sidebar, its buttons, pictures of it.

    Holds no bpy object from one step to the next, because undo and File > New replace them.
    Coordinates are pixels from the bottom left of the window, as Blender counts them.
    """

    def __init__(self, out: Path, hand_name: str) -> None:
        self.out = out
        self.turn = int(os.environ.get("TURN", "1"))  # the how manieth Blender of this scenario it is
        self.notes: dict[str, object] = {}
        self.pictures: list[str] = []
        self.stopwatch = Stopwatch()
        self.hand = RealHand(self) if hand_name == "real" else SimulatedHand(self)

    # -- what is there now ---------------------------------------------------------------------------------

    @property
    def window(self) -> Any:
        """The first window."""
        return bpy.context.window_manager.windows[0]

    @property
    def viewport(self) -> Any:
        """The largest 3D viewport's area."""
        areas = [area for area in self.window.screen.areas if area.type == "VIEW_3D"]
        check(areas, "there is a 3D viewport")
        return max(areas, key=lambda area: area.width * area.height)

    def region(self, kind: str = "UI") -> Any:
        """A region of the viewport: UI is the sidebar, WINDOW the scene."""
        return next(region for region in self.viewport.regions if region.type == kind)

    def in_region(self, kind: str = "UI") -> Any:
        """A context in which operators believe that the mouse is over the region."""
        area = self.viewport
        region = next(region for region in area.regions if region.type == kind)
        return bpy.context.temp_override(
            window=self.window, screen=self.window.screen, area=area, region=region
        )

    def middle(self, kind: str = "WINDOW") -> tuple[int, int]:
        """The middle of a region."""
        region = self.region(kind)
        return region.x + region.width // 2, region.y + region.height // 2

    # -- the sidebar ---------------------------------------------------------------------------------------

    def open_tab(self, name: str) -> Steps:
        """Opens the sidebar on the tab `name`, without the mouse."""
        self.viewport.spaces.active.show_region_ui = True
        yield 0.5  # a tab can be chosen only after the sidebar was drawn once
        yield from self.choose_tab(name)

    def choose_tab(self, name: str) -> Steps:
        """Chooses a tab of the open sidebar."""

        def is_chosen() -> bool:
            # A tab that is not known yet is refused with TypeError: its panels have not been laid out.
            with contextlib.suppress(TypeError):
                self.region().active_panel_category = name
            self.viewport.tag_redraw()
            return bool(self.region().active_panel_category == name)

        yield from until(is_chosen, f"the sidebar has a tab {name}")
        yield 0.3

    def probe(self) -> Generator[float, None, dict[str, tuple[int, int]]]:
        """What can be clicked in the visible part of the sidebar: Python command or data path -> where.

        The mouse is moved over the sidebar, and Blender is asked at each place what lies under it.
        """
        found: dict[str, tuple[int, int]] = {}
        for place in self._places():
            yield from self.hand.move(*place)
            yield HOVER_S
            for words in self.under_mouse():
                found.setdefault(words, place)
        return found

    def find(
        self, beginning: str, n_scrolls: int = 3, columns: Sequence[float] = COLUMNS
    ) -> Generator[float, None, tuple[int, int]]:
        """Where in the sidebar the button is whose command or data path begins so; scrolls down for it."""
        for turn in range(n_scrolls + 1):
            for place in self._places(columns):
                yield from self.hand.move(*place)
                yield HOVER_S
                if any(word.startswith(beginning) for word in self.under_mouse()):
                    return place
            if turn < n_scrolls:
                yield from self.hand.scroll(*self.middle("UI"), n_notches=-6)
                yield 0.3
        raise ScenarioFailed(f"No button in the sidebar begins with {beginning}.")

    def find_operator(
        self, name: str, columns: Sequence[float] = COLUMNS
    ) -> Generator[float, None, tuple[int, int]]:
        """Where in the sidebar the button of an operator is, for example "maquette.generate"."""
        return (yield from self.find(f"bpy.ops.{name}(", columns=columns))

    def under_mouse(self) -> list[str]:
        """The Python command and the data path of the button under the mouse; empty over nothing."""
        words = []
        with self.in_region("UI"):
            for operator in (bpy.ops.ui.copy_python_command_button, bpy.ops.ui.copy_data_path_button):
                bpy.context.window_manager.clipboard = ""
                with contextlib.suppress(RuntimeError):  # raised where there is no button of that kind
                    if operator.poll():
                        operator()
                        words.append(bpy.context.window_manager.clipboard)
        return [word for word in words if word]

    def _places(self, columns: Sequence[float] = COLUMNS) -> Iterator[tuple[int, int]]:
        region = self.region()
        left, bottom, width, height = region.x, region.y, region.width - TABS_PX, region.height
        for column in columns:
            for y in range(bottom + height - 6, bottom + 4, -PROBE_STEP_PX):
                yield left + int(width * column), y

    # -- pictures and words --------------------------------------------------------------------------------

    def take_picture(self, name: str) -> Steps:
        """Keeps the whole screen as OUT/NAME.png."""
        self.viewport.tag_redraw()
        yield 0.3
        file = self.out / f"{name}.png"
        yield from self.hand.run_program("scrot", "--overwrite", str(file))
        check(file.exists(), f"the picture {name} was taken")
        self.pictures.append(file.name)

    def kill_blender(self) -> None:
        """Ends Blender as a crash would; the scenario begins again in a new one, with `turn` one higher."""
        (self.out / "again").touch()
        os.kill(os.getpid(), signal.SIGKILL)

    def note(self, **facts: object) -> None:
        """Adds facts to result.json."""
        self.notes.update(facts)


def run_scenario(out: Path, scenario: Path, hand_name: str) -> None:
    """Starts the scenario on a timer; it ends Blender."""
    _calm_down()
    window = Window(out, hand_name)
    steps = _load(scenario)(window)
    start = time.perf_counter()

    def write(reason: str) -> None:
        record = {
            "scenario": scenario.stem,
            "blender": bpy.app.version_string,
            "reason": reason,
            "seconds": round(time.perf_counter() - start, 2),
            "notes": window.notes,
            "pictures": window.pictures,
            "times": window.stopwatch.summary(),
        }
        (out / "result.json").write_text(json.dumps(record, indent=2, ensure_ascii=False), encoding="utf-8")

    def step() -> float | None:
        try:
            return float(next(steps))
        except StopIteration:
            write("")
            bpy.ops.wm.quit_blender()
            return None
        except BaseException as error:  # noqa: BLE001  # an exception in a timer would leave Blender running for ever
            write(f"{type(error).__name__}: {error}")
            traceback.print_exc()
            with contextlib.suppress(Exception):
                let_run(window.take_picture("failure"))
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(FAILED)

    bpy.app.timers.register(step, first_interval=1.0, persistent=True)  # persistent: lives through File > New


def _calm_down() -> None:
    """No splash, no tooltips over what is photographed, nothing kept of these preferences."""
    preferences = bpy.context.preferences
    preferences.view.show_splash = False
    preferences.view.show_tooltips = False
    preferences.use_preferences_save = False


def _load(scenario: Path) -> Callable[[Window], Steps]:
    """The function `scenario` of a file."""
    spec = importlib.util.spec_from_file_location(scenario.stem, scenario)
    if spec is None or spec.loader is None:
        raise ScenarioFailed(f"{scenario} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.scenario  # type: ignore[no-any-return]


def main() -> None:
    """Called by Blender with OUT, SCENARIO.py and the hand after `--`."""
    out, scenario, hand_name = sys.argv[sys.argv.index("--") + 1 :]
    run_scenario(Path(out), Path(scenario), hand_name)
