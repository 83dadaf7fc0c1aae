"""GPU memory as torch holds it: a cap for emulating small cards, a meter for the report, and giving it back.

torch is imported where it is used, so that a process which only asks about devices stays light.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from engine.errors import GIB, BadRequest, VramExhausted
from engine.runner import VramMeter


class TorchMeter(VramMeter):
    """The most that torch has reserved on the first card; 0 where there is none."""

    def reset(self) -> None:
        """Forgets the peak."""
        import torch

        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()

    def peak_bytes(self) -> int:
        """The most that was reserved since the last reset, without the driver's own part."""
        import torch

        return int(torch.cuda.max_memory_reserved()) if torch.cuda.is_available() else 0


@contextmanager
def vram_of_a_job(limit_gib: float | None) -> Iterator[None]:
    """Caps this process's GPU memory while a job runs, and gives all of it back when the job ends.

    An error is let through with the values of its frames dropped, or they would hold the memory; one that
    says that memory ran out becomes VramExhausted. Raises BadRequest for a limit of nothing.
    """
    if limit_gib is not None and not limit_gib > 0:
        raise BadRequest(f"--vram-limit is {limit_gib}.", remedy="It is in GiB, and more than 0.")
    import torch

    if not torch.cuda.is_available():
        yield
        return
    total_bytes = torch.cuda.get_device_properties(0).total_memory
    before = torch.cuda.get_per_process_memory_fraction()
    if limit_gib is not None:
        torch.cuda.set_per_process_memory_fraction(min(1.0, limit_gib * GIB / total_bytes))
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        held_bytes = torch.cuda.memory_reserved()
        traceback.clear_frames(error.__traceback__)
        free_bytes = min(
            torch.cuda.mem_get_info()[0],
            int(torch.cuda.get_per_process_memory_fraction() * total_bytes) - held_bytes,
        )
        raise VramExhausted(held_bytes, max(free_bytes, 0), what="The work") from None
    except BaseException as error:
        traceback.clear_frames(error.__traceback__)
        raise
    finally:
        torch.cuda.set_per_process_memory_fraction(before)
        torch.cuda.empty_cache()
