"""Blender tells when another file is opened and when a render starts; both need an answer."""

import bpy
from bpy.app.handlers import persistent

from . import clock


@persistent
def _file_opened(*unused: object) -> None:
    if clock.running().is_warm:
        clock.running().movement.file_opened()
        clock.running().wake()


@persistent
def _undone(*unused: object) -> None:
    clock.running().wake()


@persistent
def _render_begins(*unused: object) -> None:
    clock.running().has_render_begun = True  # no more: this is the render's thread, not the main one


_HANDLERS = (
    (bpy.app.handlers.load_post, _file_opened),
    (bpy.app.handlers.undo_post, _undone),
    (bpy.app.handlers.redo_post, _undone),
    (bpy.app.handlers.render_init, _render_begins),
)


def register() -> None:
    """Listens."""
    for listeners, handler in _HANDLERS:
        listeners.append(handler)


def unregister() -> None:
    """Listens no more."""
    for listeners, handler in _HANDLERS:
        listeners.remove(handler)
