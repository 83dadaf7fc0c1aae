"""The add-on's small files hold what can be lost without harm; unreadable ones count as absent. No bpy."""

from __future__ import annotations

import json
import os
from pathlib import Path


def read_json(path: Path) -> object:
    """What a file holds, None if there is none or it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # the last: brackets without end
        return None


def write_json(path: Path, value: object) -> bool:
    """Whether `value` now stands in the file, whole; a full or read-only disk leaves the old one."""
    temporary = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
        os.replace(temporary, path)
    except OSError:
        return False
    return True
