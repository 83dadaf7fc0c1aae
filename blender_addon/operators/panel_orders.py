"""Small buttons: choose a picture, open the preferences, lower the quality, show the textures."""

from pathlib import Path

import bpy
from bpy.app.translations import pgettext_iface as words

from .. import clock, preferences
from ..properties import RELATIVE, SUFFIXES

# From most to least costly; what a fault that lacks memory suggests is the next one.
_CHEAPER = ("best", "portfolio", "balanced", "fastest", "sequential", "safe", "eco", "prototype")


class MAQUETTE_OT_choose_picture(bpy.types.Operator):
    """Choose a picture for the panel."""

    bl_idname = "maquette.choose_picture"
    bl_label = "Choose Picture"
    bl_description = "Choose a picture for the panel"
    bl_options = {"INTERNAL", "UNDO"}

    filepath: bpy.props.StringProperty(  # type: ignore[valid-type]
        subtype="FILE_PATH", options={"SKIP_SAVE", *RELATIVE}
    )
    filter_glob: bpy.props.StringProperty(  # type: ignore[valid-type]
        default=";".join(f"*{suffix}" for suffix in SUFFIXES), options={"HIDDEN"}
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Asks for the file."""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Loads it into the panel."""
        path = Path(bpy.path.abspath(self.filepath))
        try:
            context.scene.maquette.front = bpy.data.images.load(str(path), check_existing=True)
        except RuntimeError:
            self.report({"ERROR"}, words('The picture "{path}" cannot be opened.').format(path=path))
            return {"CANCELLED"}
        clock.session().clear_fault()
        return {"FINISHED"}


class MAQUETTE_OT_open_preferences(bpy.types.Operator):
    """Open the preferences of Maquette: folders, engine, graphics memory."""

    bl_idname = "maquette.open_preferences"
    bl_label = "Open Preferences"
    bl_description = "Open the preferences of Maquette: folders, engine, graphics memory"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Opens them."""
        bpy.ops.preferences.addon_show(module=preferences.PACKAGE)
        return {"FINISHED"}


class MAQUETTE_OT_allow_online(bpy.types.Operator):
    """Open the place in Blender's preferences where online access is allowed."""

    bl_idname = "maquette.allow_online"
    bl_label = "Allow Online Access"
    bl_description = "Open the place in Blender's preferences where online access is allowed"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Opens System > Network."""
        bpy.ops.screen.userpref_show(section="SYSTEM")
        return {"FINISHED"}


class MAQUETTE_OT_lower_preset(bpy.types.Operator):
    """Choose the next cheaper quality."""

    bl_idname = "maquette.lower_preset"
    bl_label = "Lower the Quality"
    bl_description = "Choose the next cheaper quality"
    bl_options = {"INTERNAL", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Changes the panel's quality."""
        choices = context.scene.maquette
        place = _CHEAPER.index(choices.preset) if choices.preset in _CHEAPER else 1
        choices.preset = _CHEAPER[min(place + 1, len(_CHEAPER) - 1)]
        clock.session().clear_fault()
        return {"FINISHED"}


class MAQUETTE_OT_show_materials(bpy.types.Operator):
    """Switch the 3D views to Material Preview, which shows textures."""

    bl_idname = "maquette.show_materials"
    bl_label = "Show Textures"
    bl_description = "Switch the 3D views to Material Preview, which shows textures"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Switches, and does not say so again."""
        from ..scene.shading import show_materials

        show_materials(context)
        preferences.preferences().tip_read = True
        return {"FINISHED"}


class MAQUETTE_OT_dismiss_tip(bpy.types.Operator):
    """Do not say this again."""

    bl_idname = "maquette.dismiss_tip"
    bl_label = "Dismiss"
    bl_description = "Do not say this again"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Remembers that it was read."""
        preferences.preferences().tip_read = True
        return {"FINISHED"}


CLASSES = (
    MAQUETTE_OT_choose_picture,
    MAQUETTE_OT_open_preferences,
    MAQUETTE_OT_allow_online,
    MAQUETTE_OT_lower_preset,
    MAQUETTE_OT_show_materials,
    MAQUETTE_OT_dismiss_tip,
)
