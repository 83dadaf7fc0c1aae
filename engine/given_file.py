"""A file that a user names is read whole, or refused in words: missing, a folder, a device, empty, large."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.errors import BadInput

_UNITS = {"MiB": (1024**2, 0), "GiB": (1024**3, 1)}  # bytes, and decimals of a size in words


@dataclass(frozen=True)
class Kind:
    """What the file shall be, and what to do if it is not.

    `name` in the singular ("picture"), `names` in the plural; `max_bytes` told in `unit`, "MiB" or "GiB".
    """

    name: str
    names: str
    max_bytes: int
    unit: str
    if_large: str
    if_empty: str


def read_given(path: Path, kind: Kind) -> bytes:
    """The bytes of `path`; raises BadInput naming it."""
    try:
        if path.is_dir():
            raise BadInput(
                f"{path} is a folder, not a {kind.name}.", remedy=f"Give the name of a {kind.name} file."
            )
        if path.exists() and not path.is_file():  # a device or a pipe may never end
            raise BadInput(f"{path} is not a plain file.", remedy=f"Give the name of a {kind.name} file.")
        size_bytes = path.stat().st_size
        if size_bytes > kind.max_bytes:
            unit_bytes, decimals = _UNITS[kind.unit]
            raise BadInput(
                f"{path} has {size_bytes / unit_bytes:.{decimals}f} {kind.unit}; "
                f"{kind.names} may have {kind.max_bytes / unit_bytes:.0f}.",
                remedy=kind.if_large,
            )
        content = path.read_bytes()
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}.", remedy="Check the name and the folder.") from None
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read: {error.strerror}.", remedy="Check the file and its permissions."
        ) from error
    if not content:
        raise BadInput(f"{path} is empty (0 bytes).", remedy=kind.if_empty)
    return content
