"""What a result needs is made ahead, a part in each tick, so that no tick holds Blender for long.

Until it lands nothing uses these datablocks: no save holds them, and those that an undo takes are made again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from . import tags
from .axes import Height, Size, numbers_of, stand
from .making import Making
from .mesh import build_mesh, height_of
from .placement import Place
from .readiness import hindrance
from .textures import prepare_textures, textures_wait

if TYPE_CHECKING:
    from ..protocol.results import Result


def prepare_result(
    job: str, name: str, result: Result, place: Place | None, *, is_asked: bool = False
) -> bool:
    """Does one more part of the work for `insert_result`; True when that may be called.

    Call it once a tick with the same arguments. Nothing is done while the scene is in other hands. Raises
    ValueError when the arrays are no mesh; then nothing is left of what was prepared.
    """
    if hindrance():
        return False
    if result.images and not tags.job_images(job):
        prepare_textures(job, name, result)
        return False
    size = size_of(job, place, is_asked=is_asked)
    if size is not None and tags.job_mesh(job, size) is None:
        try:
            mesh = mesh_of(name, result, size)
        except ValueError:
            drop_prepared(job)
            raise
        mesh[tags.JOB], mesh[tags.SIZE] = job, repr(size)
        return False
    return not textures_wait(job)


def size_of(job: str, place: Place | None, *, is_asked: bool = False) -> Size | None:
    """The size in which a result will land: that of its untouched shape if there is one, else its place's."""
    for clay in () if is_asked else tags.clays(job):
        if not tags.is_edited(clay):
            return Height(height_of(clay.data))
    return place.size if place is not None else None


def mesh_of(name: str, result: Result, size: Size) -> bpy.types.Mesh:
    """The mesh of `result` in Blender's frame and in `size`, without a material."""
    vertices = stand(numbers_of(result.mesh.vertices), size)
    return build_mesh(name, vertices, numbers_of(result.mesh.faces), numbers_of(result.mesh.uv))


def take_mesh(making: Making, job: str, name: str, result: Result, size: Size) -> bpy.types.Mesh:
    """The mesh that was built ahead, or else a new one, for use; in `making`."""
    mesh = tags.job_mesh(job, size)
    if mesh is None:
        return making.keep(mesh_of(name, result, size))
    del mesh[tags.JOB], mesh[tags.SIZE]
    return making.keep(mesh)


def drop_prepared(job: str) -> None:
    """Removes what was made ahead for a result that will not land."""
    meshes = [mesh for mesh in bpy.data.meshes if mesh.get(tags.JOB) == job and tags.SIZE in mesh]
    bpy.data.batch_remove([*meshes, *tags.job_images(job).values()])
