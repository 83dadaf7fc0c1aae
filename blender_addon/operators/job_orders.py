"""Orders about one job: cancel it, try it again, insert what it made, forget it."""

from typing import Any

import bpy
from bpy.app.translations import pgettext_iface as words

from .. import clock
from ..protocol.states import CANCELLED, DONE, FAILED, TAKEN


def _job_property() -> object:
    return bpy.props.StringProperty(
        name="Job", description="The id of the job; empty for the newest one", options={"SKIP_SAVE", "HIDDEN"}
    )


def _newest(jobs: list[Any]) -> Any:
    """The last of the jobs, None of none."""
    return jobs[-1] if jobs else None


class MAQUETTE_OT_cancel(bpy.types.Operator):
    """Stop making this model; nothing of it stays."""

    bl_idname = "maquette.cancel"
    bl_label = "Cancel"
    bl_description = "Stop making this model; nothing of it stays"
    bl_options = {"INTERNAL"}
    job: _job_property()  # type: ignore[valid-type]

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """When something is being made."""
        cls.poll_message_set("No model is being made")
        return clock.running().is_warm and bool(clock.session().jobs.open_models)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Asks that the job stop."""
        session = clock.session()
        job = session.jobs.get(self.job) or _newest(session.jobs.open_models)
        session.cancel(job.job)
        clock.running().wake()
        return {"FINISHED"}


class MAQUETTE_OT_retry(bpy.types.Operator):
    """Make this model once more."""

    bl_idname = "maquette.retry"
    bl_label = "Try Again"
    bl_description = "Make this model once more"
    bl_options = {"INTERNAL"}
    job: _job_property()  # type: ignore[valid-type]

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Queues a failed or cancelled job again."""
        session = clock.session()
        job = session.jobs.get(self.job)
        if job is None or job.state not in (FAILED, CANCELLED):
            self.report({"INFO"}, words("Only a failed or cancelled job can be tried again."))
            return {"CANCELLED"}
        session.clear_fault()
        session.retry(job.job)
        clock.running().wake()
        return {"FINISHED"}


class MAQUETTE_OT_insert_result(bpy.types.Operator):
    """Put this model into the scene, at the 3D cursor."""

    bl_idname = "maquette.insert_result"
    bl_label = "Insert Result"
    bl_description = "Put this model into the scene, at the 3D cursor"
    bl_options = {"INTERNAL"}
    job: _job_property()  # type: ignore[valid-type]

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Asks for the result; it lands when it has come."""
        session = clock.session()
        finished = [job for job in session.jobs if job.is_model and job.state in (DONE, TAKEN)]
        job = session.jobs.get(self.job) if self.job else _newest(session.jobs.waiting or finished)
        if job is None or job not in finished:
            self.report({"ERROR"}, words("There is no finished model to insert."))
            return {"CANCELLED"}
        from ..scene import placement

        try:
            place = placement.at_cursor(context, context.scene.maquette.height)
        except placement.CannotPlace as error:
            self.report({"ERROR"}, f"{error.message} {error.remedy}")
            return {"CANCELLED"}
        session.take(job.job, place)
        session.news = ""
        clock.running().wake()
        return {"FINISHED"}


class MAQUETTE_OT_discard(bpy.types.Operator):
    """Forget this job and its result; what is in the scene stays."""

    bl_idname = "maquette.discard"
    bl_label = "Forget"
    bl_description = "Forget this job and its result; what is in the scene stays"
    bl_options = {"INTERNAL"}
    job: _job_property()  # type: ignore[valid-type]

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Asks before a result is lost for good."""
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Has the engine delete it."""
        session = clock.session()
        job = session.jobs.get(self.job)
        if job is None or job.is_open:
            self.report({"INFO"}, words("Cancel the job before it is forgotten."))
            return {"CANCELLED"}
        session.discard(job.job)
        clock.running().wake()
        return {"FINISHED"}


CLASSES = (MAQUETTE_OT_cancel, MAQUETTE_OT_retry, MAQUETTE_OT_insert_result, MAQUETTE_OT_discard)
