"""Long work tells how far it is, can be stopped from there, and knows when its time is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace


def _ignore(step: int, n_steps: int) -> None:
    """Hears of a step."""


@dataclass(frozen=True)
class Watch:
    """A part of the work, from `low` to `high` of the whole; `step(step, n_steps)` hears of it and may raise.

    After `limit_s` from the start of the whole, `is_over` holds: what is left should be done quickly.
    """

    step: Callable[[int, int], None] = _ignore
    limit_s: float = 60.0
    low: float = 0.0
    high: float = 1.0
    started_s: float = field(default_factory=time.perf_counter)

    @property
    def is_over(self) -> bool:
        """Whether the time is over."""
        return time.perf_counter() - self.started_s > self.limit_s

    def tell(self, share: float) -> None:
        """Says that `share` of this part is done."""
        self.step(int(100 * (self.low + (self.high - self.low) * min(max(share, 0.0), 1.0))), 100)

    def part(self, low: float, high: float) -> Watch:
        """The part of this part from `low` to `high`, in [0, 1]."""
        span = self.high - self.low
        return replace(self, low=self.low + span * low, high=self.low + span * high)
