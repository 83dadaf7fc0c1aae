"""A job's cap on GPU memory is lifted after it, and an exhausted card is told in words."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from engine.errors import BadRequest, VramExhausted, fault_of
from engine.memory.vram import TorchMeter, vram_of_a_job

GIB = 2**30


class Card:
    """A card of 8 GiB as torch.cuda tells of it; what is reserved lives in `held_bytes`."""

    OutOfMemoryError = torch.cuda.OutOfMemoryError

    def __init__(self) -> None:
        self.fraction, self.held_bytes, self.peak_bytes = 1.0, 0, 0

    def is_available(self) -> bool:
        return True

    def get_device_properties(self, device: int) -> Any:
        return SimpleNamespace(total_memory=8 * GIB)

    def get_per_process_memory_fraction(self) -> float:
        return self.fraction

    def set_per_process_memory_fraction(self, fraction: float) -> None:
        assert 0 <= fraction <= 1
        self.fraction = fraction

    def memory_reserved(self) -> int:
        return self.held_bytes

    def mem_get_info(self) -> tuple[int, int]:
        return 7 * GIB - self.held_bytes, 8 * GIB

    def empty_cache(self) -> None:
        self.held_bytes = 0

    def reset_peak_memory_stats(self) -> None:
        self.peak_bytes = self.held_bytes

    def max_memory_reserved(self) -> int:
        return self.peak_bytes


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Iterator[Card]:
    made = Card()
    monkeypatch.setattr(torch, "cuda", made)
    return made  # type: ignore[return-value]


def fail(card: Card, held_bytes: int, error: Exception) -> None:
    """A job under a cap of 2 GiB that fails with so much in its hands."""
    with vram_of_a_job(2.0):
        card.held_bytes = held_bytes
        raise error


def test_a_cap_holds_for_the_job_and_no_longer(card: Card) -> None:
    with vram_of_a_job(2.0):
        assert card.fraction == 0.25
        card.held_bytes = GIB
    assert (card.fraction, card.held_bytes) == (1.0, 0)


def test_a_cap_above_the_card_is_the_card(card: Card) -> None:
    with vram_of_a_job(64.0):
        assert card.fraction == 1.0


def test_without_a_cap_nothing_is_limited(card: Card) -> None:
    with vram_of_a_job(None):
        assert card.fraction == 1.0


def test_a_failure_lifts_the_cap_and_gives_the_memory_back(card: Card) -> None:
    with pytest.raises(ZeroDivisionError):
        fail(card, GIB, ZeroDivisionError())
    assert (card.fraction, card.held_bytes) == (1.0, 0)


def test_an_exhausted_card_is_told_with_both_numbers(card: Card) -> None:
    with pytest.raises(VramExhausted) as caught:
        fail(card, round(1.5 * GIB), torch.cuda.OutOfMemoryError("CUDA out of memory"))
    assert "1.5 GiB were in use here, 0.5 GiB free" in caught.value.message
    assert fault_of(caught.value).exit_code == 3
    assert card.fraction == 1.0


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_a_cap_of_nothing_is_refused(limit: float) -> None:
    with pytest.raises(BadRequest, match="--vram-limit"), vram_of_a_job(limit):
        pass


def test_without_a_card_the_work_is_simply_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with vram_of_a_job(2.0):
        pass
    assert TorchMeter().peak_bytes() == 0


def test_the_meter_forgets_on_demand(card: Card) -> None:
    card.peak_bytes = 5
    meter = TorchMeter()
    assert meter.peak_bytes() == 5
    meter.reset()
    assert meter.peak_bytes() == 0
