"""A server with scripted workers as a process of its own: FOLDER [owner_silence_s]."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # as a script it has only its own folder

from running_server import options

from engine.server.serve import serve

if __name__ == "__main__":
    owned = {"is_owned": True, "owner_silence_s": float(sys.argv[2])} if len(sys.argv) > 2 else {}
    serve(options(Path(sys.argv[1]), **owned))
