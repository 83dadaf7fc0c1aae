"""The connection file is read by both sides from one rule."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from protocol.address import Address, address_from, text_of

LOCAL = Address("tcp://127.0.0.1:5555", 5555, "secret-token", 42, (1, 1), "0.1.0")
REMOTE = replace(LOCAL, server_key="S" * 40, client_public_key="P" * 40, client_secret_key="K" * 40)


@pytest.mark.parametrize("address", [LOCAL, REMOTE])
def test_what_is_written_is_read(address: Address) -> None:
    assert address_from(text_of(address)) == address
    assert address_from(text_of(address).decode()) == address


def test_a_local_engine_s_file_has_no_keys_and_a_reader_needs_none() -> None:
    assert list(json.loads(text_of(LOCAL))) == ["endpoint", "port", "token", "pid", "wire", "engine"]
    assert address_from(json.dumps(json.loads(text_of(LOCAL)) | {"from_the_future": 1})) == LOCAL


def test_secrets_stay_out_of_words() -> None:
    assert "secret-token" not in repr(LOCAL)
    assert "K" * 40 not in repr(REMOTE)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"endpoint": "ipc:///x"}, "endpoint does not start"),
        ({"endpoint": None}, "endpoint is missing"),
        ({"token": 5}, "token is missing or no text"),
        ({"port": "5555"}, "port is missing"),
        ({"pid": True}, "pid is missing"),
        ({"pid": -1}, "pid is missing"),
        ({"wire": [1]}, "wire is no list"),
        ({"wire": [1, "0"]}, "wire is no list"),
        ({"server_key": None}, "server_key"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        address_from(json.dumps(json.loads(text_of(LOCAL)) | change))


@pytest.mark.parametrize("text", ["", "[]", "5", "{}", b"\xff\xfe", "[" * 100_000, b"\0" * 10])
def test_what_is_no_connection_file_is_a_value_error(text: bytes | str) -> None:
    with pytest.raises(ValueError, match=r"no JSON|is missing"):
        address_from(text)
