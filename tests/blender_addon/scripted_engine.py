"""Stands for the engine's program: a real server with scripted workers, as strange as a test wants it.

The first argument is a line of JSON: `owner_silence_s`, `max_queued_jobs`, `wire_major`, `version`, `exit`
(a code, after `words` were said), `delay_s` (before it starts). The rest is what the add-on says.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "engine")]


def main() -> int:
    settings = json.loads(sys.argv[1])
    parser = argparse.ArgumentParser()
    parser.add_argument("order", choices=["serve"])
    parser.add_argument("--owned", action="store_true")
    parser.add_argument("--idle", type=float)
    options = parser.parse_args(sys.argv[2:])
    time.sleep(settings.get("delay_s", 0.0))
    if "exit" in settings:
        sys.stderr.write(settings["words"])
        return settings["exit"]

    from running_server import options as scripted

    import engine.server.desk
    import engine.server.offer
    from engine.errors import MaquetteError, fault_of
    from engine.jobs import QueueBounds
    from engine.server.serve import serve

    engine.server.desk.WIRE_MAJOR = settings.get("wire_major", engine.server.desk.WIRE_MAJOR)
    engine.server.offer.__version__ = settings.get("version", engine.server.offer.__version__)
    data = Path(os.environ["MAQUETTE_DATA"])
    made = scripted(
        data.parent,
        data=data,
        is_owned=options.owned,
        owner_silence_s=settings.get("owner_silence_s", 30.0),
        bounds=QueueBounds(max_queued_jobs=settings.get("max_queued_jobs", 1000)),
    )
    try:
        serve(made)
    except MaquetteError as error:
        fault = fault_of(error)
        sys.stderr.write(f"maquette: {fault.message}\n  {fault.remedy}\n")
        return fault.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
