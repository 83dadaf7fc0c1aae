"""`generate --engine`: the same request, sent to a running engine; what comes back is written here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.console import Console
from engine.client import EngineClient
from protocol.requests import GenerateRequest
from protocol.results import Result

if TYPE_CHECKING:
    from engine.asset import Asset


def make_there(request: GenerateRequest, console: Console, place: Path, interrupted: list[bool]) -> Asset:
    """Has the engine of the data folder or connection file `place` make the asset.

    Raises Unreachable without an engine, Cancelled once it has stopped after `interrupted` was set, and
    whatever the engine says went wrong.
    """
    from engine.asset import asset_of

    with EngineClient.find(place, name="maquette generate") as client:
        made = client.run(request, console, is_cancelled=lambda: bool(interrupted))
    assert isinstance(made, Result)
    return asset_of(made)
