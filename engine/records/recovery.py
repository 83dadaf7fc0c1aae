"""What a new server finds becomes jobs again: the rows say how they stood, the files have the last word.

A result that lies there is finished, whatever its row says; a job under way is queued again in its place; one
that was to be cancelled is. A file without a row was accepted in the moments before a power cut, or the table
was damaged: then its job is rebuilt from what it was given and has made.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace

from engine.jobs import Job, cancelled_fault, new_summary
from engine.payloads import REQUEST, RESULT, payload_name, read_payload
from engine.records.files import JobFiles
from engine.records.table import Row
from protocol.codec import ProtocolError
from protocol.events import JobSummary, Submit
from protocol.faults import Fault, fitted
from protocol.results import CutoutReady, Result
from protocol.states import CANCELLED, CANCELLING, CLOSED, DONE, FAILED, OPEN, QUEUED, TAKEN
from protocol.track import JobView

_log = logging.getLogger("maquette.server")


def row_of(record: Job) -> Row:
    """The row that says what has become of a job."""
    summary = record.summary
    return Row(
        record.job,
        summary.kind,
        record.state,
        summary.backend,
        summary.preset,
        summary.name,
        summary.submitted_s,
        record.closed_s,
        record.place,
        record.result_bytes,
        record.view.fault,
    )


def jobs_from(rows: Iterable[Row], files: JobFiles, now_s: float) -> list[Job]:
    """The jobs of the rows as they now stand; a row that makes no job is left out and logged."""
    sizes = files.sizes()
    found = []
    for row in rows:
        try:
            found.append(_job_from(row, files, sizes, now_s))
        except ValueError as error:  # Illegal among them
            _log.error("the record of job %r makes no job: %s", row.job, error)
    return found


def _job_from(row: Row, files: JobFiles, sizes: dict[str, int], now_s: float) -> Job:
    summary = JobSummary(
        *(row.job, row.kind, QUEUED, row.backend, row.preset, row.name, row.submitted_s),
        *(0, "", 0, 0, 0, 0, 0),
    )
    has = {suffix: sizes.get(payload_name(row.job, suffix)) for suffix in (REQUEST, RESULT)}
    request_bytes, result_bytes = has[REQUEST], has[RESULT]
    request = None if request_bytes is None else files.payload(row.job, REQUEST, request_bytes)
    result = None if result_bytes is None else files.payload(row.job, RESULT, result_bytes)
    state, fault = row.state, row.fault
    if state == CANCELLING:
        state, fault = CANCELLED, cancelled_fault()
    elif state in OPEN and result is not None:
        state, fault = DONE, None
    elif state in OPEN and request is None:
        state, fault = FAILED, _lost("What the job was given is no longer on the disk.")
    elif state in OPEN:
        state, fault = QUEUED, None
    elif state == DONE and row.result_bytes and result is None:
        state, fault = FAILED, _lost("The job's result is no longer on the disk.")
    if state in (DONE, TAKEN) and (row.result_bytes or row.state in OPEN):
        kept = result
    else:
        kept = None
        if result is not None:
            files.remove(row.job, (RESULT,))
    closed_s = row.closed_s if row.state in CLOSED else now_s if state in CLOSED else 0.0
    return Job(row.job, summary, JobView(row.job, state, fault=fault), row.place, request, kept, 0, closed_s)


def jobs_without_rows(known: Iterable[Job], files: JobFiles, is_rebuilt: bool, now_s: float) -> list[Job]:
    """Jobs of files that no row speaks of, oldest first; damaged files are removed with a word in the log.

    `is_rebuilt`: the table was damaged, so a request without a result may have been closed long ago; its job
    is `failed` and can be retried. Otherwise it was just accepted and is queued.
    """
    jobs = list(known)
    names = {payload_name(record.job, suffix) for record in jobs for suffix in (REQUEST, RESULT)}
    last = max((record.place for record in jobs), default=0)
    strays = sorted(
        (path.stat().st_mtime, path.suffix, path.name)
        for path in files.folder.iterdir()
        if path.suffix in (REQUEST, RESULT) and path.name not in names
    )
    found: dict[str, Job] = {}
    for written_s, _, name in strays:
        path = files.folder / name
        try:
            message = read_payload(path, (Submit, Result, CutoutReady))
            assert isinstance(message, (Submit, Result, CutoutReady))
            if name != payload_name(message.job, path.suffix):
                raise ProtocolError("job", f"is {message.job!r}, whose file has another name")
        except (ProtocolError, OSError) as error:
            _log.error("%s is removed, because it cannot be read: %s", path, error)
            path.unlink(missing_ok=True)
            continue
        start = found.get(message.job) or _empty(message.job, last + len(found) + 1, written_s)
        n_bytes = path.stat().st_size
        payload = files.payload(message.job, path.suffix, n_bytes)
        if isinstance(message, Submit):
            summary = new_summary(message.job, message.request, written_s)
            found[message.job] = replace(start, summary=summary, request=payload)
        else:
            view = JobView(message.job, DONE)
            found[message.job] = replace(start, view=view, result=payload, closed_s=now_s)
    return [_settled(record, is_rebuilt, now_s) for record in found.values()]


def _settled(record: Job, is_rebuilt: bool, now_s: float) -> Job:
    if record.state == DONE or not is_rebuilt:
        return record
    fault = _lost("The engine's records were damaged, and whether this job was still to run is not known.")
    return replace(record, view=JobView(record.job, FAILED, fault=fault), closed_s=now_s)


def _empty(job: str, place: int, now_s: float) -> Job:
    summary = JobSummary(job, "generate", QUEUED, "", "", "", now_s, 0, "", 0, 0, 0, 0, 0)
    return Job(job, summary, JobView(job), place, None)


def _lost(words: str) -> Fault:
    return Fault("internal", fitted(words, 2000), "Try it again.", "retry")
