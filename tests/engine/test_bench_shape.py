"""The benchmark's made-up checkpoints have the public shapes, and its figures tell what they are of."""

from __future__ import annotations

import pytest
import torch

from engine.__main__ import main
from engine.bench_shape import Row, ShapeFigures, bumpy_ball, public_config, random_checkpoint
from protocol.names import SHAPE_MODELS

COUNTS = {"": 1645, "fast": 1649, "turbo": 1649}
SMALL_COUNTS = {"": 1325, "fast": 1329, "turbo": 1329}


@pytest.mark.parametrize("model", SHAPE_MODELS)
def test_a_random_checkpoint_has_as_many_tensors_as_the_public_one(model: str) -> None:
    shapes = random_checkpoint(model, "cpu").bundle.tensors.shapes()
    family, _, form = model.partition("-")
    assert len(shapes) == (SMALL_COUNTS if family == "mini" else COUNTS)[form]


def test_weights_are_the_same_each_time_and_differ_by_name() -> None:
    tensors = random_checkpoint("mini", "cpu").bundle.dit
    first = tensors.read("double_blocks.0.img_attn.proj.weight")
    assert torch.equal(first, tensors.read("double_blocks.0.img_attn.proj.weight"))
    assert not torch.equal(first, tensors.read("double_blocks.1.img_attn.proj.weight"))
    assert abs(float(first.float().std()) * 32 - 1) < 0.05


def test_the_ball_is_inside_out_nowhere() -> None:
    assert bumpy_ball(torch.zeros(1, 3)) > 0
    assert bumpy_ball(torch.tensor([[0.9, 0.0, 0.0]])) < 0


def test_configs_differ_as_the_public_ones_do() -> None:
    assert public_config("mini").vae.n_latents == 512
    assert public_config("mini-turbo").conditioner.image_px == 1022
    assert public_config("2.0-turbo").scheduler.kind == "consistency"
    assert public_config("mv").conditioner.is_multi_view


def test_figures_name_the_device_the_model_and_each_work() -> None:
    figures = ShapeFigures("Card X", "2.0", "mini", "float16", True, (Row("volume", 1.0, 0.5, 2**30, "n"),))
    words = str(figures)
    assert all(word in words for word in ("Card X", "mini", "float16", "streamed", "volume", "1.00"))
    assert figures.as_dict()["rows"][0]["best_seconds"] == 0.5


def test_without_a_card_the_benchmark_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a card")
    assert main(["bench", "shape"]) == 2
    assert "no CUDA card" in capsys.readouterr().err
