"""Whatever file an artist has becomes one thing: sRGB, 8 bits, straight alpha, upright, at most 1024 pixels.

Nothing is allocated before the header has said how large the picture is, and nothing is reduced without a
note. What cannot be read is refused in words that name the file.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, ImageFile, ImageOps, UnidentifiedImageError

from engine.errors import BadInput

Pixels = NDArray[np.uint8]

MAX_SIDE_PX = 1024
# A header may claim any size; this many pixels take 400 MB as RGBA, and no camera makes more.
MAX_PIXELS = 100_000_000
# The longer side against the shorter: beyond it there is no subject, only a line.
MAX_ASPECT = 100
# Only these readers open a file: Pillow has some that hand a file to another program (EPS to Ghostscript).
_FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "TIFF", "GIF", "BMP", "HEIF", "AVIF")
# What Pillow's readers have been seen to raise for files cut short or made up (RuntimeError: HEIC, AVIF).
_DAMAGE = (
    *(OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError),
    *(struct.error, RuntimeError),
)
# Above this, pictures are reduced by a whole factor before anything is computed of them.
_ROUGH_SIDE_PX = 2 * MAX_SIDE_PX
# Tags of TIFF 6.0: what zero means, how channels lie, bits of each.
_TIFF_PHOTOMETRIC, _TIFF_PLANES, _TIFF_BITS = 262, 284, 258
_HEIF_REMEDY = "Save it as PNG or JPEG, or install pillow-heif."


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture ready for use.

    `rgba` (H, W, 4) uint8 sRGB with straight alpha, upright, top row first, neither side above 1024.
    `has_alpha` says that the alpha is meaningful: it tells a subject from its surroundings. `name` is for
    messages, `notes` say what was lost on the way.
    """

    rgba: Pixels
    has_alpha: bool
    name: str
    notes: tuple[str, ...] = ()


def read_picture(source: Path | bytes, name: str) -> Picture:
    """The picture in a file or in a file's bytes; `name` is what messages call it.

    PNG, JPEG, WebP, TIFF, GIF (its first frame), BMP and, with pillow-heif, HEIC; of any depth and mode.
    Raises BadInput if it is missing, empty, truncated, no picture, or of an impossible size.
    """
    content = source if isinstance(source, bytes) else _read(source, name)
    if not content:
        raise BadInput(f"{name} is empty (0 bytes).", remedy="Save or download the picture again.")
    if content[4:10] in (b"ftyphe", b"ftypmi", b"ftypms"):  # heic, heix, hevc, mif1, msf1, ...
        _register_heif(name)
    with _words_for_damage(name), warnings.catch_warnings():
        # Pillow warns of bombs where we refuse them, and of tags that do not matter.
        warnings.simplefilter("ignore")
        Image.init()
        readers = [form for form in _FORMATS if form in Image.OPEN]
        with Image.open(io.BytesIO(content), formats=readers) as image:
            size = image.size
            _check_size(size, name)
            _refuse_separate_planes(image, name)
            notes = []
            if getattr(image, "n_frames", 1) > 1:
                notes.append(f"{name} has {image.n_frames} frames; the first is used.")  # type: ignore[attr-defined]
                image.seek(0)
            # A JPEG gives an eighth, a quarter or half of its size for a fraction of the time and memory.
            share = min(1.0, _ROUGH_SIDE_PX / max(size))
            image.draft(image.mode, (max(1, round(size[0] * share)), max(1, round(size[1] * share))))
            image.load()
            rough = _roughly_reduced(image)
            upright = ImageOps.exif_transpose(rough) or rough
            # TIFF's "white is zero": Pillow turns it round at 8 bits, but not at 16.
            is_negative = getattr(image, "tag_v2", {}).get(_TIFF_PHOTOMETRIC) == 0
            rgba, losses = _as_srgb(upright, name, is_negative=is_negative)
            # An EXIF tag above 4 turns the picture on its side.
            read_size = size[::-1] if image.getexif().get(ExifTags.Base.Orientation, 1) > 4 else size
    return _finish(rgba, name, (*notes, *losses), read_size)


def picture_from_pixels(pixels: Pixels, name: str) -> Picture:
    """The picture of pixels (H, W, C) uint8 sRGB, top row first: grey, grey and alpha, RGB or RGBA."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or not 1 <= pixels.shape[2] <= 4:
        raise BadInput(f"{name} is {pixels.dtype} {pixels.shape}, not uint8 (H, W, 1 to 4).")
    height, width, n_channels = pixels.shape
    _check_size((width, height), name)
    colours = pixels[..., :1].repeat(3, axis=2) if n_channels < 3 else pixels[..., :3]
    has_channel = n_channels in (2, 4)
    alphas = pixels[..., -1:] if has_channel else np.full((height, width, 1), 255, np.uint8)
    return _finish(np.concatenate([colours, alphas], axis=2), name, (), (width, height))


def reduce_to(rgba: Pixels, longest_px: int) -> Pixels:
    """`rgba` with its longer side at most `longest_px`, averaged over area with the alpha premultiplied."""
    height, width = rgba.shape[:2]
    scale = longest_px / max(height, width)
    if scale >= 1:
        return rgba
    return resize(rgba, max(1, round(width * scale)), max(1, round(height * scale)))


def resize(rgba: Pixels, width_px: int, height_px: int) -> Pixels:
    """`rgba` (H, W, 4) at another size: by area when smaller, else cubic; hidden colours never mix in."""
    shrinks = width_px <= rgba.shape[1] and height_px <= rgba.shape[0]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    alphas = rgba[..., 3:].astype(np.float32) / 255
    premultiplied = np.concatenate([rgba[..., :3] * alphas, alphas * 255], axis=2)
    resized = np.clip(cv2.resize(premultiplied, (width_px, height_px), interpolation=method), 0, 255)
    resized[..., :3] *= 255 / np.maximum(resized[..., 3:], 1e-3)
    return np.asarray(np.round(np.clip(resized, 0, 255)), np.uint8)


def _finish(rgba: Pixels, name: str, notes: tuple[str, ...], size: tuple[int, int]) -> Picture:
    """The picture of `rgba`, reduced; `size` (width, height) is what it had at first, for the note."""
    reduced = reduce_to(rgba, MAX_SIDE_PX)
    picture = Picture(np.ascontiguousarray(reduced), _is_meaningful(reduced[..., 3]), name, notes)
    if max(size) <= MAX_SIDE_PX:
        return picture
    now = f"{reduced.shape[1]} x {reduced.shape[0]}"
    said = f"{name} was reduced from {size[0]} x {size[1]} to {now} pixels."
    return replace(picture, notes=(*notes, said))


def _is_meaningful(alphas: Pixels) -> bool:
    """Whether an alpha channel tells something apart: at least one pixel in 500 is clear, if any is not."""
    return bool((alphas < 250).mean() > 0.002)


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise BadInput(
            f"{name} claims {width:,} x {height:,} pixels; at most {MAX_PIXELS:,} pixels are read.",
            remedy="Save it smaller: 1024 pixels are enough.",
        )
    if min(size) < 1 or max(size) > MAX_ASPECT * min(size):
        raise BadInput(
            f"{name} is {width} x {height} pixels; no side may be more than {MAX_ASPECT} times the other.",
            remedy="Choose a picture that shows the whole subject.",
        )


def _read(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise BadInput(f"There is no file {name}.", remedy="Check the name and the folder.") from None
    except ValueError:  # a zero byte in it
        raise BadInput(f"No file can have the name of {name}.", remedy="Check the name.") from None
    except IsADirectoryError:
        raise BadInput(f"{name} is a folder, not a picture.", remedy="Give the name of a file.") from None
    except OSError as error:
        raise BadInput(
            f"{name} cannot be read: {error.strerror}.", remedy="Check its permissions."
        ) from error


def _register_heif(name: str) -> None:
    try:
        from pillow_heif import register_heif_opener
    except ImportError as error:
        raise BadInput(f"{name} is a HEIC picture, which needs pillow-heif.", remedy=_HEIF_REMEDY) from error
    register_heif_opener()


@contextmanager
def _words_for_damage(name: str) -> Iterator[None]:
    """Turns what Pillow raises for bytes that are no picture, or half of one, into BadInput."""
    again = "Save or download the picture again, or convert it to PNG."
    before = ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS
    # A truncated file is refused, and sizes are judged by us, with both numbers.
    ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS = False, None
    try:
        yield
    except UnidentifiedImageError:
        raise BadInput(f"{name} is not a picture that can be read.", remedy=again) from None
    except BadInput:
        raise
    except _DAMAGE as error:
        raise BadInput(f"{name} is damaged or cut short ({error}).", remedy=again) from error
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS = before


def _roughly_reduced(image: Image.Image) -> Image.Image:
    """`image` with its longer side divided by a whole number, and still twice what is kept in the end.

    Every new pixel is the mean of a square, with the alpha premultiplied. The exact reduction that follows
    then needs few floats: the largest picture allowed takes about 1 GB instead of 4.
    """
    factor = max(image.size) // _ROUGH_SIDE_PX
    if factor < 2:
        return image
    if image.mode.startswith("I;16"):
        return image.convert("I").reduce(factor)
    if image.mode == "1":
        return image.convert("L").reduce(factor)
    if image.mode in ("P", "PA", "LA", "La", "RGBA", "RGBa") or "transparency" in image.info:
        return image.convert("RGBA").convert("RGBa").reduce(factor).convert("RGBA")
    return image.reduce(factor)


def _refuse_separate_planes(image: Image.Image, name: str) -> None:
    """Refuses the one layout that Pillow reads, but wrongly: TIFF with 16 bits, each channel by itself."""
    tags = getattr(image, "tag_v2", {})
    bits = max(tags.get(_TIFF_BITS) or (1,))
    if tags.get(_TIFF_PLANES) == 2 and bits > 8 and len(image.getbands()) > 1:
        raise BadInput(
            f"{name} is a TIFF of {bits} bits with separate planes for its channels, which cannot be read.",
            remedy="Save it with interleaved channels, with 8 bits, or as PNG.",
        )


def _as_srgb(image: Image.Image, name: str, *, is_negative: bool = False) -> tuple[Pixels, tuple[str, ...]]:
    """8-bit sRGB with straight alpha, and what was lost."""
    if image.mode.startswith("I") or image.mode == "F":
        return _from_deep_grey(image, is_negative=is_negative)
    notes: tuple[str, ...] = ()
    profile = image.info.get("icc_profile")
    if image.mode == "P" or (image.mode in ("L", "RGB", "1") and "transparency" in image.info):
        image = image.convert("RGBA")
    if image.mode in ("PA", "La", "RGBa"):
        image = image.convert("LA" if image.mode == "La" else "RGBA")
    alphas = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    base = image.convert({"LA": "L", "RGBA": "RGB"}.get(image.mode, image.mode))
    if profile:
        base, notes = _with_profile(base, profile, name)
    colours = base.convert("RGB")
    colours.putalpha(alphas if alphas is not None else 255)
    return np.asarray(colours), notes


def _with_profile(image: Image.Image, profile: bytes, name: str) -> tuple[Image.Image, tuple[str, ...]]:
    """The image in sRGB by its own profile; without it, and with a note, where the profile is broken."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        return image, (f"The colour profile of {name} cannot be used ({error}); colours may be off.",)
    return converted or image, ()


def _from_deep_grey(image: Image.Image, *, is_negative: bool) -> tuple[Pixels, tuple[str, ...]]:
    """16-bit, 32-bit and floating grey: their own range for integers of 16 bits, [0, 1] for floats in it."""
    values = np.asarray(image, np.float64)
    if image.mode == "F":
        top = float(np.max(values, initial=1.0, where=np.isfinite(values)))
    else:
        top = 65535.0 if values.max() <= 65535 else float(values.max())
    greys = np.round(np.clip(np.nan_to_num(values) / top, 0, 1) * 255).astype(np.uint8)
    greys = 255 - greys if is_negative else greys
    rgba = np.dstack([greys, greys, greys, np.full_like(greys, 255)])
    return rgba, ()
