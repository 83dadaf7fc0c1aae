"""What is no picture is refused in words that name the file, a giant by its header; nothing else escapes."""

from __future__ import annotations

import contextlib
import os
import random
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import psutil
import pytest
from drawn_pictures import Pixels, cut_ramp, deep, disc_alphas, encoded, ramp
from PIL import Image, ImageFile

from engine.errors import BadInput
from engine.imaging.cutout import cut_out
from engine.imaging.picture import MAX_PIXELS, Picture, picture_from_pixels, read_picture

NAME = "머그 잔 (최종).png"


def refusal(source: Path | bytes, name: str = NAME) -> str:
    with pytest.raises(BadInput) as caught:
        read_picture(source, name)
    error = caught.value
    assert error.message.startswith(name) or f" {name}" in error.message
    assert error.remedy
    assert error.action == "choose_picture"
    return error.message


def files() -> dict[str, bytes]:
    """A valid file of every format."""
    grey = ramp()[..., 0]
    made = {
        "png": encoded(ramp(), "PNG"),
        "png with alpha": encoded(cut_ramp(), "PNG"),
        "png of 16 bits": deep(ramp(), ".png"),
        "png with palette": encoded(Image.fromarray(ramp()).quantize(16), "PNG", transparency=3),
        "jpeg": encoded(ramp(), "JPEG"),
        "progressive jpeg": encoded(ramp(), "JPEG", progressive=True),
        "cmyk jpeg": encoded(Image.fromarray(ramp()).convert("CMYK"), "JPEG"),
        "webp": encoded(ramp(), "WEBP"),
        "lossless webp": encoded(cut_ramp(), "WEBP", lossless=True),
        "tiff": encoded(ramp(), "TIFF"),
        "packed tiff": encoded(ramp(), "TIFF", compression="tiff_lzw"),
        "tiff of 16 bits": deep(grey, ".tif"),
        "floating tiff": encoded((grey / 255).astype(np.float32), "TIFF"),
        "gif": encoded(Image.fromarray(ramp()).quantize(64), "GIF"),
        "moving gif": encoded(ramp(), "GIF", save_all=True, append_images=[Image.fromarray(ramp()[::-1])]),
        "bmp": encoded(ramp(), "BMP"),
    }
    exif = Image.Exif()
    exif[0x0112] = 6
    made["turned jpeg"] = encoded(ramp(), "JPEG", exif=exif)
    return made | heic()


def heic() -> dict[str, bytes]:
    try:
        from pillow_heif import register_heif_opener

        register_heif_opener()
        return {"heic": encoded(ramp(), "HEIF")}
    except (ImportError, KeyError, ValueError, RuntimeError, OSError):
        return {}  # read where it is there, never demanded


# Files that are not there, or not whole.


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / NAME) == f"There is no file {NAME}."
    assert refusal(tmp_path / "no" / "folder" / NAME) == f"There is no file {NAME}."


def test_a_folder_is_no_picture(tmp_path: Path) -> None:
    folder = tmp_path / NAME
    folder.mkdir()
    message = refusal(folder)
    assert (
        message == f"{NAME} is a folder, not a picture." or "cannot be read" in message
    )  # Windows: no access


@pytest.mark.skipif(os.name == "nt" or os.environ.get("USER") == "root", reason="permissions bind")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / NAME
    file.write_bytes(encoded(ramp(), "PNG"))
    file.chmod(0)
    if os.access(file, os.R_OK):
        pytest.skip("this user may read everything")
    assert "cannot be read" in refusal(file)


def test_an_impossible_name_is_no_file(tmp_path: Path) -> None:
    assert NAME in refusal(tmp_path / ("잔" * 500))
    assert NAME in refusal(tmp_path / "a\0b.png")


def test_an_empty_file_says_its_size(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    assert refusal(tmp_path / "a.png") == f"{NAME} is empty (0 bytes)."


@pytest.mark.parametrize(
    "content",
    [
        "그림이 아닙니다. This is a letter.".encode() * 20,
        bytes(5000),
        b"\xff" * 5000,
        b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
        b"%PDF-1.7\n",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"II*\0",
        b"\xff\xd8\xff",
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        b"RIFF\x10\0\0\0WEBPVP8 ",
    ],
    ids=["text", "zeros", "ones", "svg", "pdf", "png", "gif", "tiff", "jpeg", "heic", "webp"],
)
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    refusal(content)


def test_no_other_program_is_asked_to_read_a_file() -> None:
    """Pillow would hand PostScript to Ghostscript: a picture's bytes must not run anything."""
    content = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n%%EndComments\nshowpage\n"
    assert refusal(content) == f"{NAME} is not a picture that can be read."


@pytest.mark.parametrize("kind", files())
def test_a_file_that_is_cut_short_is_refused(kind: str) -> None:
    content = files()[kind]
    whole_frames = 0.4 if kind == "moving gif" else 0.8  # its first frame is all that is asked of it
    for share in (0.1, 0.3, whole_frames):
        refusal(content[: int(share * len(content))])
    assert isinstance(read_picture(content, NAME), Picture)


# Sizes.


def resized_header(kind: str, width: int, height: int) -> bytes:
    """A small valid file whose header claims another size."""
    if kind == "png":
        head = b"IHDR" + struct.pack(">II", width, height) + b"\x08\x02\0\0\0"
        content = files()["png"]
        return content[:12] + head + struct.pack(">I", zlib.crc32(head)) + content[33:]
    if kind == "gif":
        content = files()["gif"]
        return content[:6] + struct.pack("<HH", width, height) + content[10:]
    if kind == "bmp":
        content = files()["bmp"]
        return content[:18] + struct.pack("<ii", width, height) + content[26:]
    if kind == "jpeg":
        content = files()["jpeg"]
        at = content.index(b"\xff\xc0") + 5
        return content[:at] + struct.pack(">HH", height, width) + content[at + 4 :]
    content = files()["tiff"]
    for tag, old, new in ((256, 60, width), (257, 40, height)):
        entry = struct.pack("<HHII", tag, 4, 1, old)
        assert entry in content
        content = content.replace(entry, struct.pack("<HHII", tag, 4, 1, new))
    return content


@pytest.mark.parametrize("kind", ["png", "tiff", "gif", "bmp", "jpeg"])
def test_a_giant_is_refused_from_its_header(kind: str) -> None:
    content = resized_header(kind, 30_000, 30_000)
    before_bytes = psutil.Process().memory_info().rss
    tracemalloc.start()
    try:
        message = refusal(content)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "30,000 x 30,000" in message
    assert f"{MAX_PIXELS:,}" in message
    assert peak_bytes < 20e6
    assert psutil.Process().memory_info().rss - before_bytes < 100e6


def test_a_line_is_no_picture() -> None:
    assert "1 x 5000 pixels" in refusal(encoded(ramp(5000, 1), "PNG"))
    assert "5000 x 1 pixels" in refusal(encoded(ramp(1, 5000), "PNG"))
    with pytest.raises(BadInput, match="0 x 40"):
        picture_from_pixels(np.zeros((40, 0, 3), np.uint8), NAME)
    assert read_picture(encoded(ramp(10, 1000), "PNG"), NAME).rgba.shape == (10, 1000, 4)


def test_limits_of_pillow_are_left_as_they_were() -> None:
    before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
    for content in (files()["png"], b"nonsense"):
        with contextlib.suppress(BadInput):
            read_picture(content, NAME)
        assert before == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)


# Pictures without a subject.


def cut_refusal(rgba: Pixels, models_dir: Path) -> str:
    with pytest.raises(BadInput) as caught:
        cut_out(picture_from_pixels(rgba, NAME), method="auto", models_dir=models_dir)
    assert NAME in caught.value.message
    assert caught.value.remedy
    return caught.value.message


@pytest.fixture
def no_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for key in ("U2NET_HOME", "REMBG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(key, str(tmp_path))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    return tmp_path


def test_a_fully_transparent_picture_has_no_subject(no_models: Path) -> None:
    rgba = np.dstack([ramp(), np.zeros((40, 60), np.uint8)])
    assert "fully transparent (its highest alpha is 0 of 255)" in cut_refusal(rgba, no_models)
    rgba[..., 3] = disc_alphas() // 4
    assert "63 of 255" in cut_refusal(rgba, no_models)


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (90, 140, 30)])
def test_a_picture_of_one_colour_has_no_subject(colour: tuple[int, int, int], no_models: Path) -> None:
    rgb = np.full((80, 90, 3), colour, np.uint8)
    assert "of one colour" in cut_refusal(rgb, no_models)
    noisy = np.clip(rgb.astype(int) + np.random.default_rng(0).integers(-3, 4, rgb.shape), 0, 255)
    assert "of one colour" in cut_refusal(noisy.astype(np.uint8), no_models)


def test_a_subject_of_a_few_pixels_is_refused_with_both_numbers(no_models: Path) -> None:
    rgba = np.dstack([ramp(), np.zeros((40, 60), np.uint8)])
    rgba[10:15, 20:24, 3] = 255
    message = cut_refusal(rgba, no_models)
    assert "only 4 x 5 pixels" in message
    assert "16" in message
    on_white = np.full((200, 200, 3), 255, np.uint8)
    on_white[100:106, 90:97] = (200, 30, 30)
    assert "only 7 x 6 pixels" in cut_refusal(on_white, no_models)


# Hostile bytes.


def mutated(content: bytes, source: random.Random) -> bytes:
    """The file cut short, or with up to eight bytes changed, or a piece of it doubled or gone."""
    changed = bytearray(content)
    for _ in range(source.choice((1, 2, 8))):
        changed[source.randrange(len(changed))] = source.choice(
            (0, 1, 0x7F, 0x80, 0xFF, source.randrange(256))
        )
    kind, at = source.randrange(4), source.randrange(len(changed))
    if kind == 0:
        return bytes(changed[:at])
    if kind == 1:
        return bytes(changed[:at] + changed[at + source.randrange(1, 40) :])
    if kind == 2:
        return bytes(changed[:at] + changed[max(0, at - 30) :])
    return bytes(changed)


@pytest.mark.parametrize("kind", files())
def test_damaged_files_give_a_picture_or_a_refusal_and_nothing_else(kind: str) -> None:
    content, source = files()[kind], random.Random(kind)
    messages = []
    for _ in range(200):
        try:
            picture = read_picture(mutated(content, source), NAME)
        except BadInput as error:
            messages.append(error.message)
        else:
            assert picture.rgba.dtype == np.uint8
            assert picture.rgba.shape[2] == 4
            assert max(picture.rgba.shape[:2]) <= 1024
    assert len(messages) > 10
    assert all(NAME in message for message in messages)


def test_a_heic_file_of_a_made_up_size_is_refused() -> None:
    if not (content := heic().get("heic")):
        pytest.skip("this pillow-heif writes no HEIC")
    # The box ispe holds the size; the decoder finds out only while it decodes.
    at = content.index(b"ispe") + 8
    refusal(content[:at] + struct.pack(">II", 64, 0xFF000040) + content[at + 8 :])
