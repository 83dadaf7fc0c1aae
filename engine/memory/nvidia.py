"""Reads NVIDIA cards through NVML: no CUDA context, no torch, no VRAM taken, and nothing left open.

NVML counts cards in PCI order and CUDA, by default, fastest first; where the order matters the worker sets
CUDA_DEVICE_ORDER=PCI_BUS_ID.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from types import ModuleType


@dataclass(frozen=True)
class NvidiaCard:
    """One card as its driver describes it now.

    `compute_capability` is CUDA's (major, minor). `total_bytes` and `free_bytes` are None on chips that
    share the processor's memory (Jetson, GB10), where NVML has no figure of its own.
    """

    index: int
    uuid: str
    name: str
    compute_capability: tuple[int, int]
    total_bytes: int | None
    free_bytes: int | None


@dataclass(frozen=True)
class NvidiaReading:
    """The cards that CUDA may use, in the order of CUDA_VISIBLE_DEVICES.

    `driver` is the driver's version and `cuda` the newest CUDA that it can run, both empty without a
    driver. `n_installed` counts hidden cards too. `note` says why `cards` is empty, or what was not read.
    """

    cards: tuple[NvidiaCard, ...] = ()
    driver: str = ""
    cuda: str = ""
    n_installed: int = 0
    note: str = ""


def read_nvidia(visible: str | None = None) -> NvidiaReading:
    """The NVIDIA cards of this machine; a machine without any gets a reading that says so.

    `visible` stands in for the variable CUDA_VISIBLE_DEVICES. Never raises for what a machine lacks.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES") if visible is None else visible
    try:
        import pynvml
    except ImportError as error:
        return NvidiaReading(note=f"The package nvidia-ml-py, which reads NVIDIA cards, is missing: {error}.")
    try:
        pynvml.nvmlInit()
    except (pynvml.NVMLError, OSError) as error:
        return NvidiaReading(note=_words_for_init(pynvml, error))
    try:
        return _read_open(pynvml, visible)
    except (pynvml.NVMLError, OSError) as error:
        return NvidiaReading(note=f"The NVIDIA driver answered with an error: {error}.")
    finally:
        pynvml.nvmlShutdown()


def choose_visible(uuids: tuple[str, ...], visible: str | None) -> tuple[int, ...]:
    """Indices into `uuids` that CUDA would show for a CUDA_VISIBLE_DEVICES of `visible`, in its order.

    As CUDA does, an entry is an index or the start of a UUID, and the first one that fits nothing ends the
    list (NVIDIA, CUDA C++ Programming Guide, "CUDA Environment Variables").
    """
    if visible is None:
        return tuple(range(len(uuids)))
    chosen: list[int] = []
    for entry in (part.strip() for part in visible.split(",")):
        if entry.isdecimal():
            fitting = [int(entry)] if int(entry) < len(uuids) else []
        else:
            fitting = [index for index, uuid in enumerate(uuids) if entry and uuid.startswith(entry)]
        if len(fitting) != 1:
            break
        chosen.extend(fitting)
    return tuple(chosen)


def _read_open(pynvml: ModuleType, visible: str | None) -> NvidiaReading:
    """The reading of an NVML that is initialised."""
    driver = str(pynvml.nvmlSystemGetDriverVersion())
    cuda = int(pynvml.nvmlSystemGetCudaDriverVersion_v2())  # 12090 is 12.9
    n_installed = int(pynvml.nvmlDeviceGetCount())
    handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(n_installed)]
    uuids = tuple(str(pynvml.nvmlDeviceGetUUID(handle)) for handle in handles)
    shown = choose_visible(uuids, visible)
    note = ""
    if n_installed == 0:
        note = "The NVIDIA driver is installed but sees no card."
    elif not shown:
        note = f'CUDA_VISIBLE_DEVICES is "{visible}" and hides every NVIDIA card ({n_installed} installed).'
    return NvidiaReading(
        cards=tuple(_read_card(pynvml, handles[index], index, uuids[index]) for index in shown),
        driver=driver,
        cuda=f"{cuda // 1000}.{cuda % 1000 // 10}",
        n_installed=n_installed,
        note=note,
    )


def _read_card(pynvml: ModuleType, handle: object, index: int, uuid: str) -> NvidiaCard:
    """The card behind an NVML `handle`."""
    total_bytes: int | None
    free_bytes: int | None
    try:
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        total_bytes, free_bytes = int(memory.total), int(memory.free)
    except pynvml.NVMLError_NotSupported:  # memory shared with the processor
        total_bytes, free_bytes = None, None
    major, minor = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
    return NvidiaCard(
        index=index,
        uuid=uuid,
        name=str(pynvml.nvmlDeviceGetName(handle)),
        compute_capability=(int(major), int(minor)),
        total_bytes=total_bytes,
        free_bytes=free_bytes,
    )


def _words_for_init(pynvml: ModuleType, error: Exception) -> str:
    """Why NVML did not start, in words."""
    if isinstance(error, pynvml.NVMLError_LibraryNotFound | OSError):
        return "No NVIDIA driver is installed."
    if isinstance(error, pynvml.NVMLError_DriverNotLoaded):
        return "The NVIDIA driver is installed but not running."
    if isinstance(error, pynvml.NVMLError_LibRmVersionMismatch):
        return "The NVIDIA driver was updated and the old one still runs: restart the computer."
    if isinstance(error, pynvml.NVMLError_NoPermission):
        return "The NVIDIA driver refuses this user."
    return f"The NVIDIA driver did not start: {error}."
