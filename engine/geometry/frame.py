"""One frame for every result: longest side 1, the box's centre at the origin; cameras move with the mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.geometry.cameras import Orthographic
from engine.geometry.mesh import Mesh


@dataclass(frozen=True)
class Framed:
    """A mesh in the common frame and the cameras, by view name, that still see it as they did."""

    mesh: Mesh
    cameras: dict[str, Orthographic]


def bring_into_frame(mesh: Mesh, cameras: dict[str, Orthographic]) -> Framed:
    """Centres `mesh`, scales its longest side to 1 and moves `cameras` with it."""
    low, high = mesh.bounds
    centre = (low.astype(np.float64) + high) / 2
    scale = float((high - low).max())
    vertices = ((mesh.vertices - centre) / scale).astype(np.float32)
    moved = {name: camera.moved_with(centre, scale) for name, camera in cameras.items()}
    return Framed(Mesh(vertices, mesh.faces), moved)
