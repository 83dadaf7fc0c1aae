"""Finds the engine's two folders, and writes files whole: a reader sees the old or the new, never half.

Finding touches no disk; folders are made when something is written. Any name that the platform allows
works: spaces, Korean, a symbolic link. What cannot be done is said as `BadInput` or `DiskFull`.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from engine.errors import BadInput, DiskFull, MaquetteError

DATA_VARIABLE = "MAQUETTE_DATA"
MODELS_VARIABLE = "MAQUETTE_MODELS"

Content = bytes | bytearray | memoryview

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


@dataclass(frozen=True)
class Folders:
    """Where the engine keeps jobs, cache and logs (`data`) and weights (`models`); both absolute."""

    data: Path
    models: Path


def find_folders(environment: Mapping[str, str] | None = None) -> Folders:
    """The folders that `environment` (else the process's own) names, else the platform's user folders.

    An empty variable counts as unset; `~` is the home folder; a relative path starts at the current folder.
    Nothing is made and nothing need exist: see `make_folder`.
    Raises `BadInput` if the package platformdirs is missing and MAQUETTE_DATA does not stand in for it.
    """
    environment = os.environ if environment is None else environment
    data = _named(environment, DATA_VARIABLE) or _user_data_folder()
    models = _named(environment, MODELS_VARIABLE) or data / "models"
    return Folders(data=data, models=models)


def make_folder(folder: Path, *, setting: str = "") -> Path:
    """Makes `folder` and its parents if need be, tries to write in it, and returns it.

    `setting` names what chose the folder (an option or a variable), for the remedy.
    Raises `BadInput` if it cannot be made or written, `DiskFull` if there is no room for one entry.
    """
    remedy = "Choose another folder, or change its permissions."
    if setting:
        remedy = f"Choose another folder with {setting}, or change its permissions."
    trial = folder / f".maquette-{secrets.token_hex(8)}.trial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial.touch(exist_ok=False)
        trial.unlink()
    except OSError as error:
        _refuse(error, f"The folder {folder}", remedy)
    return folder


def is_writable(folder: Path) -> bool:
    """Whether files can be made in `folder`, or, if it is not there yet, in the nearest parent that is.

    Asks the system and writes nothing. On Windows the answer is about the read-only flag alone.
    """
    nearest = nearest_existing(folder)
    return os.path.isdir(nearest) and os.access(nearest, os.W_OK | os.X_OK)


def nearest_existing(path: Path) -> Path:
    """`path` itself, or the closest of its parents that is on the disk."""
    return next((place for place in (path, *path.parents) if os.path.exists(place)), path)


def write_atomically(path: Path, content: Content | Sequence[Content], *, is_private: bool = False) -> None:
    """Puts `content` at `path`, replacing a file there, in one step that cannot be seen half-done.

    Several contents are written one after the other. A temporary file in the same folder is written, flushed
    to the disk and renamed over the target; it is removed whatever goes wrong. `is_private`: only the user
    may read the file (POSIX mode 0600).
    Raises `BadInput` for a missing or unwritable folder and a target that is no plain file, `DiskFull`.
    """
    target = Path(os.path.realpath(path))  # a link stays a link, and what it points to is replaced
    if not os.path.isdir(target.parent):
        raise BadInput(
            f"The output folder {path.parent} does not exist.",
            remedy="Create it, or choose another place.",
            action="choose_folder",
        )
    if os.path.exists(target) and not os.path.isfile(
        target
    ):  # a rename would put a plain file in a device's place
        raise BadInput(
            f"{path} is a folder or a device, not a file.",
            remedy="Give the name of a file.",
            action="choose_folder",
        )
    # A short name of its own: the target's may already be as long as the file system allows.
    temporary = target.with_name(f".maquette-{secrets.token_hex(8)}.part")
    try:
        contents = [content] if isinstance(content, Content) else content
        _write_through(temporary, contents, mode=0o600 if is_private else 0o666)
        os.replace(temporary, target)
    except OSError as error:
        _refuse(error, str(path), "Choose another place, or close the program that has the file open.")
    finally:
        temporary.unlink(missing_ok=True)


def _named(environment: Mapping[str, str], variable: str) -> Path | None:
    """The absolute folder that `variable` names, None if it is unset or blank."""
    value = environment.get(variable, "").strip()
    return Path(os.path.abspath(os.path.expanduser(value))) if value else None


def _user_data_folder() -> Path:
    """The platform's own place for a user's data, where Maquette's lies."""
    try:
        import platformdirs
    except ImportError as error:  # imported here, so that `maquette doctor` runs where packages are missing
        raise BadInput(
            "The package platformdirs is missing, so the user's data folder is not known.",
            remedy=f"Install it (pip install platformdirs), or set {DATA_VARIABLE} to a folder.",
            action="choose_folder",
        ) from error
    return Path(platformdirs.user_data_path("maquette", appauthor=False))


def _write_through(path: Path, contents: Sequence[Content], *, mode: int) -> None:
    """Makes the new file `path` with `contents`, on the disk when this returns; the umask cuts `mode`."""
    binary = getattr(os, "O_BINARY", 0)  # Windows alone has it, and turns \n into \r\n without it
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | binary, mode)
    with open(descriptor, "wb") as file:
        for content in contents:
            file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _refuse(error: OSError, what: str, remedy: str) -> NoReturn:
    """Raises the user's error that stands for the system's `error` about `what`."""
    refusal: MaquetteError
    if error.errno in _FULL:
        refusal = DiskFull(
            f"The disk is full: {what} could not be written.",
            remedy="Free some space, or choose a folder on another disk.",
        )
    elif error.errno in _FORBIDDEN:
        refusal = BadInput(
            f"{what} may not be written: {error.strerror}.", remedy=remedy, action="choose_folder"
        )
    else:
        refusal = BadInput(
            f"{what} cannot be written: {error.strerror or error}.", remedy=remedy, action="choose_folder"
        )
    raise refusal from error
