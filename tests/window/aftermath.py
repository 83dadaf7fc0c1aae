"""Tells what is left when Blender has ended: processes of the session, and files where none should be.

    python3 aftermath.py DATA_FOLDER TEMPORARY_FOLDER RECORD.json

Run inside the chroot. It waits until no process is left, or for LIMIT_S, and writes RECORD.json:
`seconds` waited, the command lines of `processes` that still live, and the `files` that should be gone. A
process belongs to the session if its environment names DATA_FOLDER. Standard library only.
"""

from __future__ import annotations

import json
import os
import stat
import sys
import time
from pathlib import Path

LIMIT_S = 15.0
BLENDERS_OWN = ("quit.blend", "blender", "pulse-")  # also beginnings of the names of its folders


def processes(data: str) -> list[str]:
    """Command lines of the processes that were told of the data folder, without our own and the X server."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "environ").read_bytes().split(b"\0")
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:  # it ended while we looked, or is another user's
            continue
        is_ours = f"MAQUETTE_DATA={data}".encode() in words
        if is_ours and int(folder.name) not in (os.getpid(), os.getppid()) and not line.startswith("Xvfb"):
            found.append(line)
    return found


def files(data: Path, temporary: Path) -> list[str]:
    """What no program should leave: the address of an engine, sockets, half-written and temporary files."""
    left = [
        str(file)
        for file in temporary.glob("*")
        if not file.name.startswith(BLENDERS_OWN) and not file.name.endswith("_autosave.blend")
    ]
    for file in data.rglob("*"):
        is_socket = stat.S_ISSOCK(file.lstat().st_mode)
        if is_socket or file.name == "engine.json" or file.suffix in (".tmp", ".part", ".lock"):
            left.append(str(file))
    return sorted(left)


def main(data: str, temporary: str, record: str) -> None:
    """Waits, looks and writes."""
    start = time.monotonic()
    while (living := processes(data)) and time.monotonic() - start < LIMIT_S:
        time.sleep(0.1)
    told = {
        "seconds": round(time.monotonic() - start, 1),
        "processes": living,
        "files": files(Path(data), Path(temporary)),
    }
    Path(record).write_text(json.dumps(told, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
