"""The history mirrors the engine's closed jobs, newest first, into rows that Blender's list can show."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import bpy
from bpy.app.translations import pgettext_iface as words

from .protocol.states import CANCELLED, DONE, FAILED, TAKEN

if TYPE_CHECKING:
    from .ledger import Job, Ledger

MOST = 200  # rows; the engine forgets in time, and nobody scrolls further
STATE_TITLES = {
    DONE: "Ready to insert",
    TAKEN: "In the scene",
    FAILED: "Failed",
    CANCELLED: "Cancelled",
}


def sync(jobs: Ledger) -> None:
    """Writes the rows anew where they differ."""
    rows = bpy.data.window_managers[0].maquette.history
    shown = [(row.name, row.state) for row in rows]
    wanted = [job for job in reversed(list(jobs)) if job.is_model and not job.is_open][:MOST]
    if shown == [(job.job, job.state) for job in wanted]:
        return
    rows.clear()
    for job in wanted:
        row = rows.add()
        row.name, row.state = job.job, job.state
        row.label, row.detail = job.name, detail(job)


def detail(job: Job) -> str:
    """When a job was asked for, and in which quality."""
    if not job.submitted_at_s:
        return ""
    return time.strftime("%m-%d %H:%M", time.localtime(job.submitted_at_s))


def title(state: str) -> str:
    """A state in the artist's language."""
    return words(STATE_TITLES.get(state, state))
