"""Every job is on the disk before a client hears of it, so that a server may be killed at any moment.

A request is a file and then a row, a result is a file of the worker's and then a row. A row that cannot be
written (a full disk) is tried again at each later change; the files alone suffice to find its job again.
Cut-outs are made to be looked at once: they stay in memory and leave no trace.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

from engine.errors import BadInput, DiskFull
from engine.jobs import Job, request_bytes
from engine.payloads import InRam, OnDisk, Payload
from engine.records.files import JobFiles
from engine.records.recovery import jobs_from, jobs_without_rows, row_of
from engine.records.table import DISCARDED, Damaged, Row, Table
from protocol.events import Submit
from protocol.requests import CutoutRequest, Request
from protocol.states import DONE

FILE_NAME = "jobs.sqlite3"
_log = logging.getLogger("maquette.server")


class Records:
    """The keeper of a job queue in a folder; `close` it at the end."""

    def __init__(self, folder: Path) -> None:
        """Opens the folder, which no other server may use.

        Raises BadRequest when a newer version wrote it, BadInput when it cannot be read or written, DiskFull.
        """
        self._path = folder / FILE_NAME
        self._unsaved: dict[str, Row] = {}  # rows that the disk did not take yet
        self._transient: set[str] = set()  # jobs that have no row
        self._damage = ""  # what was wrong with the table that was set aside
        try:
            self._table, self._rows = self._open()
        except sqlite3.Error as error:
            if (getattr(error, "sqlite_errorcode", 0) & 0xFF) == sqlite3.SQLITE_FULL:
                raise DiskFull(f"The disk is full: {self._path} could not be opened.") from error
            raise BadInput(
                f"{self._path} cannot be opened: {error}.",
                remedy="Close the program that has it open, or choose another folder with MAQUETTE_DATA.",
                action="choose_folder",
            ) from error
        try:
            self._files = JobFiles(folder)
        except BaseException:
            self._table.close()
            raise

    def _open(self) -> tuple[Table, list[Row]]:
        """The table and its rows; one that is damaged is set aside."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(
                f"The folder {self._path.parent} cannot be made: {error.strerror}.",
                remedy="Choose another folder with MAQUETTE_DATA, or change its permissions.",
                action="choose_folder",
            ) from error
        table: Table | None = None
        try:
            table = Table(self._path)
            return table, table.rows()
        except Damaged as error:
            if table is not None:
                table.close()
            aside = _set_aside(self._path)
            self._damage = f"{error}; they are kept as {aside.name}"
            return Table(self._path), []

    @property
    def run_folder(self) -> Path:
        """Where workers of this run put their results."""
        return self._files.run_folder

    def load(self) -> list[Job]:
        """The jobs of earlier servers as they now stand, oldest first; the disk says the same after it."""
        now_s = time.time()
        if self._damage:
            _log.error(
                "The records in %s were damaged (%s). The jobs are found again by their files, "
                "and those that were not done can be retried.",
                self._path,
                self._damage,
            )
        for row in self._rows:
            if row.state == DISCARDED:
                self._remove(row.job)
        rows = [row for row in self._rows if row.state != DISCARDED]
        known = jobs_from(rows, self._files, now_s)
        # A table that was just made beside files of jobs takes the place of one that somebody removed.
        found = jobs_without_rows(known, self._files, self._table.is_new, now_s)
        before = {row.job: row for row in rows}
        self._rows = []
        for record in (*known, *found):
            row = row_of(record)
            if before.get(record.job) != row:
                self._unsaved[record.job] = row
        self._flush()
        if known or found:
            _log.info("%d jobs of an earlier run, %d of them found by their files", len(known), len(found))
        return [*known, *found]

    def keep_request(self, job: str, request: Request) -> Payload:
        """Writes what a new job was given; raises DiskFull, BadInput. A cut-out's stays in memory."""
        if isinstance(request, CutoutRequest):
            self._transient.add(job)
            return InRam(Submit(job, request), request_bytes(request))
        return self._files.write_request(job, request)

    def save(self, job: Job) -> None:
        """Writes the row of a job; what the disk does not take now is tried again."""
        if job.job in self._transient:
            return
        if job.state == DONE and job.result is not None and not job.result.is_durable:
            return  # the disk had no room for the result: a new server makes it again
        self._unsaved[job.job] = row_of(job)
        self._flush()

    def drop(self, job: Job) -> None:
        """Notes that a job's files are no longer kept, and removes them."""
        self.save(job)
        self._files.remove(job.job)

    def forget(self, job: Job) -> None:
        """Removes the row and the files of a job."""
        if job.job in self._transient:
            self._transient.discard(job.job)
            return
        # A row says that the files are to go, so that a server that is killed now leaves it to the next.
        self._unsaved[job.job] = _discarded(row_of(job))
        self._flush()
        self._remove(job.job)

    def claim_result(self, job: str) -> OnDisk:
        """Takes over the result that a worker has written; raises MaquetteError when it is none."""
        return self._files.claim_result(job)

    def spurn_result(self, job: str) -> None:
        """Removes what a worker has written for a job that was cancelled meanwhile."""
        self._files.spurn_result(job)

    def close(self) -> None:
        """Writes what is left and closes the folder."""
        self._flush()
        try:
            self._table.close()
        except sqlite3.Error as error:  # the log is folded into the table at the next start
            _log.warning("%s was not closed well: %s", self._path, error)
        self._files.close()

    def _remove(self, job: str) -> None:
        if not self._files.remove(job):
            return
        try:
            self._table.delete(job)
        except sqlite3.Error as error:  # the row says `discarded`: the next server removes it
            _log.warning("the record of job %s stays for now: %s", job, error)
        else:
            self._unsaved.pop(job, None)

    def _flush(self) -> None:
        if not self._unsaved:
            return
        try:
            self._table.put(self._unsaved.values())
        except sqlite3.Error as error:
            _log.error("%s: %d changes could not be written yet: %s", self._path, len(self._unsaved), error)
        else:
            self._unsaved.clear()


def _discarded(row: Row) -> Row:
    return replace(row, state=DISCARDED)


def _set_aside(path: Path) -> Path:
    """Renames the table with its log; returns where it lies now."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    aside = path.with_name(f"{path.stem}.damaged-{stamp}{path.suffix}")
    for ending in ("-wal", "-shm", ""):  # the table last: a log without it could be taken for the new one's
        old = path.with_name(path.name + ending)
        if old.exists():
            os.replace(old, aside.with_name(aside.name + ending))
    return aside
