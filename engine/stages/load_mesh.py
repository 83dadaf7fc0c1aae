"""Stage load: a mesh file is read as it is and looked at in the common frame; its own numbers stay."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.geometry.mesh import Mesh
from engine.geometry.weld import flip, is_degenerate, weld
from engine.meshfiles.document import Document, raised
from engine.meshfiles.read import read_mesh_file
from engine.meshfiles.scene import Scene
from engine.runner import Progress, Stage
from engine.stages.aside import aside
from engine.stages.mesh_values import Loaded

Doubles = NDArray[np.float64]
Up = Literal["y", "z"]


def load_mesh(up: Up) -> Stage[Path, Loaded]:
    """The stage from a file's name to what is in it; raises BadInput naming the file."""

    def work(path: Path, progress: Progress) -> Loaded:
        document, scene = aside(lambda: read_mesh_file(path), progress)
        for note in scene.notes:
            progress.note(note)
        progress.step(1, 2)
        if up == "z" and document.is_converted:
            document = raised(document)
        try:
            loaded = aside(lambda: _looked_at(path.name, document, scene, up), progress)
        except BadInput as error:
            raise BadInput(f"{path}: {error.message}", remedy=error.remedy, action="") from error
        progress.step(2, 2)
        return loaded

    return Stage("load", work)


def turned(points: NDArray[np.floating], up: Up) -> NDArray[np.floating]:
    """Points (N, 3) with what is up in their file along +Y; their front, -Y in a file with Z up, along +Z."""
    return points if up == "y" else np.stack([points[:, 0], points[:, 2], -points[:, 1]], axis=1)


def _looked_at(name: str, document: Document, scene: Scene, up: Up) -> Loaded:
    points, groups, faces, placements = [], [], [], []
    mirrored = []
    n_points = 0
    for number, placement in enumerate(scene.placements):
        part = scene.parts[placement.part]
        used, index = np.unique(part.faces, return_inverse=True)
        points.append(_finite(turned(placement.positions[used], up), part.name))
        groups.append(np.full(len(used), placement.node, np.int32))
        faces.append(index.reshape(-1, 3) + n_points)
        placements.append(np.full(len(part.faces), number, np.int32))
        mirrored.append(np.full(len(part.faces), placement.is_mirrored))
        n_points += len(used)
    flipped = np.concatenate(mirrored)
    joined = np.asarray(flip(np.concatenate(faces), flipped))
    places, welded = weld(np.concatenate(points), np.concatenate(groups), joined.astype(np.int32))
    mesh = Mesh(_framed(places), welded)
    if is_degenerate(mesh.faces, mesh.face_areas_normals[0]).all():
        raise BadInput(
            f"None of its {len(welded):,} triangles has an area.", remedy="Give a mesh with a surface."
        )
    return Loaded(name, document, scene, mesh, np.concatenate(placements), flipped)


def _finite(points: NDArray[np.floating], name: str) -> Doubles:
    bad = int((~np.isfinite(points)).any(axis=1).sum())
    if bad:
        raise BadInput(
            f"{bad} of the {len(points)} vertices of {name!r} are not finite numbers.",
            remedy="Remove them in the program that made the mesh, and export it again.",
        )
    return np.asarray(points, np.float64)


def _framed(places: Doubles) -> NDArray[np.float32]:
    """The common frame, reached in double precision: a mesh may be kilometres from its origin."""
    low, high = places.min(axis=0), places.max(axis=0)
    longest = float((high - low).max())
    if not 0 < longest < np.inf:
        raise BadInput(
            f"Its box is {longest:g} along its longest side.", remedy="Give a mesh that has a size."
        )
    return np.asarray((places - (low + high) / 2) / longest, np.float32)
