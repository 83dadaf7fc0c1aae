"""A network larger than the card passes through it block by block: the next one arrives while one works.

Blocks wait in the computer's memory, each in one piece that cannot be paged out, so that a copy runs beside
the computing. Every block computes with the same numbers as if it had stayed: results do not change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

import torch

Tensor = Any
_ALIGNMENT = 64  # numbers between the starts of tensors in a piece: kernels want theirs aligned


class Conveyor:
    """Brings blocks to `device` in the order in which they are asked for, round and round.

    A network iterates over `conveyor(some of its blocks)` where it would iterate over the blocks.
    """

    N_SLOTS: ClassVar[int] = 2  # one works, one arrives

    def __init__(self, blocks: Sequence[Any], device: Any) -> None:
        self._device = torch.device(device)
        self._is_card = self._device.type == "cuda"
        self._pieces: list[_Piece] = []
        self._slots: list[Tensor] = []
        try:
            for block in blocks:
                self._pieces.append(_Piece(block, is_locked=self._is_card))
        except BaseException:
            self.close()
            raise
        self._number_of = {id(block): number for number, block in enumerate(blocks)}
        longest = max(piece.waiting.numel() for piece in self._pieces)
        dtype = self._pieces[0].waiting.dtype
        self._slots = [torch.empty(longest, dtype=dtype, device=self._device) for _ in range(self.N_SLOTS)]
        self._in_slot: list[int | None] = [None] * self.N_SLOTS
        self._next_slot = 0
        self._copies = torch.cuda.Stream(self._device) if self._is_card else None
        self._arrivals: list[Any] = [None] * self.N_SLOTS
        self._departures: list[Any] = [None] * self.N_SLOTS

    def __call__(self, blocks: Iterable[Any]) -> Iterator[Any]:
        """Each of `blocks`, with its weights on the device until the next one is asked for."""
        for block in blocks:
            number = self._number_of[id(block)]
            slot = self._slot_of(number)
            if self._arrivals[slot] is not None:
                torch.cuda.current_stream(self._device).wait_event(self._arrivals[slot])
            self._pieces[number].settle(self._slots[slot])
            self._slot_of((number + 1) % len(self._pieces))
            yield block
            self._pieces[number].leave()
            if self._is_card:
                self._departures[slot] = torch.cuda.current_stream(self._device).record_event()

    def close(self) -> None:
        """Ends the use of the blocks; what is still being copied is waited for."""
        if self._is_card:
            torch.cuda.synchronize(self._device)
        for piece in self._pieces:
            piece.unlock()
        self._slots = []

    def _slot_of(self, number: int) -> int:
        """The slot that holds block `number`, into which it is sent if it is in none."""
        if number in self._in_slot:
            return self._in_slot.index(number)
        slot = self._next_slot
        self._next_slot = (slot + 1) % self.N_SLOTS
        self._in_slot[slot] = number
        waiting = self._pieces[number].waiting
        into = self._slots[slot][: waiting.numel()]
        if self._copies is None:
            into.copy_(waiting)
            return slot
        with torch.cuda.stream(self._copies):
            if self._departures[slot] is not None:
                self._copies.wait_event(self._departures[slot])
            into.copy_(waiting, non_blocking=True)
            self._arrivals[slot] = self._copies.record_event()
        return slot


class _Piece:
    """The weights of one block in one row of numbers, and where each of them stands in it.

    The row is locked in the computer's memory as it is: torch's own locked memory comes in powers of two and
    is kept for later.
    """

    def __init__(self, block: Any, *, is_locked: bool) -> None:
        self._parts = list(block.parameters())
        starts, end = [], 0
        for part in self._parts:
            starts.append(end)
            end += -(-part.numel() // _ALIGNMENT) * _ALIGNMENT
        self._starts = starts
        self.waiting = torch.empty(end, dtype=self._parts[0].dtype)
        self._is_locked = is_locked and _lock(self.waiting)
        for part, start in zip(self._parts, starts, strict=True):
            self.waiting[start : start + part.numel()] = part.data.flatten()
        self._shapes = [part.shape for part in self._parts]
        self.leave()

    def settle(self, slot: Tensor) -> None:
        """The block computes with what is in `slot`."""
        for part, start, shape in zip(self._parts, self._starts, self._shapes, strict=True):
            part.data = slot[start : start + shape.numel()].view(shape)

    def leave(self) -> None:
        """The block's weights are where they wait."""
        self.settle(self.waiting)

    def unlock(self) -> None:
        """The row may be paged out again, or freed."""
        if self._is_locked:
            torch.cuda.cudart().cudaHostUnregister(self.waiting.data_ptr())
            self._is_locked = False


def _lock(row: Tensor) -> bool:
    """Keeps `row` from being paged out; False where the system refuses, and copies are then slower."""
    status = torch.cuda.cudart().cudaHostRegister(row.data_ptr(), row.numel() * row.element_size(), 0)
    return int(status) == 0
