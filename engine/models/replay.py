"""Work that a card does over and over is recorded once and replayed: one order instead of a thousand.

A forward pass is some thousand small orders to the card, and a slow processor gives them more slowly than a
fast card carries them out. A CUDA graph holds all of them. The numbers are those of the recorded kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

Tensor = Any


class Replayed:
    """A function of tensors that is recorded when it is called for the second time.

    The first call runs as usual, so that libraries make their plans; shapes must stay the same from then on.
    Without a card every call runs as usual. Results are valid until the next call of any function that
    shares the `pool`.
    """

    def __init__(self, do: Callable[..., Sequence[Tensor]], pool: Pool) -> None:
        self._do = do
        self._pool = pool
        self._n_calls = 0
        self._graph: Any = None
        self._inputs: list[Tensor] = []
        self._results: Sequence[Tensor] = ()

    def __call__(self, *inputs: Tensor) -> Sequence[Tensor]:
        """What the function makes of `inputs`."""
        self._n_calls += 1
        if self._n_calls == 1 or not self._pool.is_open:
            return self._do(*inputs)
        if self._graph is None:
            self._inputs = [value.clone() for value in inputs]
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph, pool=self._pool.handle):
                self._results = self._do(*self._inputs)
        for held, value in zip(self._inputs, inputs, strict=True):
            held.copy_(value)
        self._graph.replay()
        return self._results


class Pool:
    """The memory that recorded functions share, because one of them runs at a time.

    It is open on NVIDIA cards; elsewhere nothing is recorded.
    """

    def __init__(self, device: Any, *, is_wanted: bool = True) -> None:
        is_nvidia = torch.device(device).type == "cuda" and torch.version.hip is None
        self.is_open = is_wanted and is_nvidia
        self.handle = torch.cuda.graph_pool_handle() if self.is_open else None
