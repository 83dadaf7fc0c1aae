"""Results land as an artist would want them: where asked, undone by one key, and never over somebody's work.

While a job runs nothing of it is in the file. Its shape comes first, as clay; its texture later, on the same
object, wherever that is by then. Objects are found by their tag in each call, and none outlives it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import bpy
from bpy.app.translations import pgettext_iface as words
from mathutils import Vector

from . import layers, tags
from .axes import Height, Size
from .making import Making
from .material import ROUGHNESS, build_material
from .mesh import height_of
from .placement import CannotPlace, Place, collection_of, scene_of, takes_children
from .prepare import drop_prepared, take_mesh
from .readiness import hindrance
from .textures import take_textures

if TYPE_CHECKING:
    from ..protocol.events import ShapeReady
    from ..protocol.results import Result

LANDED = "landed"  # it is in the scene
BESIDE = "beside"  # it is in the scene, beside a shape that the artist has changed
LATER = "later"  # not now: ask again at the next tick
WAITS = "waits"  # not by itself any more: it waits in the history until somebody asks for it


@dataclass(frozen=True)
class Landing:
    """What became of a shape or a result: one of the four words above, and what to tell the artist.

    `objects` and `images` are names, good until somebody changes them.
    """

    outcome: str
    message: str = ""
    objects: tuple[str, ...] = ()
    images: tuple[str, ...] = ()


def insert_shape(job: str, name: str, shape: ShapeReady, place: Place) -> Landing:
    """Puts the untextured shape of `job` at `place` and pushes one undo step.

    Quick when `prepare_shape` went before. Raises ValueError when the arrays are no mesh; then nothing is
    changed.
    """
    if reason := hindrance():
        return Landing(LATER, reason)
    try:
        scene = scene_of(place)
    except CannotPlace as fault:
        drop_prepared(job)
        return Landing(WAITS, str(fault))
    with Making() as making:
        mesh = take_mesh(making, job, name, shape, place.size)
        item = add(making, name, mesh, place, scene)
        tags.tag_clay(item, job)
    layers.present(item, scene)
    push(words("Insert Shape of {name}").format(name=name))
    return Landing(LANDED, objects=(item.name,))


def remove_shape(job: str, name: str) -> None:
    """Takes the shape of a cancelled job out of the scene, as an undo step; one that was edited stays."""
    gone = [clay for clay in tags.clays(job) if not tags.is_edited(clay)]
    if not gone:
        return
    homes = {home for clay in gone for home in clay.users_collection if takes_children(home)}
    meshes = {clay.data for clay in gone}
    bpy.data.batch_remove(gone)
    bpy.data.batch_remove(
        [
            *(mesh for mesh in meshes if not mesh.users),
            *(
                home
                for home in homes
                if home.name.startswith(name) and not (home.all_objects or home.children)
            ),
        ]
    )
    push(words("Remove Shape of {name}").format(name=name))


def insert_result(
    job: str,
    name: str,
    result: Result,
    place: Place | None,
    *,
    preset: str = "",
    seed: int | None = None,
    has_clay: bool = False,
    is_asked: bool = False,
) -> Landing:
    """Puts the textured result of `job` on its shape in the scene, or at `place` if it never had one.

    `has_clay`: its shape was inserted before, so a missing one was deleted or undone, and the result waits.
    `is_asked`: the artist asks for it, so it is inserted at `place` whatever else is there. Without a `place`
    it can only land on its shape. Quick when `prepare_result` went before. Raises ValueError when the arrays
    are no mesh; then nothing is changed.
    """
    if reason := hindrance():
        return Landing(LATER, reason)
    waiting = [] if is_asked else tags.clays(job)
    if not waiting and not is_asked and (has_clay or place is None):
        drop_prepared(job)
        return Landing(
            WAITS,
            words(
                '"{name}" is finished. Its shape is no longer in the scene, so it waits in the history.'
            ).format(name=name),
        )
    whole = [clay for clay in waiting if not tags.is_edited(clay)]
    edited = [clay for clay in waiting if clay not in whole]
    message = ""
    if edited:
        message = words('You have changed "{name}", so it was kept as it is.').format(name=edited[0].name)
    try:
        if whole:
            made = dress(job, name, result, whole)
            outcome = LANDED
        else:
            spot = beside(edited[0], place) if edited else place
            assert spot is not None, "without a place and a shape it was told to wait above"
            made = [put(job, name, result, spot, edited[0] if edited else None)]
            outcome = BESIDE if edited else LANDED
    except CannotPlace as fault:
        drop_prepared(job)
        return Landing(WAITS, str(fault))
    for item in made:
        tags.tag(item, job)
        tags.sign(item, result.provenance, preset, seed)
    for clay in waiting:
        tags.settle(clay)
    drop_prepared(job)  # what was made ahead for another size
    push(words("Insert {name}").format(name=name))
    images = (
        node.image.name for node in made[0].data.materials[0].node_tree.nodes if node.type == "TEX_IMAGE"
    )
    return Landing(outcome, message, tuple(item.name for item in made), tuple(images))


def put(
    job: str, name: str, result: Result, place: Place, neighbour: bpy.types.Object | None
) -> bpy.types.Object:
    """A new object of `result` at `place`, in a collection of its own or in that of its `neighbour`."""
    scene = scene_of(place)
    with Making() as making:
        mesh = build(making, job, name, result, place.size)
        item = add(making, name, mesh, place, scene, has_collection=neighbour is None)
    layers.present(item, scene)
    return item


def dress(job: str, name: str, result: Result, shapes: list[bpy.types.Object]) -> list[bpy.types.Object]:
    """Gives all `shapes` of one job the mesh of `result`; the caller pushes the undo step that ends it.

    The step before is the scene without them and their own collection. So one undo removes the result whole,
    and does not bring back the clay, which nobody would want then. Shapes that shared their mesh share the
    new one.
    """
    shared = list(dict.fromkeys(shape.data for shape in shapes))
    with Making() as making:
        first = build(making, job, name, result, Height(height_of(shared[0])))
        meshes = {shared[0]: first} | {clay: making.keep(first.copy()) for clay in shared[1:]}
    homes = [(home, shape) for shape in shapes for home in shape.users_collection if takes_children(home)]
    stands = layers.remember(shapes)
    empty = layers.places_left_empty([home for home, _ in homes], shapes)
    try:
        for home, shape in homes:
            home.objects.unlink(shape)
        for parent, home in empty:
            parent.children.unlink(home)
        push(words("Remove Shape of {name}").format(name=name))
    finally:
        for parent, home in empty:
            parent.children.link(home)
        for home, shape in homes:
            home.objects.link(shape)
        layers.restore(stands)
    for shape in shapes:
        shape.data = meshes[shape.data]
    for clay, mesh in meshes.items():
        if not clay.users:
            bpy.data.meshes.remove(clay)
        mesh.name = name
    return shapes


def beside(clay: bpy.types.Object, place: Place | None) -> Place:
    """The place at the right of `clay`, turned as it is and as large as was asked for, else as tall."""
    corners = [clay.matrix_world @ Vector(corner) for corner in clay.bound_box]
    right, left = max(corner.x for corner in corners), min(corner.x for corner in corners)
    tall = max(corner.z for corner in corners) - min(corner.z for corner in corners)
    size: Size = place.size if place is not None else Height(tall if tall > 0.0 else 1.0)
    base = clay.matrix_world.translation
    scene, home = clay.users_scene[0], clay.users_collection[0]
    return Place(
        scene_uid=scene.session_uid,
        scene_name=scene.name,
        location=(right + 0.6 * max(right - left, size.box[0] / 2), base.y, base.z),
        turn_rad=clay.matrix_world.to_euler().z,
        size=size,
        collection_uid=0 if home == scene.collection else home.session_uid,
    )


def build(making: Making, job: str, name: str, result: Result, size: Size) -> bpy.types.Mesh:
    """The mesh of `result` in Blender's frame and `size`, with its material; all of it in `making`."""
    mesh = take_mesh(making, job, name, result, size)
    images = take_textures(job, name, result)
    for image in images.values():
        making.keep(image)
    mesh.materials.append(making.keep(build_material(name, images, roughness_of(result.provenance))))
    return mesh


def roughness_of(provenance: Mapping[str, object]) -> float:
    """The roughness, 0 to 1, with which the engine would save the result as a file."""
    found: object = provenance
    for key in ("settings", "save", "roughness"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return min(max(float(found), 0.0), 1.0) if isinstance(found, int | float) else ROUGHNESS


def add(
    making: Making,
    name: str,
    mesh: bpy.types.Mesh,
    place: Place,
    scene: bpy.types.Scene,
    *,
    has_collection: bool = True,
) -> bpy.types.Object:
    """An object of `mesh` at `place`, in a new collection of its name or in that of the place."""
    item = making.keep(bpy.data.objects.new(name, mesh))
    home = collection_of(place, scene)
    if has_collection:
        own = making.keep(bpy.data.collections.new(name))
        home.children.link(own)
        home = own
    home.objects.link(item)
    item.location = place.location
    item.rotation_euler.z = place.turn_rad
    return item


def push(message: str) -> None:
    """Ends an undo step; `message` is what Edit > Undo History shows."""
    bpy.ops.ed.undo_push(message=message)
