"""A picture goes to the engine as its file lies on the disk, or as the pixels that Blender shows."""

from __future__ import annotations

import os
import re
from pathlib import Path

import bpy
from bpy.app.translations import pgettext_iface as words

from .protocol.arrays import Array, Image
from .protocol.codec import FROM_CLIENT
from .protocol.faults import Fault, fitted
from .protocol.requests import ViewPicture

# Files that the engine reads as they are; anything else goes as pixels.
_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
_CHOOSE = "Choose another picture."
_COPY = re.compile(r"\.\d{3,}$")  # what Blender puts after the name of a second image of the same file


class PictureUnusable(Exception):
    """A picture that cannot be sent: `fault` says which, why, and what to do."""

    def __init__(self, message: str, remedy: str = _CHOOSE) -> None:
        super().__init__(message)
        self.fault = Fault("bad_input", fitted(message, 2000), words(remedy), "choose_picture")


def picture_of(image: bpy.types.Image, view: str) -> ViewPicture:
    """A picture of an image datablock: its file if that is what it shows, else its pixels.

    Raises PictureUnusable when it has neither.
    """
    if image.type in ("RENDER_RESULT", "COMPOSITING"):
        content: bytes | None = _render_file(image)
    else:
        content = _file_bytes(image)
    made = Image("pixels", _pixels(image)) if content is None else _file_image(content, image.name)
    name = _COPY.sub("", image.name) or image.name
    return ViewPicture(view, fitted(name, 255), made)


def picture_at(path: Path, view: str) -> ViewPicture:
    """A picture of a file on the disk; raises PictureUnusable when it cannot be read."""
    return ViewPicture(view, fitted(path.name, 255), _file_image(_read(path), path.name))


def _read(path: Path) -> bytes:
    """The bytes of a file that is not too large to be sent."""
    try:
        _check_size(path.stat().st_size, path.name)
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise PictureUnusable(
            words('The picture "{path}" cannot be read: {reason}.').format(path=path, reason=reason)
        ) from error


def _check_size(n_bytes: int, name: str) -> None:
    limit_bytes = FROM_CLIENT.max_frame_bytes
    if n_bytes > limit_bytes:
        raise PictureUnusable(
            words('The picture "{name}" has {size} MB, {limit} can be sent.').format(
                name=name, size=n_bytes // 1024**2, limit=limit_bytes // 1024**2
            ),
            "Make it smaller: Maquette needs no more than 4096 pixels a side.",
        )


def _file_image(content: bytes, name: str) -> Image:
    if not content:
        raise PictureUnusable(words('The picture "{name}" is empty.').format(name=name))
    _check_size(len(content), name)
    return Image("file", Array("uint8", (len(content),), content))


def _file_bytes(image: bpy.types.Image) -> bytes | None:
    """The bytes of the file that the image shows unchanged; None when only its pixels tell."""
    if image.source != "FILE" or image.is_dirty or image.file_format not in _FORMATS:
        return None
    if image.packed_file is not None:
        return bytes(image.packed_file.data)
    path = Path(bpy.path.abspath(image.filepath, library=image.library))
    if not path.is_file():
        if image.has_data:
            return None
        raise PictureUnusable(
            words('The file "{path}" of the picture "{name}" does not exist.').format(
                path=path, name=image.name
            ),
            "Find the file again with File > External Data, or choose another picture.",
        )
    return _read(path)


def _pixels(image: bpy.types.Image) -> Array:
    """The pixels of an image as uint8 sRGB with straight alpha, top row first."""
    import numpy as np

    width, height = image.size
    channels = image.channels
    if not width or not height or channels not in (1, 2, 3, 4):
        raise PictureUnusable(words('The picture "{name}" has no pixels.').format(name=image.name))
    n_bytes = width * height * channels
    _check_size(n_bytes, image.name)
    values = np.empty(n_bytes, np.float32)
    image.pixels.foreach_get(values)
    values = values.reshape(height, width, channels)[::-1]
    if image.is_float:
        values = _display_values(values)
    eight = np.ascontiguousarray(np.clip(values * 255.0 + 0.5, 0.0, 255.0).astype(np.uint8))
    return Array("uint8", eight.shape, eight.data)


def _display_values(linear):
    """The sRGB values (IEC 61966-2-1) of linear ones with premultiplied alpha, as Blender has floats."""
    import numpy as np

    values = np.nan_to_num(linear.copy(), posinf=1.0)
    if values.shape[2] in (2, 4):
        alpha = values[..., -1:]
        values[..., :-1] /= np.where(alpha > 0.0, alpha, 1.0)
        colour = values[..., :-1]
    else:
        colour = values
    np.clip(colour, 0.0, 1.0, out=colour)
    colour[...] = np.where(colour <= 0.0031308, colour * 12.92, 1.055 * colour ** (1 / 2.4) - 0.055)
    return values


def _render_file(image: bpy.types.Image) -> bytes:
    """The render as Blender shows it: its pixels cannot be read, but it can be saved."""
    path = Path(bpy.app.tempdir) / f"maquette-{os.getpid()}.png"
    try:
        image.save_render(str(path))
        return path.read_bytes()
    except (RuntimeError, OSError) as error:
        raise PictureUnusable(
            words("There is no render to use yet."), "Render once, or choose another picture."
        ) from error
    finally:
        path.unlink(missing_ok=True)
