"""Long work tells how far it is, can be stopped from there, and knows when its time is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace


def _ignore(step: int, n_steps: int) -> None:
    """Hears of a step."""


@dataclass(frozen=True)
class Watch:
    """A part of the work, from `low` to `high` of the whole; `step(step, n_steps)` hears of it and may raise.

    After `limit_s` from `started_s`, both in seconds of `clock`, `is_over` holds: what is left should be done
    quickly.
    """

    step: Callable[[int, int], None] = _ignore
    limit_s: float = 60.0
    low: float = 0.0
    high: float = 1.0
    clock: Callable[[], float] = time.perf_counter
    started_s: float | None = None

    def __post_init__(self) -> None:
        if self.started_s is None:
            object.__setattr__(self, "started_s", self.clock())

    @property
    def is_over(self) -> bool:
        """Whether the time is over."""
        return self.clock() - (self.started_s or 0.0) > self.limit_s

    def tell(self, share: float) -> None:
        """Says that `share` of this part is done."""
        self.step(int(100 * (self.low + (self.high - self.low) * min(max(share, 0.0), 1.0))), 100)

    def part(self, low: float, high: float) -> Watch:
        """The part of this part from `low` to `high`, in [0, 1]."""
        span = self.high - self.low
        return replace(self, low=self.low + span * low, high=self.low + span * high)
