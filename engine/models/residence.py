"""A network is in memory while it is used, and not a moment longer: one at a time, whatever ends its use."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from engine.errors import OutOfVram
from engine.models.streaming import Conveyor
from engine.weights.filling import fill
from engine.weights.tensors import Tensors

_SLACK_BYTES = 64 * 1024**2  # the allocator rounds what it takes from the card


@dataclass(frozen=True)
class Place:
    """Where a network's weights live and its numbers' kind: a torch device and dtype.

    `is_streamed`: blocks of networks that have some wait in the computer's memory and come in when they are
    needed. `check` is called while weights are read and may raise to end it.
    """

    device: Any
    dtype: Any
    is_streamed: bool = False
    check: Callable[[], None] = lambda: None


@contextmanager
def resident(
    make: Callable[[], Any],
    tensors: Tensors,
    place: Place,
    *,
    what: str,
    working_bytes: int = 0,
    ignored: Collection[str] = (),
) -> Iterator[Any]:
    """The network that `make` builds, filled from `tensors`; its memory is free again when the block ends.

    `what` names it in messages; `working_bytes` is what it needs beside its weights. `ignored` names tensors
    that belong to other parts. Raises OutOfVram before anything is loaded if it cannot fit, and BadInput for
    tensors that are not the network's.
    """
    with torch.device("meta"):
        network = make().requires_grad_(False)
    blocks = network.blocks() if place.is_streamed and hasattr(network, "blocks") else []
    streamed = {id(part) for block in blocks for part in block.parameters()}
    sizes = [(id(part) in streamed, part.numel() * place.dtype.itemsize) for part in network.parameters()]
    held_bytes = sum(size for is_streamed, size in sizes if not is_streamed)
    if blocks:
        held_bytes += Conveyor.N_SLOTS * max(_bytes_of(block, place.dtype) for block in blocks)
    _make_room(place.device, held_bytes + working_bytes, what)
    waiting = {f"{name}." for name, part in network.named_modules() if any(part is block for block in blocks)}

    def device_of(name: str) -> Any:
        return "cpu" if any(name.startswith(prefix) for prefix in waiting) else place.device

    conveyor = None
    try:
        fill(
            network,
            tensors,
            device_of if waiting else place.device,
            place.dtype,
            ignored=ignored,
            check=place.check,
        )
        if blocks:
            conveyor = network.arriving = Conveyor(blocks, place.device)
        with torch.inference_mode():
            yield network
    finally:
        if conveyor is not None:
            network.arriving = iter
            conveyor.close()
        network.to_empty(device="meta")
        free_cached(place.device)


def free_cached(device: Any) -> None:
    """Gives what torch keeps for later use back to the card."""
    if torch.device(device).type == "cuda":
        torch.cuda.empty_cache()


def _make_room(device: Any, needed_bytes: int, what: str) -> None:
    """Raises OutOfVram if the card, or the share of it that this process may use, has less than is needed."""
    device = torch.device(device)
    if device.type != "cuda":
        return
    free_cached(device)
    free_bytes, total_bytes = torch.cuda.mem_get_info(device)
    share = torch.cuda.get_per_process_memory_fraction(device)
    allowed_bytes = int(share * total_bytes) - torch.cuda.memory_reserved(device)
    free_bytes = min(free_bytes, allowed_bytes)
    if needed_bytes + _SLACK_BYTES > free_bytes:
        raise OutOfVram(needed_bytes + _SLACK_BYTES, free_bytes, what=what)


def _bytes_of(block: Any, dtype: Any) -> int:
    n_numbers: int = sum(part.numel() for part in block.parameters())
    return n_numbers * int(dtype.itemsize)
