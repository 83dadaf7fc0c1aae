"""Jobs that the hasty worker holds at a chosen moment, until `go`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from drawn import egg
from extension import Addon


def go(addon: Addon) -> None:
    """Lets jobs go on that wait in the hasty worker."""
    (addon.data / "go").touch()


def asked_slowly(addon: Addon, folder: Path, name: str = "slow egg.png") -> str:
    """A job that runs and waits for `go`."""
    job = addon.generate(filepath=str(egg(folder, name)))
    addon.until(lambda: addon.job(job).state == "running")
    return job


def with_clay(addon: Addon, folder: Path) -> tuple[str, Any]:
    """A job whose shape is in the scene and whose texture waits for `go`, and its object."""
    import bpy

    job = asked_slowly(addon, folder, "pause egg.png")
    addon.until(lambda: addon.job(job).has_shape)
    (clay,) = bpy.data.objects
    return job, clay
