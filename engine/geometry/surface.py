"""A surface is where a sampled field is zero; the field is positive inside."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.measure import marching_cubes

from engine.geometry.mesh import Mesh

Floats = NDArray[np.float32]


def extract_surface(field: Floats, origin: tuple[float, float, float], cell: float) -> Mesh:
    """The zero surface of `field` (X, Y, Z), sample (i, j, k) lying at origin + cell * (i, j, k).

    Faces wind outward (away from positive values). Marching cubes after Lewiner et al. (2003), whose
    topology is that of the trilinear field, from scikit-image. Raises ValueError if the field has no zero.
    """
    if not (field.min() < 0 < field.max()):
        raise ValueError(f"the field runs from {field.min():.3g} to {field.max():.3g} and never crosses zero")
    # A sample at exactly zero would make faces without area around it.
    nudged = np.where(np.abs(field) < 1e-5, np.float32(1e-5), field)
    vertices, faces, _, _ = marching_cubes(nudged, 0.0, gradient_direction="ascent")
    placed = vertices * np.float32(cell) + np.asarray(origin, np.float32)
    return Mesh(placed.astype(np.float32), faces.astype(np.int32))
