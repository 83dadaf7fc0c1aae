"""An archive is a function of its entries alone: sorted names, one date, one mode, nothing compressed.

Stored, not deflated: nearly all of an extension is wheels, which are compressed already, and deflate's bytes
differ between zlib and its successors. A zip appears whole under its name or not at all.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

#: What lies in a zip or folder: the path with "/" -> the bytes, or the file that holds them.
Entries = Mapping[str, Path | bytes]

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first day that a zip can name
_REGULAR_FILE_644 = 0o100644 << 16


def zip_bytes(entries: Entries) -> bytes:
    """The zip of `entries`, the same bytes for the same entries on every machine."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(entries):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system = 3  # Unix, also when built on Windows
            info.external_attr = _REGULAR_FILE_644
            archive.writestr(info, read(entries[name]))
    return stream.getvalue()


def read(source: Path | bytes) -> bytes:
    """An entry's bytes."""
    return source if isinstance(source, bytes) else source.read_bytes()


def write_file(file: Path, content: bytes) -> None:
    """Writes `file` whole or not at all, making its folder."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with _folder_beside(file) as folder:
        (folder / file.name).write_bytes(content)
        os.replace(folder / file.name, file)


def write_tree(folder: Path, entries: Entries) -> None:
    """Lays `entries` out as files below `folder`, which must be there."""
    for name in sorted(entries):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        source = entries[name]
        if isinstance(source, bytes):
            file.write_bytes(source)
        else:
            shutil.copyfile(source, file)


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Gives an empty folder that takes the place of `folder` once the block has ended well."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _folder_beside(folder) as beside:
        fresh, former = beside / "fresh", beside / "former"
        fresh.mkdir()
        yield fresh
        if folder.exists():
            os.replace(folder, former)
        os.replace(fresh, folder)


@contextmanager
def _folder_beside(path: Path) -> Iterator[Path]:
    """A folder on the same disk as `path`, gone afterwards, so that a rename out of it is one step."""
    with tempfile.TemporaryDirectory(prefix=".building-", dir=path.parent) as folder:
        yield Path(folder)
