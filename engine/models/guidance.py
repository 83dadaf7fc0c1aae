"""Guidance pushes a prediction away from what the network says without the picture; how often, is a choice.

With c the prediction that sees the picture, u the one that does not, and D = c − u, the guided prediction is
u + w·D = c + (w − 1)·D (Ho & Salimans 2022, arXiv 2207.12598). D changes slowly, so it may be taken every
k-th step and held between (Tortoise and Hare Guidance, Lee et al. 2025, arXiv 2511.04117, with a fixed
interval), and guidance may be limited to a window of noise (Kynkäänniemi et al. 2024, arXiv 2404.07724). With
k = 1 and the whole window it is plain guidance, bit for bit. The first step of a window is always guided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Tensor = Any
Fill = Literal["hold", "skip"]
# What a step evaluates: both branches; the conditional one, to which the held D is added; that one alone.
Step = Literal["both", "held", "alone"]


@dataclass(frozen=True)
class Guidance:
    """How strongly, how often and where in the noise a prediction is guided.

    `every`: both branches are evaluated at every such step. `noise_from` and `noise_to` are the window, in
    [0, 1]: 1 is pure noise. `fill` says what steps between do: hold the last difference, or go without one.
    """

    strength: float = 5.0
    every: int = 1
    noise_from: float = 0.0
    noise_to: float = 1.0
    fill: Fill = "hold"

    def plan(self, noise_levels: Sequence[float]) -> tuple[Step, ...]:
        """What each step evaluates, given the noise at which it starts; a strength of 1 needs one branch."""
        if self.every < 1:
            raise ValueError(f"guidance every {self.every} steps: at least 1 is needed")
        steps: list[Step] = []
        n_inside = 0
        for noise in noise_levels:
            is_inside = self.noise_from <= noise <= self.noise_to and self.strength != 1.0
            if not is_inside:
                steps.append("alone")
                continue
            between: Step = "held" if self.fill == "hold" else "alone"
            steps.append("both" if n_inside % self.every == 0 else between)
            n_inside += 1
        return tuple(steps)


class Held:
    """The difference of the last guided step of one run; a new run needs a new one."""

    def __init__(self, strength: float) -> None:
        self._strength = strength
        self._difference: Tensor | None = None

    def both(self, conditional: Tensor, unconditional: Tensor) -> Tensor:
        """The guided prediction of a step that evaluated both branches."""
        self._difference = conditional - unconditional
        return unconditional + self._strength * self._difference

    def held(self, conditional: Tensor) -> Tensor:
        """The guided prediction of a step that evaluated the conditional branch alone."""
        if self._difference is None:
            raise ValueError("no difference is held: the first step of a window must evaluate both branches")
        return conditional + (self._strength - 1) * self._difference


def n_evaluations(steps: Sequence[Step]) -> int:
    """How often the network is evaluated in all."""
    return sum(2 if step == "both" else 1 for step in steps)
