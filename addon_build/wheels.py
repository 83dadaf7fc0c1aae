"""Third-party code enters the extension only as a wheel whose SHA-256 stands in wheels.toml.

`bundled` wheels are for Blender's own Python and are listed in the manifest; Blender unpacks those that fit.
`uv` wheels are plain data: the add-on takes the one program out of them when it sets the engine up.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from .errors import BuildError

#: The list of pins, from the root of the repository.
PINS = "addon_build/wheels.toml"

#: Blender's name of a platform -> the wheel platforms that pip may take for it: the oldest systems that
#: Blender 4.2 runs on, or older: macOS 11 (Apple) and 10.15 (Intel), glibc 2.28. pip widens a macOS tag
#: to older systems and to universal2.
PLATFORMS = {
    "windows-x64": ("win_amd64",),
    "windows-arm64": ("win_arm64",),
    "macos-arm64": ("macosx_11_0_arm64",),
    "macos-x64": ("macosx_10_15_x86_64",),
    "linux-x64": ("manylinux_2_28_x86_64", "manylinux_2_26_x86_64", "manylinux_2_17_x86_64"),
}

#: The Pythons of the Blenders that the extension serves: 4.2 to 5.0, 5.1 and later, Linux distributions'.
PYTHONS = ("3.11", "3.13", "3.14")
#: What Blender's own Python gets; it has numpy.
BUNDLED_PACKAGES = ("msgpack", "pyzmq")

# The last part of a wheel's platform tag, in Blender's words; a universal2 wheel serves both kinds of Mac.
_SYSTEMS = {"win": "windows", "macosx": "macos", "manylinux": "linux"}
_MACHINES = {
    "amd64": ("x64",),
    "x86_64": ("x64",),
    "arm64": ("arm64",),
    "aarch64": ("arm64",),
    "universal2": ("arm64", "x64"),
}


@dataclass(frozen=True)
class Wheel:
    """One pinned wheel: file name, SHA-256 in hexadecimal, and whether it is for Blender's own Python."""

    file: str
    sha256: str
    is_bundled: bool

    def __post_init__(self) -> None:
        if not self.file.endswith(".whl") or len(self.file.split("-")) != 5 or "/" in self.file:
            raise BuildError(f"{PINS}: {self.file!r} is no wheel's file name. Mend it or --update-wheels.")
        if len(self.sha256) != 64 or set(self.sha256) - set("0123456789abcdef"):
            raise BuildError(f"{PINS}: {self.file}: sha256 {self.sha256!r} is not 64 lower-case hex digits.")
        _ = self.platforms

    @property
    def tags(self) -> tuple[str, str, str, str, list[str]]:
        """Package, version, Python tag, ABI tag and the platform tags, from the file's name."""
        package, version, python, abi, platforms = self.file.removesuffix(".whl").split("-")
        return package, version, python, abi, platforms.split(".")

    @property
    def platforms(self) -> frozenset[str]:
        """The platforms, in Blender's names, that it runs on."""
        found = set()
        for tag in self.tags[-1]:
            system = next((name for key, name in _SYSTEMS.items() if tag.startswith(key)), "")
            machines = next((names for key, names in _MACHINES.items() if tag.endswith(key)), ())
            found |= {f"{system}-{machine}" for machine in machines}
        if not found & PLATFORMS.keys():
            raise BuildError(f"{PINS}: {self.file} fits none of {', '.join(PLATFORMS)}. Remove it.")
        return frozenset(found)

    def serves(self, python: str) -> bool:
        """Whether a Python such as "3.13" imports it: the one of its name, or for abi3 a later one too."""
        _, _, tag, abi, _ = self.tags
        asked = int(python.removeprefix("3."))
        return abi == "none" or int(tag[3:]) == asked or (abi == "abi3" and int(tag[3:]) <= asked)


def read_pins(root: Path) -> list[Wheel]:
    """All pinned wheels, sorted by file name; `root` is the repository."""
    file = root / PINS
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
        pins = [
            Wheel(name, sha256, is_bundled=table == "bundled")
            for table in ("bundled", "uv")
            for name, sha256 in tables[table].items()
        ]
    except OSError as error:
        raise BuildError(
            f"{file}: cannot be read ({error.strerror}). Restore it from the repository."
        ) from error
    except (ValueError, KeyError, AttributeError) as error:
        raise BuildError(f"{file}: not a list of pins ({error}). Restore it from the repository.") from error
    return sorted(pins, key=lambda wheel: wheel.file)


def format_pins(wheels: list[Wheel]) -> str:
    """wheels.toml's text for these wheels."""
    lines = [
        "# Every wheel that the extension may carry, by SHA-256. Written by `build_addon.py --update-wheels`."
    ]
    for table in ("bundled", "uv"):
        lines += ["", f"[{table}]"]
        lines += [
            f'"{wheel.file}" = "{wheel.sha256}"'
            for wheel in sorted(wheels, key=lambda wheel: wheel.file)
            if wheel.is_bundled == (table == "bundled")
        ]
    return "\n".join(lines) + "\n"


def wheels_for(wheels: list[Wheel], platforms: Sequence[str]) -> list[Wheel]:
    """Those that run on any of `platforms`; BuildError if one platform has no wheel at all."""
    for platform in platforms:
        if not any(platform in wheel.platforms for wheel in wheels):
            raise BuildError(f"{PINS}: no wheel for {platform}. Run --update-wheels.")
    return [wheel for wheel in wheels if wheel.platforms & set(platforms)]


def check_complete(wheels: Sequence[Wheel]) -> None:
    """Raises BuildError unless each package is there in one version, for every platform and Python."""
    for package in (*BUNDLED_PACKAGES, "uv"):
        of_package = [wheel for wheel in wheels if wheel.tags[0] == package]
        versions = sorted({wheel.tags[1] for wheel in of_package})
        if len(versions) != 1:
            raise BuildError(
                f"{package}: no one version has all wheels (found {', '.join(versions) or 'none'}). Keep the "
                "present pins until the newest version is complete."
            )
        for platform, python in product(PLATFORMS, PYTHONS):
            if not any(platform in wheel.platforms and wheel.serves(python) for wheel in of_package):
                raise BuildError(f"{package} {versions[0]}: no wheel for {platform} with Python {python}.")


def sha256_of(file: Path) -> str:
    """A file's SHA-256 in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
