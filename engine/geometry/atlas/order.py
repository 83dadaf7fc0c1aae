"""Many things with small numbers are sorted by counting: linear, the same order as a stable sort's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.geometry.atlas.watch import Watch
from engine.geometry.compute import processor
from engine.geometry.kernels import pieces as kernels

Ints = NDArray[np.int32]

# Things between two looks at the caller: a few tenths of a second.
AT_ONCE = 5_000_000


def order_by_number(numbers: Ints, n_numbers: int, watch: Watch | None = None) -> tuple[Ints, Ints]:
    """The things of number 0, 1, ... in their order, and where each number begins (K + 1,).

    `numbers` (M,) below 0 leave a thing out.
    """
    counts = np.bincount(numbers[numbers >= 0], minlength=n_numbers)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    order, ends = np.empty(int(starts[-1]), np.int32), starts.copy()
    alone = replace(processor(), n_threads=1)
    flat = np.ascontiguousarray(numbers, np.int32)
    for low in range(0, len(flat), AT_ONCE):
        if watch is not None:
            watch.tell(0)
        alone.launch(kernels.sort_by_number, 1, [low, min(low + AT_ONCE, len(flat)), flat, ends, order])
    return order, starts
