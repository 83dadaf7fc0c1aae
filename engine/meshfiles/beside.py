"""What a mesh file names beside itself is read from its own folder or below, and from nowhere else."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes

MAX_FILE_BYTES = 2 * 1024**3


class NotRead(Exception):
    """A named file that was not read; the words say why."""


@dataclass(frozen=True)
class Folder:
    """The folder of a mesh file; None if there is none, as for a file in memory."""

    path: Path | None

    def read(self, uri: str) -> bytes:
        """The content behind a relative name or a `data:` URI; raises NotRead."""
        if uri.startswith("data:"):
            return _inline(uri)
        if "://" in uri or uri.startswith("//"):
            raise NotRead(f"{_short(uri)} is an address on a network, and nothing is fetched")
        if self.path is None:
            raise NotRead(f"{_short(uri)} is a file of its own")
        # A file name may itself hold a per cent sign.
        named = [self.path / unquote(uri), self.path / uri]
        inside = [path for path in named if _is_below(path, self.path)]
        if not inside:
            raise NotRead(f"{_short(uri)} lies outside the file's own folder")
        for path in inside:
            if path.is_file():
                return _content(path)
        raise NotRead(f"there is no file {inside[0]}")


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise NotRead(f"{path} is larger than {MAX_FILE_BYTES / 1024**3:.0f} GiB")
        return path.read_bytes()
    except OSError as error:
        raise NotRead(f"{path} cannot be read: {error.strerror}") from error


def _is_below(path: Path, folder: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # no name that a file can have, or links in a circle
        return False


def _inline(uri: str) -> bytes:
    head, comma, content = uri.partition(",")
    if not comma:
        raise NotRead("a data: URI has no comma")
    try:
        return (
            base64.b64decode(content, validate=True)
            if head.endswith(";base64")
            else unquote_to_bytes(content)
        )
    except (binascii.Error, ValueError) as error:
        raise NotRead(f"a data: URI is damaged: {error}") from error


def _short(uri: str) -> str:
    return uri if len(uri) <= 80 else f"{uri[:77]}..."
