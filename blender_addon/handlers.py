"""Blender tells when another file is opened and when a render starts; both need an answer."""

import bpy
from bpy.app.handlers import persistent

from . import clock, preferences


@persistent
def _file_opened(*unused: object) -> None:
    clock.running().file_opened()


@persistent
def _undone(*unused: object) -> None:
    clock.running().wake()


@persistent
def _render_begins(*unused: object) -> None:
    session = clock.session()
    if session.is_ready and preferences.preferences().frees_for_render:
        session.free_gpu()


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
