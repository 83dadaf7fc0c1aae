"""Tensors of a safetensors file go from the file into their place, and into nothing else on the way.

Opening reads and checks the header alone. A destination on the processor of the same kind of numbers is read
straight into; any other is filled through two small buffers. The file is never mapped: a page that has been
read is the system's to forget.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from engine.errors import BadInput
from engine.weights.header import Entry, open_file, read_header, refuse_shrunk, shown
from engine.weights.staging import STAGING_BYTES, Staging
from engine.weights.tensors import Tensors, Under

Tensor = Any

# safetensors' names of numbers, and torch's.
TORCH_DTYPES = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "U16": torch.uint16,
    "I16": torch.int16,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "U32": torch.uint32,
    "I32": torch.int32,
    "F32": torch.float32,
    "U64": torch.uint64,
    "I64": torch.int64,
    "F64": torch.float64,
}


class TensorFile:
    """The tensors of an open safetensors file; raises BadInput for one that is not whole. See `Tensors`."""

    def __init__(self, path: Path, *, remedy: str, staging_bytes: int = STAGING_BYTES) -> None:
        self._path = path
        self._remedy = remedy
        self._file = open_file(path, remedy)
        try:
            self._entries = read_header(self._file, path, remedy).entries
        except BaseException:
            self._file.close()
            raise
        self._staging = Staging(staging_bytes)
        self._shapes = MappingProxyType({name: entry.shape for name, entry in self._entries.items()})

    @property
    def source(self) -> Path:
        """The file."""
        return self._path

    @property
    def remedy(self) -> str:
        """What mends the file if it is broken."""
        return self._remedy

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of each tensor, by name, in the file's order."""
        return self._shapes

    def dtype_of(self, name: str) -> str:
        """The kind of its numbers as safetensors names it."""
        return self._entries[name].dtype

    def read(self, name: str) -> Tensor:
        """The tensor as the file has it, on the processor."""
        entry = self._entries[name]
        tensor = torch.empty(entry.shape, dtype=TORCH_DTYPES[entry.dtype])
        self.read_into(name, tensor)
        return tensor

    def read_into(self, name: str, destination: Tensor) -> None:
        """Fills `destination`; on a card it is whole for what runs later on the current stream."""
        entry = self._entries[name]
        if tuple(destination.shape) != entry.shape:
            raise ValueError(f"{name} has the shape {entry.shape}, its place {tuple(destination.shape)}")
        dtype = TORCH_DTYPES[entry.dtype]
        place = _Place(self, name, entry)
        if destination.device.type == "cpu" and destination.dtype == dtype:
            place.fill(destination.detach().view(-1).view(torch.uint8))
        else:
            self._staging.pour(place.fill, dtype, destination)

    def under(self, prefix: str) -> Tensors:
        """Those below the dotted `prefix`, named without it."""
        return Under(self, prefix)

    def close(self) -> None:
        """Closes the file and gives the buffers back."""
        self._staging.release()
        self._file.close()

    def fill_from(self, offset: int, name: str, target: memoryview) -> None:
        """Reads the bytes of `target` from `offset` on; raises BadInput if they cannot be had."""
        filled = 0
        try:
            self._file.seek(offset)
            while filled < len(target):
                n_bytes = self._file.readinto(target[filled:])  # type: ignore[attr-defined]  # a raw file has it
                if not n_bytes:
                    refuse_shrunk(self._path, self._remedy)
                filled += n_bytes
        except OSError as error:
            raise BadInput(
                f"{self._path} cannot be read at the tensor {shown(name)}: {error.strerror or error}.",
                remedy=f"Check the disk. {self._remedy}",
            ) from error


class _Place:
    """Where the next bytes of a tensor lie in its file."""

    def __init__(self, tensors: TensorFile, name: str, entry: Entry) -> None:
        self._tensors = tensors
        self._name = name
        self._offset = entry.begin

    def fill(self, target: Tensor) -> None:
        """Fills the flat uint8 tensor `target`, on the processor, with what comes next."""
        if target.numel():
            self._tensors.fill_from(self._offset, self._name, memoryview(target.numpy()))
            self._offset += target.numel()
