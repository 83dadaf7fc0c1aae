"""The files of jobs lie in one folder, and a worker writes into a folder that is its server's own.

A new server removes the folders of older runs before anything else, but keeps the whole results in them: a
worker that outlived its server finds no place to write, and what it had half written is gone.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
from pathlib import Path

from engine.errors import BadInput, BadRequest, MaquetteError
from engine.folders import make_folder
from engine.payloads import REQUEST, RESULT, OnDisk, payload_name, write_payload
from protocol.codec import ProtocolError
from protocol.events import Submit
from protocol.requests import Request
from protocol.results import CutoutReady, Result

_RUN = "run-"
_log = logging.getLogger("maquette.server")


class JobFiles:
    """The folder of all jobs' files, and in it the one for the workers of this run."""

    def __init__(self, folder: Path) -> None:
        """Makes the folder and removes what servers that were killed have left half done.

        Raises BadInput when it cannot be written, DiskFull.
        """
        self.folder = make_folder(folder)
        with contextlib.suppress(OSError):  # a file system without permissions
            folder.chmod(0o700)  # the user's pictures
        for entry in list(os.scandir(folder)):
            if entry.is_dir(follow_symlinks=False) and entry.name.startswith(_RUN):
                self._rescue(Path(entry.path))
                shutil.rmtree(entry.path, ignore_errors=True)  # Windows: a dying worker has it; the next time
            elif entry.name.startswith(".maquette-"):
                Path(entry.path).unlink(missing_ok=True)
        self.run_folder = make_folder(folder / f"{_RUN}{secrets.token_hex(8)}")

    def _rescue(self, run_folder: Path) -> None:
        """Keeps the whole results in a folder whose server ended before it could take them over."""
        for written in run_folder.glob(f"*{RESULT}"):
            with contextlib.suppress(OSError):  # Windows: the dying worker has it, and the job is done again
                os.replace(written, self.folder / written.name)

    def sizes(self) -> dict[str, int]:
        """The files of jobs by their name, with their size in bytes."""
        suffixes = (REQUEST, RESULT)
        return {e.name: e.stat().st_size for e in os.scandir(self.folder) if e.name.endswith(suffixes)}

    def payload(self, job: str, suffix: str, n_bytes: int) -> OnDisk:
        """The payload in a job's file of that size."""
        classes = (Submit,) if suffix == REQUEST else (Result, CutoutReady)
        return OnDisk(self.folder / payload_name(job, suffix), job, classes, n_bytes)

    def write_request(self, job: str, request: Request) -> OnDisk:
        """Writes what a new job was given; raises DiskFull, BadInput, BadRequest for an id that is in use."""
        if not self.remove(job, (RESULT,)):
            raise BadRequest(
                f"The result of an earlier job {job} is still in use.",
                remedy="Choose another id for the new one.",
            )
        n_bytes = write_payload(self.folder / payload_name(job, REQUEST), Submit(job, request))
        return self.payload(job, REQUEST, n_bytes)

    def claim_result(self, job: str) -> OnDisk:
        """Takes over the result that a worker has written; raises MaquetteError when it is none."""
        name = payload_name(job, RESULT)
        written = self.run_folder / name
        try:
            n_bytes = written.stat().st_size
            OnDisk(written, job, (Result, CutoutReady), n_bytes).read()
            os.replace(written, self.folder / name)
        except (OSError, ProtocolError) as error:
            raise MaquetteError(f"the result of job {job} cannot be taken over: {error}") from error
        return self.payload(job, RESULT, n_bytes)

    def spurn_result(self, job: str) -> None:
        """Removes a result that a worker has written and nobody wants."""
        (self.run_folder / payload_name(job, RESULT)).unlink(missing_ok=True)

    def remove(self, job: str, suffixes: tuple[str, ...] = (REQUEST, RESULT)) -> bool:
        """Removes files of a job; False when one is still in use (Windows) and has to wait."""
        is_gone = True
        for suffix in suffixes:
            for folder in (self.folder, self.run_folder):
                try:
                    (folder / payload_name(job, suffix)).unlink(missing_ok=True)
                except OSError as error:
                    _log.info("the %s of job %s cannot be removed yet: %s", suffix[1:], job, error)
                    is_gone = False
        return is_gone

    def close(self) -> None:
        """Removes the folder of this run, but for the whole results in it."""
        self._rescue(self.run_folder)
        shutil.rmtree(self.run_folder, ignore_errors=True)


def write_result(folder: Path, made: Result) -> None:
    """Writes a worker's result where its server will look for it; raises DiskFull, BadInput."""
    if not folder.is_dir():
        raise BadInput(
            f"The folder {folder} is gone.", remedy="Start the engine again.", action="restart_engine"
        )
    write_payload(folder / payload_name(made.job, RESULT), made)
