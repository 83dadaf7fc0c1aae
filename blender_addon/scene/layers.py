"""What a view layer knows of an object is lost when it leaves its collections: it is written down before."""

from __future__ import annotations

from dataclasses import dataclass

import bpy


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
