"""One timer does all that is not a click: it hears the engine, lands results, and redraws what changed.

It is no modal operator, which would stop autosave. It never waits, and touches the scene only when it may.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Hashable

import bpy
from bpy.app.translations import pgettext_iface as words

from . import history, preferences
from .cutout_preview import CutoutPreview
from .landing_strip import LandingStrip
from .protocol import messages as m
from .protocol.faults import Fault, fitted
from .protocol.results import CutoutReady
from .scene.overlay import Overlay
from .session import Session

_clock: Clock | None = None


class Clock:
    """The session and what shows it, moved by one timer of Blender's."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.cutout = CutoutPreview(session)
        self.strip = LandingStrip(session)
        self.overlay = Overlay()
        self.setup = None  # engine_setup.Setup while or after one runs
        self._shown: Hashable = None
        self._beat = self.beat  # the timer is found again by this very object

    def start(self) -> None:
        """Begins to tick; the timer survives the opening of other files."""
        bpy.app.timers.register(self._beat, first_interval=0.2, persistent=True)

    def wake(self) -> None:
        """Ticks at once, because there is something to do."""
        if bpy.app.timers.is_registered(self._beat):
            bpy.app.timers.unregister(self._beat)
        bpy.app.timers.register(self._beat, first_interval=0.0, persistent=True)

    def file_opened(self) -> None:
        """Another file is open: what was to land in the old one waits for a click."""
        self.session.forget_places()
        self.strip.forget()
        self.cutout.picture_changed()
        self.wake()

    def stop(self) -> None:
        """Ends the timer and everything that it moved."""
        if bpy.app.timers.is_registered(self._beat):
            bpy.app.timers.unregister(self._beat)
        if self.setup is not None:
            self.setup.close()
        self.overlay.show(())
        self.cutout.close()
        self.session.close()

    def beat(self) -> float:
        """One tick; returns the seconds until the next."""
        try:
            return self._tick()
        except Exception as error:  # noqa: BLE001 - a timer that raises is gone for good, and with it the jobs
            detail = fitted(traceback.format_exc(), 20_000)
            message = words("Something went wrong in the add-on: {error}.").format(error=error)
            remedy = words("Copy the report and send it to us.")
            self.session.fail(Fault("internal", fitted(message, 2000), remedy, "copy_report", "", detail))
            return 1.0

    def _tick(self) -> float:
        now_s = time.monotonic()
        for message in self.session.tick(now_s):
            if isinstance(message, CutoutReady | m.JobChanged):
                self.cutout.receive(message)
            else:
                self.strip.receive(message)
        self.cutout.tick()
        self.strip.tick()
        if self.setup is not None and not self.setup.state.is_over:
            self.setup.tick()
        self._show(now_s)
        if self.setup is not None and not self.setup.state.is_over:
            return 0.1
        return min(self.session.interval_s, self.strip.interval_s)

    def _show(self, now_s: float) -> None:
        """Redraws the panel if it would look different."""
        shown = self._summary(now_s)
        if shown == self._shown:
            return
        self._shown = shown
        history.sync(self.session.jobs)
        self.overlay.show(self.strip.boxes())
        for window in bpy.data.window_managers[0].windows:
            for area in window.screen.areas:
                for region in area.regions if area.type in ("VIEW_3D", "PREFERENCES") else ():
                    if region.type in ("UI", "WINDOW") and (
                        region.type == "UI" or area.type == "PREFERENCES"
                    ):
                        region.tag_redraw()

    def _summary(self, now_s: float) -> Hashable:
        session = self.session
        running = [
            (job.view.stage, round(job.view.fraction, 2), round(session.seconds_left(job, now_s) or -1.0))
            for job in session.jobs.open_models
        ]
        status = session.status
        free = status.device.free_bytes >> 27 if status is not None else 0  # eighths of a GiB
        setup = (
            (self.setup.state.words, round(self.setup.state.fraction, 2)) if self.setup is not None else None
        )
        return (
            session.jobs.version,
            session.connection.phase,
            session.fault,
            session.news,
            free,
            tuple(running),
            setup,
            self.cutout.version,
            self.strip.hindrance,
        )


def begin(version: str) -> None:
    """Makes the one session and its timer."""
    global _clock  # noqa: PLW0603 - made by register, dropped by unregister, and nowhere else
    _clock = Clock(Session(preferences.options, preferences.own_folder(), version))
    _clock.start()


def end() -> None:
    """Drops them."""
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
    return running().session


def welcome() -> m.Welcome | None:
    """What the engine offers, None while none answers."""
    return _clock.session.connection.welcome if _clock is not None else None


def picture_changed() -> None:
    """Another picture was chosen in the panel."""
    if _clock is not None:
        _clock.cutout.picture_changed()
        _clock.wake()
