"""Where a result will stand is decided when it is asked for; a place is plain values and outlives an undo."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import bpy
from bpy.app.translations import pgettext_iface as words
from mathutils import Vector

from .axes import Fit, Height, Size


class CannotPlace(Exception):
    """There is no place for a result here: `message` says why, `remedy` what to do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(f"{message} {remedy}")
        self.message = message
        self.remedy = remedy


@dataclass(frozen=True)
class Place:
    """A spot in a scene: the base centre in world units, the turn about Z in radians, and the size.

    `scene_uid` and `collection_uid` are session ids, which last until another file is opened; `scene_name` is
    for words. A `collection_uid` of 0 is the scene's own collection.
    """

    scene_uid: int
    scene_name: str
    location: tuple[float, float, float]
    turn_rad: float
    size: Size
    collection_uid: int = 0


def at_cursor(context: bpy.types.Context, height: float) -> Place:
    """The place at the 3D cursor, `height` scene units tall; raises CannotPlace in a linked scene."""
    return place_in(context, context.scene.cursor.location, Height(height))


def at_selected(context: bpy.types.Context) -> Place:
    """The place of the active or else first selected object: as large as fits into its world bounding box.

    Raises CannotPlace when nothing is selected, the object has no size, or the scene is linked.
    """
    chosen = [item for item in context.selected_objects if item.bound_box]
    if not chosen:
        raise CannotPlace(
            words("No object is selected to fit the result into."),
            words("Select one, or choose a height instead."),
        )
    target = context.active_object if context.active_object in chosen else chosen[0]
    corners = [target.matrix_world @ Vector(corner) for corner in target.bound_box]
    low = [min(corner[axis] for corner in corners) for axis in range(3)]
    high = [max(corner[axis] for corner in corners) for axis in range(3)]
    sides = (high[0] - low[0], high[1] - low[1], high[2] - low[2])
    if max(sides) <= 0.0 or not all(isfinite(side) for side in sides):
        raise CannotPlace(
            words('"{name}" has no size to fit the result into.').format(name=target.name),
            words("Select another object, or choose a height instead."),
        )
    return place_in(context, ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]), Fit(sides))


def at_drop(context: bpy.types.Context, region_x: float, region_y: float, height: float) -> Place:
    """The place under the mouse in the 3D view of `context`, in region pixels from the bottom left.

    It is the nearest surface there, else the ground (Z = 0), else the point at the 3D cursor's depth; without
    a 3D view it is the cursor. Raises CannotPlace in a linked scene.
    """
    cursor = context.scene.cursor.location
    region, view = context.region, context.region_data
    if region is None or view is None:
        return place_in(context, cursor, Height(height))
    from bpy_extras import view3d_utils

    mouse = (region_x, region_y)
    origin = view3d_utils.region_2d_to_origin_3d(region, view, mouse)
    ray = view3d_utils.region_2d_to_vector_3d(region, view, mouse)
    reach = context.space_data.clip_end
    found, point = drop_point(context, origin, ray, reach)
    if not found:
        point = view3d_utils.region_2d_to_location_3d(region, view, mouse, cursor)
    return place_in(context, point, Height(height))


def drop_point(context: bpy.types.Context, origin: Vector, ray: Vector, reach: float) -> tuple[bool, Vector]:
    """Whether a ray from `origin` meets a surface or the ground within `reach` scene units, and where."""
    found, point, *_ = context.scene.ray_cast(
        context.evaluated_depsgraph_get(), origin, ray, distance=2 * reach
    )
    if found:
        return True, point
    if ray.z != 0.0:
        along = -origin.z / ray.z
        if 0.0 < along < reach:
            return True, origin + ray * along
    return False, origin


def place_in(context: bpy.types.Context, location: Vector | tuple[float, float, float], size: Size) -> Place:
    """The place in the scene and collection of `context`; raises CannotPlace where nothing may be added."""
    scene = context.scene
    if not scene.is_editable:
        raise CannotPlace(
            words('The scene "{name}" comes from a linked file and cannot be changed here.').format(
                name=scene.name
            ),
            words("Switch to a scene of this file."),
        )
    x, y, z = location
    return Place(
        scene_uid=scene.session_uid,
        scene_name=scene.name,
        location=(float(x), float(y), float(z)),
        turn_rad=0.0,
        size=size,
        collection_uid=open_collection(context),
    )


def open_collection(context: bpy.types.Context) -> int:
    """The session id of the active collection, or 0 when nothing can be put there or seen there."""
    layer = context.view_layer.active_layer_collection
    collection = layer.collection
    is_open = layer.is_visible and not layer.exclude and takes_children(collection)
    return collection.session_uid if is_open and collection != context.scene.collection else 0


def takes_children(collection: bpy.types.Collection) -> bool:
    """Whether collections may be added below `collection`: it is neither linked nor an override of one."""
    return collection.is_editable and collection.override_library is None


def scene_of(place: Place) -> bpy.types.Scene:
    """The scene of `place`; raises CannotPlace when it was deleted or another file is open."""
    for scene in bpy.data.scenes:
        if scene.session_uid == place.scene_uid and scene.is_editable:
            return scene
    raise CannotPlace(
        words('The scene "{name}" is no longer there.').format(name=place.scene_name),
        words("Insert the result from the history where you want it."),
    )


def collection_of(place: Place, scene: bpy.types.Scene) -> bpy.types.Collection:
    """The collection of `place` if it is still in `scene`, else the scene's own."""
    for collection in scene.collection.children_recursive:
        if collection.session_uid == place.collection_uid and takes_children(collection):
            return collection
    return scene.collection
