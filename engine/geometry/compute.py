"""Device code runs the same on the processor and on a card; here alone it is said which.

Kernels are Warp's (engine/geometry/kernels): compiled once on the user's machine by the compiler inside the
wheel, then kept. Arrays are numpy on the processor and torch on a card, so that one allocator holds all of
a card's memory. On the processor Warp runs a launch on one thread but lets go of the interpreter, so a
launch is cut into bands of its first axis, a thread each; its atomics are not atomic between threads there,
so two bands must never write to one place.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import numpy as np
import warp as wp
from numpy.typing import NDArray

from engine.errors import BadRequest
from engine.folders import find_folders, is_writable

# numpy on the processor, a torch tensor on a card; both index, compare and add alike.
Array = Any


_CARD_BLOCK = 256  # threads of a block on a card: Warp's default


def usable_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True)
class Compute:
    """A device: "cpu" or a card as Warp and torch name it ("cuda:0"), and the processor's threads."""

    device: str = "cpu"
    n_threads: int = field(default_factory=usable_cores)

    @property
    def is_card(self) -> bool:
        """Whether this is a card."""
        return self.device != "cpu"

    @property
    def run_px(self) -> int:
        """How many pixels or texels one thread goes along: starting one costs 18 ns on the processor."""
        return 1 if self.is_card else 64

    def empty(self, shape: int | Sequence[int], kind: str) -> Array:
        """An array of `shape` and numpy's name of a type ("float32"), its content undefined."""
        if not self.is_card:
            return np.empty(shape, kind)
        import torch

        wide = (shape,) if isinstance(shape, int) else tuple(shape)
        return torch.empty(wide, dtype=getattr(torch, kind), device=self.device)

    def full(self, shape: int | Sequence[int], value: float, kind: str) -> Array:
        """An array of `shape` filled with `value`."""
        made = self.empty(shape, kind)
        made[...] = value
        return made

    def put(self, values: Array) -> Array:
        """`values` on the device: the same memory where they are there already, a copy otherwise."""
        if not self.is_card:
            return np.ascontiguousarray(values)
        import torch

        held = values if isinstance(values, torch.Tensor) else torch.from_numpy(np.ascontiguousarray(values))
        return held.to(self.device).contiguous()

    def get(self, values: Array) -> NDArray[Any]:
        """`values` as numpy: the same memory on the processor, a copy from a card."""
        return np.asarray(values.cpu().numpy() if self.is_card else values)

    def copy(self, values: Array) -> Array:
        """The same values in memory of their own."""
        return values.clone() if self.is_card else values.copy()

    def flags(self, values: Array) -> Array:
        """uint8 of 0 and 1 as booleans, the same memory."""
        if not self.is_card:
            return values.view(np.bool_)
        import torch

        return values.view(torch.bool)

    def bytes_of(self, flags: Array) -> Array:
        """Booleans as uint8 of 0 and 1, the same memory."""
        if not self.is_card:
            return flags.view(np.uint8)
        import torch

        return flags.view(torch.uint8)

    def share(self, flags: Array) -> float:
        """The share of booleans that hold, 0 if there are none."""
        return float(self.get(flags).mean()) if len(flags) else 0.0

    def where(self, condition: Array) -> Array:
        """The flat indices (K,) int64 at which `condition` holds, ascending."""
        if not self.is_card:
            return np.flatnonzero(condition)
        return condition.reshape(-1).nonzero().reshape(-1)

    def volume(self, vertices: Array, faces: Array) -> Any:
        """Warp's mesh of vertices (N, 3) and flat faces (3 M,) int32 on the device, for rays."""
        if self.is_card:
            points, corners = wp.from_torch(vertices, dtype=wp.vec3), wp.from_torch(faces, dtype=wp.int32)
        else:  # without its name Warp would take a card where there is one
            points = wp.array(vertices, dtype=wp.vec3, device="cpu", copy=False)
            corners = wp.array(faces, dtype=wp.int32, device="cpu", copy=False)
        return wp.Mesh(points=points, indices=corners)

    def launch(self, kernel: Any, dim: int | tuple[int, ...], inputs: Sequence[Any]) -> None:
        """Runs `kernel` over `dim`; its first argument is where its first axis begins, `inputs` follow."""
        length, *rest = (dim,) if isinstance(dim, int) else dim

        def run(low: int, high: int) -> None:
            wp.launch(kernel, dim=(high - low, *rest), inputs=[low, *inputs], device=self.device)

        self.bands(length, run, kernel)

    def launch_runs(self, kernel: Any, length: int, inputs: Sequence[Any]) -> None:
        """Runs `kernel` over 0..length, `run_px` of them a thread; that number is its second argument."""
        self.launch(kernel, -(-length // self.run_px), [self.run_px, *inputs])

    def bands(self, length: int, work: Callable[[int, int], None], *kernels: Any) -> None:
        """Calls `work(low, high)` for bands that make up 0..length, side by side; on a card for all as one.

        `kernels` are what `work` launches: loading them is not for threads, so it is done before.
        """
        n_bands = 1 if self.is_card else min(self.n_threads, length)
        edges = [length * number // n_bands for number in range(n_bands + 1)] if n_bands else []
        self.each(list(itertools.pairwise(edges)), lambda band: work(*band), *kernels)

    def each(self, items: Sequence[Any], work: Callable[[Any], None], *kernels: Any) -> None:
        """Calls `work(item)` for every item, side by side on the processor, one after the other on a card."""
        for kernel in kernels:
            # A launch on the processor asks for blocks of one; what is loaded otherwise would be loaded again
            # there, by all threads at once, which crashes Warp 1.17.
            kernel.module.load(self.device, _CARD_BLOCK if self.is_card else 1)
        if self.is_card or self.n_threads == 1 or len(items) < 2:
            for item in items:
                work(item)
            return
        for done in [_threads(self.n_threads).submit(work, item) for item in items]:
            done.result()


def processor() -> Compute:
    """The processor, all cores that this process may use."""
    _prepare()
    return Compute()


def card(index: int = 0) -> Compute:
    """The card number `index`, on torch's own stream; RuntimeError if torch or Warp sees no such card."""
    import torch

    _prepare()
    name = f"cuda:{index}"
    n_torch, n_warp = torch.cuda.device_count(), wp.get_cuda_device_count()
    if index >= min(n_torch, n_warp):
        raise RuntimeError(f"{name}: torch sees {n_torch} cards, Warp {n_warp}")
    # One stream for both: memory that torch takes back is given out again only behind our kernels.
    wp.set_stream(wp.stream_from_torch(torch.cuda.current_stream(index)), name)
    return Compute(name)


def choose_compute(wanted: Literal["auto", "cpu", "cuda"]) -> Compute:
    """The device that is wanted; "auto" is the card if a network already runs on it, else the processor.

    Starting a card for this alone would take longer than the processor needs, and memory from Blender.
    Raises BadRequest if a card is wanted and there is none.
    """
    torch = sys.modules.get("torch")
    is_running = torch is not None and torch.cuda.is_initialized()
    if wanted == "cpu" or (wanted == "auto" and not is_running):
        return processor()
    try:
        return card()
    except RuntimeError as error:
        if wanted == "auto":
            return processor()
        raise BadRequest(
            f"No CUDA card can be used for the texture ({error}).",
            remedy="Set bake.compute to auto or cpu; `maquette doctor` examines the card.",
        ) from error


@cache
def _threads(count: int) -> ThreadPoolExecutor:
    """Threads that wait for work until the process ends: starting them anew costs more than most launches."""
    return ThreadPoolExecutor(count, thread_name_prefix="compute")


@cache
def _prepare() -> None:
    """Starts Warp once: quiet, its compiled kernels beside the engine's other caches."""
    wp.config.log_level = wp.LOG_ERROR
    wp.config.enable_backward = False  # gradients are not asked for; without them compiling takes a third
    kept = find_folders().data / "cache" / "kernels"
    if is_writable(kept):
        wp.config.kernel_cache_dir = str(kept)
    with _muted():
        wp.init()


@contextmanager
def _muted() -> Iterator[None]:
    """Keeps Warp's library from saying on stderr that there is no card: `maquette doctor` tells that."""
    try:
        kept = os.dup(2)
    except OSError:  # a process without a stderr has nothing to mute
        yield
        return
    with open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
