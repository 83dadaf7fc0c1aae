"""What nobody needs for a first success."""

import bpy

from .. import clock
from ..properties import BACKEND_TITLES
from .place import ClosedPart
from .text import draw_text


class MAQUETTE_PT_advanced(ClosedPart, bpy.types.Panel):
    """Method, seed, triangles, texture, and what only this method has."""

    bl_label = "Advanced"

    def draw(self, context: bpy.types.Context) -> None:
        """Draws the settings; methods that cannot run here say why."""
        layout, choices = self.layout, context.scene.maquette
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(choices, "backend")
        layout.prop(choices, "seed")
        layout.prop(choices, "faces")
        layout.prop(choices, "texture_size")
        if choices.backend == "silhouette":
            row = layout.row(heading="Depth")
            row.prop(choices, "use_depth", text="")
            sub = row.row()
            sub.active = choices.use_depth
            sub.prop(choices, "depth", text="")
        else:
            if choices.backend == "hunyuan3d-2":
                layout.prop(choices, "model")
            layout.prop(choices, "octree")
            layout.prop(choices, "steps")
            layout.prop(choices, "guidance")
        welcome = clock.welcome()
        for backend in welcome.backends if welcome else ():
            if not backend.is_available:
                column = layout.column()
                column.active = False
                column.label(text=BACKEND_TITLES[backend.name], icon="LOCKED", translate=False)
                draw_text(column, context, f"{backend.reason} {backend.remedy}".strip())


CLASSES = (MAQUETTE_PT_advanced,)
