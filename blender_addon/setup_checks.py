"""No bpy. What must hold before anything is fetched: permission, a folder to write in, room, no rival."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .uv_tool import SetupStopped
from .uv_words import SetupFault

_GB = 10**9
# Longest path inside an environment: 202 characters on Linux (torch's headers), 4 fewer on Windows, whose
# limit is 260 unless its owner has lifted it; "\engine-0.1.0-01234567-1\" takes 25 of the rest.
WINDOWS_PATH_MAX = 260 - 198 - 25


@dataclass(frozen=True)
class Cost:
    """What a set-up takes: bytes fetched, and bytes on the disk when uv's cache is still there.

    The cache and the environment share their files (hard links), so they count once.
    """

    download_bytes: int
    disk_bytes: int


def estimate_cost(environment: Mapping[str, str], *, system: str = sys.platform) -> Cost:
    """What the engine takes on this computer: with CUDA where there is an NVIDIA driver, else without.

    With CUDA, Linux: 2.99 GB in the 20 largest wheels (torch 2.13, CUDA 13, Warp 1.17), 5.44 GB unpacked,
    read from the wheels' own directories; 0.15 and 0.35 GB for the 53 others, measured. Windows carries CUDA
    inside torch's wheel and is taken to be the same. Without: 1.74 GB on the disk, measured on Linux with
    torch 2.13.0+cpu; 0.44 of them are Warp, which has its CUDA in it everywhere but on macOS (0.07).
    """
    backend = environment.get("UV_TORCH_BACKEND", "auto")
    has_cuda = has_nvidia_driver(environment, system=system) if backend == "auto" else backend != "cpu"
    return Cost(3 * _GB, 6 * _GB) if has_cuda and system != "darwin" else Cost(_GB // 2, 2 * _GB)


def has_nvidia_driver(environment: Mapping[str, str], *, system: str = sys.platform) -> bool:
    """Whether an NVIDIA driver is installed, without running anything."""
    if system == "win32":
        return Path(environment.get("SYSTEMROOT", "C:/Windows"), "System32/nvcuda.dll").exists()
    return Path("/proc/driver/nvidia/version").exists() or (
        shutil.which("nvidia-smi", path=environment.get("PATH")) is not None
    )


def check_platform(
    system: str = sys.platform, machine: str | None = None, macos_version: str | None = None
) -> None:
    """Raises SetupStopped on a computer for which PyTorch 2.13 is not made: an Intel Mac, macOS before 14.

    Windows on ARM is left to try: its wheels lie on PyTorch's own server only.
    """
    if system != "darwin":
        return
    machine = platform.machine() if machine is None else machine
    version = platform.mac_ver()[0] if macos_version is None else macos_version
    remedy = "Run the engine on another computer and connect to it."
    if machine == "x86_64":
        message = "PyTorch is no longer made for Macs with an Intel processor, so the engine cannot run here."
    elif version and int(version.partition(".")[0]) < 14:
        message, remedy = (
            "PyTorch needs macOS 14 or newer; this is {version}.",
            "Update macOS, then try again.",
        )
    else:
        return
    raise SetupStopped(SetupFault("unsupported", message, remedy, {"version": version}))


def check_folder(home: Path, *, may_go_online: bool, system: str = sys.platform) -> None:
    """Makes the folder `home` and finds it fit. Raises SetupStopped with what is wrong and what to do."""
    if not may_go_online:
        raise SetupStopped(
            SetupFault(
                "offline",
                "Blender may not go online, so the engine's packages cannot be fetched.",
                "Allow it in Preferences > System > Network > Allow Online Access.",
            )
        )
    if system == "win32" and len(str(home)) > WINDOWS_PATH_MAX:
        raise SetupStopped(
            SetupFault(
                "folder",
                "The path {path} has {length} characters; Windows allows {limit} here.",
                "Choose a folder nearer to the top of the disk.",
                {"path": str(home), "length": str(len(str(home))), "limit": str(WINDOWS_PATH_MAX)},
            )
        )
    trial = home / f".trial-{os.getpid()}"
    try:
        home.mkdir(parents=True, exist_ok=True)
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise SetupStopped(
            SetupFault(
                "folder",
                "The folder {path} cannot be written: {reason}.",
                "Choose another folder in the add-on's preferences.",
                {"path": str(home), "reason": error.strerror or str(error)},
            )
        ) from error


def check_room(home: Path, environment: Mapping[str, str]) -> None:
    """Raises SetupStopped when the disk of `home` has too little room for the engine."""
    free_bytes = shutil.disk_usage(home).free
    needed_bytes = bytes_to_come(home, environment)
    if free_bytes < needed_bytes:
        raise SetupStopped(
            SetupFault(
                "disk_full",
                "The engine needs {needed} GB in {path}; {free} GB are free.",
                "Free some space, or choose a folder on another disk.",
                {
                    "needed": f"{needed_bytes / _GB:.1f}",
                    "free": f"{free_bytes / _GB:.1f}",
                    "path": str(home),
                },
            )
        )


def bytes_to_come(home: Path, environment: Mapping[str, str]) -> int:
    """By how many bytes the disk will still fill, roughly; what was fetched before counts."""
    return max(0, estimate_cost(environment).disk_bytes - _size_of(home / "cache"))


@contextmanager
def take_lock(path: Path) -> Iterator[None]:
    """Holds `path` for this process; the system lets go of it when the process ends, however it ends.

    Raises SetupStopped when another Blender holds it.
    """
    with path.open("a+b") as file:
        try:
            _lock(file)
        except OSError as error:
            raise SetupStopped(
                SetupFault(
                    "busy",
                    "The engine is being set up in {path} by another Blender.",
                    "Wait until it is done, or choose another folder.",
                    {"path": str(path.parent)},
                )
            ) from error
        yield


def version_of(wheel: Path) -> str:
    """The version in the name of the engine's wheel. Raises SetupStopped if it is not there."""
    parts = wheel.name.split("-")
    if not wheel.is_file() or len(parts) != 5 or parts[0] != "maquette" or wheel.suffix != ".whl":
        raise SetupStopped(
            SetupFault(
                "broken_download",
                "The add-on carries no engine: {name} is missing.",
                "Install the add-on again from a fresh download.",
                {"name": wheel.name},
            )
        )
    return parts[1]


def torch_of(wheel: Path) -> str:
    """The version of torch that the engine's wheel asks for, blank if it is not pinned. Raises OSError."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
            metadata = archive.read(names[0]).decode("utf-8") if names else ""
    except (zipfile.BadZipFile, zlib.error):  # uv will say so
        return ""
    found = re.search(r"^Requires-Dist: torch *==([\w.]+)", metadata, re.MULTILINE)
    return found[1] if found else ""


def sha256_of(file: Path) -> str:
    """The SHA-256 of a small file, in hexadecimal. Raises OSError."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _lock(file: IO[bytes]) -> None:
    """Locks the first byte of `file`, or raises OSError at once."""
    if sys.platform == "win32":
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _size_of(cache: Path) -> int:
    """What an earlier attempt has fetched, in bytes; a rough number that is quickly had.

    uv unpacks each wheel into a folder below archive-v0; the libraries that make up its size lie in the
    first few levels, so no deeper ones are read.
    """
    total_bytes = 0
    for pattern in ("archive-*/*/*/lib/*", "archive-*/*/nvidia/*/lib/*", "archive-*/*/warp/bin/*"):
        total_bytes += sum(file.stat().st_size for file in cache.glob(pattern) if file.is_file())
    return total_bytes
