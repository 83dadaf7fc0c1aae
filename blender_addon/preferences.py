"""Where things lie and how the engine behaves: what belongs to the computer and not to a scene."""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.app.translations import pgettext_iface as words

from .translations import CONTEXT

if TYPE_CHECKING:
    from .engine_options import EngineOptions

PACKAGE = __package__


def _changed(self: bpy.types.AddonPreferences, context: bpy.types.Context) -> None:
    from . import clock  # which imports this module

    clock.options_changed()


class MaquettePreferences(bpy.types.AddonPreferences):
    """The add-on's preferences."""

    bl_idname = PACKAGE

    home: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Maquette Folder",
        description="Where the engine, its models and its jobs are kept; it may grow to tens of gigabytes",
        subtype="DIR_PATH",
        update=_changed,
    )
    engine: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Engine",
        translation_context=CONTEXT,
        description="A Python, environment or maquette program that runs the engine; empty to have it found",
        subtype="FILE_PATH",
        update=_changed,
    )
    data: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Data Folder",
        description="Jobs, results and logs; empty for a folder in the Maquette folder",
        subtype="DIR_PATH",
        update=_changed,
    )
    models: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Model Folder",
        description="The weights of the neural networks; empty for a folder in the Maquette folder",
        subtype="DIR_PATH",
        update=_changed,
    )
    vram_limit_gib: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Graphics Memory Limit",
        description="The most graphics memory that a job may use, in GiB; 0 sets no limit",
        default=0.0,
        min=0.0,
        max=1024.0,
        precision=1,
    )
    idle_minutes: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Minutes Until Idle",
        description="Minutes without a job after which the engine gives all its memory back",
        default=5.0,
        min=0.1,
        soft_max=60.0,
        precision=1,
        update=_changed,
    )
    frees_for_render: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Free the GPU for Renders",
        description="Give the engine's idle graphics memory back when a render starts",
        default=True,
    )
    previews_cutout: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Show the Cut-Out",
        description="Cut the subject out as soon as a picture is chosen, which starts the engine",
        default=True,
    )
    tip_read: bpy.props.BoolProperty(default=False, options={"HIDDEN"})  # type: ignore[valid-type]

    def draw(self, context: bpy.types.Context) -> None:
        """The page in Blender's preferences."""
        layout = self.layout
        layout.use_property_split = True
        column = layout.column()
        column.prop(self, "home")
        folder = home_folder(self)
        free = free_gib(folder)
        if free is not None:
            column.label(text=words("{free:.0f} GB are free there.").format(free=free), icon="INFO")
        column.separator()
        from .panels.setup_box import draw_setup

        draw_setup(column, context)
        column.separator()
        for name in ("engine", "data", "models"):
            column.prop(self, name, placeholder=str(_default(self, name)))
        column.separator()
        for name in ("vram_limit_gib", "idle_minutes", "frees_for_render", "previews_cutout"):
            column.prop(self, name)
        column.separator()
        row = column.row()
        row.operator("maquette.copy_report", icon="COPYDOWN")
        row.operator("maquette.restart_engine", icon="FILE_REFRESH")


def preferences() -> MaquettePreferences:
    """The add-on's preferences."""
    return bpy.context.preferences.addons[PACKAGE].preferences


def own_folder() -> Path:
    """The folder that belongs to the add-on, and the only one that it writes to unasked."""
    return Path(bpy.utils.extension_path_user(PACKAGE, create=True))


def home_folder(chosen: MaquettePreferences) -> Path:
    """The folder that the user chose for the engine, else the add-on's own."""
    return Path(bpy.path.abspath(chosen.home)) if chosen.home else own_folder()


def options() -> "EngineOptions":
    """What the preferences and the environment say of the engine."""
    from .engine_options import engine_options

    chosen = preferences()
    limit = chosen.vram_limit_gib
    return engine_options(
        chosen=bpy.path.abspath(chosen.engine) if chosen.engine else "",
        home=bpy.path.abspath(chosen.home) if chosen.home else "",
        data=bpy.path.abspath(chosen.data) if chosen.data else "",
        models=bpy.path.abspath(chosen.models) if chosen.models else "",
        own_folder=own_folder(),
        idle_s=chosen.idle_minutes * 60.0,
        vram_limit_gib=round(limit, 2) if limit > 0.0 else None,
        environment=os.environ,
    )


def free_gib(folder: Path) -> float | None:
    """Gigabytes (2^30 bytes) free on the disk where `folder` is or will be; None if it cannot be told."""
    for place in (folder, *folder.parents):
        if place.exists():
            try:
                return shutil.disk_usage(place).free / 1024**3
            except OSError:  # a network drive that is away
                return None
    return None


def _default(chosen: MaquettePreferences, name: str) -> str:
    if name == "engine":
        return words("found by itself")
    return str(getattr(options(), name))


CLASSES = (MaquettePreferences,)
