"""No bpy. The uv program comes out of its own wheel, and only as the bytes that the wheel's record names.

It is written under another name and renamed when it is whole and right: what lies at its place can be run.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import shutil
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from .uv_words import SetupFault

_PIECE_BYTES = 64 * 1024
_TURN_S = 0.008  # worked between two yields: less than half a frame at 60 Hz


class SetupStopped(Exception):
    """The set-up cannot go on; `fault` says why."""

    def __init__(self, fault: SetupFault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def uv_at(folder: Path, wheel: Path) -> Path:
    """Where `take_uv` puts the program of `wheel`; its version is in the name, so no older one is run."""
    name = "-".join(wheel.name.split("-")[:2])
    return folder / (f"{name}.exe" if "-win" in wheel.name else name)


def take_uv(wheel: Path, folder: Path) -> Iterator[float]:
    """Puts the program of `wheel` at `uv_at(folder, wheel)`, yielding the fraction done every 8 ms.

    Does nothing when it is there. Raises SetupStopped for a wheel that is not whole, OSError for a folder
    that cannot be written. RECORD and its hashes: PyPA's specification of installed projects.
    """
    program = uv_at(folder, wheel)
    if program.is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    part = program.with_name(f".{program.name}.part")
    try:
        with zipfile.ZipFile(wheel) as archive:
            entry, expected = _recorded(archive)
            digest, done_bytes = hashlib.sha256(), 0
            with archive.open(entry) as source, part.open("wb") as target:
                turn_end_s = time.monotonic() + _TURN_S
                while piece := source.read(_PIECE_BYTES):
                    digest.update(piece)
                    target.write(piece)
                    done_bytes += len(piece)
                    if time.monotonic() >= turn_end_s:
                        yield done_bytes / entry.file_size
                        turn_end_s = time.monotonic() + _TURN_S
        if base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode() != expected:
            raise _broken(wheel)
        part.chmod(0o755)
        os.replace(part, program)
    except (zipfile.BadZipFile, KeyError, ValueError, StopIteration, EOFError, zlib.error) as error:
        raise _broken(wheel) from error
    finally:
        part.unlink(missing_ok=True)


def uv_on_path(environment: Mapping[str, str]) -> Path:
    """The uv that the user has, for platforms for which none is shipped. Raises SetupStopped without one."""
    if found := shutil.which("uv", path=environment.get("PATH")):
        return Path(found)
    raise SetupStopped(
        SetupFault(
            "uv_missing",
            "This build of the add-on carries no uv for this computer, and none is installed.",
            "Install uv (astral.sh/uv) and start Blender again, or get the add-on's zip for your platform.",
        )
    )


def _recorded(archive: zipfile.ZipFile) -> tuple[zipfile.ZipInfo, str]:
    """The program in the wheel, and the SHA-256 that RECORD gives for it (base64, URL-safe, unpadded)."""
    record = next(name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
    rows = csv.reader(io.StringIO(archive.read(record).decode("utf-8")))
    hashes = {row[0]: row[1] for row in rows if len(row) >= 2}
    name = next(name for name in hashes if name.endswith((".data/scripts/uv", ".data/scripts/uv.exe")))
    return archive.getinfo(name), hashes[name].removeprefix("sha256=")


def _broken(wheel: Path) -> SetupStopped:
    return SetupStopped(
        SetupFault(
            "broken_download",
            "The uv program in the add-on is damaged ({name}).",
            "Install the add-on again from a fresh download.",
            {"name": wheel.name},
        )
    )
