"""Both paint networks have the parameters of the public checkpoint, names and shapes alike, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from goldens import shapes_of
from paint_goldens import TINY, dual, main, paint_weights, public_shapes
from safetensors.torch import save_file

from engine.errors import BadInput
from engine.models.hunyuan3d.paint_unet import PaintUnet, UnetConfig
from engine.weights.filling import fill
from engine.weights.tensors import Tensors, open_tensors

N_LAYERS = 16


def public(*, has_extras: bool) -> PaintUnet:
    with torch.device("meta"):
        return PaintUnet(UnetConfig(), has_extras=has_extras)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Iterator[Tensors]:
    """Both tiny networks in one file, as the public checkpoint has them."""
    networks = {"unet": main(), "unet_dual": dual()}
    tensors = {
        f"{prefix}.{name}": torch.from_numpy(value)
        for prefix, network in networks.items()
        for name, value in paint_weights(network, prefix).items()
    }
    save_file(tensors, tmp_path / "unet.safetensors")
    whole = open_tensors(tmp_path / "unet.safetensors")
    yield whole
    whole.close()


@pytest.mark.parametrize(("prefix", "has_extras"), [("unet", True), ("unet_dual", False)])
def test_a_network_has_the_names_and_shapes_of_the_checkpoint(prefix: str, has_extras: bool) -> None:
    assert shapes_of(public(has_extras=has_extras)) == public_shapes(prefix)


def test_both_networks_have_as_many_tensors_and_numbers_as_the_public_file() -> None:
    networks = [public(has_extras=True), public(has_extras=False)]
    assert sum(len(shapes_of(network)) for network in networks) == 1535
    assert [sum(part.numel() for part in network.parameters()) for network in networks] == [
        965_302_340,
        865_910_724,
    ]


def test_the_main_network_has_two_more_attentions_a_layer_and_what_only_it_is_told() -> None:
    more = public_shapes("unet").keys() - public_shapes("unet_dual").keys()
    told = {"learned_text_clip_gen", "learned_text_clip_ref", "class_embedding.weight"}
    assert told <= more
    assert len(more - told) == N_LAYERS * 2 * 5
    assert len(public(has_extras=True).transformers) == N_LAYERS


def test_blocks_hold_all_but_the_first_and_last_maps_once_each() -> None:
    network = public(has_extras=True)
    held = [id(part) for block in network.blocks() for part in block.parameters()]
    assert len(held) == len(set(held))
    beside = {name.split(".")[0] for name, part in network.named_parameters() if id(part) not in held}
    assert beside == {
        "class_embedding",
        "conv_in",
        "conv_norm_out",
        "conv_out",
        "learned_text_clip_gen",
        "learned_text_clip_ref",
        "time_embedding",
    }


@pytest.mark.parametrize(("prefix", "has_extras"), [("unet", True), ("unet_dual", False)])
def test_a_network_is_filled_from_its_half_of_the_file(
    checkpoint: Tensors, prefix: str, has_extras: bool
) -> None:
    with torch.device("meta"):
        network = PaintUnet(TINY, has_extras=has_extras)
    fill(network, checkpoint.under(prefix), "cpu", torch.float32)
    theirs = main() if has_extras else dual()
    for name, value in theirs.state_dict().items():
        assert torch.equal(network.state_dict()[name], value)


@pytest.mark.parametrize(("prefix", "has_extras"), [("unet", False), ("unet_dual", True)])
def test_the_other_half_of_the_file_is_refused(checkpoint: Tensors, prefix: str, has_extras: bool) -> None:
    with torch.device("meta"):
        network = PaintUnet(TINY, has_extras=has_extras)
    with pytest.raises(BadInput):
        fill(network, checkpoint.under(prefix), "cpu", torch.float32)
