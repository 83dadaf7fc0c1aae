"""Each network has the parameters of its public checkpoint, names and shapes alike, and no other."""

from __future__ import annotations

import pytest
import torch
from goldens import Shapes, read_shapes, shapes_of, under

from engine.models.hunyuan3d.dinov2 import Dinov2, dino_size
from engine.models.hunyuan3d.dit import Dit, dit_size
from engine.models.hunyuan3d.shape_encoder import PointEncoder, encoder_size
from engine.models.hunyuan3d.shape_vae import FieldDecoder, LatentDecoder, vae_size

# Tensors in the bundle of each model, as counted in the public files (2.0, turbo, mini; the others follow).
COUNTS = {
    "2.0": 1645,
    "2.0-fast": 1649,
    "2.0-turbo": 1649,
    "mini": 1325,
    "mini-fast": 1329,
    "mini-turbo": 1329,
    "mv": 1645,
    "mv-fast": 1649,
    "mv-turbo": 1649,
}
DECODING = ("post_kl.", "transformer.", "geo_decoder.")
ENCODING = ("encoder.", "pre_kl.")
DINO = "main_image_encoder.model."


def dit_shapes(model: str) -> Shapes:
    shapes = read_shapes("dit_mini" if model.startswith("mini") else "dit_2_0")
    return shapes | read_shapes("guidance") if "-" in model else shapes


def decoding_shapes(vae: str) -> Shapes:
    size = vae_size(read_shapes(vae))
    with torch.device("meta"):
        latents, field = shapes_of(LatentDecoder(size)), shapes_of(FieldDecoder(size))
    return latents | {f"geo_decoder.{key}": shape for key, shape in field.items()}


@pytest.mark.parametrize("model", COUNTS)
def test_the_transformer_has_the_names_and_shapes_of_the_checkpoint(model: str) -> None:
    shapes = dit_shapes(model)
    with torch.device("meta"):
        assert shapes_of(Dit(dit_size(shapes))) == shapes


@pytest.mark.parametrize("vae", ["vae_full", "vae_turbo"])
def test_the_decoding_half_has_the_names_and_shapes_of_the_checkpoint(vae: str) -> None:
    assert decoding_shapes(vae) == read_shapes(vae, *DECODING)


@pytest.mark.parametrize("vae", ["vae_full", "vae_turbo"])
def test_the_encoding_half_has_the_names_and_shapes_of_the_checkpoint(vae: str) -> None:
    shapes = read_shapes(vae, *ENCODING)
    with torch.device("meta"):
        assert shapes_of(PointEncoder(encoder_size(shapes))) == shapes


def test_the_picture_encoder_has_the_names_and_shapes_of_the_checkpoint() -> None:
    shapes = under(read_shapes("conditioner"), DINO)
    with torch.device("meta"):
        assert shapes_of(Dinov2(dino_size(shapes))) == shapes


@pytest.mark.parametrize(("model", "count"), COUNTS.items())
def test_a_bundle_has_as_many_tensors_as_the_public_file(model: str, count: int) -> None:
    with torch.device("meta"):
        dit = shapes_of(Dit(dit_size(dit_shapes(model))))
        dino = shapes_of(Dinov2(dino_size(under(read_shapes("conditioner"), DINO))))
    bundle = {f"model.{key}" for key in dit} | {f"conditioner.{DINO}{key}" for key in dino}
    bundle |= {f"vae.{key}" for key in decoding_shapes("vae_full")}
    assert len(bundle) == count


def test_the_structure_is_read_from_the_shapes() -> None:
    plain, guided = dit_size(dit_shapes("2.0")), dit_size(dit_shapes("mini-turbo"))
    assert (plain.n_double, plain.n_single, plain.has_guidance) == (16, 32, False)
    assert (guided.n_double, guided.n_single, guided.has_guidance) == (8, 16, True)
    assert (plain.width, plain.n_heads, plain.mlp_width, plain.context_channels) == (1024, 16, 4096, 1536)
    full, turbo = vae_size(read_shapes("vae_full")), vae_size(read_shapes("vae_turbo"))
    assert (full.field_width, full.field_heads, full.field_mlp_width) == (1024, 16, 4096)
    assert (turbo.field_width, turbo.field_heads, turbo.field_mlp_width) == (512, 8, 512)
    assert (full.is_field_normed, turbo.is_field_normed) == (True, False)
    dino = dino_size(under(read_shapes("conditioner"), DINO))
    assert (dino.n_layers, dino.n_heads, dino.mlp_width, dino.patch_px) == (40, 24, 4096, 14)


@pytest.mark.parametrize("missing", ["latent_in.weight", "double_blocks.0.img_mlp.0.weight"])
def test_a_tensor_that_tells_the_structure_and_is_missing_is_named(missing: str) -> None:
    shapes = dit_shapes("2.0")
    del shapes[missing]
    with pytest.raises(KeyError, match=missing.replace(".", r"\.")):
        dit_size(shapes)


def test_a_tensor_too_many_or_of_another_shape_is_seen() -> None:
    shapes = dit_shapes("mini")
    with torch.device("meta"):
        ours = shapes_of(Dit(dit_size(shapes)))
    assert ours != shapes | {"double_blocks.0.img_attn.qkv.extra": (1,)}
    assert ours != shapes | {"final_layer.linear.bias": (65,)}
