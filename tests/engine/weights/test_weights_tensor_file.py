"""Tensors come out of a safetensors file as they went in, by ways on which no second copy is made."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from made_weights import content_of, some_tensors

from engine.errors import BadInput
from engine.weights.tensor_file import TensorFile
from engine.weights.tensors import open_tensors

MIB = 1024**2


class Counted:
    """A file that remembers how much was asked for at once, and can fail after some bytes as disks do."""

    def __init__(self, file: Any, *, fails_after_bytes: int | None = None, most_bytes: int = 2**40) -> None:
        self._file = file
        self._fails_after_bytes = fails_after_bytes
        self._most_bytes = most_bytes
        self.n_read_bytes = 0
        self.largest_bytes = 0
        self.peak_rss_bytes = 0

    def readinto(self, target: memoryview) -> int:
        self.largest_bytes = max(self.largest_bytes, len(target))
        if self._fails_after_bytes is not None and self.n_read_bytes >= self._fails_after_bytes:
            raise OSError(errno.EIO, "Input/output error")
        n_bytes = int(self._file.readinto(target[: self._most_bytes]))
        self.n_read_bytes += n_bytes
        self.peak_rss_bytes = max(self.peak_rss_bytes, psutil.Process().memory_info().rss)
        return n_bytes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "한 글 model.fp16.safetensors"
    path.write_bytes(content_of(some_tensors(), metadata={"format": "pt"}))
    return path


@pytest.mark.parametrize("dtype", [None, torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("staging_bytes", [8, 24, 32 * MIB])
def test_every_tensor_is_read_as_it_was_written(file: Path, dtype: Any, staging_bytes: int) -> None:
    tensors = TensorFile(file, remedy="", staging_bytes=staging_bytes)
    for name, given in some_tensors().items():
        assert tensors.shapes()[name] == tuple(given.shape)
        place = torch.full_like(given, 99, dtype=dtype)
        tensors.read_into(name, place)
        assert torch.equal(place, given.to(place.dtype))
        assert torch.equal(tensors.read(name), given)
    tensors.close()


def test_the_public_library_writes_the_same_format(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    safetensors.save_file(some_tensors(), tmp_path / "a.safetensors", metadata={"format": "pt"})
    tensors = open_tensors(tmp_path / "a.safetensors")
    assert set(tensors.shapes()) == set(some_tensors())
    assert all(torch.equal(tensors.read(name), given) for name, given in some_tensors().items())
    tensors.close()


def test_kinds_are_named_as_the_format_names_them(file: Path) -> None:
    tensors = open_tensors(file)
    assert [tensors.dtype_of(name) for name in tensors.shapes()] == [
        "F16",
        "F32",
        "BF16",
        "F32",
        "I64",
        "F16",
    ]
    with pytest.raises(KeyError):
        tensors.dtype_of("model.c")
    tensors.close()


def test_a_view_has_the_tensors_below_its_prefix_alone(file: Path) -> None:
    tensors = open_tensors(file, model="hunyuan3d-2/2.0")
    for prefix in ("model", "model."):
        model = tensors.under(prefix)
        assert dict(model.shapes()) == {"a.weight": (5, 3), "a.bias": (5,)}
        assert torch.equal(model.read("a.bias"), some_tensors()["model.a.bias"])
        assert model.dtype_of("a.weight") == "F16"
        assert (model.source, model.remedy) == (file, tensors.remedy)
    assert dict(tensors.under("model").under("a").shapes()) == {"weight": (5, 3), "bias": (5,)}
    assert tensors.under("mod").shapes() == {}
    tensors.close()


def test_a_place_of_another_shape_is_a_mistake_of_ours(file: Path) -> None:
    tensors = open_tensors(file)
    with pytest.raises(ValueError, match=r"\(5, 3\)"):
        tensors.read_into("model.a.weight", torch.empty(15))
    tensors.close()


def test_short_reads_are_continued(file: Path) -> None:
    tensors = TensorFile(file, remedy="")
    tensors._file = Counted(tensors._file, most_bytes=3)  # type: ignore[assignment]
    assert torch.equal(tensors.read("vae.b"), some_tensors()["vae.b"])
    tensors.close()


def test_a_failing_disk_is_told_with_file_and_tensor(file: Path) -> None:
    tensors = TensorFile(file, remedy="Download it again.")
    tensors._file = Counted(tensors._file, fails_after_bytes=0)  # type: ignore[assignment]
    with pytest.raises(BadInput, match=r"vae\.b: Input/output error") as caught:
        tensors.read("vae.b")
    assert str(file) in caught.value.message
    tensors.close()


def test_a_file_that_shrank_meanwhile_is_refused(file: Path) -> None:
    tensors = open_tensors(file)
    os.truncate(file, file.stat().st_size - 70)
    with pytest.raises(BadInput, match="became shorter"):
        tensors.read("조건.가중치")
    tensors.close()


def test_a_refused_file_is_closed_again(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])
    n_open = psutil.Process().num_fds() if hasattr(psutil.Process(), "num_fds") else 0
    for _ in range(5):
        with pytest.raises(BadInput):
            open_tensors(file)
    assert not n_open or psutil.Process().num_fds() == n_open


def test_the_same_kind_is_read_straight_into_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(content_of({"a": torch.zeros(2 * MIB)}))
    tensors = TensorFile(tmp_path / "a.safetensors", remedy="", staging_bytes=MIB)
    counted = Counted(tensors._file)
    tensors._file = counted  # type: ignore[assignment]
    tensors.read_into("a", torch.empty(2 * MIB))
    assert counted.largest_bytes == 8 * MIB  # one read, no pieces
    assert not tensors._staging._buffers
    tensors.close()


def test_converting_needs_no_more_memory_than_its_buffers(tmp_path: Path) -> None:
    values = torch.arange(24 * MIB, dtype=torch.float32)  # 96 MiB
    (tmp_path / "a.safetensors").write_bytes(content_of({"a": values}))
    tensors = TensorFile(tmp_path / "a.safetensors", remedy="", staging_bytes=MIB)
    place = torch.zeros(24 * MIB, dtype=torch.bfloat16)  # its pages are there before the count begins
    counted = Counted(tensors._file)
    tensors._file = counted  # type: ignore[assignment]
    before_bytes = psutil.Process().memory_info().rss
    tensors.read_into("a", place)
    assert counted.largest_bytes == MIB
    assert (
        counted.peak_rss_bytes - before_bytes < 24 * MIB
    )  # a quarter of the tensor; a copy would be all of it
    assert torch.equal(place, values.bfloat16())
    tensors.close()


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt"])
def test_a_card_gets_the_numbers_through_two_buffers(tmp_path: Path, dtype: Any, suffix: str) -> None:
    random = torch.Generator().manual_seed(1)
    given = {name: torch.randn(5 * MIB + 3, generator=random).half() for name in ("a", "b")}
    path = tmp_path / f"a{suffix}"
    if suffix == ".ckpt":
        torch.save(given, path)
    else:
        path.write_bytes(content_of(given))
    tensors: Any = open_tensors(path)
    tensors._staging.staging_bytes = MIB
    torch.cuda.reset_peak_memory_stats()
    places = {name: torch.empty(5 * MIB + 3, dtype=dtype, device="cuda") for name in given}
    held_bytes = torch.cuda.memory_allocated()
    for name, place in places.items():
        tensors.read_into(name, place)
    assert torch.cuda.max_memory_allocated() - held_bytes <= 4 * MIB
    for name, place in places.items():
        assert torch.equal(place.cpu(), given[name].to(dtype))
    assert all(buffer.is_pinned for buffer in tensors._staging._buffers)
    tensors.close()
