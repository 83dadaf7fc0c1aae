"""Beside an error stands the button that mends it; there is one for each action that a fault can name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
from bpy.app.translations import pgettext_iface as words

if TYPE_CHECKING:
    from ..protocol.faults import Fault

_OPERATORS = {
    "choose_picture": ("maquette.choose_picture", "FILE_IMAGE"),
    "choose_folder": ("maquette.open_preferences", "FILE_FOLDER"),
    "download_models": ("maquette.open_preferences", "IMPORT"),
    "accept_licence": ("maquette.open_preferences", "CHECKMARK"),
    "free_gpu": ("maquette.free_gpu", "TRASH"),
    "lower_preset": ("maquette.lower_preset", "TRIA_DOWN"),
    "start_engine": ("maquette.start_engine", "PLAY"),
    "restart_engine": ("maquette.restart_engine", "FILE_REFRESH"),
    "update": ("maquette.setup_engine", "IMPORT"),
    "copy_report": ("maquette.copy_report", "COPYDOWN"),
}


def draw_remedy(row: bpy.types.UILayout, fault: Fault, job: str) -> None:
    """The button of a fault; a job that failed without a better remedy can be tried again."""
    if fault.action in _OPERATORS:
        operator, icon = _OPERATORS[fault.action]
        row.operator(operator, icon=icon)
    if job and fault.action in ("retry", "free_gpu", ""):
        row.operator("maquette.retry", text=words("Try Again"), icon="FILE_REFRESH").job = job
    if fault.action != "copy_report":
        row.operator("maquette.copy_report", text="", icon="COPYDOWN")
