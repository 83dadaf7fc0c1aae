"""Pictures drawn for tests, small enough to be modelled in a fraction of a second, and a panel to match."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def png(rows: list[bytes], width_px: int, channels: int) -> bytes:
    """A PNG file of 8-bit rows, top first."""

    def chunk(tag: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))

    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    head = struct.pack(">IIBBBBB", width_px, len(rows), 8, kind, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def rgba_rows(width_px: int = 96, height_px: int = 128) -> list[bytes]:
    """A tall egg before nothing: red above, blue below, so that up and down can be told."""
    rows = []
    for y in range(height_px):
        row = bytearray()
        for x in range(width_px):
            u, v = (x + 0.5) / width_px * 2 - 1, (y + 0.5) / height_px * 2 - 1
            is_inside = (u / 0.8) ** 2 + (v / 0.9) ** 2 < 1
            row += bytes((220, 30, 30, 255) if v < 0 else (30, 30, 220, 255)) if is_inside else bytes(4)
        rows.append(bytes(row))
    return rows


def egg(folder: Path, name: str = "egg.png") -> Path:
    """The egg as a file in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_bytes(png(rgba_rows(), 96, 4))
    return file


def egg_image(name: str = "Egg", *, is_float: bool = False) -> Any:
    """The egg as an image that was made in Blender and lies in no file."""
    import bpy

    image = bpy.data.images.new(name, 96, 128, alpha=True, float_buffer=is_float)
    values = b"".join(reversed(rgba_rows()))
    image.pixels.foreach_set([value / 255 for value in values])
    image.update()
    return image


def be_quick() -> None:
    """The panel asks for the least: few triangles, a small texture, no cut-out preview."""
    import bpy

    choices = bpy.context.scene.maquette
    choices.preset, choices.faces, choices.texture_size = "prototype", 500, "512"
