"""A safetensors file is whole and lawful, or refused with its name and both numbers."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from made_weights import content_of, framed, some_tensors

from engine.errors import BadInput
from engine.weights.tensors import open_tensors

TWO = {"dtype": "F16", "shape": [1], "data_offsets": [0, 2]}


def refusal(path: Path, content: bytes, model: str = "") -> BadInput:
    path.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        open_tensors(path, model=model)
    assert str(path) in caught.value.message
    assert caught.value.remedy
    return caught.value


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "모형 weights"
    folder.mkdir()
    return folder / "모형 v2.safetensors"


def test_a_truncated_file_is_refused_with_both_sizes(file: Path) -> None:
    content = content_of(some_tensors())
    error = refusal(file, content[:-7])
    assert f"has {len(content) - 7:,} bytes, its header tells of {len(content):,}" in error.message
    assert "not complete" in error.message
    assert error.remedy == "Download it again."


def test_the_remedy_names_the_model_if_it_is_known(file: Path) -> None:
    error = refusal(file, content_of(some_tensors())[:-1], "hunyuan3d-2/mini-turbo")
    assert "maquette models download hunyuan3d-2/mini-turbo" in error.remedy


def test_a_file_that_goes_on_is_refused_with_both_sizes(file: Path) -> None:
    content = content_of(some_tensors())
    error = refusal(file, content + b"abc")
    assert f"{len(content) + 3:,} bytes" in error.message
    assert f"{len(content):,}" in error.message


@pytest.mark.parametrize("n_bytes", range(8))
def test_a_file_too_short_for_a_length_is_refused(file: Path, n_bytes: int) -> None:
    assert f"has {n_bytes} bytes" in refusal(file, b"\x08\0\0\0\0\0\0"[:n_bytes]).message


@pytest.mark.parametrize("length", [100_000_001, 2**63, 2**64 - 1])
def test_an_absurd_header_is_refused_before_it_is_read(file: Path, length: int) -> None:
    assert f"{length:,} bytes" in refusal(file, length.to_bytes(8, "little") + b"{}" * 50).message


def test_a_header_beyond_the_file_is_refused(file: Path) -> None:
    assert "its header alone 9,000" in refusal(file, (9000).to_bytes(8, "little") + b"{}      ").message


DISGUISES = {
    "web page": b"<!DOCTYPE html><html><body>Sign in to Hugging Face</body></html>",
    "web page ": b"\xef\xbb\xbf\n  <html>" + b" " * 100,
    "Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 4928151562\n",
    ".ckpt": b"PK\x03\x04" + b"\0" * 100,
    "old pickled": b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19." + b"\0" * 100,
}


@pytest.mark.parametrize("words", DISGUISES)
def test_another_kind_of_file_is_called_what_it_is(file: Path, words: str) -> None:
    assert words.strip() in refusal(file, DISGUISES[words]).message


def test_a_header_that_begins_like_a_disguise_is_still_read(tmp_path: Path) -> None:
    # 60 is "<" and 640 is the start of an old pickle: lengths that lawful headers may have.
    for length in (60, 640, 0x0A20):
        text = b'{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}'
        path = tmp_path / f"{length}.safetensors"
        path.write_bytes(length.to_bytes(8, "little") + text + b" " * (length - len(text)) + b"\0\0")
        tensors = open_tensors(path)
        assert tensors.shapes() == {"a": (1,)}
        tensors.close()


UNLAWFUL: list[tuple[Any, bytes, str]] = [
    (b"\xff\xfe{}", b"", "not UTF-8"),
    (b"{not json}", b"", "not JSON"),
    (b'{"a":' * 5000 + b"1" + b"}" * 5000, b"", "not JSON"),
    (b'{"a":' + b"1" * 6000 + b"}", b"", "not JSON"),
    ([1, 2], b"", "not a JSON object"),
    ({"a": 3}, b"", "tensor a is not told"),
    ({"a": {"dtype": "F16", "shape": [1]}}, b"\0\0", "tensor a is not told"),
    ({"a": {**TWO, "more": 1}}, b"\0\0", "tensor a is not told"),
    ({"a": {**TWO, "dtype": "F17"}}, b"\0\0", "unknown kind F17"),
    ({"a": {**TWO, "dtype": ["F16"]}}, b"\0\0", "unknown kind"),
    ({"a": {**TWO, "shape": 1}}, b"\0\0", "shape that is not"),
    ({"a": {**TWO, "shape": [-1]}}, b"\0\0", "shape that is not"),
    ({"a": {**TWO, "shape": [True]}}, b"\0\0", "shape that is not"),
    ({"a": {**TWO, "shape": [1.0]}}, b"\0\0", "shape that is not"),
    ({"a": {**TWO, "shape": [1] * 100}}, b"\0\0", "shape that is not"),
    ({"a": {**TWO, "data_offsets": [0, 2, 4]}}, b"\0\0", "offsets that are not"),
    ({"a": {**TWO, "data_offsets": [-2, 0]}}, b"\0\0", "offsets that are not"),
    ({"a": {**TWO, "data_offsets": [0, 2**80]}}, b"\0\0", "offsets that are not"),
    ({"a": {**TWO, "data_offsets": [2, 0]}}, b"\0\0", "ends at byte 0, before it begins at 2"),
    ({"a": {**TWO, "shape": [3]}}, b"\0\0", "has 2 bytes; its shape [3] of F16 needs 6"),
    ({"a": TWO, "b": TWO}, b"\0\0", "overlap"),
    ({"a": TWO, "b": {**TWO, "data_offsets": [4, 6]}}, b"\0" * 6, "gap"),
    ({"a": {**TWO, "data_offsets": [2, 4]}}, b"\0" * 4, "gap"),
    (b'{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},"a":{}}', b"\0\0", "names a twice"),
]


@pytest.mark.parametrize(("header", "body", "words"), UNLAWFUL)
def test_a_header_that_breaks_a_rule_is_refused_with_the_rule(
    file: Path, header: Any, body: bytes, words: str
) -> None:
    assert words in refusal(file, framed(header, body)).message


def test_a_hostile_name_is_shown_short_and_printable(file: Path) -> None:
    error = refusal(file, framed({"\x1b[2J\ud800" + "n" * 10_000: {**TWO, "dtype": "F17"}}, b"\0\0"))
    assert len(error.message) < 500 + len(str(file))
    assert error.message.isprintable()


def test_a_file_without_tensors_is_lawful(file: Path) -> None:
    file.write_bytes(framed({"__metadata__": {"format": "pt"}}))
    tensors = open_tensors(file)
    assert tensors.shapes() == {}
    tensors.close()


def test_a_folder_a_missing_file_and_a_wrong_ending_are_refused(tmp_path: Path) -> None:
    (tmp_path / "f.safetensors").mkdir()
    (tmp_path / "f.gguf").write_bytes(b"GGUF")
    for name, words in (
        ("f.safetensors", "is a folder"),
        ("g.safetensors", "no file"),
        ("f.gguf", "ends in .gguf"),
    ):
        with pytest.raises(BadInput, match=words):
            open_tensors(tmp_path / name)


def test_any_damage_gives_the_tensors_or_a_refusal(file: Path) -> None:
    given = some_tensors()
    content = content_of(given, metadata={"format": "pt"})
    chance = random.Random(7)
    n_read = n_refused = 0
    for _ in range(300):
        file.write_bytes(damaged(content, chance))
        try:
            tensors = open_tensors(file)
        except BadInput:
            n_refused += 1
            continue
        for name, shape in tensors.shapes().items():
            assert tuple(tensors.read(name).shape) == shape
            tensors.read_into(name, torch.empty(shape, dtype=torch.float32))
        tensors.close()
        n_read += 1
    assert n_read > 5  # damage within the numbers is not to be seen
    assert n_refused > 100


def damaged(content: bytes, chance: random.Random) -> bytes:
    """`content` with bytes changed, cut off, added, doubled or moved, most often in the header."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(min(len(changed), chance.choice((8, 600, 1_000_000))) or 1)
        kind = chance.randrange(6)
        if kind <= 1 and changed:
            changed[place] = chance.choice((chance.randrange(256), *b'0123456789"{}[],:-'))
        elif kind == 2:
            del changed[place : place + chance.randint(1, 40)]
        elif kind == 3:
            changed[place:place] = chance.randbytes(chance.randint(1, 9))
        elif kind == 4:
            changed[place:place] = changed[place : place + 60]
        else:
            changed[place:] = changed[place:][: -chance.randint(1, 30)]
    return bytes(changed)
