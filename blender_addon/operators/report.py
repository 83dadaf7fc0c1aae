"""Copy Report: all that helps to find a fault, and nothing that tells who the user is."""

import platform
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.app.translations import pgettext_iface as words

from .. import clock, preferences

if TYPE_CHECKING:
    from ..session import Session

_N_LOG_LINES = 200


class MAQUETTE_OT_copy_report(bpy.types.Operator):
    """Copy what helps to find a fault: versions, device, the last jobs and the end of the logs."""

    bl_idname = "maquette.copy_report"
    bl_label = "Copy Report"
    bl_description = (
        "Copy what helps to find a fault: versions, device, the last jobs and the end of the logs"
    )
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Puts it on the clipboard."""
        context.window_manager.clipboard = report_of(clock.session())
        self.report({"INFO"}, words("The report is on the clipboard."))
        return {"FINISHED"}


class MAQUETTE_OT_clear_error(bpy.types.Operator):
    """Take this message away."""

    bl_idname = "maquette.clear_error"
    bl_label = "Dismiss"
    bl_description = "Take this message away"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Forgets it; the report still has it."""
        clock.session().clear_fault()
        clock.running().wake()
        return {"FINISHED"}


def report_of(session: "Session") -> str:
    """The report as text; the home folder's name is taken out of paths."""
    options = preferences.options()
    welcome = session.connection.welcome
    lines = [
        f"Maquette {session.version} in Blender {bpy.app.version_string}, {platform.platform()}",
        f"engine: {session.connection.phase}, version {welcome.engine if welcome else 'unknown'}",
        f"data: {options.data}, models: {options.models}, chosen: {options.chosen or 'none'}",
    ]
    device = session.status.device if session.status else welcome.device if welcome else None
    if device is not None:
        memory = f"{device.free_bytes / 1024**3:.1f} of {device.total_bytes / 1024**3:.1f} GiB free"
        lines.append(f"device: {device.name} ({device.kind}), {memory} {device.note}".rstrip())
    if session.fault is not None:
        lines += ["", f"fault {session.fault.code}: {session.fault.message}", session.fault.detail]
    lines += ["", "jobs:"]
    for job in list(session.jobs)[-20:]:
        lines.append(
            f"  {job.job} {job.kind} {job.backend} {job.preset} {job.state} {job.view.stage}".rstrip()
        )
    lines += ["", "add-on:", *session.log]
    logs = [options.data / "logs" / name for name in ("server.log", "worker.log")]
    for path in (*logs, options.home / "logs" / "setup.log"):
        lines += ["", f"{path.name}:", *_tail(path)]
    return "\n".join(lines).replace(str(Path.home()), "~")


def _tail(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()[-_N_LOG_LINES:]
    except OSError:
        return ["(none)"]


CLASSES = (MAQUETTE_OT_copy_report, MAQUETTE_OT_clear_error)
