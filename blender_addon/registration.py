"""Registering makes all that the add-on is, in order; unregistering takes it away in the opposite order."""

import bpy

from . import clock, handlers, operators, panels, preferences, properties
from .operators import generate

_CLASSES = (*preferences.CLASSES, *properties.CLASSES, *operators.CLASSES, *panels.CLASSES)


def register() -> None:
    """Makes classes, choices, menus, handlers, and the session with its timer."""
    for each in _CLASSES:
        bpy.utils.register_class(each)
    properties.register()
    bpy.types.VIEW3D_MT_mesh_add.append(generate.draw_add_menu)
    bpy.types.IMAGE_MT_image.append(generate.draw_image_menu)
    handlers.register()
    clock.begin()


def unregister() -> None:
    """Takes everything away; the engine is left to end by itself."""
    clock.end()
    handlers.unregister()
    bpy.app.translations.unregister(preferences.PACKAGE)  # the clock registered them
    bpy.types.IMAGE_MT_image.remove(generate.draw_image_menu)
    bpy.types.VIEW3D_MT_mesh_add.remove(generate.draw_add_menu)
    properties.unregister()
    for each in reversed(_CLASSES):
        bpy.utils.unregister_class(each)
