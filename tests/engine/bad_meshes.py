"""Made-up meshes with one fault each, and what they would be without it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from shapes import ball, box_body, joined

from engine.geometry.mending.edges import edges_of
from engine.geometry.mesh import Mesh, keep_faces
from engine.geometry.surface import extract_surface


def welded(mesh: Mesh) -> Mesh:
    """All vertices at one place made one, whatever comes of it."""
    points, index = np.unique(mesh.vertices, axis=0, return_inverse=True)
    return Mesh(points, index.reshape(-1)[mesh.faces].astype(np.int32))


def soup(mesh: Mesh) -> Mesh:
    """Every face with corners of its own, as in an STL file."""
    n = 3 * len(mesh.faces)
    return Mesh(mesh.corners.reshape(-1, 3), np.arange(n, dtype=np.int32).reshape(-1, 3))


def with_faces(mesh: Mesh, *more: Sequence[int] | NDArray[np.integer]) -> Mesh:
    return Mesh(
        mesh.vertices, np.concatenate([mesh.faces, *(np.reshape(f, (-1, 3)) for f in more)]).astype(np.int32)
    )


def without(mesh: Mesh, share: float, seed: int = 0) -> Mesh:
    return keep_faces(mesh, np.random.default_rng(seed).random(len(mesh.faces)) >= share)


def flipped(mesh: Mesh, share: float, seed: int = 0) -> Mesh:
    faces = mesh.faces.copy()
    some = np.random.default_rng(seed).random(len(faces)) < share
    faces[some] = faces[some][:, ::-1]
    return Mesh(mesh.vertices, faces)


def capless(opening_deg: float, subdivisions: int = 4) -> Mesh:
    """A ball without the cap around +Y that reaches so far from the axis."""
    mesh = ball(subdivisions)
    return keep_faces(mesh, mesh.corners.mean(axis=1)[:, 1] < 0.5 * np.cos(np.deg2rad(opening_deg)))


def two_cubes(offset: Sequence[float]) -> Mesh:
    """Two unit cubes, the second moved by `offset`, their common corners welded."""
    high = [1 + step for step in offset]
    return welded(joined([box_body((0, 0, 0), (1, 1, 1)), box_body(offset, high)]))


def disc_in_tube(n: int = 24) -> Mesh:
    """A closed tube of radius 1 and height 2 with a wall across its middle."""
    angles = np.linspace(0, 2 * np.pi, n, endpoint=False)
    rings = [np.stack([np.cos(angles), np.full(n, y), np.sin(angles)], axis=1) for y in (-1, 0, 1)]
    middles = [[0, y, 0] for y in (-1, 0, 1)]
    i, j = np.arange(n), (np.arange(n) + 1) % n
    faces = []
    for low in (0, n):
        faces += [
            np.stack([i + low, i + low + n, j + low], 1),
            np.stack([j + low, i + low + n, j + low + n], 1),
        ]
    bottom, wall, top = (3 * n + k for k in range(3))
    faces.append(np.stack([i, j, np.full(n, bottom)], axis=1))
    faces.append(np.stack([j + 2 * n, i + 2 * n, np.full(n, top)], axis=1))
    faces.append(np.stack([i + n, j + n, np.full(n, wall)], axis=1))
    points = np.concatenate([*rings, middles]).astype(np.float32)
    return Mesh(points, np.concatenate(faces).astype(np.int32))


def moebius(n: int = 60) -> Mesh:
    angles = np.linspace(0, 2 * np.pi, n, endpoint=False)
    points = []
    for angle in angles:
        for s in (-0.2, 0.0, 0.2):
            r = 1 + s * np.cos(angle / 2)
            points.append((r * np.cos(angle), r * np.sin(angle), s * np.sin(angle / 2)))
    faces = []
    for i in range(n):
        for j in range(2):
            a, b = 3 * i + j, 3 * i + j + 1
            c, d = (3 * (i + 1) + j, 3 * (i + 1) + j + 1) if i < n - 1 else (2 - j, 1 - j)
            faces += [(a, b, c), (b, d, c)]
    return Mesh(np.array(points, np.float32), np.array(faces, np.int32))


def triangles(n: int, seed: int = 0) -> Mesh:
    """Small triangles, none of which touches another's vertices."""
    rng = np.random.default_rng(seed)
    points = rng.random((3 * n, 3)) * 0.01 + np.repeat(rng.random((n, 3)), 3, axis=0)
    return Mesh(points.astype(np.float32), np.arange(3 * n, dtype=np.int32).reshape(-1, 3))


def cubes_of(filled: NDArray[np.bool_]) -> Mesh:
    """The skin of unit cubes (X, Y, Z), welded: cubes that touch along an edge share it."""
    padded = np.pad(filled, 1)
    quads = []
    for axis in range(3):
        u, w = np.eye(3)[(axis + 1) % 3], np.eye(3)[(axis + 2) % 3]
        for side in (0, 1):
            bare = padded & ~np.roll(padded, -1 if side else 1, axis)
            base = np.argwhere(bare) + side * np.eye(3)[axis]
            corners = [base, base + u, base + u + w, base + w]
            quads.append(np.stack(corners if side else corners[::-1], axis=1))
    corners = np.concatenate(quads).reshape(-1, 3)
    points, index = np.unique(corners, axis=0, return_inverse=True)
    index = index.reshape(-1, 4)
    faces = np.concatenate([index[:, [0, 1, 2]], index[:, [0, 2, 3]]])
    return Mesh(points.astype(np.float32), faces.astype(np.int32))


def finer(mesh: Mesh) -> Mesh:
    """Each face split in four at the middles of its edges."""
    edges = edges_of(mesh)
    numbers = np.empty(len(edges.starts), np.int64)
    numbers[edges.order] = np.repeat(np.arange(len(edges.firsts)), edges.counts)
    halves = edges.order[edges.firsts]
    middles = (mesh.vertices[edges.starts[halves]] + mesh.vertices[edges.ends[halves]]) / np.float32(2)
    (a, b, c), (p, q, r) = mesh.faces.T, (numbers + len(mesh.vertices)).reshape(-1, 3).T
    faces = np.concatenate([np.stack(each, 1) for each in ((a, p, r), (p, b, q), (r, q, c), (p, q, r))])
    return Mesh(np.concatenate([mesh.vertices, middles]), faces.astype(np.int32))


def bumpy(n: int) -> Mesh:
    """A closed body with bumps of two sizes, from a field of n^3 samples: 330 are 510,000 faces."""
    grid = np.linspace(-1.1, 1.1, n, dtype=np.float32)
    x, y, z = np.meshgrid(grid, grid, grid, indexing="ij", sparse=True)
    field = 0.75 + 0.12 * np.sin(5 * x + 1) * np.sin(6 * y) * np.sin(4 * z + 2)
    field = field + 0.05 * np.sin(17 * x) * np.sin(19 * y + 1) * np.sin(15 * z)
    field = field - np.sqrt(x * x + 1.3 * y * y + 0.9 * z * z)
    return extract_surface(field.astype(np.float32), (-1.1, -1.1, -1.1), 2.2 / (n - 1))
