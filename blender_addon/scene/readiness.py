"""The scene is touched only while nobody else holds it: not in a render, not in sculpting or editing."""

from __future__ import annotations

import bpy
from bpy.app.translations import pgettext_iface as words

# Jobs that read the scene from another thread. Material previews and shader compilation work on copies.
_JOBS = ("RENDER", "OBJECT_BAKE")


def hindrance() -> str:
    """Why nothing may be put into the scene now, in words; empty when it may. Costs microseconds."""
    manager = bpy.data.window_managers[0]
    if manager.is_interface_locked or any(bpy.app.is_job_running(job) for job in _JOBS):
        return words("The result waits until the render is finished.")
    for window in manager.windows:
        active = window.view_layer.objects.active
        if active is not None and active.mode != "OBJECT":
            return words("The result waits until you are back in Object Mode.")
    return ""
