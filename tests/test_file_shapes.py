"""How a file is shaped: short enough to be read at once, and opening with the law that it obeys."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
N_LINES_MAX = 400
PRODUCT = ("protocol", "engine", "blender_addon", "addon_build")


def too_long(sources: Mapping[str, str]) -> list[str]:
    """The files above the limit, in words."""
    return [
        f"{path}: {len(text.splitlines())} lines, {N_LINES_MAX} are allowed: split it"
        for path, text in sources.items()
        if len(text.splitlines()) > N_LINES_MAX
    ]


def lawless(sources: Mapping[str, str]) -> list[str]:
    """The modules of the product without a docstring; an empty file needs none."""
    return [
        f"{path}:1: no docstring: a module opens with the law it obeys"
        for path, text in sources.items()
        if path.startswith(PRODUCT) and text.strip() and not ast.get_docstring(ast.parse(text, path))
    ]


def read_sources() -> dict[str, str]:
    """All Python files of the repository, by their path in it."""
    files = [
        file for folder in (*PRODUCT, "tests", "examples") for file in sorted((ROOT / folder).rglob("*.py"))
    ]
    files += sorted(ROOT.glob("*.py"))
    return {file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8") for file in files}


def test_no_file_is_longer_than_400_lines() -> None:
    assert "\n".join(too_long(read_sources())) == ""


def test_every_module_opens_with_its_law() -> None:
    assert "\n".join(lawless(read_sources())) == ""


def test_a_misshapen_file_is_found() -> None:
    sources = {
        "tests/a.py": "x = 1\n" * 401,
        "engine/b.py": "x = 1\n",
        "engine/c.py": "",
        "tests/d.py": "x = 1\n",
    }
    assert too_long(sources) == ["tests/a.py: 401 lines, 400 are allowed: split it"]
    assert lawless(sources) == ["engine/b.py:1: no docstring: a module opens with the law it obeys"]
