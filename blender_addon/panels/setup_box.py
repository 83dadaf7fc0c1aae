"""Set Up Engine as it is drawn in the panel and in the preferences: the button, or how far it has come."""

import bpy
from bpy.app.translations import pgettext_iface as words

from .. import clock
from .text import draw_text


def draw_setup(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The button, the progress, or what stopped it."""
    setup = clock.running().setup
    if setup is None:
        layout.operator("maquette.setup_engine", icon="IMPORT")
        return
    state = setup.state
    if not state.is_over:
        row = layout.row(align=True)
        row.scale_y = 1.4
        text = words(state.words).format(**state.values)
        row.progress(factor=state.fraction, type="BAR", text=f"{state.step}/{state.n_steps} · {text}")
        row.operator("maquette.cancel_setup", text="", icon="X")
        if state.detail:
            layout.label(text=state.detail[:100], translate=False)
        return
    if state.fault is not None:
        box = layout.box()
        box.alert = True
        draw_text(box, context, words(state.fault.message).format(**state.fault.values), "ERROR")
        draw_text(box, context, words(state.fault.remedy).format(**state.fault.values))
    else:
        draw_text(layout, context, words(state.words).format(**state.values), "CHECKMARK")
    layout.operator("maquette.setup_engine", icon="IMPORT")
