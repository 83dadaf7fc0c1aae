"""A network whose blocks come in one by one gives the same numbers, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from made_weights_for_networks import DINO, DIT, HeldTensors
from torch import nn

from engine.errors import BadInput, Cancelled, OutOfVram
from engine.models import residence
from engine.models.hunyuan3d.dinov2 import Dinov2
from engine.models.hunyuan3d.dit import Context, Dit
from engine.models.residence import Place, resident
from engine.models.streaming import Conveyor

HERE = torch.device("cpu")
Tensor = Any


def place(*, is_streamed: bool) -> Place:
    return Place(HERE, torch.float32, is_streamed)


def velocities(*, is_streamed: bool) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(1, 12, DIT.latent_channels, generator=generator)
    seen = torch.randn(1, 5, DIT.context_channels, generator=generator)
    with resident(
        lambda: Dit(DIT), HeldTensors(Dit(DIT)), place(is_streamed=is_streamed), what="it"
    ) as network:
        assert network.is_streamed is is_streamed
        found = []
        for time in (0.0, 0.5, 0.9):
            both = network.velocities(latents, torch.tensor([time]), [Context(seen), Context(seen * 2)])
            found += both
            latents = latents + both[0]
        return found


def test_a_streamed_transformer_gives_the_same_bits() -> None:
    for held, streamed in zip(velocities(is_streamed=False), velocities(is_streamed=True), strict=True):
        assert torch.equal(held, streamed)


def test_a_streamed_picture_encoder_gives_the_same_bits() -> None:
    pixels = torch.randn(1, 3, 28, 28, generator=torch.Generator().manual_seed(0))
    found = []
    for is_streamed in (False, True):
        with resident(
            lambda: Dinov2(DINO), HeldTensors(Dinov2(DINO)), place(is_streamed=is_streamed), what="it"
        ) as network:
            found.append(network(pixels))
    assert torch.equal(*found)


@pytest.mark.parametrize("n_blocks", [1, 2, 3, 5])
def test_blocks_come_in_any_number_and_any_order(n_blocks: int) -> None:
    torch.manual_seed(0)
    blocks = [nn.Linear(4, 4).requires_grad_(False) for _ in range(n_blocks)]
    values = torch.randn(3, 4)
    wanted = [block(values) for block in blocks]
    conveyor = Conveyor(blocks, HERE)
    for _ in range(3):
        assert all(torch.equal(block(values), wanted[i]) for i, block in enumerate(conveyor(blocks)))
    backwards = list(reversed(blocks))
    for number, block in enumerate(conveyor(backwards)):
        assert torch.equal(block(values), wanted[n_blocks - 1 - number])


def test_after_its_use_a_network_holds_no_numbers() -> None:
    for is_streamed in (False, True):
        with resident(
            lambda: Dit(DIT), HeldTensors(Dit(DIT)), place(is_streamed=is_streamed), what="it"
        ) as network:
            pass
        assert all(part.is_meta for part in network.parameters())
        assert not network.is_streamed


def test_a_failure_in_its_use_leaves_no_numbers_either() -> None:
    use = resident(lambda: Dit(DIT), HeldTensors(Dit(DIT)), place(is_streamed=True), what="it")
    with pytest.raises(ZeroDivisionError), use as network:
        raise ZeroDivisionError
    assert all(part.is_meta for part in network.parameters())


def test_tensors_of_another_network_are_refused() -> None:
    use = resident(lambda: Dit(DIT), HeldTensors(Dinov2(DINO)), place(is_streamed=False), what="it")
    with pytest.raises(BadInput, match="missing"), use:
        pass


def test_reading_can_be_cancelled() -> None:
    def cancelled() -> None:
        raise Cancelled

    stopped = Place(HERE, torch.float32, check=cancelled)
    with pytest.raises(Cancelled), resident(lambda: Dit(DIT), HeldTensors(Dit(DIT)), stopped, what="it"):
        pass


class SmallCard:
    """Answers as torch.cuda does for a card of 100 MB of which 60 are free and 80 may be used."""

    @staticmethod
    def mem_get_info(device: object) -> tuple[int, int]:
        return 60_000_000, 100_000_000

    @staticmethod
    def get_per_process_memory_fraction(device: object) -> float:
        return 0.8

    @staticmethod
    def memory_reserved(device: object) -> int:
        return 0

    @staticmethod
    def empty_cache() -> None:
        pass


def test_what_cannot_fit_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unread(HeldTensors):
        def read_into(self, name: str, destination: Tensor) -> None:
            raise AssertionError("it was read")

    monkeypatch.setattr(residence.torch, "cuda", SmallCard)
    card = Place(torch.device("cuda", 0), torch.float16)
    with (
        pytest.raises(OutOfVram, match="The shape network needs") as caught,
        resident(
            lambda: Dit(DIT), Unread(Dit(DIT)), card, what="The shape network", working_bytes=50_000_000
        ),
    ):
        pass
    assert "lower preset" in caught.value.remedy


def test_the_source_of_the_weights_is_named(tmp_path: Path) -> None:
    tensors = HeldTensors(Dinov2(DINO), tmp_path / "모형 1.safetensors")
    use = resident(lambda: Dit(DIT), tensors, place(is_streamed=False), what="it")
    with pytest.raises(BadInput, match="모형 1"), use:
        pass
