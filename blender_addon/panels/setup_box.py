"""Set Up Engine as it is drawn in the panel and in the preferences: the button, or how far it has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
from bpy.app.translations import pgettext_iface as words

from .. import clock
from .text import draw_text

if TYPE_CHECKING:
    from ..engine_setup import SetupState

_GB = 10**9  # as downloads are counted


def draw_setup(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The button, the progress, or what became of it."""
    setup = clock.running().setup
    if setup is None:
        layout.operator("maquette.setup_engine", icon="IMPORT")
    elif not setup.state.is_over:
        draw_progress(layout, setup.state)
    else:
        draw_end(layout, context, setup.state)


def draw_progress(layout: bpy.types.UILayout, state: SetupState) -> None:
    """How far it has come, with Cancel."""
    row = layout.row(align=True)
    row.scale_y = 1.4
    text = words(state.words).format(**state.values)
    if state.total_bytes:
        text += f" {state.done_bytes / _GB:.1f}/{state.total_bytes / _GB:.1f} GB"
    row.progress(factor=state.fraction, type="BAR", text=f"{state.step}/{state.n_steps} · {text}")
    row.operator("maquette.cancel_setup", text="", icon="X")


def draw_end(layout: bpy.types.UILayout, context: bpy.types.Context, state: SetupState) -> None:
    """What stopped it with the way on, or that it is done."""
    fault = state.fault
    if fault is None:
        draw_text(layout, context, words(state.words).format(**state.values), "CHECKMARK")
        draw_text(layout, context, words(state.note) if state.note else "", "INFO")
        return
    box = layout.box()
    box.alert = True
    draw_text(box, context, words(fault.message).format(**fault.values), "ERROR")
    box.alert = False
    draw_text(box, context, words(fault.remedy).format(**fault.values))
    row = box.row(align=True)
    if fault.kind == "offline":
        row.operator("maquette.allow_online", icon="URL")
    row.operator("maquette.setup_engine", text=words("Go On"), icon="FILE_REFRESH", translate=False)
    row.operator("maquette.copy_report", text="", icon="COPYDOWN")
