"""Shapes and results as the engine sends them, small enough to check by hand."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np

JOB = "0123456789abcdef0123456789abcdef"

# A box of 0.5 x 1 x 0.25 in the wire's frame (x, y up, z to the front), faces counter-clockwise from outside.
_CORNERS = [(x, y, z) for z in (-0.125, 0.125) for y in (-0.5, 0.5) for x in (-0.25, 0.25)]
_QUADS = [(4, 5, 7, 6), (1, 0, 2, 3), (5, 1, 3, 7), (0, 4, 6, 2), (6, 7, 3, 2), (0, 1, 5, 4)]


def box() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices (8, 3), faces (12, 3) and uv (12, 3, 2) of a box that is 0.5 wide, 1 tall and 0.25 deep."""
    faces = [face for a, b, c, d in _QUADS for face in ((a, b, c), (a, c, d))]
    uv = np.tile(np.array([[0, 0], [1, 0], [1, 1]], np.float32), (12, 1, 1))
    return np.array(_CORNERS, np.float32), np.array(faces, np.int32), uv


def png(size_px: int = 4, rgb: tuple[int, int, int] = (200, 100, 50)) -> bytes:
    """A PNG file of one colour."""
    rows = (b"\0" + bytes(rgb) * size_px) * size_px

    def chunk(tag: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))

    file = io.BytesIO(b"\x89PNG\r\n\x1a\n")
    file.seek(0, io.SEEK_END)
    file.write(chunk(b"IHDR", struct.pack(">IIBBBBB", size_px, size_px, 8, 2, 0, 0, 0)))
    file.write(chunk(b"IDAT", zlib.compress(rows)))
    file.write(chunk(b"IEND", b""))
    return file.getvalue()


def wire_array(array: np.ndarray) -> Any:
    """The array as the wire carries it."""
    from maquette.protocol.arrays import Array

    return Array(str(array.dtype), array.shape, array.tobytes())


def wire_file(data: bytes) -> Any:
    from maquette.protocol.arrays import Array, Image

    return Image("file", Array("uint8", (len(data),), data))


def shape_ready(job: str = JOB) -> Any:
    """The event of a box whose texture is still to come."""
    from maquette.protocol.events import ShapeReady

    vertices, faces, _ = box()
    return ShapeReady(job, wire_array(vertices), wire_array(faces))


def result(job: str = JOB, **more_maps: bytes) -> Any:
    """The result of a box with a base colour, and further maps by name."""
    from maquette.protocol.arrays import Mesh
    from maquette.protocol.results import NamedImage, Result

    vertices, faces, uv = box()
    images = (NamedImage("base_color", "sRGB", wire_file(png())),)
    images += tuple(NamedImage(name, "Non-Color", wire_file(data)) for name, data in more_maps.items())
    provenance = {
        "backend": "trellis",
        "engine": "maquette 0.1.0",
        "preset": "balanced",
        "seed": 7,
        "models": [{"name": "TRELLIS-image-large", "revision": "25e0d31", "licence": "MIT"}],
        "settings": {"save": {"roughness": 0.75}},
    }
    mesh = Mesh(wire_array(vertices), wire_array(faces), wire_array(uv))
    return Result(job, mesh, images, provenance, {})
