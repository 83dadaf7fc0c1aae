"""On a card: the same bits again, streamed or replayed, and all memory back after a cancel.

Run with `pytest -m gpu` on a machine with a CUDA card; the networks have their public size.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
import torch

from engine.bench_shape import ball_making, random_checkpoint
from engine.errors import Cancelled
from engine.memory.vram import vram_of_a_job
from engine.models.attention import attend, attend_counted
from engine.models.flow import flow_match_sigmas
from engine.models.guidance import Guidance
from engine.models.hunyuan3d import sampler
from engine.models.hunyuan3d.dit import Dit, dit_size
from engine.models.hunyuan3d.sampler import denoise, initial_noise
from engine.models.replay import Pool
from engine.models.residence import resident
from engine.settings import ShapeSettings

pytestmark = pytest.mark.gpu
SETTINGS = ShapeSettings(steps=6, octree=128)
Tensor = Any


def latents(*, is_streamed: bool = False) -> Tensor:
    opened = random_checkpoint("mini", "cuda", is_streamed=is_streamed)
    seen = torch.randn(1, 1370, 1536, generator=torch.Generator().manual_seed(0)).half().cuda()
    tensors = opened.bundle.dit
    size = dit_size(tensors.shapes())
    with resident(lambda: Dit(size), tensors, opened.place, what="it") as network:
        return denoise(network, initial_noise(512, 64, 0), seen, flow_match_sigmas(6), Guidance()).clone()


def test_a_seed_gives_the_same_bits_again() -> None:
    opened = random_checkpoint("mini", "cuda")
    first, second = (ball_making(opened, SETTINGS, seed=5).mesh() for _ in range(2))
    assert (first.vertices == second.vertices).all()
    assert (first.faces == second.faces).all()


def test_recorded_steps_give_the_bits_of_plain_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = latents()
    monkeypatch.setattr(sampler, "Pool", lambda device, is_wanted: Pool(device, is_wanted=False))
    assert torch.equal(recorded, latents())


def test_streamed_blocks_give_the_same_bits() -> None:
    assert torch.equal(latents(), latents(is_streamed=True))


def test_a_token_that_counts_for_many_is_as_many_tokens() -> None:
    torch.manual_seed(0)
    queries, keys, values = torch.randn(3, 1, 16, 600, 64, device="cuda").half()
    many = [torch.cat([held[:, :, :1].expand(-1, -1, 369, -1), held], dim=2) for held in (keys, values)]
    counted, plain = attend_counted(queries, keys, values, 370), attend(queries, *many)
    assert (counted - plain).norm() < 2e-3 * plain.norm()


@pytest.mark.parametrize("after_steps", [1, 4, 20])
def test_a_cancel_gives_the_memory_back(after_steps: int) -> None:
    torch.cuda.empty_cache()
    before_bytes = torch.cuda.memory_reserved()
    making = ball_making(random_checkpoint("mini", "cuda"), ShapeSettings(steps=6, octree=256))
    told: list[float] = []

    def check() -> None:
        told.append(time.monotonic())
        if len(told) > after_steps:
            raise Cancelled

    making.progress.runner.check = check  # type: ignore[method-assign]
    with pytest.raises(Cancelled), vram_of_a_job(None):
        making.mesh()
    assert time.monotonic() - told[-1] < 3
    # What libraries keep for themselves stays: cuBLAS has 32 MiB on a Hopper card.
    assert torch.cuda.memory_reserved() - before_bytes < 80 * 2**20


def test_a_cap_that_is_too_small_is_said_before_anything_is_loaded() -> None:
    from engine.errors import OutOfVram

    making = ball_making(random_checkpoint("mini", "cuda"), SETTINGS)
    with pytest.raises(OutOfVram, match="picture encoder needs"), vram_of_a_job(1.0):
        making.mesh()
    assert torch.cuda.get_per_process_memory_fraction(0) == 1.0
