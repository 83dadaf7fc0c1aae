"""Nodes are followed from the scene's roots down; every mesh is looked at where its nodes put it.

As glTF 2.0 has it: a node's matrix or its translation, rotation and scale, one after the other down the tree;
a skinned mesh stands where its joints are. The pose is the file's own, as it opens, before any animation.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.errors import BadInput
from engine.meshfiles.accessors import read_numbers
from engine.meshfiles.document import Document
from engine.meshfiles.primitives import is_surface, posed_positions, triangles_of, uv_of
from engine.meshfiles.scene import Doubles, Part, Placement, Scene

# All that stands in the scene together; a mesh of this size takes minutes, and more memory than most have.
MAX_FACES = 5_000_000
_INSTANCING = "EXT_mesh_gpu_instancing"


def scene_of(document: Document) -> Scene:
    """The parts and placements of the scene that the file opens with.

    Raises BadInput if there is no triangle in it, or more than MAX_FACES.
    """
    tree = document.tree
    nodes: list[dict[str, Any]] = tree.get("nodes", [])
    matrices = _matrices(nodes, _roots(tree))
    notes = list(document.notes)
    parts: list[Part] = []
    numbers: dict[tuple[int, int], int] = {}
    placements: list[Placement] = []
    n_faces = 0
    for number, matrix in matrices.items():
        node = nodes[number]
        if "mesh" not in node:
            continue
        if _INSTANCING in node.get("extensions", {}):
            notes.append(f"Only one of the copies of {_named(node, number)} ({_INSTANCING}) is looked at.")
        mesh = tree["meshes"][node["mesh"]]
        joints = _joints(document, node, matrices) if "skin" in node else None
        for index, primitive in enumerate(mesh["primitives"]):
            if not is_surface(primitive):
                continue
            key = (int(node["mesh"]), index)
            if key not in numbers:
                numbers[key] = len(parts)
                parts.append(_part(document, key, primitive))
            part = parts[numbers[key]]
            n_faces += len(part.faces)
            if n_faces > MAX_FACES:
                raise BadInput(
                    f"The scene has at least {n_faces:,} triangles; {MAX_FACES:,} are the most.",
                    remedy="Decimate the mesh, or take copies of it out of the scene.",
                )
            weights = list(node.get("weights", mesh.get("weights", [])))
            local = posed_positions(document, primitive, weights, joints)
            place = np.eye(4) if joints is not None else matrix
            with np.errstate(
                invalid="ignore", over="ignore"
            ):  # what is not finite is counted where it is used
                positions = local @ place[:3, :3].T + place[:3, 3]
            is_mirrored = bool(np.linalg.det(place[:3, :3]) < 0)
            placements.append(Placement(numbers[key], number, _named(node, number), positions, is_mirrored))
    if n_faces == 0:
        raise BadInput(
            f"There is no triangle in its scene ({_holdings(tree)}).",
            remedy="Give a file with a surface: points and lines cannot be textured.",
        )
    return Scene(tuple(parts), tuple(placements), (*notes, *_aside(tree, numbers)))


def _part(document: Document, key: tuple[int, int], primitive: dict[str, Any]) -> Part:
    mesh = document.tree["meshes"][key[0]]
    accessors = document.tree["accessors"]
    position = int(primitive["attributes"]["POSITION"])
    n_vertices = int(accessors[position]["count"])
    for held in (primitive["attributes"], *primitive.get("targets", [])):
        for name, number in held.items():
            if int(accessors[number]["count"]) != n_vertices:
                raise BadInput(f"{accessors[number]['count']} of {n_vertices} vertices have a {name}.")
    return Part(
        mesh=key[0],
        primitive=key[1],
        name=str(mesh.get("name") or f"mesh {key[0]}"),
        n_vertices=n_vertices,
        faces=triangles_of(document, primitive),
        uv=uv_of(document, primitive),
        material=primitive.get("material"),
        shares=position,
    )


def _roots(tree: dict[str, Any]) -> list[int]:
    scenes = tree.get("scenes", [])
    if scenes:
        return [int(node) for node in scenes[int(tree.get("scene", 0))].get("nodes", [])]
    below = {int(child) for node in tree.get("nodes", []) for child in node.get("children", [])}
    return [number for number in range(len(tree.get("nodes", []))) if number not in below]


def _matrices(nodes: list[dict[str, Any]], roots: list[int]) -> dict[int, Doubles]:
    """The matrix (4, 4) from each node's own space to the scene's, for the nodes in the scene."""
    found: dict[int, Doubles] = {}
    waiting = [(root, np.eye(4)) for root in reversed(roots)]
    while waiting:
        number, above = waiting.pop()
        if number in found:
            raise BadInput(
                f"{_named(nodes[number], number)} has two parents, or is its own.",
                remedy="The file is damaged: export it again.",
            )
        found[number] = above @ _own_matrix(nodes[number])
        waiting += [(int(child), found[number]) for child in reversed(nodes[number].get("children", []))]
    return found


def _own_matrix(node: dict[str, Any]) -> Doubles:
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    x, y, z, w = np.array(node.get("rotation", (0, 0, 0, 1)), np.float64)
    length = np.sqrt(x * x + y * y + z * z + w * w) or 1.0
    x, y, z, w = x / length, y / length, z / length, w / length
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    matrix = np.eye(4)
    matrix[:3, :3] = turn * np.array(node.get("scale", (1, 1, 1)), np.float64)
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix


def _joints(document: Document, node: dict[str, Any], matrices: dict[int, Doubles]) -> Doubles | None:
    """What each joint (J, 4, 4) of a node's skin does to a vertex; None if a joint is not in the scene."""
    skin = document.tree["skins"][node["skin"]]
    if any(int(joint) not in matrices for joint in skin["joints"]):
        return None
    places = np.stack([matrices[int(joint)] for joint in skin["joints"]])
    if "inverseBindMatrices" not in skin:
        return places
    back = read_numbers(document, skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
    return np.asarray(places @ back[: len(places)])


def _named(node: dict[str, Any], number: int) -> str:
    return str(node.get("name") or f"node {number}")


def _holdings(tree: dict[str, Any]) -> str:
    counts = (len(tree.get("nodes", [])), len(tree.get("meshes", [])))
    return f"{counts[0]} nodes, {counts[1]} meshes"


def _aside(tree: dict[str, Any], taken: dict[tuple[int, int], int]) -> list[str]:
    """What of the file is left as it is, in words."""
    used = {mesh for mesh, _ in taken}
    others = [
        str(mesh.get("name") or number)
        for number, mesh in enumerate(tree.get("meshes", []))
        if number not in used
    ]
    if not others:
        return []
    few = ", ".join(others[:4]) + (", ..." if len(others) > 4 else "")
    return [f"Not in the scene that the file opens with, so left as it is: {few}."]
