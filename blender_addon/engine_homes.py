"""No bpy. What Set Up Engine leaves in the user's folder; an environment counts only with its marker.

The marker is written last and in one step: an environment without it is an attempt that was interrupted, and
nothing ever runs from it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

MARKER = "complete.json"
# engine-<version>-<start of the wheel's SHA-256>-<attempt>: no attempt ever writes into another one's folder.
_ENVIRONMENT = re.compile(r"engine-(?P<version>[^-]+)-(?P<wheel>[0-9a-f]{8})-(?P<attempt>\d+)")


@dataclass(frozen=True)
class Home:
    """The folder that the user chose for the engine, and the places in it."""

    root: Path

    @property
    def uv(self) -> Path:
        """Where the uv program is put."""
        return self.root / "uv"

    @property
    def cache(self) -> Path:
        """What uv has fetched; gone after success."""
        return self.root / "cache"

    @property
    def pythons(self) -> Path:
        """Pythons that uv fetched because the computer had none that fits."""
        return self.root / "python"

    @property
    def log(self) -> Path:
        """Everything that the set-up's programs said."""
        return self.root / "logs" / "setup.log"

    @property
    def lock(self) -> Path:
        """Held while a set-up runs."""
        return self.root / "setup.lock"

    def environments(self) -> list[Path]:
        """All environments, finished or not."""
        if not self.root.is_dir():
            return []
        return sorted(path for path in self.root.iterdir() if is_ours(path) and path.is_dir())

    def new_environment(self, version: str, wheel_sha256: str) -> Path:
        """A name that no environment has had yet."""
        prefix = f"engine-{version.replace('-', '_')}-{wheel_sha256[:8]}-"
        taken = [
            int(found["attempt"])
            for path in self.environments()
            if (found := _ENVIRONMENT.fullmatch(path.name))
        ]
        return self.root / f"{prefix}{max(taken, default=0) + 1}"


@dataclass(frozen=True)
class Completed:
    """What the marker of a finished environment says; `finished_s` is Unix time, `torch` its version."""

    version: str
    wheel_sha256: str
    finished_s: float
    torch: str = ""


def is_ours(folder: Path) -> bool:
    """Whether the set-up gave `folder` its name."""
    return _ENVIRONMENT.fullmatch(folder.name) is not None


def python_in(folder: Path) -> Path | None:
    """The Python of the environment `folder`, None if it holds none."""
    for name in ("Scripts/python.exe", "python.exe") if os.name == "nt" else ("bin/python", "bin/python3"):
        if (python := folder / name).is_file():
            return python
    return None


def read_marker(environment: Path) -> Completed | None:
    """What the marker says, None when the environment is unfinished or has lost its Python."""
    with contextlib.suppress(OSError, ValueError, TypeError):  # no or no legible marker: unfinished
        found = Completed(**json.loads((environment / MARKER).read_text(encoding="utf-8")))
        return found if python_in(environment) else None
    return None


def write_marker(environment: Path, completed: Completed) -> None:
    """Declares the environment finished; a crash before the end leaves it unfinished. Raises OSError."""
    part = environment / f"{MARKER}.part"
    with part.open("w", encoding="utf-8") as file:
        json.dump(asdict(completed), file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, environment / MARKER)


def completed_environments(home: Home) -> list[tuple[Completed, Path]]:
    """The finished environments, the one that was finished last first."""
    found = [(marker, path) for path in home.environments() if (marker := read_marker(path))]
    return sorted(found, key=lambda pair: pair[0].finished_s, reverse=True)
