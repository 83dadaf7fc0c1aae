"""A tensor on its way to a device passes through two small buffers, and is converted where it arrives.

While one buffer travels, the other is filled from the file. Nothing larger than a buffer is ever in the
computer's memory, so a network of gigabytes costs it 64 MiB.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

Tensor = Any

STAGING_BYTES = 32 * 1024**2  # large enough to keep disk and bus busy, small against any network


class Staging:
    """Two buffers of `staging_bytes` each, made when first needed, pinned for a card."""

    def __init__(self, staging_bytes: int = STAGING_BYTES) -> None:
        self.staging_bytes = staging_bytes
        self._buffers: list[_Buffer] = []

    def pour(self, fill: Callable[[Tensor], None], dtype: Any, destination: Tensor) -> None:
        """Fills `destination`, contiguous, of any kind of numbers, with numbers of `dtype` piece by piece.

        `fill` is given flat uint8 tensors on the processor, one by one, to fill with what comes next.
        On a card the last piece may still travel: `destination` is whole for what runs later on the stream.
        """
        flat = destination.detach().view(-1)
        n_values = self.staging_bytes // dtype.itemsize
        for begin in range(0, flat.numel(), n_values):
            target = flat[begin : begin + n_values]
            buffer = self._next_buffer(is_pinned=bool(flat.is_cuda))
            piece = buffer.take()[: target.numel() * dtype.itemsize]
            fill(piece)
            values = piece.view(dtype)
            if dtype != target.dtype:  # sent as it is and converted where it arrives, never by the processor
                values = values.to(target.device, non_blocking=True)
            target.copy_(values, non_blocking=True)
            if flat.is_cuda:
                buffer.sent(target.device)

    def release(self) -> None:
        """Waits for what still travels and gives the buffers back."""
        for buffer in self._buffers:
            buffer.take()
        self._buffers = []

    def _next_buffer(self, *, is_pinned: bool) -> _Buffer:
        """The one that was used longest ago; both are made anew when pinned ones are needed first."""
        if not self._buffers or (is_pinned and not self._buffers[0].is_pinned):
            self._buffers = [_Buffer(self.staging_bytes, is_pinned=is_pinned) for _ in range(2)]
        self._buffers.reverse()
        return self._buffers[0]


class _Buffer:
    """Bytes on the processor that may be on their way to a card."""

    def __init__(self, n_bytes: int, *, is_pinned: bool) -> None:
        self.is_pinned = is_pinned
        self._bytes = torch.empty(n_bytes, dtype=torch.uint8, pin_memory=is_pinned)
        self._has_left: Any = None  # the event after which the bytes may be overwritten

    def take(self) -> Tensor:
        """The bytes, once no copy reads them any more."""
        if self._has_left is not None:
            self._has_left.synchronize()
            self._has_left = None
        return self._bytes

    def sent(self, device: Any) -> None:
        """Marks the bytes as travelling on the current stream of `device`."""
        self._has_left = torch.cuda.current_stream(device).record_event()
