"""Points stand for a surface: as many to every part as its area, more along sharp edges, few but far apart.

What a network that reads shapes as points is given. The same mesh and seed give the same points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.geometry.mending.edges import edges_of
from engine.geometry.mesh import Mesh

Tensor = Any
Floats = NDArray[np.float32]

# Hunyuan3D-2 calls a vertex sharp whose normal leaves a face's by 10 degrees: half of what the faces turn by.
SHARP_DEG = 20.0


@dataclass(frozen=True, eq=False)
class SurfacePoints:
    """`points` (n, 3) float32 on a mesh, in its units, and unit `normals` (n, 3) float32, outward."""

    points: Floats
    normals: Floats


def sample_surface(mesh: Mesh, n_points: int, generator: np.random.Generator) -> SurfacePoints:
    """Points spread evenly over the area of `mesh`, with the normals of their faces.

    Raises BadInput for a mesh without area.
    """
    areas, normals = mesh.face_areas_normals
    shares = np.cumsum(areas.astype(np.float64))
    if not len(shares) or not shares[-1] > 0:
        raise BadInput(
            f"The {len(mesh.faces)} faces of this mesh have no area, so no points can be taken from it.",
            remedy="Give a mesh with faces that are more than lines.",
        )
    faces = _drawn(shares, n_points, generator)
    # Uniform in a triangle: the square root makes up for it widening away from the first corner.
    root = np.sqrt(generator.random(n_points))
    along = generator.random(n_points)
    weights = np.stack([1 - root, root * (1 - along), root * along], axis=1)
    points = np.einsum("nk,nkc->nc", weights, mesh.corners[faces].astype(np.float64))
    return SurfacePoints(points.astype(np.float32), normals[faces].astype(np.float32))


def sample_sharp_edges(
    mesh: Mesh, n_points: int, generator: np.random.Generator, sharp_deg: float = SHARP_DEG
) -> SurfacePoints:
    """Points spread evenly along the edges at which two faces turn by more than `sharp_deg` degrees.

    Their normals lie halfway between the two faces'. No points where the mesh has no such edge.
    """
    edges = edges_of(mesh)
    one, other = edges.pairs
    areas, normals = mesh.face_areas_normals
    cosines = np.einsum("ij,ij->i", normals[one // 3], normals[other // 3])
    is_sharp = edges.runs_against(one, other) & (cosines < np.cos(np.deg2rad(sharp_deg)))
    is_sharp &= (areas[one // 3] > 0) & (areas[other // 3] > 0)
    one, other = one[is_sharp], other[is_sharp]
    starts = mesh.vertices[edges.starts[one]].astype(np.float64)
    ends = mesh.vertices[edges.ends[one]].astype(np.float64)
    shares = np.cumsum(np.linalg.norm(ends - starts, axis=1))
    if not len(shares) or not shares[-1] > 0:
        return SurfacePoints(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32))
    drawn = _drawn(shares, n_points, generator)
    along = generator.random((n_points, 1))
    points = starts[drawn] * (1 - along) + ends[drawn] * along
    between = (normals[one // 3] + normals[other // 3])[drawn].astype(np.float64)
    lengths = np.linalg.norm(between, axis=1, keepdims=True)
    # Faces folded back onto each other have no direction between them: the first one's is as good.
    between = np.where(lengths > 1e-6, between / np.maximum(lengths, 1e-6), normals[one // 3][drawn])
    return SurfacePoints(points.astype(np.float32), between.astype(np.float32))


def farthest_points(points: Tensor, n_chosen: int, seed: int) -> Tensor:
    """Which of `points` (n, 3) lie far apart: (k,) int64, each the farthest from those before it.

    On any device, in n·k steps; the first is drawn with `seed` (Eldar et al. 1997). Raises ValueError if more
    are asked for than there are.
    """
    n_points = len(points)
    if not 0 < n_chosen <= n_points:
        raise ValueError(f"{n_chosen} points cannot be chosen from {n_points}")
    first = int(np.random.default_rng(seed).integers(n_points))
    chosen = torch.full((n_chosen,), first, dtype=torch.int64, device=points.device)
    squares = torch.full((n_points,), torch.inf, device=points.device)
    for number in range(1, n_chosen):
        last = chosen[number - 1 : number]
        gaps = (points - points.index_select(0, last)).square().sum(dim=1)
        torch.minimum(squares, gaps, out=squares)
        squares.index_fill_(0, last, -1.0)  # never again, even if other points lie at its place
        chosen[number : number + 1] = squares.argmax()
    return chosen


def _drawn(shares: NDArray[np.float64], n: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Numbers (n,) drawn with the weights whose running sums are `shares`."""
    drawn = np.searchsorted(shares, generator.random(n) * shares[-1], side="right")
    return np.asarray(np.minimum(drawn, len(shares) - 1), np.int64)
