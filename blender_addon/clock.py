"""One timer does all that is not a click: it hears the engine, lands results, and redraws what changed.

It is no modal operator, which would stop autosave. It never waits, and touches the scene only when it may.
What takes long to import is imported by the first ticks, one part in each: enabling the add-on costs nothing.
"""

from __future__ import annotations

import importlib
import time
import traceback
from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING

import bpy
from bpy.app.translations import pgettext_iface as words

from . import preferences, translations

if TYPE_CHECKING:
    from .engine_setup import Setup
    from .movement import Movement
    from .protocol.session import Welcome
    from .session import Session

# In an order in which each adds little to those before it.
_PARTS = (
    *("tomllib", "dataclasses", "json", "subprocess", "uuid", "tempfile"),
    *(".protocol.rules", ".protocol.arrays", ".protocol.faults", ".protocol.requests", ".protocol.session"),
    *(
        ".protocol.events",
        ".protocol.results",
        "msgpack",
        ".protocol.codec",
        ".protocol.track",
        "zmq",
        ".link",
    ),
    *(".engine_process", ".connection", ".estimate", ".ledger", ".session", ".pictures", "numpy"),
    *(
        ".scene.placement",
        ".scene.mesh",
        ".scene.landing",
        ".scene.overlay",
        ".cutout_preview",
        ".landing_strip",
        ".movement",
    ),
)
_FIRST_S = 0.2  # after Blender's own start
_SETUP_S = 0.1  # between ticks while an engine is set up
_MOST_HELD = 10  # ticks of 20 ms
_BROKEN_S = 60.0  # nothing mends it but another copy of the add-on

_clock: Clock | None = None


class Clock:
    """The timer, and from its first ticks on the session and all that moves with it."""

    def __init__(self) -> None:
        self.setup: Setup | None = None  # while or after one runs
        self.failure = ""  # why the add-on itself does not work, in words
        self.has_render_begun = False  # set from the render's thread, in which nothing else may be done
        self._movement: Movement | None = None
        self._warming = self._warm_up()
        self._shown: Hashable = None
        self._n_held = 0  # ticks in a row whose news were not drawn
        self._beat = self.beat  # the timer is found again by this very object

    @property
    def movement(self) -> Movement:
        """What is moved; made now if it was not yet."""
        for _ in self._warming:
            pass
        assert self._movement is not None, self.failure
        return self._movement

    @property
    def is_warm(self) -> bool:
        """Whether what is moved is there already."""
        return self._movement is not None

    @property
    def is_setting_up(self) -> bool:
        """Whether an engine is being set up."""
        return self.setup is not None and not self.setup.state.is_over

    def start(self) -> None:
        """Begins to tick; the timer survives the opening of other files."""
        bpy.app.timers.register(self._beat, first_interval=_FIRST_S, persistent=True)

    def wake(self) -> None:
        """Ticks at once, because there is something to do."""
        if bpy.app.timers.is_registered(self._beat):
            bpy.app.timers.unregister(self._beat)
        bpy.app.timers.register(self._beat, first_interval=0.0, persistent=True)

    def stop(self) -> None:
        """Ends the timer and everything that it moved."""
        if bpy.app.timers.is_registered(self._beat):
            bpy.app.timers.unregister(self._beat)
        if self.setup is not None:
            self.setup.close()
        if self._movement is not None:
            self._movement.close()

    def beat(self) -> float:
        """One tick; returns the seconds until the next."""
        try:
            return self._tick()
        except Exception as error:  # noqa: BLE001 - a timer that raises is gone for good, and with it the jobs
            if self._movement is None:  # a part is missing or does not suit this Blender
                self.failure = f"{type(error).__name__}: {error}"
                redraw()
                return _BROKEN_S
            self._movement.fail(error, traceback.format_exc())
            return 1.0

    def _tick(self) -> float:
        for _ in self._warming:
            return 0.01
        assert self._movement is not None
        now_s = time.monotonic()
        if self.has_render_begun:
            self.has_render_begun = False
            if preferences.preferences().frees_for_render:
                self._movement.session.free_gpu()
        interval_s = self._movement.tick(now_s)
        if self.setup is not None and self.is_setting_up:
            interval_s = _SETUP_S
            state = self.setup.tick()
            if state.is_over and state.fault is None and not state.is_cancelled:
                self._movement.session.restart()  # with the engine that is there now
        shown = (self._movement.summary(now_s), self._setup_summary())
        if shown == self._shown:
            return interval_s
        self._n_held = self._n_held + 1 if self._movement.is_about_to_land else 0
        if 0 < self._n_held <= _MOST_HELD:
            return interval_s  # drawing would take longer than the result that is on its way
        self._shown = shown
        self._movement.show()
        redraw()
        return interval_s

    def _setup_summary(self) -> Hashable:
        return None if self.setup is None else (str(self.setup.state), round(self.setup.state.fraction, 3))

    def _warm_up(self) -> Iterator[None]:
        bpy.app.translations.register(preferences.PACKAGE, translations.catalogue())
        yield
        for part in _PARTS:
            importlib.import_module(part, __package__)
            yield
        load_letters()
        yield
        from .manifest import version
        from .movement import Movement
        from .session import Session

        session = Session(preferences.options, preferences.own_folder(), version())
        self._movement = Movement(session)
        redraw()


def load_letters() -> None:
    """Has Blender open the font by which the panel breaks its lines: 50 ms at the first use."""
    if not bpy.app.background:
        import blf

        blf.size(0, 11.0)
        blf.dimensions(0, "Maquette")


def redraw() -> None:
    """Has the sidebars and the preferences drawn again, and nothing else."""
    for window in bpy.data.window_managers[0].windows:
        for area in window.screen.areas:
            for region in area.regions if area.type in ("VIEW_3D", "PREFERENCES") else ():
                if region.type == ("UI" if area.type == "VIEW_3D" else "WINDOW"):
                    region.tag_redraw()


def begin() -> None:
    """Makes the one clock and starts it."""
    global _clock  # noqa: PLW0603 - made by register, dropped by unregister, and nowhere else
    _clock = Clock()
    _clock.start()


def end() -> None:
    """Stops and drops it."""
    global _clock  # noqa: PLW0603
    if _clock is not None:
        _clock.stop()
        _clock = None


def running() -> Clock:
    """The clock of the enabled add-on."""
    assert _clock is not None, "the add-on is not enabled"
    return _clock


def session() -> Session:
    """The session of the enabled add-on."""
    return running().movement.session


def welcome() -> Welcome | None:
    """What the engine offers, None while none answers."""
    if _clock is None or not _clock.is_warm:
        return None
    return _clock.movement.session.connection.welcome


def options_changed() -> None:
    """The preferences name another engine or folder."""
    if _clock is None or not _clock.is_warm:
        return
    session = _clock.movement.session
    if session.is_ready:
        session.notice(words("Restart the engine to use what you changed."))
    else:
        session.clear_fault()
        _clock.movement.look_again()
    _clock.wake()


def picture_changed() -> None:
    """Another picture was chosen in the panel."""
    if _clock is not None and not _clock.failure:
        _clock.movement.cutout.picture_changed()
        _clock.wake()
