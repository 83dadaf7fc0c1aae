"""What can be chosen, as words or as JSON."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict, fields, is_dataclass

from engine.backends import available_backends
from engine.folders import find_folders
from engine.memory.device import probe_device
from engine.presets import presets


def list_backends(*, as_json: bool) -> int:
    """Prints every backend and whether it can run here; returns 0."""
    backends = available_backends(find_folders().models, probe_device())
    if as_json:
        print(json.dumps([asdict(backend) for backend in backends], indent=2, ensure_ascii=False))
        return 0
    for backend in backends:
        state = "can run" if backend.is_available else "cannot run"
        print(f"{backend.name:<14} {state:<11} {backend.summary}")
        print(f"{'':<26} views {', '.join(backend.views)}; licence {backend.licence}")
        for words in (backend.reason, backend.remedy):
            if words:
                print(f"{'':<26} {words}")
    return 0


def list_settings(*, without: Collection[str] = ()) -> int:
    """Prints each `stage.key`, its default, bounds and what it does, but of stages `without`; returns 0."""
    settings = presets()["auto"].settings
    for stage in fields(settings):
        if stage.name in without:
            continue
        held = getattr(settings, stage.name)
        assert is_dataclass(held)
        for entry in fields(held):
            bounds = entry.metadata
            span = f" ({bounds['low']} to {bounds['high']})" if "low" in bounds else ""
            key = f"{stage.name}.{entry.name}"
            kind = f"{bounds['of']}: " if bounds["of"] else ""
            print(f"{key:<26} {getattr(held, entry.name)!s:<8} {kind}{bounds['help']}{span}")
    return 0
