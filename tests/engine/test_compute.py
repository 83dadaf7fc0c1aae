"""Work is cut into bands that together are the whole; kernels are loaded once, before threads start."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import BadRequest
from engine.geometry.compute import Compute, choose_compute, processor

# Many threads at once on a fresh cache: what is not loaded before they start would be loaded by each of them.
DRAW = """
import numpy as np
from dataclasses import replace
from engine.geometry.compute import processor
from engine.geometry.rasterise import cover
compute = replace(processor(), n_threads=16)
points = np.array([[0, 0, 0, 1], [90, 0, 0, 1], [0, 90, 0, 1]], np.float32)
keys = cover(compute, points, np.array([[0, 1, 2]], np.int32), 96, 96)
from engine.geometry.kernels.raster import draw
print((keys.resolved[0] == 0).sum(), len(draw.module.execs))
"""


def with_threads(count: int) -> Compute:
    return replace(processor(), n_threads=count)


@pytest.mark.parametrize("length", [0, 1, 5, 1000])
@pytest.mark.parametrize("n_threads", [1, 2, 7])
def test_bands_make_up_the_whole_once(length: int, n_threads: int) -> None:
    seen: list[int] = []
    with_threads(n_threads).bands(length, lambda low, high: seen.extend(range(low, high)))
    assert sorted(seen) == list(range(length))


def test_what_a_band_raises_comes_out() -> None:
    def work(item: int) -> None:
        if item == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        with_threads(2).each(range(5), work)


def test_on_a_fresh_computer_each_kernel_file_is_compiled_once_and_threads_wait_for_it(
    tmp_path: Path,
) -> None:
    environment = {"MAQUETTE_DATA": str(tmp_path / "데이터 폴더"), "PATH": "", "HOME": str(tmp_path)}
    run = [sys.executable, "-c", DRAW]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(run, env=environment, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    n_drawn, n_loaded = map(int, done.stdout.split())
    assert n_drawn > 3000
    assert n_loaded == 1
    assert done.stderr == ""
    kept = tmp_path / "데이터 폴더" / "cache" / "kernels"
    assert len(list(kept.rglob("*.o"))) == 1


def test_without_a_card_asking_for_one_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(BadRequest, match="No CUDA card"):
        choose_compute("cuda")
    assert choose_compute("auto").device == choose_compute("cpu").device == "cpu"
