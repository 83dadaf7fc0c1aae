"""Says which device the work would run on and how much memory it has free, without torch and without raising.

A driver or package that is missing is a fact about the machine and goes into the note; the processor is
always there to fall back on.
"""

from __future__ import annotations

import platform
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from engine.memory.nvidia import NvidiaReading, read_nvidia

DeviceKind = Literal[
    "cuda", "mps", "cpu"
]  # of protocol.names.DEVICE_KINDS, those that are found without torch

_AMD_VENDOR = "0x1002"  # PCI vendor id of AMD
_SYSFS_CARDS = Path("/sys/class/drm")
_ROCM_DRIVER = Path("/dev/kfd")  # there when AMD's compute driver is loaded


@dataclass(frozen=True)
class Device:
    """What computes: a card, or the processor.

    `kind` is torch's word for it, so that a ROCm card counts as "cuda", as it does in torch.
    `total_bytes` and `free_bytes` are VRAM, or RAM where the device has no memory of its own (cpu, mps);
    0 where the machine does not say. `note` is one or two sentences for the user, often empty.
    """

    name: str
    kind: DeviceKind
    total_bytes: int
    free_bytes: int
    note: str = ""


def probe_device() -> Device:
    """The best device that this machine shows now: an NVIDIA card, else AMD, else Apple, else the processor.

    Figures are read anew at each call (about 20 ms with NVML, less without). Whether torch was built for
    the device is not known here; `maquette doctor` tells.
    """
    nvidia = read_nvidia()
    return _from_nvidia(nvidia) or _from_amd() or _from_apple() or replace(read_processor(), note=nvidia.note)


def read_processor() -> Device:
    """The processor with the RAM of the machine; figures are 0, and the note says why, without psutil."""
    name = read_processor_name()
    try:
        import psutil
    except ImportError as error:
        return Device(name, "cpu", 0, 0, f"The package psutil, which reads memory, is missing: {error}.")
    memory = psutil.virtual_memory()
    return Device(name, "cpu", int(memory.total), int(memory.available))


def read_processor_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name as its maker writes it, else its architecture ("arm64")."""
    if platform.system() == "Darwin":
        name = _ask("sysctl", "-n", "machdep.cpu.brand_string")
    elif platform.system() == "Windows":
        key = r"HKLM\HARDWARE\DESCRIPTION\System\CentralProcessor\0"
        name = _ask("reg", "query", key, "/v", "ProcessorNameString").partition("REG_SZ")[2].strip()
    else:
        name = _field(_read_text(cpuinfo), "model name")
    return name or platform.processor() or platform.machine() or "processor"


def _from_nvidia(reading: NvidiaReading) -> Device | None:
    """The first card that CUDA may use, None without one."""
    if not reading.cards:
        return None
    card = reading.cards[0]
    notes = []
    if len(reading.cards) > 1:
        notes.append(f"{len(reading.cards)} NVIDIA cards are visible; the first one is used.")
    total_bytes, free_bytes = card.total_bytes, card.free_bytes
    if total_bytes is None or free_bytes is None:
        ram = read_processor()
        total_bytes, free_bytes = ram.total_bytes, ram.free_bytes
        notes.append("The card shares the computer's memory.")
    return Device(card.name, "cuda", total_bytes, free_bytes, " ".join(notes))


def _from_amd() -> Device | None:
    """The AMD card with the most memory that Linux's compute driver shows, None without one.

    The files are documented in the Linux kernel's amdgpu driver page ("Memory").
    """
    if not _ROCM_DRIVER.exists():
        return None
    found: list[Device] = []
    for folder in sorted(place / "device" for place in _SYSFS_CARDS.glob("card[0-9]*")):
        total, used = _read_text(folder / "mem_info_vram_total"), _read_text(folder / "mem_info_vram_used")
        if _read_text(folder / "vendor") == _AMD_VENDOR and total.isdecimal() and used.isdecimal():
            name = _read_text(folder / "product_name") or "AMD graphics card"
            note = "AMD cards need a ROCm build of torch."
            found.append(Device(name, "cuda", int(total), int(total) - int(used), note))
    return max(found, key=lambda device: device.total_bytes, default=None)


def _from_apple() -> Device | None:
    """Apple silicon, whose GPU (Metal, "mps") shares the RAM; None on other machines."""
    if platform.system() != "Darwin" or platform.machine() != "arm64":
        return None
    processor = read_processor()
    return replace(processor, kind="mps", note=processor.note or "The GPU shares the computer's memory.")


def _ask(*command: str) -> str:
    """What a small system command prints, stripped; empty if it cannot be asked."""
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=2, check=True)
    except (OSError, subprocess.SubprocessError):  # no such command here: the caller has other names
        return ""
    return answer.stdout.strip()


def _read_text(path: Path) -> str:
    """The stripped text of a small system file, empty if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # a file that this kernel does not have says nothing, which is what empty means
        return ""


def _field(text: str, name: str) -> str:
    """The value of the first line `name : value` in `text`, empty if there is none."""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""
