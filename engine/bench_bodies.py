"""Bodies for measuring with, made of formulas: organic, closed, with as many faces as are asked for."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from engine.geometry.decimate import decimate
from engine.geometry.frame import bring_into_frame
from engine.geometry.mesh import Mesh
from engine.geometry.surface import extract_surface

Floats = NDArray[np.float32]

# Centre and radius of the balls that flow together into the body: trunk, head, limbs, tail.
_BALLS = (
    ((0.0, 0.0, 0.0), 0.30),
    ((0.0, 0.34, 0.12), 0.20),
    ((-0.22, -0.28, 0.10), 0.13),
    ((0.22, -0.28, 0.10), 0.13),
    ((-0.20, -0.26, -0.16), 0.12),
    ((0.20, -0.26, -0.16), 0.12),
    ((0.0, 0.05, -0.38), 0.10),
    ((0.13, 0.53, 0.10), 0.08),
    ((-0.13, 0.53, 0.10), 0.08),
)
_BLEND = 0.06
_WAVES = 24


def organic_body(n_faces: int, *, bumps: float = 0.006, n_cells: int = 288) -> Mesh:
    """A creature of about `n_faces` faces in the common frame; `bumps` is how far its skin rises."""
    return bring_into_frame(decimate(_dense(bumps, n_cells), n_faces).mesh, {}).mesh


def paint_of(points: Floats) -> Floats:
    """A colour (…, 3) in [0, 1] for each point (…, 3): waves whose amplitudes are as in photographs."""
    rng = np.random.default_rng(11)
    colours = np.full(points.shape, 0.5, np.float32)
    for _ in range(_WAVES):
        length = float(np.exp(rng.uniform(np.log(3), np.log(80))))
        axis = rng.normal(size=3)
        phase = points @ (axis / np.linalg.norm(axis) * length).astype(np.float32)
        colours += np.sin(phase + rng.uniform(0, 6))[..., None] * rng.normal(0, 0.3 / length**0.5, 3)
    return np.clip(colours, 0, 1).astype(np.float32)


@cache
def _dense(bumps: float, n: int) -> Mesh:
    """The body before decimation: with 288 cells a side some 400,000 faces."""
    line = np.linspace(-0.75, 0.75, n, dtype=np.float32)
    x, y, z = np.meshgrid(line, line, line, indexing="ij", sparse=True)
    summed = np.zeros((n, n, n), np.float32)
    for (cx, cy, cz), radius in _BALLS:
        away = np.sqrt((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2) - np.float32(radius)
        summed += np.exp(-away / np.float32(_BLEND))
    field = _BLEND * np.log(np.maximum(summed, 1e-12))
    skin = np.sin(41 * x + 7 * y) * np.sin(37 * y - 5 * z) * np.sin(43 * z + 3 * x)
    return extract_surface(field + np.float32(bumps) * skin, (-0.75, -0.75, -0.75), 1.5 / (n - 1))
