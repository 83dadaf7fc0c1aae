"""The header of a safetensors file is read and checked whole before a byte of its tensors is.

A file is eight bytes (the header's length, little-endian), the header (JSON: name to dtype, shape and the
two offsets of its bytes), and the bytes of all tensors without gap or overlap. What breaks one of these rules
is refused with the file's name and the rule; what is plainly another kind of file is called that.
Source of the format: the public README of huggingface/safetensors, section "Format". Imports no torch.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from engine.errors import BadInput

MAX_HEADER_BYTES = 100_000_000  # the format's own bound; Hunyuan3D-2's largest header has 0.2 MB
_LENGTH_BYTES = 8
_MAX_AXES = 64
_ZIP_END_BYTES = 22  # of the record that ends a zip, before its comment, whose length is its last two bytes
# The format's names of numbers and their bytes; those of less than a byte are not used by any model here.
DTYPE_BYTES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64"), 8),
}
# How files begin that are often found under a name that promises tensors.
_DISGUISES = (
    (b"<", "a web page: the download stopped at an error or a login page"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file that it points to"),
    (b"PK\x03\x04", "a .ckpt or .bin file (or another zip) under another name"),
    (b"\x80\x02", "an old pickled checkpoint under another name"),
)


@dataclass(frozen=True)
class Entry:
    """A tensor in a file: `begin` and `end` are offsets in bytes from the start of the file."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def n_bytes(self) -> int:
        """The bytes of all its numbers."""
        return self.end - self.begin


@dataclass(frozen=True)
class Header:
    """The tensors of a file by their names, and the bytes that the whole file has."""

    entries: Mapping[str, Entry]
    file_bytes: int


def remedy_for(model: str) -> str:
    """What mends a broken file: the line that downloads `model` (such as hunyuan3d-2/2.0), if it is known."""
    if not model:
        return "Download it again."
    return f"Download it again: maquette models download {model}"


def shown(name: str) -> str:
    """A tensor's name as it may stand in a message: short and printable, whatever the file says."""
    cut = name if len(name) <= 100 else f"{name[:100]}…"
    return cut if cut.isprintable() else ascii(cut)


def open_file(path: Path, remedy: str) -> BinaryIO:
    """`path` opened without a buffer; raises BadInput if it is no file that can be read."""
    try:
        if path.is_dir():
            raise BadInput(f"{path} is a folder, not a file of weights.", remedy=remedy)
        if path.exists() and not path.is_file():  # a device or a pipe may never end
            raise BadInput(f"{path} is not a plain file.", remedy=remedy)
        return open(path, "rb", buffering=0)
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}.", remedy=remedy) from None
    except OSError as error:
        words = "Check the file and its permissions."
        raise BadInput(f"{path} cannot be read: {error.strerror or error}.", remedy=words) from error


def read_header(file: BinaryIO, path: Path, remedy: str) -> Header:
    """The checked header of the open `file`; raises BadInput naming `path` and what is wrong with it."""
    try:
        file_bytes = os.fstat(file.fileno()).st_size
        start = file.read(64)
        length = int.from_bytes(start[:_LENGTH_BYTES], "little")
        _check_start(start, length, file_bytes, path, remedy)
        file.seek(_LENGTH_BYTES)
        text = read_exactly(file, length, path, remedy)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}.", remedy=remedy) from error
    data_begin = _LENGTH_BYTES + length
    entries = {
        name: _entry(name, said, data_begin, path, remedy)
        for name, said in _parse(text, path, remedy).items()
        if name != "__metadata__"
    }
    told_bytes = _check_layout(entries, data_begin, path, remedy)
    if file_bytes < told_bytes:
        raise BadInput(
            f"{path} has {file_bytes:,} bytes, its header tells of {told_bytes:,}: "
            "the download is not complete.",
            remedy=remedy,
        )
    if file_bytes > told_bytes:
        raise BadInput(
            f"{path} has {file_bytes:,} bytes, its header tells of {told_bytes:,}: "
            f"{file_bytes - told_bytes:,} bytes belong to no tensor.",
            remedy=remedy,
        )
    return Header(entries, file_bytes)


def read_exactly(file: BinaryIO, n_bytes: int, path: Path, remedy: str) -> bytes:
    """The next `n_bytes` of `file`; raises BadInput if it ends before, OSError if it cannot be read."""
    parts = []
    left_bytes = n_bytes
    while left_bytes:
        part = file.read(left_bytes)
        if not part:
            refuse_shrunk(path, remedy)
        parts.append(part)
        left_bytes -= len(part)
    return b"".join(parts)


def has_zip_end(path: Path) -> bool:
    """Whether a zip's last record (PKWARE's APPNOTE, 4.3.16) closes the file; raises OSError."""
    with open(path, "rb") as file:
        n_bytes = os.fstat(file.fileno()).st_size
        file.seek(max(0, n_bytes - _ZIP_END_BYTES - 0xFFFF))
        tail = file.read()
    place = tail.rfind(b"PK\x05\x06")
    record = tail[place : place + _ZIP_END_BYTES] if place >= 0 else b""
    if len(record) < _ZIP_END_BYTES:
        return False
    return place + _ZIP_END_BYTES + int.from_bytes(record[-2:], "little") == len(tail)


def refuse_shrunk(path: Path, remedy: str) -> NoReturn:
    """Raises BadInput for a file that became shorter after its header was checked."""
    raise BadInput(f"{path} became shorter while it was read.", remedy=remedy)


def _check_start(start: bytes, length: int, file_bytes: int, path: Path, remedy: str) -> None:
    for sign, words in _DISGUISES:
        if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(sign) and start[8:9] != b"{":
            raise BadInput(f"{path} is not a safetensors file but {words}.", remedy=remedy)
    if file_bytes < _LENGTH_BYTES:
        raise BadInput(
            f"{path} has {file_bytes} bytes; a safetensors file has at least {_LENGTH_BYTES}.", remedy=remedy
        )
    if length > MAX_HEADER_BYTES:
        raise BadInput(
            f"{path} is not a safetensors file: its header would have {length:,} bytes, "
            f"{MAX_HEADER_BYTES:,} are allowed.",
            remedy=remedy,
        )
    if length > file_bytes - _LENGTH_BYTES:
        raise BadInput(
            f"{path} has {file_bytes:,} bytes, its header alone {length:,}: the download is not complete.",
            remedy=remedy,
        )


def _parse(text: bytes, path: Path, remedy: str) -> dict[str, Any]:
    """The header's JSON object, each name once."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                raise BadInput(f"{path} names {shown(name)} twice in its header.", remedy=remedy)
            found[name] = value
        return found

    try:
        said = json.loads(text.decode("utf-8"), object_pairs_hook=once)
    except UnicodeDecodeError as error:
        raise BadInput(f"The header of {path} is not UTF-8 (byte {error.start}).", remedy=remedy) from error
    except (ValueError, RecursionError) as error:  # ValueError: JSON's own, and numbers of 5000 digits
        raise BadInput(f"The header of {path} is not JSON.", remedy=remedy) from error
    if not isinstance(said, dict):
        raise BadInput(f"The header of {path} is not a JSON object.", remedy=remedy)
    return said


def _entry(name: str, said: Any, data_begin: int, path: Path, remedy: str) -> Entry:
    """One tensor of the header, its offsets made absolute."""

    def refuse(why: str) -> NoReturn:
        raise BadInput(f"{path}: the tensor {shown(name)} {why}.", remedy=remedy)

    if not isinstance(said, dict) or said.keys() != {"dtype", "shape", "data_offsets"}:
        refuse("is not told by dtype, shape and data_offsets")
    dtype, shape, offsets = said["dtype"], said["shape"], said["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPE_BYTES:
        refuse(f"has numbers of the unknown kind {shown(str(dtype))}")
    if not isinstance(shape, list) or len(shape) > _MAX_AXES or not all(map(_is_count, shape)):
        refuse("has a shape that is not a list of sizes")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(_is_count, offsets)):
        refuse("has offsets that are not two places in the file")
    begin, end = offsets
    if end < begin:
        refuse(f"ends at byte {end:,}, before it begins at {begin:,}")
    needed_bytes = math.prod(shape) * DTYPE_BYTES[dtype]
    if end - begin != needed_bytes:
        refuse(f"has {end - begin:,} bytes; its shape {shape} of {dtype} needs {needed_bytes:,}")
    return Entry(dtype, tuple(shape), data_begin + begin, data_begin + end)


def _is_count(value: Any) -> bool:
    """Whether it is a whole number from 0 on that a file system can have; JSON's true is none."""
    return type(value) is int and 0 <= value < 2**63


def _check_layout(entries: Mapping[str, Entry], data_begin: int, path: Path, remedy: str) -> int:
    """The bytes of a file that holds these tensors one after the other; refuses gaps and overlaps."""
    reached, before = data_begin, "the header"
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end)):
        if entry.begin != reached:
            what = "overlap" if entry.begin < reached else "have a gap between them"
            raise BadInput(
                f"{path}: {shown(before)} and the tensor {shown(name)} {what} "
                f"(byte {reached:,} against {entry.begin:,}).",
                remedy=remedy,
            )
        reached, before = entry.end, name
    return reached
