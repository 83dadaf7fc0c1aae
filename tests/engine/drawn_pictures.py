"""Pictures that are drawn here, so that the truth is known: ramps for the readers, subjects for the cut-outs.

Colours are sRGB in [0, 255]; alphas are coverages in [0, 1]; pixels are (H, W, C), top row first.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]
Distances = NDArray[np.float64]
Pixels = NDArray[np.uint8]

SIDE_PX = 240


# Files.


def ramp(height: int = 40, width: int = 60) -> Pixels:
    """RGB without symmetry and with few steps between neighbours, so that lossy formats keep it."""
    y, x = np.mgrid[:height, :width]
    channels = [40 + 180 * x / width, 30 + 200 * y / height, 60 + 60 * (x / width + y / height)]
    return np.stack(channels, axis=-1).astype(np.uint8)


def disc_alphas(height: int = 40, width: int = 60) -> Pixels:
    y, x = np.mgrid[:height, :width]
    distances = 0.4 * min(height, width) - np.hypot(x - width / 2, y - height / 2)
    return np.round(255 * np.clip(0.5 + distances / 3, 0, 1)).astype(np.uint8)


def cut_ramp(height: int = 40, width: int = 60) -> Pixels:
    return np.dstack([ramp(height, width), disc_alphas(height, width)])


def encoded(image: Image.Image | NDArray[Any], form: str, **options: Any) -> bytes:
    """The bytes of a file that Pillow writes; arrays of 8 bits may have one to four channels, without a 2."""
    made = image if isinstance(image, Image.Image) else Image.fromarray(image)
    file = io.BytesIO()
    made.save(file, form, **options)
    return file.getvalue()


def deep(pixels: Pixels, ending: str) -> bytes:
    """The bytes of a file of 16 bits a channel, which Pillow cannot write; grey, RGB or RGBA."""
    wide = pixels.astype(np.uint16) * 257
    if wide.ndim == 3:
        wide = np.ascontiguousarray(wide[..., [2, 1, 0, 3][: wide.shape[2]]])
    is_written, file = cv2.imencode(ending, wide)
    assert is_written
    return bytes(file)


# Subjects.


@dataclass(frozen=True, eq=False)
class Drawn:
    """A subject: its own `colours` (H, W, 3) everywhere, and its `alphas` (H, W)."""

    colours: Floats
    alphas: Floats

    def over(self, backdrop: Floats) -> Pixels:
        shares = self.alphas[..., None]
        return np.round(np.clip(shares * self.colours + (1 - shares) * backdrop, 0, 255)).astype(np.uint8)

    @property
    def inside(self) -> NDArray[np.bool_]:
        return self.alphas > 0.5


def _grid() -> tuple[Distances, Distances]:
    rows, columns = np.mgrid[0:SIDE_PX, 0:SIDE_PX]
    return columns + 0.5 - SIDE_PX / 2, rows + 0.5 - SIDE_PX / 2


def _disc(radius: float, x0: float = 0, y0: float = 0) -> Distances:
    x, y = _grid()
    return np.asarray(radius - np.hypot(x - x0, y - y0))


def _box(half_width: float, half_height: float, turn_rad: float = 0) -> Distances:
    x, y = _grid()
    across = x * np.cos(turn_rad) + y * np.sin(turn_rad)
    along = y * np.cos(turn_rad) - x * np.sin(turn_rad)
    return np.asarray(np.minimum(half_width - np.abs(across), half_height - np.abs(along)))


def _waves(radius: float, swing: float, n: int) -> Distances:
    x, y = _grid()
    return np.asarray(radius * (1 + swing * np.cos(n * np.arctan2(y, x))) - np.hypot(x, y))


def _grain(seed: int, size_px: float) -> Floats:
    """Smooth noise (H, W), of mean 0 and deviation 1."""
    noise = np.random.default_rng(seed).standard_normal((SIDE_PX, SIDE_PX))
    smooth = cv2.GaussianBlur(noise, (0, 0), size_px)
    return np.asarray((smooth - smooth.mean()) / smooth.std(), np.float32)


def _textured(distances: Distances, colour: tuple[int, int, int], seed: int, depth: float = 22) -> Drawn:
    """One colour with a texture of two sizes and light from the upper left."""
    x, y = _grid()
    shading = -0.12 * (x + y)
    texture = depth * (0.7 * _grain(seed, 9) + 0.3 * _grain(seed + 1, 2))
    colours = np.asarray(colour, np.float32) + (shading + texture)[..., None]
    return Drawn(np.clip(colours, 0, 255).astype(np.float32), _covered(distances))


def _covered(distances: Distances) -> Floats:
    return np.asarray(np.clip(0.5 + distances, 0, 1), np.float32)


def ring() -> Drawn:
    return _textured(np.minimum(_disc(90), -_disc(42)), (170, 60, 40), 5)


def white_subject() -> Drawn:
    """A white ball, as a photograph shows one: shaded grey towards its outline, white in the middle."""
    distances = _disc(85)
    heights = np.sqrt(np.clip(distances, 0, 85) * (170 - np.clip(distances, 0, 85))) / 85
    greys = 205 + 48 * heights
    return Drawn(np.repeat(greys[..., None], 3, axis=2).astype(np.float32), _covered(distances))


def subjects() -> dict[str, Drawn]:
    """A dozen subjects: round, thin, holed, jagged, dark, pale, in one part."""
    two_discs = np.maximum(_disc(52, -40), _disc(58, 38, 12))
    cross = np.maximum(_box(4.7, 95.2), _box(85.2, 4.7))
    mug = np.maximum(_box(52, 70), np.minimum(_disc(46, 56), -_disc(27, 56)))
    return {
        "disc": _textured(_disc(80), (180, 90, 50), 1),
        "ring": ring(),
        "thin cross": _textured(cross, (40, 60, 120), 7, depth=10),
        "turned box": _textured(_box(80, 45, 0.5), (60, 130, 70), 9),
        "blob": _textured(_waves(75, 0.22, 5), (150, 70, 140), 11),
        "gear": _textured(_waves(80, 0.08, 16), (110, 100, 40), 13),
        "two discs": _textured(two_discs, (30, 110, 150), 15),
        "mug": _textured(mug, (120, 60, 60), 17),
        "dark ball": _textured(_disc(78, 6, -4), (26, 24, 30), 19, depth=6),
        "star": _textured(_waves(70, 0.4, 6), (200, 150, 20), 21),
        "strong texture": _textured(_waves(78, 0.15, 3), (100, 90, 110), 23, depth=40),
        "tall box": _textured(_box(26, 100, 0.15), (70, 40, 90), 25),
    }


# Backdrops (H, W, 3).


def white() -> Floats:
    return np.full((SIDE_PX, SIDE_PX, 3), 255, np.float32)


def noisy_grey() -> Floats:
    noise = np.random.default_rng(3).normal(0, 2.5, (SIDE_PX, SIDE_PX, 3))
    return np.asarray(190 + noise, np.float32)


def gradient() -> Floats:
    x, y = _grid()
    slope = np.stack([0.12 * x + 0.05 * y, 0.16 * y, -0.1 * x], axis=-1)
    return np.asarray(np.array([206, 212, 220]) + slope, np.float32)


def random_shapes(seed: int = 4) -> Floats:
    """Clutter: fifty shapes of any colour, size and place."""
    rng = np.random.default_rng(seed)
    picture = np.full((SIDE_PX, SIDE_PX, 3), 128, np.uint8)
    for _ in range(50):
        x, y, width, height = (int(v) for v in rng.integers((0, 0, 8, 8), (SIDE_PX, SIDE_PX, 60, 60)))
        colour = [int(v) for v in rng.integers(0, 256, 3)]
        cv2.ellipse(picture, (x, y), (width, height), int(rng.integers(0, 180)), 0, 360, colour, -1)
    return picture.astype(np.float32)


PLAIN: dict[str, Callable[[], Floats]] = {"white": white, "noisy grey": noisy_grey, "gradient": gradient}


def overlap(left: NDArray[np.bool_], right: NDArray[np.bool_]) -> float:
    """Intersection over union."""
    return float((left & right).sum() / (left | right).sum())
