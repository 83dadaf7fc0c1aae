"""A box marks the place while the job runs: drawn over the view, in no file, gone when nothing waits.

What is drawn is what was last given to `Overlay.show`: plain numbers, no datablock. Without a screen
nothing is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, sin
from typing import Any

import bpy

Point = tuple[float, float, float]

_LINE = (
    1.0,
    0.55,
    0.15,
    0.9,
)  # RGBA, linear; the orange of Blender's selection, so that it is seen on any theme
_FILL = (1.0, 0.55, 0.15, 0.18)
_EDGES = ((0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4), (0, 4), (1, 5), (2, 6), (3, 7))
_SIDES = ((0, 1, 5), (0, 5, 4), (1, 2, 6), (1, 6, 5), (2, 3, 7), (2, 7, 6), (3, 0, 4), (3, 4, 7))
_TOP = ((4, 5, 6), (4, 6, 7))


@dataclass(frozen=True)
class Box:
    """A waiting place: base centre, turn about Z, sides (x, y, z), and how much is done, 0 to 1."""

    scene_uid: int
    location: Point
    turn_rad: float
    sides: Point
    progress: float = 0.0

    def corners(self, filled: float = 1.0) -> list[Point]:
        """Eight corners, the base first, of the box up to the part `filled` of its height."""
        x, y, z = (side / 2 for side in self.sides)
        c, s = cos(self.turn_rad), sin(self.turn_rad)
        around = ((-x, -y), (x, -y), (x, y), (-x, y))
        return [
            (self.location[0] + c * a - s * b, self.location[1] + s * a + c * b, self.location[2] + rise)
            for rise in (0.0, 2 * z * filled)
            for a, b in around
        ]


class Overlay:
    """The boxes on the screen. Give it up with `show(())` before it is dropped."""

    def __init__(self) -> None:
        self._boxes: tuple[Box, ...] = ()
        self._handle: Any = None

    @property
    def boxes(self) -> tuple[Box, ...]:
        """The boxes that are drawn now."""
        return self._boxes

    def show(self, boxes: tuple[Box, ...]) -> None:
        """Draws `boxes` from now on, each in the views of its scene; nothing is registered for none."""
        if boxes == self._boxes:
            return
        self._boxes = boxes
        if bpy.app.background:
            return
        if boxes and self._handle is None:
            self._handle = bpy.types.SpaceView3D.draw_handler_add(self._draw, (), "WINDOW", "POST_VIEW")
        elif not boxes and self._handle is not None:
            bpy.types.SpaceView3D.draw_handler_remove(self._handle, "WINDOW")
            self._handle = None
        redraw_views()

    def _draw(self) -> None:
        uid = bpy.context.scene.session_uid
        for box in self._boxes:
            if box.scene_uid == uid:
                draw_box(box)


def draw_box(box: Box) -> None:
    """Draws one box into the 3D view under way: its edges, and its sides up to what is done."""
    import gpu
    from gpu_extras.batch import batch_for_shader

    gpu.state.blend_set("ALPHA")
    gpu.state.depth_test_set("LESS_EQUAL")
    flat = gpu.shader.from_builtin("UNIFORM_COLOR")
    if box.progress > 0.0:
        filled = {"pos": box.corners(min(box.progress, 1.0))}
        flat.bind()
        flat.uniform_float("color", _FILL)
        gpu.state.depth_mask_set(False)
        batch_for_shader(flat, "TRIS", filled, indices=_SIDES + _TOP).draw(flat)
    lines = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
    lines.bind()
    lines.uniform_float("color", _LINE)
    lines.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
    lines.uniform_float("lineWidth", 1.5 * bpy.context.preferences.system.ui_scale)
    batch_for_shader(lines, "LINES", {"pos": box.corners()}, indices=_EDGES).draw(lines)
    gpu.state.depth_test_set("NONE")
    gpu.state.blend_set("NONE")


def redraw_views() -> None:
    """Asks all 3D views to draw themselves again."""
    for window in bpy.data.window_managers[0].windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()
