"""What stages hand to each other; each value holds all that the next stage needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.geometry.bake import Baked, Texels, View
from engine.geometry.cameras import Orthographic
from engine.geometry.compute import Array
from engine.geometry.mesh import Mesh
from engine.geometry.outline import Box

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Source:
    """A picture as it came: the side that it shows, its name for messages, and its file's bytes or pixels.

    `pixels` is uint8 (H, W, C) sRGB, top row first, with 1 to 4 channels.
    """

    view: str
    name: str
    content: bytes | NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Subject:
    """A subject freed from its background, centred on a square canvas.

    `rgba` (S, S, 4) uint8 sRGB, straight alpha; `box` is its outline's; `method` says how it was cut out.
    `uncentred` is the picture as it was cut out, (H, W, 4).
    """

    view: str
    name: str
    rgba: NDArray[np.uint8]
    box: Box
    method: str
    uncentred: NDArray[np.uint8] | None = None

    @property
    def alphas(self) -> Floats:
        """Coverage (S, S) in [0, 1]."""
        return np.asarray(self.rgba[..., 3] / np.float32(255), np.float32)


@dataclass(frozen=True, eq=False)
class Body:
    """A surface and the cameras, by view, from which it looks as the subjects do.

    `extents` are the sizes along x, y, z that the outlines give exactly, centred on the origin; None where no
    view tells. `dense` is the surface before it was decimated, in the same place, for what is baked from it.
    """

    mesh: Mesh
    cameras: Mapping[str, Orthographic]
    subjects: tuple[Subject, ...]
    extents: tuple[float | None, float | None, float | None] = (None, None, None)
    dense: Mesh | None = None


@dataclass(frozen=True, eq=False)
class Charted:
    """A body with texture coordinates `uv` (M, 3, 2)."""

    body: Body
    uv: Floats
    n_charts: int


@dataclass(frozen=True, eq=False)
class Painted:
    """A charted body whose texels hold the views' colours where a view shows them.

    `seen_fraction` is the share of texels that a given view shows; guesses of a mirrored back do not count.
    `maps` are further values of the texels by name, (T, 3) float32 in [0, 1].
    """

    charted: Charted
    views: tuple[View, ...]
    texels: Texels
    baked: Baked
    seen_fraction: float
    maps: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Textured:
    """A charted body with its whole texture (S, S, 3) uint8 sRGB, top row first; `maps` are as large."""

    charted: Charted
    texture: NDArray[np.uint8]
    seen_fraction: float
    maps: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
