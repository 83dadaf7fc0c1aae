"""The engine's own server with hasty workers, as the program `maquette serve [--owned] --idle SECONDS`.

MAQUETTE_TEST_VERSION has it say another version, MAQUETTE_TEST_WIRE speak another major version of the wire.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import engine.server.desk
import engine.server.offer
from engine.folders import find_folders
from engine.server.serve import ServeOptions, serve
from engine.server.supervisor import Patience

WORKER = (sys.executable, str(Path(__file__).with_name("hasty_worker.py")))


def main() -> None:
    """Serves until the end."""
    if version := os.environ.get("MAQUETTE_TEST_VERSION"):
        engine.server.offer.__version__ = version
    if wire := os.environ.get("MAQUETTE_TEST_WIRE"):
        engine.server.desk.WIRE_MAJOR = int(wire)
    folders = find_folders()
    patience = replace(Patience(), idle_s=float(sys.argv[-1]))
    owned = "--owned" in sys.argv
    serve(
        ServeOptions(folders.data, folders.models, is_owned=owned, patience=patience, worker_command=WORKER)
    )


if __name__ == "__main__":
    main()
