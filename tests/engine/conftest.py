"""What takes long or needs a card runs only when its marker is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
MARKERS = ("slow", "gpu")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Takes this folder's slow and card tests out of a run that does not name their marker."""
    asked = config.option.markexpr or ""
    left_out = [
        item
        for item in items
        if item.path.is_relative_to(HERE)
        and any(item.get_closest_marker(name) and name not in asked for name in MARKERS)
    ]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)
