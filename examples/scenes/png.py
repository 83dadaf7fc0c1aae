"""A picture that goes into a repository stays small: colours give way before pixels do."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

LIMIT_BYTES = 390_000
COARSEST = 6
"""Colours are rounded to multiples of at most this; six steps of 255 are not seen on a textured subject."""


def shrink(path: Path) -> None:
    """Write an 8-bit RGBA PNG again, in place, with as many colours as fit into `LIMIT_BYTES`."""
    image = bpy.data.images.load(str(path))
    width, height = image.size
    flat = np.empty(4 * width * height, np.float32)
    image.pixels.foreach_get(flat)
    bpy.data.images.remove(image)
    pixels = np.rint(flat.reshape(height, width, 4)[::-1] * 255).astype(np.int16)
    pixels[pixels[..., 3] == 0] = 0
    for multiple in range(1, COARSEST + 1):
        rounded = pixels.copy()
        rounded[..., :3] = np.minimum(np.rint(pixels[..., :3] / multiple) * multiple, 255)
        data = encode(rounded)
        if len(data) <= LIMIT_BYTES:
            break
    path.write_bytes(data)


def encode(pixels: NDArray[np.int16]) -> bytes:
    """Return pixels (H, W, 4), 0 to 255, sRGB, as a PNG with the Paeth filter on every row (PNG 1.2, 6.6)."""
    H, W, _ = pixels.shape
    framed = np.zeros((H + 1, W + 1, 4), np.int16)
    framed[1:, 1:] = pixels
    left, above, corner = framed[1:, :-1], framed[:-1, 1:], framed[:-1, :-1]
    guess = left + above - corner
    to_left, to_above, to_corner = (np.abs(guess - near) for near in (left, above, corner))
    nearest = np.where(to_above <= to_corner, above, corner)
    nearest = np.where((to_left <= to_above) & (to_left <= to_corner), left, nearest)
    rows = ((pixels - nearest) % 256).astype(np.uint8).reshape(H, 4 * W)
    rows = np.pad(rows, ((0, 0), (1, 0)), constant_values=4)  # 4 is Paeth's number
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 15, 9, zlib.Z_FILTERED)
    body = squeeze.compress(rows.tobytes()) + squeeze.flush()
    header = struct.pack(">IIBBBBB", W, H, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(name, data)
        for name, data in ((b"IHDR", header), (b"sRGB", b"\0"), (b"IDAT", body), (b"IEND", b""))
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
