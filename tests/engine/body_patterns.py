"""A made-up texture has the spectrum of a real one and no detail finer than it says, so truth never aliases.

Colours are sRGB in [0, 1]; patterns are functions of points (K, 3) in the body's own units. `finest` is the
shortest wavelength, which is also the width of every edge.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Colour = Callable[[Floats, Floats], Floats]
"""Takes points (K, 3) and unit normals (K, 3), returns colours (K, 3)."""

# Points handled at once: few enough for the cache, and for BLAS to keep such thin products on one thread.
_CHUNK = 2048


@dataclass(frozen=True, eq=False)
class Waves:
    """Plane waves in space, summed: `vectors` (3, n) in rad a unit, `phases` (n,), `amplitudes` (n, C)."""

    vectors: Floats
    phases: Floats
    amplitudes: Floats

    def __call__(self, points: Floats) -> Floats:
        """Values (K, C)."""
        out = np.empty((len(points), self.amplitudes.shape[1]), np.float32)
        for first in range(0, len(points), _CHUNK):
            part = slice(first, first + _CHUNK)
            angles = points[part] @ self.vectors
            angles += self.phases
            out[part] = np.sin(angles, out=angles) @ self.amplitudes
        return out


def noise(seed: int, coarsest: float, finest: float, n_waves: int = 96, n_channels: int = 3) -> Waves:
    """Noise of mean 0 and deviation 1 whose amplitude falls as 1/f, as in pictures of real things.

    In two dimensions that is the same energy in every octave (Field, 1987), so wavelengths are spread evenly
    over the octaves from `coarsest` to `finest`. Channels go mostly together: hue varies less.
    """
    random = np.random.default_rng(seed)
    spread = (np.arange(n_waves) + random.uniform(size=n_waves)) / n_waves
    lengths = coarsest * (finest / coarsest) ** spread
    directions = random.normal(size=(3, n_waves))
    directions /= np.linalg.norm(directions, axis=0)
    shades = (
        0.92 + 0.39 * random.normal(size=(n_waves, n_channels)) if n_channels > 1 else np.ones((n_waves, 1))
    )
    amplitudes = shades * np.sqrt(2 / n_waves)
    vectors = directions * (2 * np.pi / lengths)
    phases = random.uniform(0, 2 * np.pi, n_waves)
    return Waves(vectors.astype(np.float32), phases.astype(np.float32), amplitudes.astype(np.float32))


def edge(distances: Floats, finest: float) -> Floats:
    """1 where `distances` (K,) are positive, 0 where negative, a smooth step as wide as `finest` between."""
    t = np.clip(distances / np.float32(finest) + np.float32(0.5), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def stripes(along: Floats, pitch: float, width: float, finest: float) -> Floats:
    """1 inside the stripes (K,) of a `width` that come every `pitch` of `along` (K,)."""
    return edge(width / 2 - np.abs(np.mod(along, pitch) - pitch / 2), finest)


def gyroid(points: Floats, pitch: float) -> Floats:
    """A signed distance, nearly, (K,) to the blobs and necks of a gyroid that repeats every `pitch`."""
    k = np.float32(2 * np.pi / pitch)
    s, c = np.sin(k * points), np.cos(k * points)
    value = s[:, 0] * c[:, 1] + s[:, 1] * c[:, 2] + s[:, 2] * c[:, 0]
    return np.asarray(value / (1.3 * k), np.float32)


def mixed(below: Floats, above: Sequence[float] | Floats, amount: Floats) -> Floats:
    """Colours (K, 3) from `below` (K, 3) where `amount` (K,) is 0 to `above` where it is 1."""
    return below + (np.asarray(above, np.float32) - below) * amount[:, None]


def plain(points: Floats, colour: Sequence[float]) -> Floats:
    return np.tile(np.asarray(colour, np.float32), (len(points), 1))


@dataclass(frozen=True, eq=False)
class Label:
    """Lines of text in a picture that is 1 on ink; it is shown in a plane, `width` units wide."""

    ink: Floats
    width: float

    @staticmethod
    def of(lines: Sequence[str], width: float, finest: float) -> Label:
        size_px = 512
        ink = np.zeros((size_px * len(lines) // 3, size_px), np.uint8)
        for number, line in enumerate(lines):
            row_px = int(size_px * (number + 0.72) / 3)
            cv2.putText(ink, line, (12, row_px), cv2.FONT_HERSHEY_SIMPLEX, 2.6, 255, 16, cv2.LINE_AA)
        blur_px = 0.3 * finest / width * size_px
        blurred = cv2.GaussianBlur(ink.astype(np.float32) / 255, (0, 0), max(blur_px, 0.5))
        return Label(np.asarray(blurred, np.float32), width)

    def __call__(self, x: Floats, y: Floats) -> Floats:
        """How much ink (K,) lies at x to the right of and y above the label's centre."""
        height_px, width_px = self.ink.shape
        scale = width_px / self.width
        column, row = x * scale + width_px / 2 - 0.5, height_px / 2 - y * scale - 0.5
        left, top = np.floor(column), np.floor(row)
        padded = np.pad(self.ink, 2)
        c = np.clip(left, -2, width_px).astype(np.int64) + 2
        r = np.clip(top, -2, height_px).astype(np.int64) + 2
        u, v = np.clip(column - left, 0, 1), np.clip(row - top, 0, 1)
        upper = padded[r, c] * (1 - u) + padded[r, c + 1] * u
        lower = padded[r + 1, c] * (1 - u) + padded[r + 1, c + 1] * u
        return np.asarray(upper * (1 - v) + lower * v, np.float32)
