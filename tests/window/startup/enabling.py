"""Measures from Blender's own start how long each add-on takes to be enabled: imported and registered.

Blender imports the modules of BLENDER_USER_SCRIPTS/startup before it enables add-ons.
"""

import functools
import time
from collections.abc import Callable
from typing import Any

import addon_utils

seconds: dict[str, float] = {}  # by the add-on's module


def _timed(enable: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(enable)
    def call(module: str, **options: Any) -> Any:
        start = time.perf_counter()
        try:
            return enable(module, **options)
        finally:
            seconds[module] = time.perf_counter() - start

    return call


def register() -> None:
    """Called by Blender, which expects it."""
    addon_utils.enable = _timed(addon_utils.enable)
