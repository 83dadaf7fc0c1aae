"""The autoencoder of pictures is diffusers' in names and numbers, and takes one picture at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from delight_goldens import VAE, delight_golden, public_shapes, tiny_vae, weights_of
from goldens import PARITY, SEED, given, relative_error, shapes_of
from safetensors.torch import save_file
from seeded import uniform

from engine.models.image_vae import ImageVae, ImageVaeSize, image_vae_size, with_current_names
from engine.weights.filling import fill
from engine.weights.tensors import Tensors, open_tensors

OLD = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def pixels() -> torch.Tensor:
    return torch.from_numpy(uniform("pixels", (2, 3, 48, 64), SEED))


def latents() -> torch.Tensor:
    return given("latents", 2, 4, 6, 8)


def old_name(name: str) -> str:
    for new, old in OLD.items():
        name = name.replace(f".{new}.", f".{old}.") if ".attentions." in name else name
    return name


@pytest.fixture(params=["current", "old"])
def checkpoint(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tensors]:
    """The tiny autoencoder in a file, its attention spelled one way or the other."""
    spelled = old_name if request.param == "old" else str
    weights = weights_of(tiny_vae(), "vae")
    save_file(
        {spelled(name): torch.from_numpy(value) for name, value in weights.items()},
        tmp_path / "vae.safetensors",
    )
    tensors = open_tensors(tmp_path / "vae.safetensors")
    assert any("proj_attn" in name for name in tensors.shapes()) == (request.param == "old")
    yield tensors
    tensors.close()


def test_names_and_shapes_are_the_public_ones_both_ways() -> None:
    with torch.device("meta"):
        vae = ImageVae(ImageVaeSize())
    assert shapes_of(vae) == public_shapes("vae")
    assert len(shapes_of(vae)) == 248
    assert sum(math.prod(shape) for shape in shapes_of(vae).values()) == 83_653_863


def test_the_structure_is_read_from_the_shapes() -> None:
    assert image_vae_size(public_shapes("vae")) == ImageVaeSize()
    assert image_vae_size(shapes_of(tiny_vae()), n_groups=8) == VAE


def test_both_spellings_of_attention_fill_the_network(checkpoint: Tensors) -> None:
    with torch.device("meta"):
        vae = ImageVae(VAE)
    fill(vae, with_current_names(checkpoint), "cpu", torch.float32)
    with torch.inference_mode():
        assert torch.equal(vae.decode(latents()), tiny_vae().decode(latents()))


def test_likeliest_latents_are_the_references() -> None:
    assert relative_error(tiny_vae().encode(pixels()), delight_golden("vae")["mode"]) <= PARITY


def test_drawn_latents_are_the_references_for_the_same_generator() -> None:
    drawn = tiny_vae().encode(pixels(), torch.Generator().manual_seed(3))
    assert relative_error(drawn, delight_golden("vae")["sample"]) <= PARITY
    assert not torch.equal(drawn, tiny_vae().encode(pixels()))


def test_decoded_pictures_are_the_references() -> None:
    decoded = tiny_vae().decode(latents())
    assert decoded.shape == (2, 3, 48, 64)
    assert relative_error(decoded[..., ::3, ::3], delight_golden("vae")["decoded"]) <= PARITY


def test_pictures_go_through_one_at_a_time_with_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    vae, sizes = tiny_vae(), []
    for part in (vae.encoder, vae.decoder):

        def counted(values: Any, *, forward: Any = part.forward) -> Any:
            sizes.append(len(values))
            return forward(values)

        monkeypatch.setattr(part, "forward", counted)
    together = torch.cat([vae.decode(latents()[:1]), vae.decode(latents()[1:])])
    assert torch.equal(vae.decode(latents()), together)
    vae.encode(pixels())
    assert set(sizes) == {1}


def test_the_layout_in_memory_changes_nothing() -> None:
    vae, large = tiny_vae(), torch.from_numpy(uniform("large pixels", (1, 3, 384, 384), SEED) * 0.1 + 0.8)
    with torch.inference_mode():
        last = vae.encode(large.to(memory_format=torch.channels_last))
        assert torch.equal(last, vae.encode(large))


def test_tiles_that_hold_a_whole_picture_change_nothing() -> None:
    vae = tiny_vae()
    assert relative_error(vae.decode(latents(), tile_px=64), vae.decode(latents()).numpy()) <= 1e-6
    assert relative_error(vae.encode(pixels(), tile_px=64), vae.encode(pixels()).numpy()) <= 1e-6


def test_tiles_never_see_more_than_their_side_and_cover_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    vae, sizes = tiny_vae(), []
    forward = vae.decoder.forward

    def counted(values: Any) -> Any:
        sizes.append(tuple(values.shape[-2:]))
        return forward(values)

    monkeypatch.setattr(vae.decoder, "forward", counted)
    large = given("large latents", 1, 4, 7, 9)
    tiled = vae.decode(large, tile_px=40)
    assert tiled.shape == (1, 3, 56, 72)
    assert torch.isfinite(tiled).all()
    assert set(sizes) == {(5, 5)}
    assert vae.encode(tiled, tile_px=40).shape == large.shape


def test_tiles_fade_into_each_other_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    vae = tiny_vae()
    counts = iter(range(100))
    monkeypatch.setattr(
        vae.decoder,
        "forward",
        lambda z: torch.full((1, 3, 8 * z.shape[2], 8 * z.shape[3]), next(counts) % 2.0),
    )
    tiled = vae.decode(given("wide latents", 1, 4, 8, 14), tile_px=64)
    # From one tile's 0 to the next one's 1 no pixel jumps.
    assert tiled.diff(dim=-1).abs().max() <= 0.15
    assert tiled.min() == 0
    assert tiled.max() == 1


def test_the_format_of_tiles_is_the_networks() -> None:
    with torch.inference_mode():
        vae = ImageVae(VAE).to(torch.bfloat16)
        made = vae.decode(latents().to(torch.bfloat16), tile_px=40)
    assert made.dtype == torch.bfloat16


def test_sides_that_do_not_fit_are_refused_with_both_numbers() -> None:
    with pytest.raises(ValueError, match=r"50 x 48 px.*multiples of 8"):
        tiny_vae().encode(torch.zeros(1, 3, 48, 50))
    with pytest.raises(ValueError, match=r"tile of 24 px: at least 32"):
        tiny_vae().decode(latents(), tile_px=24)
