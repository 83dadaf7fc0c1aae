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


def stretch_to(mesh: Mesh, extents: tuple[float | None, float | None, float | None]) -> Mesh:
    """Moves and scales `mesh` along each axis whose extent is known so that it spans it, centred.

    Thin ends lose a fraction of a cell to sampling and to decimation; what the outlines say of the extents is
    exact, so the body is brought back to it. None leaves an axis alone.
    """
    low, high = (bound.astype(np.float64) for bound in mesh.bounds)
    wanted = np.array([high[i] - low[i] if extent is None else extent for i, extent in enumerate(extents)])
    fixed = np.array([extent is not None for extent in extents])
    scale = wanted / np.maximum(high - low, 1e-9)
    centre = np.where(fixed, 0.0, (low + high) / 2)
    vertices = (mesh.vertices - (low + high) / 2) * scale + centre
    return Mesh(vertices.astype(np.float32), mesh.faces)


def bring_into_frame(mesh: Mesh, cameras: dict[str, Orthographic]) -> Framed:
    """Centres `mesh`, scales its longest side to 1 and moves `cameras` with it."""
    low, high = mesh.bounds
    centre = (low.astype(np.float64) + high) / 2
    scale = float((high - low).max())
    vertices = ((mesh.vertices - centre) / scale).astype(np.float32)
    moved = {name: camera.moved_with(centre, scale) for name, camera in cameras.items()}
    return Framed(Mesh(vertices, mesh.faces), moved)
