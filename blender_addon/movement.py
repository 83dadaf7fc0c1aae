"""What each tick moves: session, landing, cut-out and overlay, and what of it the screen shows."""

from __future__ import annotations

from collections.abc import Hashable

from bpy.app.translations import pgettext_iface as words

from . import history
from .connection import STOPPED
from .cutout_preview import CutoutPreview
from .landing_strip import LandingStrip
from .ledger import TAKING
from .protocol.events import JobChanged
from .protocol.faults import Fault, fitted
from .protocol.results import CutoutReady
from .scene.overlay import Overlay
from .session import Session

_LOOK_S = 3.0  # between looks whether an engine was set up meanwhile; costs 0.1 ms


class Movement:
    """The session and what depends on it."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.cutout = CutoutPreview(session)
        self.strip = LandingStrip(session)
        self.overlay = Overlay()
        self.has_engine = True  # one to start, as far as is known
        self._look_s = 0.0

    def tick(self, now_s: float) -> float:
        """Does what is due; returns the seconds until it should be called again."""
        for message in self.session.tick(now_s):
            if isinstance(message, CutoutReady | JobChanged):
                self.cutout.receive(message)
            self.strip.receive(message)
        self.cutout.tick()
        self.strip.tick()
        if self.session.connection.phase == STOPPED and now_s >= self._look_s:
            self._look_s = now_s + _LOOK_S
            self.has_engine = self.session.connection.finds_engine()
        return min(self.session.interval_s, self.strip.interval_s)

    def file_opened(self) -> None:
        """Another file is open: what was to land in the old one waits for a click."""
        self.session.forget_places()
        self.strip.forget()
        self.cutout.forget()  # opening a file is no reason to start an engine

    def look_again(self) -> None:
        """Another engine may be found from now on."""
        self._look_s = 0.0

    @property
    def is_about_to_land(self) -> bool:
        """Whether a result is on its way into the scene, and nothing stands against it."""
        return not self.strip.hindrance and any(job.fate == TAKING for job in self.session.jobs)

    def summary(self, now_s: float) -> Hashable:
        """What the screen shows: equal as long as nothing need be drawn again."""
        session, status = self.session, self.session.status
        running = [
            (job.view.stage, round(job.view.fraction, 2), round(session.seconds_left(job, now_s) or -1.0))
            for job in session.jobs.open_models
        ]
        free_eighths = status.device.free_bytes >> 27 if status is not None else 0  # of a GiB
        return (
            session.jobs.version,
            session.connection.phase,
            session.fault,
            session.news,
            free_eighths,
            tuple(running),
            self.cutout.version,
            self.strip.hindrance,
            self.has_engine,
        )

    def show(self) -> None:
        """Brings list and overlay up to date."""
        history.sync(self.session.jobs)
        self.overlay.show(self.strip.boxes())

    def fail(self, error: Exception, detail: str) -> None:
        """Something in the add-on itself went wrong: it is said, and the report has the rest."""
        message = words("Something went wrong in the add-on: {error}.").format(error=error)
        remedy = words("Copy the report and send it to us.")
        self.session.fail(
            Fault("internal", fitted(message, 2000), remedy, "copy_report", "", fitted(detail, 20_000))
        )

    def close(self) -> None:
        """Takes everything off the screen and leaves the engine."""
        self.overlay.show(())
        self.cutout.close()
        self.session.close()
