"""The scenarios need a chroot and minutes: they run only when the marker `window` is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Takes this folder's tests out of a run that does not name their marker."""
    if "window" in (config.option.markexpr or ""):
        return
    ours = [item for item in items if item.path.is_relative_to(HERE) and item.get_closest_marker("window")]
    items[:] = [item for item in items if item not in ours]
    config.hook.pytest_deselected(items=ours)
