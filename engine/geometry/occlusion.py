"""How much of the sky each texel sees: the share of a cosine-weighted hemisphere that nothing stands before.

The sky is a number of directions spread evenly over the sphere; each is a distant camera whose depth map
tells every texel at once whether it is seen from there, so no ray is traced. The object alone hides the sky.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from engine.geometry.bake import Blend, Placed, Texels, View, eye_of
from engine.geometry.cameras import Orthographic
from engine.geometry.compute import Array
from engine.geometry.kernels import relief as kernels
from engine.geometry.mesh import Mesh

_N_DIRECTIONS = 96
_MAP_PX = 512


def bake_occlusion(
    mesh: Mesh,
    texels: Texels,
    *,
    n_directions: int = _N_DIRECTIONS,
    step: Callable[[int, int], None] = lambda step, n_steps: None,
) -> Array:
    """Openness (T,) float32 in [0, 1]: 1 where the whole hemisphere is free. `step` hears of directions."""
    compute, n_texels = texels.compute, len(texels.index)
    seen = compute.full((n_texels, 2), 0, "float32")
    placed, no_trust = Placed(compute, mesh), compute.empty((0, 0), "float32")
    low, high = mesh.bounds
    radius = float(np.linalg.norm(high - low)) / 2
    per_unit = _MAP_PX / max(2.02 * radius, 1e-12)
    for number, (azimuth_deg, elevation_deg) in enumerate(spread_directions(n_directions)):
        camera = Orthographic(azimuth_deg, elevation_deg, (per_unit, per_unit), (0, 0), (_MAP_PX, _MAP_PX))
        across, upward, _ = camera.basis @ ((low.astype(np.float64) + high) / 2)
        middle = (_MAP_PX / 2 - per_unit * across, _MAP_PX / 2 + per_unit * upward)
        camera = Orthographic(azimuth_deg, elevation_deg, (per_unit, per_unit), middle, camera.size_px)
        eye = eye_of(View("", camera, np.zeros((1, 1, 3), np.float32)), Blend(cosine_power=0.0))
        inputs = [eye, placed.seen_by(camera).keys, no_trust, texels.positions, texels.normals]
        compute.launch_runs(kernels.see_sky, n_texels, [*inputs, texels.face_ids, placed.face_normals, seen])
        step(number + 1, n_directions)
    total = seen[:, 1]
    return seen[:, 0] / (total + (total == 0))


def spread_directions(count: int) -> NDArray[np.float64]:
    """(count, 2) azimuths and elevations in degrees, even over the sphere (Fibonacci's spiral)."""
    number = np.arange(count) + 0.5
    elevation_deg = np.rad2deg(np.arcsin(1 - 2 * number / count))
    azimuth_deg = np.mod(number * 180 * (3 - np.sqrt(5)), 360)  # the golden angle
    return np.stack([azimuth_deg, elevation_deg], axis=1)
