"""A running engine is found through one file that only its user can read; who has the file may connect."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.errors import BadInput, Unreachable
from engine.folders import write_atomically

FILE_NAME = "engine.json"
_REMEDY = "Start an engine with `maquette serve`."


@dataclass(frozen=True)
class Address:
    """Where an engine listens and what lets a client in; CURVE keys in Z85, empty for a local engine."""

    endpoint: str
    port: int
    token: str
    pid: int
    wire: tuple[int, int]
    engine: str
    server_key: str = ""
    client_public_key: str = ""
    client_secret_key: str = ""

    def __repr__(self) -> str:
        return f"Address({self.endpoint}, pid {self.pid})"  # the secrets stay out of logs


def write_address(folder: Path, address: Address) -> Path:
    """Writes the connection file into the data folder, readable by the user alone; returns its path."""
    path = folder / FILE_NAME
    fields = {key: value for key, value in asdict(address).items() if value != ""}
    write_atomically(path, json.dumps(fields, indent=1).encode(), is_private=True)
    return path


def read_address(place: Path) -> Address:
    """The address in the connection file `place`, or in the file of the data folder `place`.

    Raises Unreachable when there is none, BadInput when it is no connection file.
    """
    path = place / FILE_NAME if place.is_dir() else place
    try:
        fields = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise Unreachable(f"No engine is running (there is no {path}).", remedy=_REMEDY) from None
    except OSError as error:
        raise Unreachable(f"{path} cannot be read: {error.strerror}.", remedy=_REMEDY) from error
    except ValueError:
        fields = None
    try:
        return _address(fields)
    except (TypeError, KeyError, ValueError):
        raise BadInput(
            f"{path} is no connection file of an engine.", remedy="Delete it and start the engine again."
        ) from None


def remove_address(folder: Path, address: Address) -> None:
    """Removes the connection file if it is still that of `address`; another engine's stays."""
    path = folder / FILE_NAME
    with contextlib.suppress(
        Unreachable, BadInput, FileNotFoundError
    ):  # it is gone or not ours: nothing to do
        if read_address(folder) == address:
            path.unlink()


def _address(fields: Any) -> Address:
    if not isinstance(fields, dict):
        raise TypeError("not a map")
    texts = {name: fields.get(name, "") for name in ("server_key", "client_public_key", "client_secret_key")}
    texts |= {name: fields[name] for name in ("endpoint", "token", "engine")}
    if not all(isinstance(text, str) for text in texts.values()) or not texts["endpoint"].startswith(
        "tcp://"
    ):
        raise ValueError("not texts")
    major, minor = fields["wire"]
    return Address(port=int(fields["port"]), pid=int(fields["pid"]), wire=(int(major), int(minor)), **texts)
