"""A checkpoint of torch gives its tensors; no code of it runs, and what is no tensor is refused."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from made_weights import content_of, some_tensors

from engine.errors import BadInput
from engine.weights.tensors import open_tensors


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "가중치 bin"
    folder.mkdir()
    return folder / "model.fp16.ckpt"


def nested() -> dict[str, Any]:
    return {
        "model": {"a.weight": torch.ones(2, 3).half(), "a": {"bias": torch.arange(3.0)}},
        "vae": {"b": torch.tensor(2.5), "none": torch.zeros(0, 4)},
        "conditioner": {"c": torch.arange(12.0).view(3, 4).T},
    }


def test_nested_dictionaries_become_dotted_names(file: Path) -> None:
    torch.save(nested(), file)
    tensors = open_tensors(file)
    assert dict(tensors.shapes()) == {
        "model.a.weight": (2, 3),
        "model.a.bias": (3,),
        "vae.b": (),
        "vae.none": (0, 4),
        "conditioner.c": (4, 3),
    }
    assert tensors.dtype_of("model.a.weight") == "F16"
    assert torch.equal(tensors.under("model").read("a.bias"), torch.arange(3.0))
    turned = torch.empty(4, 3, dtype=torch.bfloat16)
    tensors.under("conditioner").read_into("c", turned)
    assert torch.equal(turned, torch.arange(12.0).view(3, 4).T.bfloat16())
    assert tensors.read("conditioner.c").is_contiguous()
    with pytest.raises(ValueError, match=r"\(2, 3\)"):
        tensors.read_into("model.a.weight", torch.empty(6))
    tensors.close()


@pytest.mark.parametrize("name", ["a.bin", "a.pt", "a.CKPT"])
def test_flat_state_dicts_are_read_too(tmp_path: Path, name: str) -> None:
    torch.save(some_tensors(), tmp_path / name)
    tensors = open_tensors(tmp_path / name)
    assert all(torch.equal(tensors.read(name), given) for name, given in some_tensors().items())
    tensors.close()


class Bomb:
    """What a pickle can do to whoever loads it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (os.mkdir, (str(self.path),))


def test_code_in_a_checkpoint_is_refused_and_does_not_run(file: Path) -> None:
    torch.save({"model": {"a": torch.ones(1)}, "bomb": Bomb(file.parent / "ran")}, file)
    with pytest.raises(BadInput, match="holds more than tensors"):
        open_tensors(file)
    assert not (file.parent / "ran").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"model": {"a": torch.ones(1)}, "epoch": 3}, "epoch is a int"),
        ({"model": {"a": [torch.ones(1)]}}, r"model\.a is a list"),
        ([torch.ones(1)], "it is a list"),
        ({"model": {3: torch.ones(1)}}, "has the name 3 in model"),
        ({}, "holds no tensor"),
        ({"a": torch.ones(2, dtype=torch.complex64)}, "a kind that is not read"),
        ({"a": torch.eye(3).to_sparse()}, "a kind that is not read"),
    ],
)
def test_what_is_not_only_tensors_is_refused_with_its_name(file: Path, content: Any, words: str) -> None:
    torch.save(content, file)
    with pytest.raises(BadInput, match=words) as caught:
        open_tensors(file)
    assert str(file) in caught.value.message


def test_endless_nesting_is_refused(file: Path) -> None:
    content: dict[str, Any] = {"a": torch.ones(1)}
    content["b"] = content
    torch.save(content, file)
    with pytest.raises(BadInput, match="deeper than 8 levels"):
        open_tensors(file)


def test_the_old_format_is_refused_in_words(file: Path) -> None:
    torch.save(nested(), file, _use_new_zipfile_serialization=False)
    with pytest.raises(BadInput, match="old format") as caught:
        open_tensors(file, model="hunyuan3d-2/mv")
    assert ".safetensors" in caught.value.remedy
    assert "hunyuan3d-2/mv" in caught.value.remedy


def test_a_truncated_checkpoint_is_refused(file: Path) -> None:
    torch.save(nested(), file)
    whole = file.read_bytes()
    for n_bytes in (30, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:n_bytes])
        with pytest.raises(BadInput, match="not complete"):
            open_tensors(file)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"<html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (content_of({"a": torch.ones(2)}), "not a checkpoint"),
    ],
)
def test_another_kind_of_file_is_called_what_it_is(file: Path, content: bytes, words: str) -> None:
    file.write_bytes(content)
    with pytest.raises(BadInput, match=words):
        open_tensors(file)


def test_any_damage_gives_tensors_or_a_refusal(file: Path) -> None:
    torch.save(nested(), file)
    whole = file.read_bytes()
    chance = random.Random(3)
    n_refused = 0
    for _ in range(150):
        changed = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        file.write_bytes(changed)
        try:
            tensors = open_tensors(file)
        except BadInput:
            n_refused += 1
            continue
        for name, shape in tensors.shapes().items():
            assert tuple(tensors.read(name).shape) == shape
        tensors.close()
    assert n_refused > 30
