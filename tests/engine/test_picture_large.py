"""A large picture of any kind costs little, looks as it did, and is told its true size."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms

from engine.errors import BadInput
from engine.imaging.picture import MAX_SIDE_PX, read_picture

WIDTH, HEIGHT = 4400, 2200
ORIENTATION = 0x0112


def large() -> Image.Image:
    """Four flat quarters: any reduction keeps their colours."""
    quarters = np.array([[[200, 40, 40], [40, 160, 60]], [[30, 60, 190], [230, 220, 90]]], np.uint8)
    return Image.fromarray(quarters).resize((WIDTH, HEIGHT), Image.Resampling.NEAREST)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, form, **options)
    return target.getvalue()


def corners(rgba: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The middle pixels of the four quarters, (4, channels)."""
    height, width = rgba.shape[:2]
    rows, columns = [height // 4, 3 * height // 4], [width // 4, 3 * width // 4]
    return rgba[np.ix_(rows, columns)].reshape(4, -1).astype(np.int64)


def with_alpha(image: Image.Image) -> Image.Image:
    image = image.convert("RGBA")
    mask = Image.new("L", image.size, 255)
    mask.paste(0, (0, 0, WIDTH // 2, HEIGHT // 2))
    image.putalpha(mask)
    return image


LARGE = {
    "rgb": lambda: encoded(large(), "PNG", compress_level=1),
    "palette": lambda: encoded(large().quantize(8), "PNG", compress_level=1),
    "jpeg": lambda: encoded(large(), "JPEG", quality=95),
    "cmyk": lambda: encoded(large().convert("CMYK"), "JPEG", quality=95),
    "profile": lambda: encoded(
        large(),
        "JPEG",
        quality=95,
        icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    ),
}


@pytest.mark.parametrize("kind", LARGE)
def test_a_large_picture_keeps_its_colours_and_is_told_its_size(kind: str) -> None:
    picture = read_picture(LARGE[kind](), "a.png")
    assert picture.rgba.shape == (MAX_SIDE_PX // 2, MAX_SIDE_PX, 4)
    assert np.abs(corners(picture.rgba)[:, :3] - corners(np.asarray(large()))).max() <= 4
    assert not picture.has_alpha
    assert picture.notes == (f"a.png was reduced from {WIDTH} x {HEIGHT} to 1024 x 512 pixels.",)


def test_a_large_alpha_stays_and_hidden_colours_do_not_mix_in() -> None:
    picture = read_picture(encoded(with_alpha(large()), "PNG", compress_level=1), "a.png")
    assert picture.has_alpha
    assert corners(picture.rgba)[:, 3].tolist() == [0, 255, 255, 255]
    shown = picture.rgba[..., 3] > 0
    right = picture.rgba[: MAX_SIDE_PX // 4 - 2, MAX_SIDE_PX // 2 - 4 :]
    assert np.abs(right[right[..., 3] > 0][:, :3].astype(int) - [40, 160, 60]).max() <= 3
    assert shown.mean() == pytest.approx(0.75, abs=0.01)


def test_large_grey_of_16_bits_and_of_one_bit_keep_their_greys() -> None:
    steps = np.kron(np.array([[0, 85], [170, 255]], np.uint8), np.ones((HEIGHT // 2, WIDTH // 2), np.uint8))
    deep = encoded(Image.fromarray(steps.astype(np.uint16) * 257), "PNG", compress_level=1)
    assert corners(read_picture(deep, "a.png").rgba)[:, 0].tolist() == [0, 85, 170, 255]
    bits = encoded(Image.fromarray(steps).convert("1", dither=Image.Dither.NONE), "PNG")
    assert corners(read_picture(bits, "a.png").rgba)[:, 0].tolist() == [0, 0, 255, 255]


def test_a_large_turned_photograph_is_told_its_upright_size() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    picture = read_picture(encoded(large(), "JPEG", exif=exif), "a.jpg")
    assert picture.rgba.shape == (MAX_SIDE_PX, MAX_SIDE_PX // 2, 4)
    assert picture.notes == (f"a.jpg was reduced from {HEIGHT} x {WIDTH} to 512 x 1024 pixels.",)
    assert np.abs(corners(picture.rgba)[0, :3] - [30, 60, 190]).max() <= 4  # the lower left comes to the top


def tiff(pixels: NDArray[np.uint16], **options: object) -> bytes:
    target = io.BytesIO()
    tifffile.imwrite(target, pixels, **options)
    return target.getvalue()


def test_deep_tiff_in_separate_planes_is_refused_instead_of_misread() -> None:
    planes = np.zeros((3, 40, 60), np.uint16)
    with pytest.raises(BadInput, match=r"a\.tif is a TIFF of 16 bits with separate planes"):
        read_picture(tiff(planes, photometric="rgb", planarconfig="separate"), "a.tif")


def test_deep_tiff_whose_zero_is_white_is_not_a_negative() -> None:
    greys = np.repeat(np.arange(0, 60, dtype=np.uint16)[:, None] * 1000, 50, axis=1)
    picture = read_picture(tiff(greys, photometric="miniswhite"), "a.tif")
    assert picture.rgba[0, 0, 0] == 255
    assert picture.rgba[-1, 0, 0] == 255 - round(59000 / 257)
