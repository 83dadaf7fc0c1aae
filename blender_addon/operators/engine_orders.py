"""Orders about the engine: start it, end it, start it anew, have it free the GPU."""

import bpy

from .. import clock


class MAQUETTE_OT_start_engine(bpy.types.Operator):
    """Start the engine, or find the one that runs."""

    bl_idname = "maquette.start_engine"
    bl_label = "Start Engine"
    bl_description = "Start the engine, or find the one that runs"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Wants an engine."""
        clock.session().start()
        clock.running().wake()
        return {"FINISHED"}


class MAQUETTE_OT_stop_engine(bpy.types.Operator):
    """End the engine; jobs that wait go on when it is started again."""

    bl_idname = "maquette.stop_engine"
    bl_label = "Stop Engine"
    bl_description = "End the engine; jobs that wait go on when it is started again"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """When one runs or is being started."""
        cls.poll_message_set("No engine is running")
        return clock.running().is_warm and clock.session().connection.phase != "stopped"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Tells it to end."""
        clock.session().stop()
        clock.running().wake()
        return {"FINISHED"}


class MAQUETTE_OT_restart_engine(bpy.types.Operator):
    """End the engine and start it anew; nothing that it was asked for is lost."""

    bl_idname = "maquette.restart_engine"
    bl_label = "Restart Engine"
    bl_description = "End the engine and start it anew; nothing that it was asked for is lost"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Ends one and wants another."""
        clock.session().restart()
        clock.running().wake()
        return {"FINISHED"}


class MAQUETTE_OT_free_gpu(bpy.types.Operator):
    """Give all graphics memory of the engine back; it is taken again when the next job starts."""

    bl_idname = "maquette.free_gpu"
    bl_label = "Free GPU"
    bl_description = "Give all graphics memory of the engine back; it is taken again when the next job starts"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """When an engine runs."""
        cls.poll_message_set("No engine is running, so it uses no graphics memory")
        return clock.running().is_warm and clock.session().is_ready

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Has the worker end."""
        clock.session().free_gpu()
        clock.running().wake()
        return {"FINISHED"}


CLASSES = (
    MAQUETTE_OT_start_engine,
    MAQUETTE_OT_stop_engine,
    MAQUETTE_OT_restart_engine,
    MAQUETTE_OT_free_gpu,
)
