"""A network takes exactly its tensors, one at a time, or stays empty and says what differs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from made_weights import content_of
from torch import nn

from engine.errors import BadInput, Cancelled
from engine.weights.filling import fill
from engine.weights.tensors import Tensors, open_tensors


class Small(nn.Module):  # type: ignore[misc]
    """Two layers, a whole number that is kept, and positions that no file has."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.second = nn.ModuleList([nn.Linear(4, 2, bias=False)])
        self.register_buffer("n_seen", torch.zeros((), dtype=torch.int64))
        self.register_buffer("positions", torch.arange(4.0), persistent=False)

    def make_buffers(self, device: Any) -> None:
        self.positions = torch.arange(4.0, device=device)


def empty() -> Small:
    with torch.device("meta"):
        return Small()


def given() -> dict[str, Any]:
    random = torch.Generator().manual_seed(0)
    return {
        "first.weight": torch.randn(4, 3, generator=random),
        "first.bias": torch.randn(4, generator=random).half(),
        "second.0.weight": torch.randn(2, 4, generator=random).half(),
        "n_seen": torch.tensor(70_001),
    }


def opened(tmp_path: Path, tensors: dict[str, Any]) -> Tensors:
    path = tmp_path / "가중치 a.safetensors"
    path.write_bytes(content_of(tensors))
    return open_tensors(path)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_each_parameter_gets_its_numbers_in_the_kind_asked_for(tmp_path: Path, dtype: Any) -> None:
    module, tensors = empty(), opened(tmp_path, given())
    fill(module, tensors, "cpu", dtype)
    for name, value in module.state_dict().items():
        assert torch.equal(value, given()[name].to(dtype if value.is_floating_point() else value.dtype)), name
    assert module.n_seen.item() == 70_001
    assert torch.equal(module.positions, torch.arange(4.0))
    assert not any(parameter.requires_grad for parameter in module.parameters())
    assert not module.training
    assert isinstance(module.first.weight, nn.Parameter)
    tensors.close()


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu")])
def test_each_part_goes_to_the_device_that_is_named_for_it(tmp_path: Path, device: Any) -> None:
    module, tensors = empty(), opened(tmp_path, given())
    asked: list[str] = []

    def device_of(name: str) -> Any:
        asked.append(name)
        return device

    fill(module, tensors, device_of, torch.float32)
    assert sorted(asked) == sorted([*given(), ""])
    fill(empty(), tensors, device, torch.float32)
    tensors.close()


def refusal(tmp_path: Path, tensors: dict[str, Any], module: Any = None, **options: Any) -> str:
    module = empty() if module is None else module
    source = opened(tmp_path, tensors)
    with pytest.raises(BadInput) as caught:
        fill(module, source, "cpu", torch.float16, **options)
    source.close()
    assert all(parameter.is_meta for parameter in module.parameters())
    assert str(source.source) in caught.value.message
    assert caught.value.remedy
    return caught.value.message


def test_missing_tensors_are_counted_and_three_are_named(tmp_path: Path) -> None:
    message = refusal(tmp_path, {})
    assert "4 of 4 tensors are missing (n_seen, first.weight, first.bias, ...)" in message


def test_what_is_left_over_is_counted_and_named(tmp_path: Path) -> None:
    message = refusal(tmp_path, {**given(), "third.weight": torch.ones(1)})
    assert "1 belong to no part of the network (third.weight)" in message
    assert "another model?" in message


def test_a_wrong_shape_is_told_with_both(tmp_path: Path) -> None:
    message = refusal(tmp_path, {**given(), "second.0.weight": torch.ones(2, 5)})
    assert "second.0.weight is [2, 5] instead of [2, 4]" in message


def test_many_wrong_shapes_are_counted(tmp_path: Path) -> None:
    message = refusal(tmp_path, {name: torch.ones(9) for name in given()})
    assert "4 in all" in message
    assert message.count("instead of") == 3


class Guided(nn.Module):  # type: ignore[misc]
    """A network with the input that only fast and turbo forms have."""

    def __init__(self) -> None:
        super().__init__()
        self.guidance_in = nn.Linear(1, 1)


def test_the_form_of_the_model_is_guessed_from_guidance(tmp_path: Path) -> None:
    with torch.device("meta"):
        guided, plain = Guided(), nn.Module()
    assert "Is it the plain form" in refusal(tmp_path, {}, guided)
    assert "fast or turbo form" in refusal(tmp_path, {"guidance_in.weight": torch.ones(1, 1)}, plain)
    turbo = {"geo_decoder.latents_proj.weight": torch.ones(1)}
    assert "turbo form of the decoder" in refusal(tmp_path, turbo, plain)


def test_optional_tensors_may_be_missing_and_are_then_none(tmp_path: Path) -> None:
    tensors = {name: value for name, value in given().items() if name != "first.bias"}
    module, source = empty(), opened(tmp_path, tensors)
    fill(module, source, "cpu", torch.float32, optional=("first.bias",))
    assert module.first.bias is None
    assert module.first(torch.ones(3)).shape == (4,)
    source.close()


def test_ignored_tensors_may_be_left_over_by_name_or_by_what_they_are_below(tmp_path: Path) -> None:
    extra = {"third.a": torch.ones(1), "third.b.c": torch.ones(1), "thirdly": torch.ones(1)}
    module, source = empty(), opened(tmp_path, {**given(), **extra})
    fill(module, source, "cpu", torch.float32, ignored=("third.", "thirdly"))
    source.close()
    assert "1 belong to no part" in refusal(tmp_path, {**given(), **extra}, ignored=("third.",))


def test_a_cancelled_filling_leaves_no_memory_behind(tmp_path: Path) -> None:
    module, source, n_asked = empty(), opened(tmp_path, given()), 0

    def check() -> None:
        nonlocal n_asked
        n_asked += 1
        if n_asked == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        fill(module, source, "cpu", torch.float32, check=check)
    assert all(parameter.is_meta for parameter in module.parameters())
    source.close()


def test_buffers_that_nobody_makes_are_a_mistake_of_ours(tmp_path: Path) -> None:
    with torch.device("meta"):
        module = nn.Module()
        module.register_buffer("table", torch.ones(2), persistent=False)
    source = opened(tmp_path, {})
    with pytest.raises(ValueError, match="table"):
        fill(module, source, "cpu", torch.float32)
    source.close()
