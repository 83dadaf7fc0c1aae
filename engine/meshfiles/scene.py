"""What is looked at and painted of a mesh file: its triangles, and every place in the scene where they stand.

A part is one material's share of one mesh, as the file has it; a placement is a part where a node puts it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Part:
    """Triangles `faces` (M, 3) over `n_vertices`, of primitive `primitive` of mesh `mesh`, called `name`.

    `uv` (N, 2), origin bottom-left, are the texture coordinates that the base colour uses, None without any;
    `material` is a number in the file, None if it has none. `shares` numbers what has the same vertices.
    """

    mesh: int
    primitive: int
    name: str
    n_vertices: int
    faces: Ints
    uv: Floats | None
    material: int | None
    shares: int


@dataclass(frozen=True, eq=False)
class Placement:
    """Part number `part` where node `node` puts it: `positions` (N, 3) in the scene, Y up.

    `is_mirrored`: the node turns the surface inside out, so that its faces wind the other way.
    """

    part: int
    node: int
    node_name: str
    positions: Doubles
    is_mirrored: bool


@dataclass(frozen=True, eq=False)
class Scene:
    """The parts that stand in the scene, their placements, and what is to be said about the rest."""

    parts: tuple[Part, ...]
    placements: tuple[Placement, ...]
    notes: tuple[str, ...]
