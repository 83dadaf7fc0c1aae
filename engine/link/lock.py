"""One engine per data folder: the system's own file lock says so, because it cannot outlive its process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from engine.errors import BadRequest

FILE_NAME = "engine.lock"


class FolderLock:
    """Holds a data folder until `release`."""

    def __init__(self, folder: Path) -> None:
        """Takes the lock; raises BadRequest when a living engine has it."""
        self._path = folder / FILE_NAME
        while True:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            if not _lock(self._file):
                os.close(self._file)
                raise BadRequest(
                    f"An engine is already running with the data folder {folder}.",
                    remedy="Use that one, end it, or choose another folder with MAQUETTE_DATA.",
                )
            if _is_at(self._file, self._path):
                return
            os.close(self._file)  # its last holder removed it between our open and our lock

    def release(self) -> None:
        """Gives the folder free and removes the file."""
        if sys.platform == "win32":
            os.close(self._file)  # an open file cannot be removed there; the next engine takes it as it lies
        else:
            self._path.unlink(missing_ok=True)
            os.close(self._file)


def _lock(file: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt  # Windows alone has it

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # Windows has none

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held by another process: the answer, not a failure
        return False
    return True


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False
