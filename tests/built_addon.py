"""A copy of the repository with made-up wheels, built by its own command in a process without a network."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLATFORMS = ("windows-x64", "windows-arm64", "macos-arm64", "macos-x64", "linux-x64")
_FOLDERS = ("addon_build", "blender_addon", "engine", "protocol")
_FILES = ("build_addon.py", "LICENSE", "README.md", "pyproject.toml")

_OFFLINE = {
    "PIP_NO_INDEX": "1",
    "PIP_EXTRA_INDEX_URL": "",
    "PIP_FIND_LINKS": "",
    "PIP_CONFIG_FILE": os.devnull,
}


@dataclass(frozen=True)
class Copy:
    """A repository's copy in `root`, its wheel cache filled with small made-up files under the real names."""

    root: Path

    @property
    def cache(self) -> Path:
        return self.root / "build" / "wheels"

    def pins(self) -> dict[str, dict[str, str]]:
        return tomllib.loads((self.root / "addon_build" / "wheels.toml").read_text(encoding="utf-8"))

    def write_pins(self, pins: Mapping[str, Mapping[str, str]]) -> None:
        lines = [
            line
            for table, wheels in pins.items()
            for line in (f"[{table}]", *(f'"{file}" = "{sha256}"' for file, sha256 in wheels.items()))
        ]
        (self.root / "addon_build" / "wheels.toml").write_text("\n".join(lines), encoding="utf-8")

    def build(
        self, *arguments: str | Path, is_online: bool = False, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Runs build_addon.py; unless online, pip sees no index but what `environment` names."""
        shut = {} if is_online else _OFFLINE
        return subprocess.run(
            [sys.executable, str(self.root / "build_addon.py"), *map(str, arguments)],
            cwd=self.root,
            env={**os.environ, **shut, "PYTHONUTF8": "1", **environment},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )


def copy_repository(root: Path) -> Copy:
    """Copies what the builder reads to `root`, and pins small made-up wheels instead of the real ones."""
    for name in _FOLDERS:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in _FILES:
        shutil.copyfile(ROOT / name, root / name)
    copy = Copy(root)
    copy.cache.mkdir(parents=True)
    made: dict[str, dict[str, str]] = {}
    for table, wheels in copy.pins().items():
        for file in wheels:
            content = f"not really {file}".encode()
            (copy.cache / file).write_bytes(content)
            made.setdefault(table, {})[file] = hashlib.sha256(content).hexdigest()
    copy.write_pins(made)
    return copy
