"""Tensors on the disk look alike, whichever kind of file holds them: names, shapes, and a way to a device.

Whoever builds a network asks for shapes, makes the parameters where they shall live, and has each read into
its place; no more than one piece of a tensor is ever in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from engine.errors import BadInput
from engine.weights.header import remedy_for

Tensor = Any
PICKLED_SUFFIXES = (".ckpt", ".bin", ".pt", ".pth")


class Tensors(Protocol):
    """The tensors of an open file, or those of them whose names begin alike."""

    @property
    def source(self) -> Path:
        """The file."""

    @property
    def remedy(self) -> str:
        """What mends the file if it is broken."""

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of each tensor, by name, in the file's order."""

    def dtype_of(self, name: str) -> str:
        """The kind of its numbers as safetensors names it ("F16", "BF16"); KeyError if not there."""

    def read(self, name: str) -> Tensor:
        """The tensor as the file has it, on the processor."""

    def read_into(self, name: str, destination: Tensor) -> None:
        """Fills `destination`, of the same shape, contiguous, on any device and of any kind of numbers.

        On a card it is done once the current stream is; raises BadInput if the file cannot be read.
        """

    def under(self, prefix: str) -> Tensors:
        """Those below the dotted `prefix` ("model" or "model."), named without it."""

    def close(self) -> None:
        """Closes the file, for every view of it."""


class Under:
    """The tensors of another below a prefix, named without it."""

    def __init__(self, whole: Tensors, prefix: str) -> None:
        self._whole = whole
        self._prefix = f"{prefix.rstrip('.')}."
        start = len(self._prefix)
        self._shapes = MappingProxyType(
            {name[start:]: shape for name, shape in whole.shapes().items() if name.startswith(self._prefix)}
        )

    @property
    def source(self) -> Path:
        """The file."""
        return self._whole.source

    @property
    def remedy(self) -> str:
        """What mends the file if it is broken."""
        return self._whole.remedy

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of each tensor, by name."""
        return self._shapes

    def dtype_of(self, name: str) -> str:
        """The kind of its numbers."""
        return self._whole.dtype_of(self._prefix + name)

    def read(self, name: str) -> Tensor:
        """The tensor as the file has it, on the processor."""
        return self._whole.read(self._prefix + name)

    def read_into(self, name: str, destination: Tensor) -> None:
        """Fills `destination`."""
        self._whole.read_into(self._prefix + name, destination)

    def under(self, prefix: str) -> Tensors:
        """Those below a longer prefix."""
        return Under(self._whole, self._prefix + prefix)

    def close(self) -> None:
        """Closes the file, for every view of it."""
        self._whole.close()


def open_tensors(path: Path, *, model: str = "") -> Tensors:
    """Opens a .safetensors, .ckpt or .bin file by its name's ending.

    `model`, such as hunyuan3d-2/2.0, is what the remedy of a broken file names. Raises BadInput.
    """
    # Imported here: these import torch, and whoever only describes tensors need not.
    suffix = path.suffix.lower()
    if suffix == ".safetensors":
        from engine.weights.tensor_file import TensorFile

        return TensorFile(path, remedy=remedy_for(model))
    if suffix in PICKLED_SUFFIXES:
        from engine.weights.pickled import PickledFile

        return PickledFile(path, remedy=remedy_for(model))
    raise BadInput(
        f"{path} is no file of weights by its name: it ends in {suffix or 'nothing'}.",
        remedy=f"Files of weights end in .safetensors, {', '.join(PICKLED_SUFFIXES)}.",
    )
