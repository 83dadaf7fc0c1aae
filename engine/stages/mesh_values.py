"""What the stages hand to each other when a mesh that exists gets a new texture.

Faces are always those of all placements one after the other, M in all; a face's corners may be in the other
order than in the file, where `flipped` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.geometry.fit import Fit
from engine.geometry.mesh import Mesh
from engine.meshfiles.document import Document
from engine.meshfiles.scene import Scene
from engine.stages.values import Body, Charted, Painted, Subject, Textured

Bools = NDArray[np.bool_]
Ints = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Loaded:
    """A mesh file, called `name`, and how it is looked at.

    `mesh` is the whole scene in the common frame, welded; `placements` (M,) number each face's placement.
    """

    name: str
    document: Document
    scene: Scene
    mesh: Mesh
    placements: Ints
    flipped: Bools


@dataclass(frozen=True, eq=False)
class Sighted:
    """What align asks for: the mesh and the subjects of its views."""

    loaded: Loaded
    subjects: tuple[Subject, ...]


@dataclass(frozen=True, eq=False)
class Aimed:
    """A mesh and the cameras that see it as the pictures do.

    `body` holds the surface broken at its creases, `welded` the same unbroken. `painted` (M,) are the faces
    that get a place in a texture; the rest are copies that only stand in the way.
    """

    loaded: Loaded
    body: Body
    welded: Mesh
    flipped: Bools
    painted: Bools
    fits: Mapping[str, Fit]


@dataclass(frozen=True, eq=False)
class Group:
    """The parts of the scene that share one texture; `charted` has no coordinates (NaN) for other faces."""

    name: str
    parts: tuple[int, ...]
    charted: Charted


@dataclass(frozen=True, eq=False)
class Laid:
    """A mesh with a place in a texture for each painted face; `is_new` if not the artist's own places."""

    aimed: Aimed
    groups: tuple[Group, ...]
    is_new: bool


@dataclass(frozen=True, eq=False)
class PaintedGroups:
    """The groups of `laid`, in order, as the views paint them."""

    laid: Laid
    painted: tuple[Painted, ...]


@dataclass(frozen=True, eq=False)
class TexturedGroups:
    """The groups of `laid`, in order, with their whole textures."""

    laid: Laid
    textured: tuple[Textured, ...]


@dataclass(frozen=True, eq=False)
class Retextured:
    """The new file, and how many vertices its seams added."""

    glb: bytes
    n_added: int
