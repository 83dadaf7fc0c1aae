"""One row of SQLite says what has become of a job; the files say what it was given and has made.

The journal is a write-ahead log that is not flushed at each change: a process may be killed at any moment and
nothing is lost, while a power cut may take the changes of the last moments (not the files), see
`engine.records.recovery`.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from typing import Any

from engine.errors import BadRequest
from protocol.faults import Fault
from protocol.rules import Illegal

VERSION = 1
DISCARDED = "discarded"  # a state of rows only: the job is forgotten and its files are still to be removed
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
_WAIT_S = 0.2  # for another program that reads the table; the server must not stall
_CREATE = """
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY,
    job TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    backend TEXT NOT NULL,
    preset TEXT NOT NULL,
    name TEXT NOT NULL,
    submitted_s REAL NOT NULL,
    closed_s REAL NOT NULL,
    place INTEGER NOT NULL,
    result_bytes INTEGER NOT NULL,
    fault TEXT NOT NULL
)
"""


class Damaged(Exception):
    """The table cannot be read as one; the message says why."""


@dataclass(frozen=True)
class Row:
    """What is kept of a job in the table; the fields are those of JobSummary and of engine.jobs.Job."""

    job: str
    kind: str
    state: str
    backend: str
    preset: str
    name: str
    submitted_s: float
    closed_s: float
    place: int
    result_bytes: int
    fault: Fault | None


_NAMES = tuple(field.name for field in fields(Row))
_PUT = (
    f"INSERT INTO jobs ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))}) "
    f"ON CONFLICT (job) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _NAMES[1:])}"
)


class Table:
    """The table in the file `path`, made when it is not there."""

    def __init__(self, path: Path) -> None:
        """Opens it; raises BadRequest when it is of a newer version, Damaged, sqlite3.Error."""
        if path.exists():
            _refuse_newer(path)
        # The server may be made in another thread than it runs in; it never uses two at once.
        self._connection = sqlite3.connect(
            path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False
        )
        try:
            self.is_new = self._prepare()
        except sqlite3.DatabaseError as error:
            self._connection.close()
            _tell_damage(error)
            raise
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> bool:
        """Makes or checks the table; returns whether it was made."""
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version == 0:  # new, or a server was killed before its first change
            with self._transaction():
                self._connection.execute(_CREATE)
                self._connection.execute(f"PRAGMA user_version = {VERSION}")
            return True
        (found,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise Damaged(found)
        return False

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def rows(self) -> list[Row]:
        """All rows, oldest first; raises Damaged."""
        try:
            found = self._connection.execute(
                f"SELECT {', '.join(_NAMES)} FROM jobs ORDER BY number"
            ).fetchall()
            return [_row_from(dict(zip(_NAMES, values, strict=True))) for values in found]
        except sqlite3.DatabaseError as error:
            _tell_damage(error)
            raise
        except (ValueError, TypeError, Illegal) as error:
            raise Damaged(f"a row cannot be read: {error}") from error

    def put(self, rows: Iterable[Row]) -> None:
        """Writes rows, each in place of the one of its job, all or none; raises sqlite3.Error."""
        with self._transaction():
            self._connection.executemany(_PUT, [(*astuple(row)[:-1], _text_of(row.fault)) for row in rows])

    def delete(self, job: str) -> None:
        """Removes the row of a job; raises sqlite3.Error."""
        self._connection.execute("DELETE FROM jobs WHERE job = ?", (job,))

    def close(self) -> None:
        """Closes the file; what the log holds goes into the table."""
        self._connection.close()


def _refuse_newer(path: Path) -> None:
    """Reads the version without a chance to write; raises BadRequest when it is newer than ours."""
    uri = f"{path.resolve().as_uri()}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=_WAIT_S)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.DatabaseError as error:
        _tell_damage(error)
        raise
    if version > VERSION:
        raise BadRequest(
            f"The jobs in {path.parent} were written by a newer Maquette "
            f"(version {version} of the records, this one knows {VERSION}).",
            remedy="Update Maquette, or choose another folder with MAQUETTE_DATA.",
        )


def _tell_damage(error: sqlite3.DatabaseError) -> None:
    """Raises Damaged when the file itself is at fault, and not the disk, a lock or its permissions."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the low byte is the kind
    if code in _DAMAGE:
        raise Damaged(str(error)) from error


def _text_of(fault: Fault | None) -> str:
    return json.dumps(asdict(fault)) if fault else ""


def _row_from(values: dict[str, Any]) -> Row:
    fault = Fault(**json.loads(values["fault"])) if values["fault"] else None
    return Row(**(values | {"fault": fault}))
