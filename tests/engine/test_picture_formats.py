"""Every kind of file that artists have becomes the same picture: upright sRGB, 8 bits, straight alpha."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from drawn_pictures import Floats, Pixels, cut_ramp, deep, disc_alphas, encoded, ramp
from numpy.typing import NDArray
from PIL import Image, ImageCms, features

from engine.errors import BadInput
from engine.imaging.picture import Picture, picture_from_pixels, read_picture, reduce_to

SRGB = ImageCms.createProfile("sRGB")
LOSSY = 6  # quantised, subsampled or turned into another space: of 255


def colours_of(source: bytes, *, n_notes: int = 0) -> NDArray[np.int64]:
    """The colours of an opaque picture."""
    picture = read_picture(source, "a picture")
    assert not picture.has_alpha
    assert (picture.rgba[..., 3] == 255).all()
    assert len(picture.notes) == n_notes, picture.notes
    return picture.rgba[..., :3].astype(np.int64)


def furthest(left: NDArray[Any], right: NDArray[Any]) -> int:
    return int(np.abs(left.astype(np.int64) - right).max())


def grey() -> Pixels:
    return ramp()[..., 0]


def test_grey_and_colour_of_8_and_16_bits_lose_nothing() -> None:
    in_grey = np.repeat(grey()[..., None], 3, axis=2)
    for form in ("PNG", "TIFF", "BMP"):
        assert furthest(colours_of(encoded(ramp(), form)), ramp()) == 0
        assert furthest(colours_of(encoded(grey(), form)), in_grey) == 0
    for ending in (".png", ".tif"):
        assert furthest(colours_of(deep(ramp(), ending)), ramp()) == 0
        assert furthest(colours_of(deep(grey(), ending)), in_grey) == 0


@pytest.mark.parametrize(
    "write",
    [
        lambda: encoded(cut_ramp(), "PNG"),
        lambda: encoded(cut_ramp(), "TIFF"),
        lambda: encoded(cut_ramp(), "WEBP", lossless=True, exact=True),
        lambda: deep(cut_ramp(), ".png"),
        lambda: deep(cut_ramp(), ".tif"),
    ],
    ids=["png", "tiff", "webp", "png of 16 bits", "tiff of 16 bits"],
)
def test_an_alpha_channel_is_kept_and_straight(write: Callable[[], bytes]) -> None:
    picture = read_picture(write(), "a picture")
    assert picture.has_alpha
    seen = cut_ramp()[..., 3] > 0
    assert (picture.rgba[..., 3] == cut_ramp()[..., 3]).all()
    assert (picture.rgba[seen] == cut_ramp()[seen]).all()


def test_grey_with_alpha_keeps_both() -> None:
    image = Image.fromarray(grey())
    image.putalpha(Image.fromarray(disc_alphas()))
    assert image.mode == "LA"
    picture = read_picture(encoded(image, "PNG"), "a picture")
    assert picture.has_alpha
    assert (picture.rgba == np.dstack([grey(), grey(), grey(), disc_alphas()])).all()


def test_premultiplied_alpha_becomes_straight() -> None:
    rgba = cut_ramp()
    rgba[..., :3] = np.round(rgba[..., :3] * (rgba[..., 3:] / 255))
    content = encoded(rgba, "TIFF")
    # Tag 338, one short: 2 is straight alpha, 1 is premultiplied; Pillow writes only the former.
    straight, associated = (struct.pack("<HHIHH", 338, 3, 1, kind, 0) for kind in (2, 1))
    assert straight in content
    picture = read_picture(content.replace(straight, associated), "a picture")
    opaque = cut_ramp()[..., 3] == 255
    half = cut_ramp()[..., 3] > 100
    assert (picture.rgba[opaque] == cut_ramp()[opaque]).all()
    assert furthest(picture.rgba[half], cut_ramp()[half]) <= 3


def test_a_palette_is_looked_up() -> None:
    palette = Image.fromarray(ramp()).quantize(64)
    truth = np.asarray(palette.convert("RGB"))
    for form in ("PNG", "GIF", "TIFF", "BMP"):
        assert furthest(colours_of(encoded(palette, form)), truth) == 0


def test_a_transparent_palette_entry_is_transparent() -> None:
    palette = Image.fromarray(ramp()).quantize(8)
    entries = np.asarray(palette)
    for form in ("PNG", "GIF"):
        picture = read_picture(encoded(palette, form, transparency=3), "a picture")
        assert picture.has_alpha
        assert ((picture.rgba[..., 3] == 0) == (entries == 3)).all()
    graded = bytes([255, 128, 0, 255, 255, 255, 255, 255])
    picture = read_picture(encoded(palette, "PNG", transparency=graded), "a picture")
    assert (picture.rgba[..., 3] == np.frombuffer(graded, np.uint8)[entries]).all()


def test_a_colour_named_as_transparent_is_transparent() -> None:
    pixels = ramp()
    pixels[5:20, 5:20] = (255, 0, 255)
    picture = read_picture(encoded(pixels, "PNG", transparency=(255, 0, 255)), "a picture")
    assert picture.has_alpha
    assert ((picture.rgba[..., 3] == 0) == (pixels == (255, 0, 255)).all(axis=2)).all()


def test_one_bit_is_black_and_white() -> None:
    bits = disc_alphas() > 127
    for form in ("PNG", "TIFF", "BMP"):
        assert furthest(colours_of(encoded(Image.fromarray(bits), form)), bits[..., None] * 255) == 0


def test_jpeg_webp_and_cmyk_look_alike() -> None:
    plain = Image.fromarray(ramp())
    assert furthest(colours_of(encoded(plain, "JPEG", quality=98, subsampling=0)), ramp()) <= LOSSY
    assert furthest(colours_of(encoded(plain, "WEBP", quality=100)), ramp()) <= 2 * LOSSY
    assert furthest(colours_of(encoded(plain.convert("CMYK"), "JPEG", quality=98)), ramp()) <= LOSSY
    assert furthest(colours_of(encoded(plain.convert("CMYK"), "TIFF")), ramp()) <= 1
    assert furthest(colours_of(encoded(plain.convert("YCbCr"), "TIFF")), ramp()) <= LOSSY


def test_lab_in_tiff_is_turned_into_srgb() -> None:
    lab = ImageCms.profileToProfile(
        Image.fromarray(ramp()), SRGB, ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab is not None
    off = np.abs(colours_of(encoded(lab, "TIFF")) - ramp())
    assert off.mean() < 1.5  # a little is lost where 8 bits of Lab are coarse
    assert off.max() < 20


def test_floating_grey_spans_zero_to_one_and_survives_what_is_not_finite() -> None:
    values = (np.linspace(0, 1, 60)[None].repeat(40, axis=0)).astype(np.float32)
    truth = np.round(values * 255)[..., None]
    assert furthest(colours_of(encoded(values, "TIFF")), truth) == 0
    assert (
        furthest(colours_of(encoded(values * 4, "TIFF")), truth) <= 1
    )  # brighter than one: by its brightest
    values[0, 0], values[1, 1], values[2, 2] = np.inf, np.nan, -np.inf
    seen = colours_of(encoded(values, "TIFF"))[..., 0]
    assert furthest(seen[3:], truth[3:, :, 0]) == 0
    assert (seen[0, 0], seen[1, 1], seen[2, 2]) == (255, 0, 0)


def test_only_the_first_frame_moves_on_and_a_note_says_so() -> None:
    first = Image.fromarray(ramp())
    later = [Image.fromarray(255 - ramp()), Image.fromarray(ramp()[::-1])]
    for form in ("GIF", "PNG", "TIFF", "WEBP"):
        lossless = {"lossless": True} if form == "WEBP" else {}
        content = encoded(first, form, save_all=True, append_images=later, **lossless)
        picture = read_picture(content, "춤.gif")
        assert picture.notes == ("춤.gif has 3 frames; the first is used.",)
        assert np.abs(picture.rgba[..., :3].astype(int) - ramp()).mean() < 8
    assert read_picture(encoded(first, "GIF"), "a.gif").notes == ()


# What a viewer does to the stored pixels for each value of the tag, by the EXIF standard's table.
TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
    8: lambda p: np.rot90(p, 1),
}


@pytest.mark.parametrize("orientation", TURNS)
def test_a_turned_photograph_stands_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = TURNS[orientation](ramp())
    photo = encoded(ramp(), "JPEG", quality=98, subsampling=0, exif=exif)
    assert furthest(colours_of(photo), upright) <= LOSSY
    assert furthest(colours_of(encoded(ramp(), "PNG", exif=exif)), upright) == 0


def profile(name: str) -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()


def swapped_profile() -> bytes:
    """sRGB with the tags of its red and its blue swapped: a reader that obeys it shows red as blue."""
    content = bytearray(profile("sRGB"))
    for at in range(132, 132 + 12 * int.from_bytes(content[128:132], "big"), 12):
        swap = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}
        content[at : at + 4] = swap.get(bytes(content[at : at + 4]), bytes(content[at : at + 4]))
    return bytes(content)


def test_a_tag_of_srgb_changes_nothing() -> None:
    for form in ("PNG", "TIFF", "WEBP"):
        lossless = {"lossless": True} if form == "WEBP" else {}
        assert (
            furthest(colours_of(encoded(ramp(), form, icc_profile=profile("sRGB"), **lossless)), ramp()) <= 1
        )


def test_another_profile_is_obeyed_and_alpha_stays() -> None:
    pixels = np.full((40, 60, 3), (230, 40, 60), np.uint8)
    seen = colours_of(encoded(pixels, "PNG", icc_profile=swapped_profile()))[20, 30]
    assert furthest(seen, np.array([60, 40, 230])) <= 3
    # Half of a profile's gamma would show here: the lossy file must agree with the lossless one.
    photo = colours_of(encoded(pixels, "JPEG", quality=98, icc_profile=swapped_profile()))[20, 30]
    assert furthest(photo, seen) <= LOSSY
    picture = read_picture(encoded(cut_ramp(), "PNG", icc_profile=swapped_profile()), "a picture")
    assert (picture.rgba[..., 3] == cut_ramp()[..., 3]).all()
    assert furthest(picture.rgba[20, 30, :3], cut_ramp()[20, 30, 2::-1]) <= 3


@pytest.mark.parametrize("broken", [b"no profile at all" * 9, profile("sRGB")[:200], profile("LAB")])
def test_a_profile_that_cannot_be_used_is_said_and_left_out(broken: bytes) -> None:
    picture = read_picture(encoded(ramp(), "PNG", icc_profile=broken), "잔.png")
    assert len(picture.notes) == 1
    assert picture.notes[0].startswith("The colour profile of 잔.png cannot be used")
    assert (picture.rgba[..., :3] == ramp()).all()


@pytest.mark.parametrize("pixels", [ramp(), cut_ramp()], ids=["rgb", "rgba"])
def test_heic_is_read(pixels: Pixels) -> None:
    pytest.importorskip("pillow_heif").register_heif_opener()
    try:
        content = encoded(pixels, "HEIF", quality=95)
    except (KeyError, ValueError, RuntimeError, OSError) as error:
        pytest.skip(f"this pillow-heif writes no HEIC: {error}")
    picture = read_picture(content, "IMG_0001.HEIC")
    assert picture.has_alpha == (pixels.shape[2] == 4)
    solid = picture.rgba[..., 3] > 250
    off = np.abs(picture.rgba[..., :3].astype(int) - pixels[..., :3])[solid]
    assert off.mean() < LOSSY


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_avif_is_read() -> None:
    assert np.abs(colours_of(encoded(ramp(), "AVIF", quality=95)) - ramp()).mean() < LOSSY


@pytest.mark.parametrize("n_channels", [1, 2, 3, 4])
def test_pixels_over_the_wire_may_have_one_to_four_channels(n_channels: int) -> None:
    rgba = cut_ramp()
    channels = {1: [0], 2: [0, 3], 3: [0, 1, 2], 4: [0, 1, 2, 3]}[n_channels]
    picture = picture_from_pixels(np.ascontiguousarray(rgba[..., channels]), "pixels")
    truth = rgba.copy()
    if n_channels < 3:
        truth[..., :3] = rgba[..., :1]
    if n_channels in (1, 3):
        truth[..., 3] = 255
    assert (picture.rgba == truth).all()
    assert picture.has_alpha == (n_channels in (2, 4))


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((8, 8, 5), np.uint8), np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32)],
    ids=["five channels", "no channels", "floats"],
)
def test_pixels_of_another_kind_are_refused(pixels: NDArray[Any]) -> None:
    with pytest.raises(BadInput, match="uint8 \\(H, W, 1 to 4\\)"):
        picture_from_pixels(pixels, "pixels")


# Reduction.


def test_a_large_picture_is_reduced_before_use_and_both_sizes_are_named() -> None:
    picture = read_picture(encoded(ramp(900, 2048), "JPEG"), "사진.jpg")
    assert picture.rgba.shape == (450, 1024, 4)
    assert picture.notes == ("사진.jpg was reduced from 2048 x 900 to 1024 x 450 pixels.",)
    assert furthest(picture.rgba[..., :3], ramp(450, 1024)) <= LOSSY
    wire = picture_from_pixels(ramp(2048, 900), "pixels")
    assert wire.rgba.shape == (1024, 450, 4)
    assert "from 900 x 2048 to 450 x 1024" in wire.notes[0]
    assert picture_from_pixels(ramp(1024, 1024), "pixels").notes == ()


@pytest.mark.parametrize("hidden", [(0, 0, 0), (255, 255, 255), (0, 255, 0)], ids=["black", "white", "green"])
def test_reduction_mixes_in_no_hidden_colour(hidden: tuple[int, int, int]) -> None:
    colour = np.array((190, 90, 40))
    alphas = disc_alphas(1400, 1700)
    rgba = np.dstack([np.where(alphas[..., None] > 0, colour, hidden).astype(np.uint8), alphas])
    reduced = reduce_to(rgba, 300)
    assert reduced.shape[1] == 300
    edge = (reduced[..., 3] > 8) & (reduced[..., 3] < 250)
    assert edge.sum() > 100
    assert furthest(reduced[edge][:, :3], colour) <= 1


def test_reduction_averages_over_area() -> None:
    board = np.zeros((1600, 1600, 4), np.uint8)
    board[..., 3] = 255
    board[::2, ::2, :3] = board[1::2, 1::2, :3] = 255
    reduced = reduce_to(board, 800)
    assert furthest(reduced[..., :3], np.full((800, 800, 3), 128)) <= 1


def test_an_opaque_alpha_channel_tells_nothing() -> None:
    rgba = np.dstack([ramp(), np.full((40, 60), 255, np.uint8)])
    assert not read_picture(encoded(rgba, "PNG"), "a picture").has_alpha
    rgba[0, 0, 3] = 0  # one pixel in 2,400 is a slip
    assert not picture_from_pixels(rgba, "pixels").has_alpha


def test_a_file_reads_like_its_bytes(tmp_path: Path) -> None:
    file = tmp_path / "그림 폴더" / "머그 잔.png"
    file.parent.mkdir()
    file.write_bytes(encoded(cut_ramp(), "PNG"))
    from_file: Picture = read_picture(file, file.name)
    assert (from_file.rgba == read_picture(file.read_bytes(), file.name).rgba).all()
    assert from_file.name == "머그 잔.png"


def test_floats_of_the_drawn_pictures_are_what_opencv_wrote() -> None:
    """Guards the tests: 16-bit files must really hold 16 bits."""
    back: Floats = cv2.imdecode(np.frombuffer(deep(ramp(), ".png"), np.uint8), cv2.IMREAD_UNCHANGED)
    assert back.dtype == np.uint16
    assert (back[..., ::-1] == ramp().astype(np.uint16) * 257).all()
