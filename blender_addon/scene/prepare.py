"""What a landing needs is made ahead, a part in each tick, so that no tick holds Blender for long.

Until it lands nothing uses these datablocks: no save holds them, and those that an undo takes are made again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from . import tags
from .axes import Height, Size, numbers_of, stand
from .making import Making
from .mesh import build_mesh, find_edges, height_of
from .placement import Place
from .readiness import hindrance
from .shading import shows_textures
from .textures import prepare_textures, textures_wait

if TYPE_CHECKING:
    from ..protocol.events import ShapeReady
    from ..protocol.results import Result


def prepare_shape(job: str, name: str, shape: ShapeReady, place: Place) -> bool:
    """Does one more part of the work for `insert_shape`; True when that may be called.

    Call it once a tick with the same arguments. Nothing is done while the scene is in other hands. Raises
    ValueError when the arrays are no mesh.
    """
    if hindrance():
        return False
    return mesh_is_ready(job, name, shape, place.size)


def prepare_result(
    job: str, name: str, result: Result, place: Place | None, *, is_asked: bool = False
) -> bool:
    """Does one more part of the work for `insert_result`; True when that may be called.

    Textures are decoded first only where a view would draw them at once; the mesh is made before, so that it
    does not share the processor with that. Otherwise as `prepare_shape`.
    """
    if hindrance():
        return False
    size = size_of(job, place, is_asked=is_asked)
    if size is None:
        return True  # it will only be told to wait
    if not mesh_is_ready(job, name, result, size):
        return False
    if result.images and shows_textures() and not tags.job_images(job):
        prepare_textures(job, name, result)
        return False
    return not textures_wait(job)


def size_of(job: str, place: Place | None, *, is_asked: bool = False) -> Size | None:
    """The size in which a result will land: that of its untouched shape if there is one, else its place's."""
    for clay in () if is_asked else tags.clays(job):
        if not tags.is_edited(clay):
            return Height(height_of(clay.data))
    return place.size if place is not None else None


def mesh_is_ready(job: str, name: str, made: ShapeReady | Result, size: Size) -> bool:
    """Whether the mesh is built ahead; if not, its faces or its edges are made now."""
    mesh = tags.job_mesh(job, build_of(made, size))
    if mesh is None:
        mesh = mesh_of(name, made, size, has_edges=False)
        mesh[tags.JOB], mesh[tags.BUILD] = job, build_of(made, size)
        return False
    if not len(mesh.edges):
        find_edges(mesh)
        return False
    return True


def mesh_of(name: str, made: ShapeReady | Result, size: Size, *, has_edges: bool = True) -> bpy.types.Mesh:
    """The mesh of what the engine made, in Blender's frame and in `size`, without a material."""
    if hasattr(made, "mesh"):
        vertices, faces, uv = made.mesh.vertices, made.mesh.faces, numbers_of(made.mesh.uv)
    else:
        vertices, faces, uv = made.vertices, made.faces, None
    return build_mesh(name, stand(numbers_of(vertices), size), numbers_of(faces), uv, has_edges=has_edges)


def build_of(made: ShapeReady | Result, size: Size) -> str:
    """What tells meshes built ahead apart: of the shape or of the result, and how large."""
    return f"{type(made).__name__} {size!r}"


def take_mesh(making: Making, job: str, name: str, made: ShapeReady | Result, size: Size) -> bpy.types.Mesh:
    """The mesh that was built ahead, or else a new one, for use; in `making`."""
    mesh = tags.job_mesh(job, build_of(made, size))
    if mesh is None:
        return making.keep(mesh_of(name, made, size))
    if not len(mesh.edges):
        find_edges(mesh)
    del mesh[tags.JOB], mesh[tags.BUILD]
    return making.keep(mesh)


def drop_prepared(job: str) -> None:
    """Removes what was made ahead for a job that will not land."""
    meshes = [mesh for mesh in bpy.data.meshes if mesh.get(tags.JOB) == job and tags.BUILD in mesh]
    bpy.data.batch_remove([*meshes, *tags.job_images(job).values()])
