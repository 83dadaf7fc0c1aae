"""A running engine is found through one file that only its user can read; who has the file may connect."""

from __future__ import annotations

import contextlib
from pathlib import Path

from engine.errors import BadInput, Unreachable
from engine.folders import write_atomically
from protocol.address import FILE_NAME, Address, address_from, text_of

__all__ = ("FILE_NAME", "Address", "read_address", "remove_address", "write_address")

_REMEDY = "Start an engine with `maquette serve`."


def write_address(folder: Path, address: Address) -> Path:
    """Writes the connection file into the data folder, readable by the user alone; returns its path."""
    path = folder / FILE_NAME
    write_atomically(path, text_of(address), is_private=True)
    return path


def read_address(place: Path) -> Address:
    """The address in the connection file `place`, or in the file of the data folder `place`.

    Raises Unreachable when there is none, BadInput when it is no connection file.
    """
    path = place / FILE_NAME if place.is_dir() else place
    try:
        return address_from(path.read_bytes())
    except FileNotFoundError:
        raise Unreachable(f"No engine is running (there is no {path}).", remedy=_REMEDY) from None
    except OSError as error:
        raise Unreachable(f"{path} cannot be read: {error.strerror}.", remedy=_REMEDY) from error
    except ValueError as error:
        raise BadInput(
            f"{path} is no connection file of an engine: {error}.",
            remedy="Delete it and start the engine again.",
        ) from None


def remove_address(folder: Path, address: Address) -> None:
    """Removes the connection file if it is still that of `address`; another engine's stays."""
    path = folder / FILE_NAME
    with contextlib.suppress(
        Unreachable, BadInput, FileNotFoundError
    ):  # it is gone or not ours: nothing to do
        if read_address(folder) == address:
            path.unlink()
