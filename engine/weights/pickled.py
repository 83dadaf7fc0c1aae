"""A .ckpt or .bin file is opened by torch's restricted reader alone, which builds tensors and runs no code.

Its nested dictionaries ({"model": {...}, "vae": {...}}) become dotted names; whatever is in it besides
tensors is refused. The file is mapped, not read: a tensor's pages are read when it is copied to its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

import torch

from engine.errors import BadInput
from engine.weights.header import has_zip_end, open_file, shown
from engine.weights.staging import STAGING_BYTES, Staging
from engine.weights.tensor_file import TORCH_DTYPES
from engine.weights.tensors import Tensors, Under

Tensor = Any

_DTYPE_NAMES = {dtype: name for name, dtype in TORCH_DTYPES.items()}
_MAX_DEPTH = 8  # of dictionaries in dictionaries; a bundle has one
_START_BYTES = 64


class PickledFile:
    """The tensors of a checkpoint in torch's own format of today; BadInput for any other. See `Tensors`."""

    def __init__(self, path: Path, *, remedy: str, staging_bytes: int = STAGING_BYTES) -> None:
        self._path = path
        self._remedy = remedy
        _check_container(path, remedy)
        self._tensors = dict(self._flatten("", _load(path, remedy), 0))
        if not self._tensors:
            raise BadInput(f"{path} holds no tensor.", remedy=remedy)
        self._staging = Staging(staging_bytes)
        self._shapes = MappingProxyType({name: tuple(tensor.shape) for name, tensor in self._tensors.items()})

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
        return _DTYPE_NAMES[self._tensors[name].dtype]

    def read(self, name: str) -> Tensor:
        """The tensor as the file has it, on the processor."""
        return self._tensors[name].clone(memory_format=torch.contiguous_format)

    def read_into(self, name: str, destination: Tensor) -> None:
        """Fills `destination`; on a card it is whole for what runs later on the current stream."""
        source = self._tensors[name]
        if destination.shape != source.shape:
            raise ValueError(
                f"{name} has the shape {tuple(source.shape)}, its place {tuple(destination.shape)}"
            )
        if destination.device.type == "cpu":
            destination.detach().copy_(source)
            return
        flat = source.contiguous().view(-1).view(torch.uint8)
        done_bytes = 0

        def fill(target: Tensor) -> None:
            nonlocal done_bytes
            target.copy_(flat[done_bytes : done_bytes + target.numel()])
            done_bytes += target.numel()

        self._staging.pour(fill, source.dtype, destination)

    def under(self, prefix: str) -> Tensors:
        """Those below the dotted `prefix`, named without it."""
        return Under(self, prefix)

    def close(self) -> None:
        """Lets the file and the buffers go."""
        self._staging.release()
        self._tensors = {}

    def _flatten(self, name: str, value: Any, depth: int) -> Iterator[tuple[str, Tensor]]:
        """The tensors in nested dictionaries under their dotted names."""
        if isinstance(value, Mapping):
            if depth == _MAX_DEPTH:
                self._refuse(f"nests its names deeper than {_MAX_DEPTH} levels, at {shown(name)}")
            for key, below in value.items():
                if not isinstance(key, str) or not key:
                    self._refuse(
                        f"has the name {shown(repr(key))} in {shown(name) or 'it'}, which is no word"
                    )
                yield from self._flatten(f"{name}.{key}" if name else key, below, depth + 1)
            return
        if not isinstance(value, torch.Tensor):
            self._refuse(f"holds more than tensors: {shown(name) or 'it'} is a {type(value).__name__}")
        if value.layout is not torch.strided or value.dtype not in _DTYPE_NAMES:
            self._refuse(f"holds a tensor of a kind that is not read, {shown(name)} ({value.dtype})")
        yield name, value.detach()

    def _refuse(self, why: str) -> NoReturn:
        raise BadInput(f"{self._path} {why}.", remedy=self._remedy)


def _check_container(path: Path, remedy: str) -> None:
    """Refuses what is not a whole zip, the container of torch's checkpoints since 2020."""
    with open_file(path, remedy) as file:
        start = file.read(_START_BYTES)
    if start.startswith(b"PK\x03\x04"):
        if not has_zip_end(path):
            n_bytes = path.stat().st_size
            raise BadInput(
                f"{path} has {n_bytes:,} bytes and lacks its end: the download is not complete.",
                remedy=remedy,
            )
        return
    if start.startswith(b"\x80"):
        why = "is in torch's old format, which is not read because it cannot be read safely in parts"
    elif start.lstrip().startswith((b"<", b"version https://git-lfs")):
        why = "is a web page or a pointer of Git LFS, not a checkpoint"
    else:
        why = "is not a checkpoint of torch" if start else "is empty (0 bytes)"
    raise BadInput(f"{path} {why}.", remedy=f"Use the .safetensors file of the same model. {remedy}")


def _load(path: Path, remedy: str) -> Any:
    """What the restricted reader makes of the file, its tensors mapped."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except MemoryError:
        raise
    # torch names no type for what it refuses: it may be any of a dozen, and each means the same to the user.
    except Exception as error:
        words = str(error).partition("\n")[0][:200]
        raise BadInput(
            f"{path} is broken, or holds more than tensors ({type(error).__name__}: {shown(words)}).",
            remedy=f"Use the .safetensors file of the same model. {remedy}",
        ) from error
