"""Set Up Engine: the only thing here that uses the network, and only if Blender may."""

import sys
from pathlib import Path

import bpy
from bpy.app.translations import pgettext_iface as words

from .. import clock, preferences

_FOLDER = Path(__file__).parent.parent


class MAQUETTE_OT_setup_engine(bpy.types.Operator):
    """Install the engine outside Blender, into a folder of your choice; it may be interrupted."""

    bl_idname = "maquette.setup_engine"
    bl_label = "Set Up Engine"
    bl_description = "Install the engine outside Blender, into a folder of your choice; it may be interrupted"
    bl_options = {"INTERNAL"}

    directory: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Folder", description="Where the engine will be kept", subtype="DIR_PATH", options={"SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """When none is under way."""
        cls.poll_message_set("The engine is being set up")
        return not clock.running().is_setting_up

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Asks for the folder, unless it was chosen before."""
        chosen = preferences.preferences()
        if chosen.home:
            return self.execute(context)
        self.directory = str(Path.home() / "Maquette")
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Begins; the timer goes on with it."""
        chosen = preferences.preferences()
        if self.directory:
            chosen.home = self.directory
        wheels = sorted((_FOLDER / "engine").glob("maquette-*.whl"))
        if not wheels:
            self.report(
                {"ERROR"}, words("This copy of the add-on carries no engine. Install it from its zip.")
            )
            return {"CANCELLED"}
        uv_wheels = sorted((_FOLDER / "uv" / platform_name()).glob("uv-*.whl"))
        from ..engine_setup import Setup, SetupPlan

        plan = SetupPlan(
            home=preferences.home_folder(chosen),
            engine_wheel=wheels[-1],
            uv_wheel=uv_wheels[-1] if uv_wheels else None,
            may_go_online=bpy.app.online_access,
        )
        clock.running().setup = Setup(plan)
        clock.running().wake()
        return {"FINISHED"}


class MAQUETTE_OT_cancel_setup(bpy.types.Operator):
    """Stop the set-up; the next one goes on from there."""

    bl_idname = "maquette.cancel_setup"
    bl_label = "Cancel Set-Up"
    bl_description = "Stop the set-up; the next one goes on from there"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Stops it."""
        if (setup := clock.running().setup) is not None:
            setup.cancel()
        return {"FINISHED"}


def platform_name() -> str:
    """This computer as Blender's extensions name platforms: windows-x64, macos-arm64 and so on."""
    import platform

    system = {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")
    machine = platform.machine().lower()
    return f"{system}-{'arm64' if machine in ('arm64', 'aarch64') else 'x64'}"


CLASSES = (MAQUETTE_OT_setup_engine, MAQUETTE_OT_cancel_setup)
