"""What a view layer knows of an object or a collection is lost when it leaves the scene for a moment.

Of objects it is written down before. A collection leaves only where there is nothing to be lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import bpy

_CHOICES = ("exclude", "hide_viewport", "holdout", "indirect_only")  # of a collection in a view layer


@dataclass(frozen=True)
class Stand:
    """How one object stood in one view layer. Lives within one call, because it holds the two."""

    layer: bpy.types.ViewLayer
    item: bpy.types.Object
    is_selected: bool
    is_hidden: bool
    is_active: bool


def holds(layer: bpy.types.ViewLayer, item: bpy.types.Object) -> bool:
    """Whether `item` can be seen or hidden in `layer`: its collections may be excluded there."""
    item.select_get(view_layer=layer)  # brings the layer's list up to date, without evaluating the scene
    return bool(layer.objects.get(item.name) == item)


def remember(items: list[bpy.types.Object]) -> list[Stand]:
    """How `items` stand in all view layers of their scenes."""
    return [
        Stand(
            layer,
            item,
            item.select_get(view_layer=layer),
            item.hide_get(view_layer=layer),
            layer.objects.active == item,
        )
        for item in items
        for scene in item.users_scene
        for layer in scene.view_layers
        if holds(layer, item)
    ]


def restore(stands: list[Stand]) -> None:
    """Puts the objects back as they stood, where they are still in the view layer."""
    for stand in stands:
        if not holds(stand.layer, stand.item):
            continue
        stand.item.select_set(stand.is_selected, view_layer=stand.layer)
        stand.item.hide_set(stand.is_hidden, view_layer=stand.layer)
        if stand.is_active:
            stand.layer.objects.active = stand.item


def present(item: bpy.types.Object, scene: bpy.types.Scene) -> None:
    """Selects `item` alone and makes it active in the windows that show `scene`, in local views too."""
    for window in bpy.data.window_managers[0].windows:
        layer = window.view_layer
        if window.scene != scene or not holds(layer, item):
            continue
        for other in list(layer.objects.selected):
            other.select_set(False, view_layer=layer)
        item.select_set(True, view_layer=layer)
        layer.objects.active = item
        for area in window.screen.areas:
            if area.type == "VIEW_3D" and area.spaces.active.local_view:
                item.local_view_set(area.spaces.active, True)


def places_left_empty(
    homes: list[bpy.types.Collection], items: list[bpy.types.Object]
) -> list[tuple[bpy.types.Collection, bpy.types.Collection]]:
    """Those of `homes` that would be empty without `items`, each after its parent.

    Only where unlinking and linking again changes nothing: it is the last child of all its parents, and no
    view layer hides, excludes or has it active.
    """
    found = []
    for home in dict.fromkeys(homes):
        if home.children or not set(home.objects) <= set(items):
            continue
        trees = [(scene.collection, *scene.collection.children_recursive) for scene in bpy.data.scenes]
        above = dict.fromkeys(parent for tree in trees for parent in tree if home in parent.children[:])
        if all(parent.is_editable and parent.children[-1] == home for parent in above) and _is_plain(home):
            found += [(parent, home) for parent in above]
    return found


def _is_plain(home: bpy.types.Collection) -> bool:
    layers = [layer for scene in bpy.data.scenes for layer in scene.view_layers]
    return not any(
        layer.active_layer_collection == stand or any(getattr(stand, choice) for choice in _CHOICES)
        for layer in layers
        for stand in _stands(layer.layer_collection)
        if stand.collection == home
    )


def _stands(root: bpy.types.LayerCollection) -> Iterator[bpy.types.LayerCollection]:
    yield root
    for child in root.children:
        yield from _stands(child)
