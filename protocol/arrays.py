"""Arrays cross the wire as frames of their own: little-endian, C order, never copied on the way."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Annotated

from .rules import Illegal, Record, Rule, Text, kind_of

ITEM_BYTES = {"uint8": 1, "uint16": 2, "int32": 4, "float32": 4}
MAX_DIMENSIONS = 4
MAX_LENGTH = 2**31 - 1  # along one axis: what an int32 index can reach

Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True, eq=False)
class Array:
    """A block of numbers: `data` holds `shape` items of `dtype`; its owner keeps it alive and unchanged.

    Any C-contiguous object with the buffer protocol will do as `memoryview(it)`; it is held as a read-only
    view of bytes, without a copy. Two arrays are equal when dtype, shape and bytes are.
    """

    dtype: str
    shape: tuple[int, ...]
    data: Buffer

    def __post_init__(self) -> None:
        if self.dtype not in ITEM_BYTES:
            raise Illegal("Array.dtype", f"is {self.dtype!r}, allowed are {', '.join(ITEM_BYTES)}")
        if not isinstance(self.shape, tuple) or not 1 <= len(self.shape) <= MAX_DIMENSIONS:
            raise Illegal("Array.shape", f"must be a tuple of 1 to {MAX_DIMENSIONS} lengths")
        for length in self.shape:
            if type(length) is not int or not 0 <= length <= MAX_LENGTH:
                raise Illegal("Array.shape", f"has the length {length!r}, allowed are 0 to {MAX_LENGTH}")
        if not isinstance(self.data, Buffer):
            raise Illegal("Array.data", f"must be bytes or a memoryview, is {kind_of(self.data)}")
        view = memoryview(self.data)
        if not view.c_contiguous:
            raise Illegal("Array.data", "must be C-contiguous")
        n_bytes = prod(self.shape) * ITEM_BYTES[self.dtype]
        if view.nbytes != n_bytes:
            raise Illegal("Array.data", f"has {view.nbytes} bytes, {self.dtype} {self.shape} needs {n_bytes}")
        flat = (
            view.cast("B") if view.nbytes else memoryview(b"")
        )  # a view with a zero in its shape cannot be cast
        object.__setattr__(self, "data", flat.toreadonly())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Array):
            return NotImplemented
        return (self.dtype, self.shape, self.data) == (other.dtype, other.shape, other.data)

    def __hash__(self) -> int:
        return hash((self.dtype, self.shape))  # the bytes may be many

    def __repr__(self) -> str:
        return f"Array({self.dtype} {self.shape})"

    @property
    def n_bytes(self) -> int:
        """Size of the data in bytes."""
        return memoryview(self.data).nbytes


@dataclass(frozen=True)
class ArrayOf(Rule):
    """An array of `dtype` with the lengths in `shape`; None stands for any length from `low`."""

    dtype: str
    shape: tuple[int | None, ...]
    low: int = 1

    def check(self, value: object, field: str) -> object:
        """The array; raises `Illegal` when dtype or shape is another."""
        if not isinstance(value, Array):
            raise Illegal(field, f"must be an Array, is {kind_of(value)}")
        wanted = f"{self.dtype} ({', '.join('*' if n is None else str(n) for n in self.shape)})"
        if value.dtype != self.dtype or len(value.shape) != len(self.shape):
            raise Illegal(field, f"is {value.dtype} {value.shape}, must be {wanted}")
        for length, asked in zip(value.shape, self.shape, strict=True):
            if length < self.low if asked is None else length != asked:
                raise Illegal(
                    field, f"is {value.dtype} {value.shape}, must be {wanted}, * at least {self.low}"
                )
        return value


@dataclass(frozen=True)
class Octets(Rule):
    """An array of uint8 of any shape; what the shape means is for the record to say."""

    def check(self, value: object, field: str) -> object:
        """The array; raises `Illegal` when it is none of uint8."""
        if not isinstance(value, Array) or value.dtype != "uint8":
            raise Illegal(
                field,
                f"must be an Array of uint8, is {value if isinstance(value, Array) else kind_of(value)}",
            )
        return value


@dataclass(frozen=True)
class Image(Record):
    """A picture: the bytes of an image file, or its pixels.

    `file`: uint8 (n,), a PNG, JPEG, WebP or other file as it lies on disk. `pixels`: uint8 (H, W, C) with
    C 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA with straight alpha; sRGB, top row first.
    """

    encoding: Annotated[str, Text(8, names=("file", "pixels"))]
    data: Annotated[Array, Octets()]

    def check(self) -> None:
        """Refuses an empty picture and one whose shape does not suit its encoding."""
        shape = self.data.shape
        if 0 in shape:
            raise Illegal("Image.data", f"is empty: {shape}")
        if self.encoding == "file" and len(shape) != 1:
            raise Illegal("Image.data", f"of a file must be (n,), is {shape}")
        if self.encoding == "pixels" and (len(shape) != 3 or shape[2] > 4):
            raise Illegal("Image.data", f"of pixels must be (H, W, 1 to 4), is {shape}")


@dataclass(frozen=True)
class Mesh(Record):
    """A triangle mesh in the wire's frame of reference, with texture coordinates for each corner.

    Right-handed, Y up, the object faces +Z, longest side 1, centred on the origin; faces counter-clockwise
    from outside; UV origin bottom-left. Indices are 0 to N - 1; the receiver checks that before it uses them.
    """

    vertices: Annotated[Array, ArrayOf("float32", (None, 3))]
    faces: Annotated[Array, ArrayOf("int32", (None, 3))]
    uv: Annotated[Array, ArrayOf("float32", (None, 3, 2))]

    def check(self) -> None:
        """Refuses texture coordinates for another number of faces."""
        if self.uv.shape[0] != self.faces.shape[0]:
            raise Illegal("Mesh.uv", f"is for {self.uv.shape[0]} faces, the mesh has {self.faces.shape[0]}")
