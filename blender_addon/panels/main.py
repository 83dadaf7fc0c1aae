"""The panel that is always there: state, picture, quality, cost, size, and one large button."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import bpy

from .. import clock, preferences
from ..properties import MAIN_PRESETS, PRESET_TITLES, VIEW_TITLES, MaquetteScene, views_of
from ..protocol.names import VIEWS
from ..protocol.states import CANCELLING, QUEUED
from ..scene import shading
from ..sentences import words
from .place import InSidebar
from .remedies import draw_remedy
from .setup_box import draw_setup
from .text import draw_text, seconds_text

if TYPE_CHECKING:
    from ..cutout_preview import CutoutPreview
    from ..ledger import Job
    from ..movement import Movement
    from ..protocol.session import Device
    from ..session import Session

_GIB = 1024**3
_MAKERS = re.compile(r"^(NVIDIA |GeForce |AMD |Intel\(R\) )+")  # what every card is called first
_PHASES = {
    "stopped": "Engine not running",
    "starting": "Engine starting…",
    "connecting": "Connecting…",
}
STAGE_TITLES = {
    "preprocess": "Cutting Out",
    "load": "Loading",
    "shape": "Shape",
    "clean": "Cleaning",
    "delight": "Removing Light",
    "unwrap": "Unwrapping",
    "render": "Looking Around",
    "multiview": "Painting Views",
    "bake": "Texture",
    "inpaint": "Filling Gaps",
    "save": "Finishing",
}


class MAQUETTE_PT_main(InSidebar, bpy.types.Panel):
    """One picture in, one textured model out."""

    bl_label = "Maquette"

    def draw(self, context: bpy.types.Context) -> None:
        """Draws what is known; asks nothing and reads no file."""
        layout, running = self.layout, clock.running()
        if running.failure:
            told = words("Maquette cannot run in this Blender. Install it again. ({reason})")
            draw_text(layout, context, told.format(reason=running.failure), "ERROR")
            return
        if not running.is_warm:  # within the first second of Blender
            layout.label(text="Starting…")
            return
        movement, choices = running.movement, context.scene.maquette
        draw_status(layout, movement.session, movement.has_engine)
        if running.is_setting_up or (running.setup is not None and running.setup.state.fault):
            draw_setup(layout, context)
        draw_trouble(layout, context, movement.session)
        draw_picture(layout, context, choices, movement.cutout)
        draw_more_views(layout, choices)
        draw_quality(layout, context, choices, movement.session)
        draw_size(layout, choices)
        draw_button(layout, context, movement)
        draw_tip(layout, context, movement)


def draw_status(layout: bpy.types.UILayout, session: Session, has_engine: bool) -> None:
    """The engine's state, its device and free memory, and what can be done with it."""
    row = layout.row(align=True)
    if session.is_ready:
        told = session.status or session.connection.welcome
        row.label(text=device_text(told.device) if told else "", icon="CHECKMARK", translate=False)
        if session.status is not None and session.status.worker != "absent":
            row.operator("maquette.free_gpu", text="", icon="TRASH")
        row.operator("maquette.stop_engine", text="", icon="QUIT")
    else:
        is_stopped = session.connection.phase == "stopped"
        text = _PHASES[session.connection.phase] if has_engine or not is_stopped else "No engine yet"
        row.label(text=text, icon="RADIOBUT_OFF")
        if is_stopped and has_engine:
            row.operator("maquette.start_engine", text="", icon="PLAY")
    row.operator("maquette.open_preferences", text="", icon="PREFERENCES")
    is_beside_its_words = session.fault is not None and session.fault.action == "update"
    is_missing = not has_engine and not session.is_ready
    if is_missing and not is_beside_its_words and not clock.running().is_setting_up:
        column = layout.column()
        column.scale_y = 1.4
        column.operator("maquette.setup_engine", icon="IMPORT")


def device_text(device: Device) -> str:
    """A device and its free memory; of a processor, the computer's."""
    free = device.free_bytes / _GIB
    name = words("Processor") if device.kind == "cpu" else _MAKERS.sub("", device.name)
    return words("{name} · {free:.1f} GB free").format(name=name, free=free)


def draw_trouble(layout: bpy.types.UILayout, context: bpy.types.Context, session: Session) -> None:
    """What went wrong, in words, with the button that mends it; it stays until it is dismissed."""
    if session.other_version:
        box = layout.box()
        told = words("The engine is version {engine}, the add-on {addon}. Set the engine up again.")
        draw_text(box, context, told.format(engine=session.other_version, addon=session.version), "ERROR")
        box.operator("maquette.setup_engine", icon="IMPORT")
    if session.fault is not None:
        box = layout.box()
        box.alert = True
        draw_text(box, context, session.fault.message, "ERROR")
        box.alert = False
        draw_text(box, context, session.fault.remedy)
        row = box.row(align=True)
        draw_remedy(row, session.fault, session.fault_job)
        row.operator("maquette.clear_error", text="", icon="X")
    if session.news:
        row = layout.box().row()
        draw_text(row, context, session.news, "INFO", has_button=True)
        row.operator("maquette.clear_error", text="", icon="X", emboss=False)
    waiting = session.jobs.waiting
    if waiting:
        row = layout.row()
        text = words("Insert {name}").format(name=waiting[-1].name)
        row.operator("maquette.insert_result", text=text, icon="IMPORT", translate=False).job = waiting[
            -1
        ].job
        if len(waiting) > 1:
            row.label(text=words("{n} wait").format(n=len(waiting)), translate=False)


def draw_picture(
    layout: bpy.types.UILayout, context: bpy.types.Context, choices: MaquetteScene, cutout: CutoutPreview
) -> None:
    """The picture, and what will be taken out of it."""
    image = choices.front
    if image is not None:
        column = layout.column()
        icon = cutout.icon_of(image)
        preview = image.preview
        column.template_icon(icon_value=icon or (preview.icon_id if preview else 0), scale=7.0)
        if cutout.is_asked:
            column.label(text="Cutting the subject out…", icon="SORTTIME")
        for note in cutout.notes:
            draw_text(column, context, note, "INFO")
    layout.template_ID(choices, "front", open="image.open")


def draw_more_views(layout: bpy.types.UILayout, choices: MaquetteScene) -> None:
    """The slots for further views, closed until they are wanted."""
    header, body = layout.panel("MAQUETTE_views", default_closed=True)
    n_more = len(views_of(choices)) - (choices.front is not None)
    header.label(text="More Views")
    if n_more:
        header.label(text=str(n_more), translate=False)
    if body is None:
        return
    column = body.column()
    column.use_property_split = True
    column.use_property_decorate = False
    usable = _usable_views(choices.backend)
    for view in VIEWS[1:]:
        row = column.row()
        row.active = view in usable
        split = row.split(factor=0.25)
        split.label(text=VIEW_TITLES[view])
        split.template_ID(choices, view, open="image.open")
    if set(views_of(choices)) - set(usable):
        column.label(text="Views that this method cannot use are left out", icon="INFO")


def _usable_views(backend: str) -> tuple[str, ...]:
    welcome = clock.welcome()
    found = [each.views for each in welcome.backends if each.name == backend] if welcome else []
    return found[0] if found else VIEWS


def draw_quality(
    layout: bpy.types.UILayout, context: bpy.types.Context, choices: MaquetteScene, session: Session
) -> None:
    """The quality, and what it will cost."""
    offered = [item[0] for item in _offered_presets()]
    row = layout.row(align=True)
    for name in (name for name in MAIN_PRESETS if name in offered):
        row.prop_enum(choices, "preset", name)
    row.menu("MAQUETTE_MT_presets", text="", icon="DOWNARROW_HLT")
    if choices.preset not in MAIN_PRESETS:
        layout.label(text=PRESET_TITLES.get(choices.preset, ""), icon="DOT")
    draw_text(layout, context, cost_text(session, choices), "TIME")


def _offered_presets() -> list[tuple[str, str]]:
    welcome = clock.welcome()
    if welcome is None:
        return [(name, "") for name in PRESET_TITLES]
    return [(preset.name, preset.description) for preset in welcome.presets]


def cost_text(session: Session, choices: MaquetteScene) -> str:
    """What the model will cost, as measured on this computer."""
    estimate = session.estimate(choices.backend, choices.preset, max(len(views_of(choices)), 1))
    if estimate is None and choices.backend == "silhouette":
        return words("Some seconds, no graphics memory; not measured here yet")
    if estimate is None:
        return words("Time and memory were not measured here yet")
    time_text = seconds_text(estimate.seconds)
    if estimate.peak_vram_bytes == 0:
        return words("About {time}, no graphics memory").format(time=time_text)
    peak = estimate.peak_vram_bytes / _GIB
    return words("About {time}, {peak:.1f} GB of graphics memory").format(time=time_text, peak=peak)


def draw_size(layout: bpy.types.UILayout, choices: MaquetteScene) -> None:
    """How large the model will be."""
    row = layout.row(align=True)
    row.prop(choices, "size_mode", text="")
    if choices.size_mode == "HEIGHT":
        row.prop(choices, "height", text="")


def draw_button(layout: bpy.types.UILayout, context: bpy.types.Context, movement: Movement) -> None:
    """Generate; while a job of ours runs also its progress with Cancel."""
    now_s = time.monotonic()
    mine = [job for job in movement.session.jobs.open_models if job.is_ours]
    if mine:
        draw_progress(layout, movement.session, mine[0], now_s)
        if len(mine) > 1:
            layout.label(text=words("{n} more in the queue").format(n=len(mine) - 1), translate=False)
    if movement.strip.hindrance:
        draw_text(layout, context, movement.strip.hindrance, "PAUSE")
    row = layout.row()
    row.scale_y = 1.2 if mine else 1.7
    row.operator("maquette.generate", text="Generate", icon="MESH_MONKEY")


def draw_progress(layout: bpy.types.UILayout, session: Session, job: Job, now_s: float) -> None:
    """A bar with stage n of m, step and time left, and Cancel beside it."""
    row = layout.row(align=True)
    row.scale_y = 1.4
    row.progress(factor=job.view.fraction, type="BAR", text=progress_text(session, job, now_s))
    row.operator("maquette.cancel", text="", icon="X").job = job.job


def progress_text(session: Session, job: Job, now_s: float) -> str:
    """Where a job stands, in one line."""
    view = job.view
    if not job.is_accepted or not session.is_ready:
        return words("Waiting for the engine…")
    if view.state == CANCELLING:
        return words("Cancelling…")
    if view.state == QUEUED:
        return words("Waiting in the queue…")
    if not view.stage:
        return words("Starting…")
    text = f"{words(STAGE_TITLES[view.stage])} {view.index + 1}/{view.n_stages}"
    if view.n_steps > 1:
        text += f" · {view.step}/{view.n_steps}"
    left_s = session.seconds_left(job, now_s)
    return text if left_s is None else f"{text} · {words('{time} left').format(time=seconds_text(left_s))}"


def draw_tip(layout: bpy.types.UILayout, context: bpy.types.Context, movement: Movement) -> None:
    """Said once: the texture is there, but this kind of view does not show it."""
    if movement.strip.n_landed and not preferences.preferences().tip_read and shading.hides_textures(context):
        box = layout.box()
        draw_text(box, context, words("Solid view shows no textures."), "INFO")
        row = box.row(align=True)
        row.operator("maquette.show_materials", icon="SHADING_TEXTURE")
        row.operator("maquette.dismiss_tip", text="", icon="X")


class MAQUETTE_MT_presets(bpy.types.Menu):
    """All qualities that the engine offers."""

    bl_label = "Quality"

    def draw(self, context: bpy.types.Context) -> None:
        """Draws a row for each quality."""
        self.layout.props_enum(context.scene.maquette, "preset")


CLASSES = (MAQUETTE_PT_main, MAQUETTE_MT_presets)
