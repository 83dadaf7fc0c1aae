"""`maquette serve`: an engine for Blender and other programs, until it is told to end."""

from __future__ import annotations

import argparse
import logging
import sys
from dataclasses import replace

from engine.errors import BadRequest
from engine.folders import find_folders
from engine.server.serve import ServeOptions
from engine.server.serve import serve as serve_until_the_end
from engine.server.supervisor import Patience


def serve(options: argparse.Namespace) -> int:
    """Serves as the options say; returns the exit code."""
    if not 0 <= options.port <= 65_535:
        raise BadRequest(f"--port is {options.port}.", remedy="Ports are 0 (any free one) to 65535.")
    if not options.idle > 0:
        raise BadRequest(f"--idle is {options.idle} seconds.", remedy="It must be more than 0.")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    folders = find_folders()
    patience = replace(Patience(), idle_s=options.idle)
    serve_until_the_end(
        ServeOptions(
            data=folders.data,
            models=folders.models,
            port=options.port,
            is_remote=options.remote,
            is_owned=options.owned,
            patience=patience,
        )
    )
    return 0
