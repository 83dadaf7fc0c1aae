"""A texture cannot be seen in Solid shading; the artist is told, and switches by a button, never by force."""

from __future__ import annotations

from collections.abc import Iterator

import bpy


def solid_views(scene: bpy.types.Scene | None = None) -> Iterator[bpy.types.View3DShading]:
    """The shading of each 3D view, in the windows that show `scene` or in all, that shows no textures."""
    for window in bpy.data.window_managers[0].windows:
        if scene is not None and window.scene != scene:
            continue
        for area in window.screen.areas:
            if area.type != "VIEW_3D":
                continue
            shading = area.spaces.active.shading
            is_plain = shading.type == "SOLID" and shading.color_type != "TEXTURE"
            if is_plain or shading.type == "WIREFRAME":
                yield shading


def shows_textures() -> bool:
    """Whether some 3D view would draw a new texture at once."""
    n_views = sum(
        area.type == "VIEW_3D"
        for window in bpy.data.window_managers[0].windows
        for area in window.screen.areas
    )
    return n_views > len(list(solid_views()))


def hides_textures(context: bpy.types.Context) -> bool:
    """Whether there are 3D views of the scene and none shows textures: then a tip is worth its place."""
    n_views = sum(
        area.type == "VIEW_3D"
        for window in context.window_manager.windows
        if window.scene == context.scene
        for area in window.screen.areas
    )
    return 0 < n_views == len(list(solid_views(context.scene)))


def show_materials(context: bpy.types.Context) -> int:
    """Switches the 3D views of the scene that show no textures to Material Preview; returns how many."""
    views = list(solid_views(context.scene))
    for shading in views:
        shading.type = "MATERIAL"
    return len(views)
