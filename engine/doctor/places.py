"""The computer and its places: memory, disks, folders, the server that may run; all read, none made."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

from engine.doctor.report import Finding, Section
from engine.errors import BadInput, Unreachable
from engine.folders import DATA_VARIABLE, MODELS_VARIABLE, Folders, is_writable, nearest_existing
from engine.link.address import FILE_NAME, read_address
from engine.memory.device import Device

GIB = 1024**3

ENOUGH_RAM_BYTES = 2 * GIB  # the most that a model without a network takes
ENOUGH_DISK_BYTES = 1 * GIB  # some fifty results with their pictures


def examine_computer(processor: Device) -> Section:
    """Findings on the system, the processor and its RAM (`processor` as `read_processor` gives it)."""
    system = f"{platform.platform(aliased=True)}, {os.cpu_count() or 1} cores"
    return Section(
        "Computer",
        (
            Finding(
                "ok", "system", system, facts=(("platform", platform.platform()), ("n_cores", os.cpu_count()))
            ),
            Finding("ok", "processor", processor.name),
            _examine_ram(processor),
        ),
    )


def examine_folders(folders: Folders) -> Section:
    """Findings on the folders for data and models: where, writable or not, and how much room."""
    return Section(
        "Folders",
        (
            examine_folder("data", folders.data, DATA_VARIABLE),
            examine_folder("models", folders.models, MODELS_VARIABLE),
        ),
    )


def examine_folder(name: str, folder: Path, variable: str) -> Finding:
    """Whether `folder` can be written, or made, and has room; `variable` is what moves it elsewhere."""
    nearest = nearest_existing(folder)
    free_bytes = _free_bytes(nearest)
    can_write = is_writable(folder)
    facts = (("path", str(folder)), ("is_writable", can_write), ("free_bytes", free_bytes))
    elsewhere = f"Set {variable} to a folder on a disk with room."
    if not can_write:
        what = (
            f"{folder} cannot be written."
            if os.path.exists(folder)
            else f"{folder} cannot be made below {nearest}."
        )
        return Finding("problem", name, what, f"Change its permissions, or set {variable}.", facts)
    if free_bytes is None:
        return Finding("note", name, f"{folder}; its disk does not tell how much is free.", facts=facts)
    room = f"{free_bytes / GIB:.1f} GiB free"
    if free_bytes < ENOUGH_DISK_BYTES:
        return Finding("problem", name, f"{folder}, only {room}.", elsewhere, facts)
    made = "" if os.path.exists(folder) else "; made when needed"
    return Finding("ok", name, f"{folder}, {room}{made}", facts=facts)


def examine_server(data: Path) -> Finding:
    """Whether a server runs, by the connection file that it leaves in `data`; its secrets are not shown."""
    name = "server"
    path = data / FILE_NAME
    if not os.path.exists(path):
        return Finding("ok", name, "None is running; one starts when Blender or `maquette serve` asks.")
    try:
        address = read_address(data)
    except (BadInput, Unreachable) as error:
        return Finding("note", name, error.message, f"Delete {path} if no server runs.")
    facts = (("pid", address.pid), ("engine", address.engine))
    if is_running(address.pid):
        what = f"Maquette {address.engine} is running as process {address.pid}."
        return Finding("ok", name, what, facts=facts)
    what = f"The last one (process {address.pid}) ended without removing {path}."
    return Finding("note", name, what, "Nothing need be done: the next one replaces the file.", facts)


def is_running(pid: int) -> bool:
    """Whether a process `pid` is there and not a zombie; True when psutil is missing, as it may well be."""
    try:
        import psutil
    except ImportError:
        return True
    if not 0 < pid < 2**31:  # a number that no process has
        return False
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:  # it is there, and another user's
        return True


def _examine_ram(processor: Device) -> Finding:
    facts = (("total_bytes", processor.total_bytes), ("free_bytes", processor.free_bytes))
    if not processor.total_bytes:
        return Finding("note", "memory", processor.note, facts=facts)
    what = f"{processor.free_bytes / GIB:.1f} of {processor.total_bytes / GIB:.1f} GiB free"
    if processor.free_bytes < ENOUGH_RAM_BYTES:
        need = f"{what}; a model takes up to {ENOUGH_RAM_BYTES / GIB:.0f} GiB."
        return Finding("note", "memory", need, "Close other programs.", facts)
    return Finding("ok", "memory", what, facts=facts)


def _free_bytes(place: Path) -> int | None:
    """What is free on the disk of `place`, None if the system does not tell."""
    try:
        return shutil.disk_usage(place).free
    except OSError:
        return None
