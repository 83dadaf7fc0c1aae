"""What the builder knows of the project is read from pyproject.toml, never repeated."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import BuildError

# Blender reads the version as a semantic one, pip as one of PEP 440. Three plain numbers mean the same to
# both; "1.0.0-rc.1" does not ("1.0.0rc1" to pip).
_VERSION = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}")


@dataclass(frozen=True)
class Project:
    """A copy of the repository, and its pyproject.toml as read."""

    root: Path
    settings: dict[str, Any]

    @property
    def metadata(self) -> dict[str, Any]:
        """The table [project]."""
        table = self.settings.get("project")
        if not isinstance(table, dict):
            raise BuildError(
                f"{self.root / 'pyproject.toml'}: no table [project]. Run this in the repository."
            )
        return table

    @property
    def version(self) -> str:
        """The version, as Blender and pip both understand it: three numbers."""
        version = self.metadata.get("version")
        if not isinstance(version, str) or not _VERSION.fullmatch(version):
            raise BuildError(
                f"{self.root / 'pyproject.toml'}: version {version!r} is not MAJOR.MINOR.PATCH (three plain "
                "numbers, as in 1.2.3), which Blender and pip both need. Change it there."
            )
        return version


def read_project(root: Path) -> Project:
    """Reads ROOT/pyproject.toml; BuildError if it is missing or no TOML."""
    file = root / "pyproject.toml"
    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BuildError(f"{file}: cannot be read ({error.strerror}). Run this in the repository.") from error
    except ValueError as error:
        raise BuildError(f"{file}: no valid TOML ({error}). Mend it.") from error
    project = Project(root, settings)
    _ = project.version  # said now, not when half is built
    return project


def sources_below(folder: Path, name: str) -> Iterator[tuple[str, Path]]:
    """The source files below `folder`, under names that start with NAME/."""
    for path in sorted(folder.iterdir()):
        if not is_source(path):
            continue
        if path.is_dir():
            yield from sources_below(path, f"{name}/{path.name}")
        else:
            yield f"{name}/{path.name}", path


def is_source(path: Path) -> bool:
    """Whether a file or folder is shipped: not byte code, not a dot-file."""
    return not (
        path.name.startswith(".") or path.name == "__pycache__" or path.suffix in {".pyc", ".pyo", ".pyd"}
    )
