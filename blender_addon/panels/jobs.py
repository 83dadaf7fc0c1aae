"""What runs and waits, and what was made: two closed panels below the main one."""

import time

import bpy

from .. import clock, history
from ..protocol.states import CANCELLED, DONE, FAILED, TAKEN
from .main import progress_text
from .place import ClosedPart
from .text import draw_text

_ICONS = {DONE: "IMPORT", TAKEN: "CHECKMARK", FAILED: "ERROR", CANCELLED: "CANCEL"}


class MAQUETTE_PT_queue(ClosedPart, bpy.types.Panel):
    """Jobs that run or wait, of all programs that use this engine."""

    bl_label = "Queue"

    def draw(self, context: bpy.types.Context) -> None:
        """A line for each job, with its own Cancel."""
        if not clock.running().is_warm:
            return
        session = clock.session()
        waiting = session.jobs.open_models
        if not waiting:
            self.layout.label(text="Nothing is waiting")
        now_s = time.monotonic()
        for job in waiting:
            row = self.layout.row(align=True)
            split = row.split(factor=0.45)
            split.label(text=job.name, translate=False)
            split.label(text=progress_text(session, job, now_s), translate=False)
            row.operator("maquette.cancel", text="", icon="X", emboss=False).job = job.job


class MAQUETTE_UL_history(bpy.types.UIList):
    """The list of finished jobs."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property) -> None:
        """One job: its state, name and time."""
        row = layout.row(align=True)
        row.label(text=item.label, icon=_ICONS.get(item.state, "DOT"), translate=False)
        row.label(text=item.detail, translate=False)


class MAQUETTE_PT_history(ClosedPart, bpy.types.Panel):
    """What was made, and can be inserted again."""

    bl_label = "History"

    def draw(self, context: bpy.types.Context) -> None:
        """The list, and what can be done with the job that is chosen in it."""
        if not clock.running().is_warm:
            return
        layout, manager = self.layout, context.window_manager.maquette
        if not manager.history:
            layout.label(
                text="Nothing was made yet" if clock.session().is_ready else "Start the engine to see it"
            )
            return
        row = layout.row()
        row.template_list("MAQUETTE_UL_history", "", manager, "history", manager, "history_index", rows=4)
        index = manager.history_index
        if not 0 <= index < len(manager.history):
            return
        chosen = manager.history[index]
        column = row.column(align=True)
        column.operator("maquette.insert_result", text="", icon="IMPORT").job = chosen.name
        column.operator("maquette.retry", text="", icon="FILE_REFRESH").job = chosen.name
        column.operator("maquette.discard", text="", icon="TRASH").job = chosen.name
        layout.label(text=history.title(chosen.state), translate=False)
        job = clock.session().jobs.get(chosen.name)
        if job is not None and job.view.fault is not None and chosen.state == FAILED:
            draw_text(layout, context, job.view.fault.message, "ERROR")
        for notice in job.view.notices if job is not None else ():
            draw_text(layout, context, notice, "INFO")


CLASSES = (MAQUETTE_PT_queue, MAQUETTE_UL_history, MAQUETTE_PT_history)
