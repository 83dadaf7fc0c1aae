"""Shapes and results wait here until the scene may be touched; then they land, in ticks of bounded length.

Each part makes Blender draw its views anew, so the fewer ticks the sooner; and the longer a tick, the longer
Blender is held. A tick goes on until its budget is used up, and the longest part comes on top of that.
"""

from __future__ import annotations

import time

from bpy.app.translations import pgettext_iface as words

from .ledger import TAKING, WAITING, Job
from .protocol.events import JobChanged, ShapeReady
from .protocol.faults import Fault, fitted
from .protocol.results import Result
from .protocol.rules import Record
from .scene import landing, readiness, tags
from .scene.overlay import Box
from .scene.placement import Place
from .scene.prepare import drop_prepared, prepare_result, prepare_shape
from .scene.textures import decode_all, textures_wait
from .session import Session

_BUDGET_S = 0.012  # edges of 100,000 triangles, 16 ms and under load twice that, get a tick of their own


class LandingStrip:
    """What has arrived and is not in the scene yet."""

    def __init__(self, session: Session) -> None:
        self.hindrance = ""  # why nothing can land now, in words
        self.n_landed = 0
        self._session = session
        self._shapes: dict[str, ShapeReady] = {}
        self._results: dict[str, Result] = {}
        self._leaving: list[str] = []  # cancelled jobs whose shape goes
        self._undecoded: tuple[str, ...] = ()  # images that no view shows yet

    def receive(self, message: Record) -> None:
        """Keeps a shape or a result of ours until it can land; a cancelled job takes its shape away."""
        match message:
            case ShapeReady():
                self._shapes[message.job] = message
            case Result():
                self._drop_shape(message.job)
                self._results[message.job] = message
            case JobChanged(state="cancelled"):
                self._drop_shape(message.job)
                self._leaving.append(message.job)

    def tick(self) -> None:
        """Lands at most one thing; asks for the next finished result when it could land."""
        due = self._session.jobs.landing
        if not (self._shapes or self._results or self._leaving or self._undecoded or due):
            self.hindrance = ""
            return
        self.hindrance = readiness.hindrance()
        if self.hindrance:
            return
        began_s = time.perf_counter()
        while self._advance(due) and time.perf_counter() - began_s < _BUDGET_S:
            pass

    def _advance(self, due: list[Job]) -> bool:
        """Does one part of what is to be done; whether there is more that can be done now."""
        if self._leaving:
            self._take_away(self._leaving.pop())
        elif self._results:
            job = next(iter(self._results))
            self._land_result(self._results[job])
            if textures_wait(job):
                return False
        elif self._shapes:
            self._land_shape(next(iter(self._shapes.values())))
        elif due and self._session.is_ready and not any(job.fate == TAKING for job in self._session.jobs):
            self._fetch(due[0])
        elif self._undecoded:
            decode_all(self._undecoded)
            self._undecoded = ()
        return bool(self._shapes or self._results)

    def forget(self) -> None:
        """Another file is open: shapes belonged to the old one; results are fetched again when asked for."""
        for name in self._results:
            drop_prepared(name)
            job = self._session.jobs.get(name)
            if job is not None:
                self._session.postpone(name, waits_for_a_click(job))
        self._shapes.clear()
        self._results.clear()
        self._leaving.clear()

    @property
    def interval_s(self) -> float:
        """How soon there is something to do here."""
        if self.hindrance:
            return 0.25
        if self._undecoded:
            return 0.1
        return 0.01 if self._shapes or self._results or self._leaving else 1.0

    def boxes(self) -> tuple[Box, ...]:
        """The places that wait for a shape, with their progress."""
        return tuple(
            Box(place.scene_uid, place.location, place.turn_rad, place.size.box, job.view.fraction)
            for job in self._session.jobs.open_models
            if job.is_ours and not job.has_shape and isinstance(place := job.place, Place)
        )

    def _fetch(self, job: Job) -> None:
        """Asks for a result that has a place; without one it waits for a click."""
        if isinstance(job.place, Place):
            self._session.take(job.job)
        else:
            self._session.postpone(job.job, waits_for_a_click(job))

    def _drop_shape(self, job: str) -> None:
        if self._shapes.pop(job, None) is not None:
            drop_prepared(job)

    def _take_away(self, job: str) -> None:
        known = self._session.jobs.get(job)
        if known is not None and known.has_shape:
            landing.remove_shape(job, known.name)

    def _land_shape(self, shape: ShapeReady) -> None:
        """Does one more part of what it takes; a job that is tried again finds its first shape there."""
        job = self._session.jobs.get(shape.job)
        if job is None or not job.is_open or not isinstance(job.place, Place):
            self._drop_shape(shape.job)
            return
        try:
            if tags.clays(job.job):
                outcome = landing.LANDED
            elif not prepare_shape(job.job, job.name, shape, job.place):
                return
            else:
                outcome = landing.insert_shape(job.job, job.name, shape, job.place).outcome
        except ValueError as error:
            self._refuse(job, error)
            return
        if outcome == landing.LATER:
            return
        self._drop_shape(job.job)
        if outcome == landing.LANDED:
            self._session.shape_landed(job.job)

    def _land_result(self, result: Result) -> None:
        """Does one more part of what it takes to land a result; the last part puts it into the scene."""
        job = self._session.jobs.get(result.job)
        if job is None or job.fate == WAITING:
            del self._results[result.job]
            drop_prepared(result.job)
            return
        place = job.place if isinstance(job.place, Place) else None
        try:
            if not prepare_result(job.job, job.name, result, place, is_asked=job.is_asked):
                return
            landed = landing.insert_result(
                *(job.job, job.name, result, place),
                preset=job.preset,
                seed=job.seed,
                has_clay=job.has_shape,
                is_asked=job.is_asked,
            )
        except (ValueError, RuntimeError) as error:  # numbers that make no mesh, bytes that make no image
            self._refuse(job, error)
            return
        if landed.outcome == landing.LATER:
            return
        del self._results[job.job]
        if landed.outcome == landing.WAITS:
            self._session.postpone(job.job, landed.message)
        else:
            self.n_landed += 1
            self._undecoded = landed.images
            self._session.landed(job.job, landed.message)

    def _refuse(self, job: Job, error: Exception) -> None:
        """What came cannot be shown; it stays in the history."""
        self._drop_shape(job.job)
        if self._results.pop(job.job, None) is not None:
            drop_prepared(job.job)
            self._session.postpone(job.job, "")
        message = words('What the engine made of "{name}" cannot be used: {error}')
        remedy = words("Generate it again; if that does not help, copy the report and send it to us.")
        fault = Fault(
            "internal", fitted(message.format(name=job.name, error=error), 2000), remedy, "copy_report"
        )
        self._session.fail(fault, job.job)


def waits_for_a_click(job: Job) -> str:
    """Said of a result for which there is no place any more."""
    return words('"{name}" is finished. Insert it from the history where you want it.').format(name=job.name)
