"""The connection file: where an engine listens and what lets a client in, the same for whoever reads it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

FILE_NAME = "engine.json"  # in the engine's data folder, readable by its owner alone

_TEXTS = ("endpoint", "token", "engine")
_KEYS = ("server_key", "client_public_key", "client_secret_key")  # a local engine has none


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


def text_of(address: Address) -> bytes:
    """The connection file's content: UTF-8 JSON without the keys that are empty."""
    fields = {key: value for key, value in asdict(address).items() if value != ""}
    return json.dumps(fields, indent=1).encode()


def address_from(text: bytes | str) -> Address:
    """The address in a connection file's content.

    Raises ValueError, whose words name the key and what is wrong with it; they quote no secret.
    """
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError; deep nesting recurses
        raise ValueError("it is no JSON") from None
    if not isinstance(fields, dict):
        raise ValueError("it is no JSON map")
    texts = {key: _text(fields, key) for key in _TEXTS}
    texts |= {key: _text(fields, key) for key in _KEYS if key in fields}
    if not texts["endpoint"].startswith("tcp://"):
        raise ValueError("endpoint does not start with tcp://")
    wire = fields.get("wire")
    if not isinstance(wire, list) or len(wire) != 2 or not all(type(number) is int for number in wire):
        raise ValueError("wire is no list of two whole numbers")
    return Address(port=_whole(fields, "port"), pid=_whole(fields, "pid"), wire=(wire[0], wire[1]), **texts)


def _text(fields: dict[str, Any], key: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str):
        raise ValueError(f"{key} is missing or no text")
    return value


def _whole(fields: dict[str, Any], key: str) -> int:
    value = fields.get(key)
    if type(value) is not int or value < 0:
        raise ValueError(f"{key} is missing or no whole number")
    return value
