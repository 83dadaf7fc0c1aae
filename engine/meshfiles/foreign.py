"""Formats that others read well are read by trimesh, from memory: no file but the one given is opened.

trimesh keeps the order of their vertices when told not to process them (STL, OFF; 5.2, tried 2026-11).
"""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import trimesh

from engine.errors import BadInput
from engine.meshfiles.document import DAMAGED
from engine.meshfiles.solids import Found, Solid


def foreign_formats() -> list[str]:
    """The endings of what trimesh can read here."""
    return sorted(trimesh.exchange.load.mesh_loaders)


def read_foreign(content: bytes, kind: str, stem: str) -> Found:
    """The objects of a file of `kind` ("stl", "off", …); `stem` names one alone. Raises BadInput."""
    try:
        read = trimesh.load_scene(
            io.BytesIO(content), file_type=kind, process=False, maintain_order=True, resolver=None
        )
        placed = [(str(name), read.geometry[name]) for name in read.geometry]
        is_alone = len(placed) == 1
        solids = [
            _solid(stem if is_alone else name, body, _matrix(read, name, is_alone))
            for name, body in placed
            if isinstance(body, trimesh.Trimesh)
        ]
    except MemoryError:
        raise
    except ImportError as error:
        raise BadInput(
            f"Reading {kind.upper()} needs a package that is not installed ({error.name}).",
            remedy="Export it as GLB, OBJ, PLY or STL.",
        ) from error
    except Exception as error:  # a parser of foreign bytes fails in any way; it is the file's fault
        raise BadInput(
            f"It cannot be read as {kind.upper()}: {_first_line(error)}.",
            remedy="The file is damaged or cut off, or its ending does not say what it is.",
        ) from error
    if not any(len(faces) for solid in solids for _, faces in solid.groups):
        n_points = sum(len(getattr(body, "vertices", ())) for _, body in placed)
        raise BadInput(
            f"It has {n_points} points and no faces.", remedy="Points and lines cannot be textured."
        )
    n_faces = sum(len(faces) for solid in solids for _, faces in solid.groups)
    n_promised = _promised(content, kind)
    if n_faces < n_promised:
        raise BadInput(
            f"It says that it has {n_promised:,} faces, and {n_faces:,} triangles were found.",
            remedy=DAMAGED,
        )
    return Found(solids)


def _promised(content: bytes, kind: str) -> int:
    """The number of faces that an OFF file's head tells, which trimesh does not compare; else 0."""
    head = content[:65_536].decode("ascii", "replace")
    found = re.match(r"\w*OFF\s+(?:#[^\n]*\n\s*)*\d+\s+(\d+)", head) if kind == "off" else None
    return int(found[1]) if found else 0


def _solid(name: str, body: Any, matrix: Any) -> Solid:
    positions = np.asarray(body.vertices, np.float64)
    positions = positions @ matrix[:3, :3].T + matrix[:3, 3]
    uv = colours = None
    if body.visual.kind == "texture" and body.visual.uv is not None and len(body.visual.uv) == len(positions):
        uv = np.asarray(body.visual.uv, np.float32)
    elif body.visual.kind == "vertex":
        colours = np.asarray(body.visual.vertex_colors, np.uint8)
    faces = np.asarray(body.faces, np.int64)
    if len(faces) and (int(faces.min()) < 0 or int(faces.max()) >= len(positions)):
        raise ValueError(f"a face names vertex {int(faces.max())}; there are {len(positions)}")
    return Solid(
        name,
        positions.astype(np.float32),
        [(None, faces.astype(np.int32))],
        uv,
        None,  # those that trimesh makes up would smooth every edge
        colours,
    )


def _matrix(read: Any, name: str, is_alone: bool) -> Any:
    """Where the scene puts an object; one alone in its file stands where its numbers say."""
    nodes = read.graph.geometry_nodes.get(name, ())
    return np.eye(4) if is_alone or len(nodes) == 0 else read.graph.get(nodes[0])[0]


def _first_line(error: Exception) -> str:
    text = str(error).strip().partition("\n")[0].rstrip(".")
    return text[:120] or type(error).__name__
