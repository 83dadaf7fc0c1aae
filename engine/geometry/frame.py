"""One frame for every result: longest side 1, the box's centre at the origin; cameras move with the mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.geometry.cameras import Orthographic
from engine.geometry.mesh import Mesh


@dataclass(frozen=True)
class Framed:
    """A mesh in the common frame and the cameras, by view name, that still see it as they did."""

    mesh: Mesh
    cameras: dict[str, Orthographic]


@dataclass(frozen=True, eq=False)
class Move:
    """A shift and a stretch along the axes: (point - `middle`) * `stretch` / `size` + `target`, float64."""

    middle: NDArray[np.float64]
    stretch: NDArray[np.float64]
    size: float
    target: NDArray[np.float64]

    def of(self, mesh: Mesh) -> Mesh:
        """`mesh`, moved; what was moved alike still fits together."""
        vertices = (mesh.vertices - self.middle) * self.stretch / self.size + self.target
        return Mesh(vertices.astype(np.float32), mesh.faces)


def stretching(mesh: Mesh, extents: tuple[float | None, float | None, float | None]) -> Move:
    """What moves and scales `mesh` along each axis whose extent is known so that it spans it, centred.

    Thin ends lose a fraction of a cell to sampling and to decimation; what the outlines say of the extents is
    exact, so the body is brought back to it. None leaves an axis alone.
    """
    low, high = (bound.astype(np.float64) for bound in mesh.bounds)
    wanted = np.array([high[i] - low[i] if extent is None else extent for i, extent in enumerate(extents)])
    fixed = np.array([extent is not None for extent in extents])
    middle = (low + high) / 2
    return Move(middle, wanted / np.maximum(high - low, 1e-9), 1.0, np.where(fixed, 0.0, middle))


def stretch_to(mesh: Mesh, extents: tuple[float | None, float | None, float | None]) -> Mesh:
    """`mesh` with the extents that are known, see `stretching`."""
    return stretching(mesh, extents).of(mesh)


def framing(mesh: Mesh) -> Move:
    """What centres `mesh` and scales its longest side to 1."""
    low, high = mesh.bounds
    centre = (low.astype(np.float64) + high) / 2
    return Move(centre, np.ones(3), float((high - low).max()), np.zeros(3))


def bring_into_frame(mesh: Mesh, cameras: dict[str, Orthographic]) -> Framed:
    """Centres `mesh`, scales its longest side to 1 and moves `cameras` with it."""
    move = framing(mesh)
    moved = {name: camera.moved_with(move.middle, move.size) for name, camera in cameras.items()}
    return Framed(move.of(mesh), moved)
