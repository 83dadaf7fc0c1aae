"""A checkpoint of each model, read by the real loader, gives the public pipeline's latents and a body."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from goldens import PARITY, Tensor, given, golden, relative_error
from tiny_hunyuan import (
    DECODER_FOLDERS,
    FOLDERS,
    N_LATENTS,
    Dtype,
    Form,
    write_tiny_bundle,
    write_tiny_decoder,
)
from torch import nn

from engine.models.flow import consistency_sigmas, flow_match_sigmas
from engine.models.guidance import Guidance
from engine.models.hunyuan3d.conditioner import condition
from engine.models.hunyuan3d.dinov2 import Dinov2, dino_size
from engine.models.hunyuan3d.dit import Dit, dit_size
from engine.models.hunyuan3d.pictures import order_views, parity_picture
from engine.models.hunyuan3d.sampler import denoise
from engine.models.hunyuan3d.shape_vae import FieldDecoder, LatentDecoder, vae_size
from engine.models.hunyuan3d.volume import decode_dense
from engine.weights.checkpoint import Bundle, open_bundle, open_decoder
from engine.weights.filling import fill
from engine.weights.inventory import SHAPE_MODELS, locate
from engine.weights.tensors import Tensors

N_STEPS = 5
VIEWS = {"back": "tall_in", "front": "wide_in"}


def open_tiny(models: Path, model: str) -> Bundle:
    return open_bundle(locate(models, model, environment={}, home=models / "home"))


def on_cpu(network: type[nn.Module], size: Any, tensors: Tensors, **names: Any) -> nn.Module:
    with torch.device("meta"):
        module = network(size)
    fill(module, tensors, "cpu", torch.float32, **names)
    return module.eval().requires_grad_(False)


def context_of(bundle: Bundle) -> Tensor:
    """The tokens (1, T, C) of the drawn pictures, prepared as the reference prepares them."""
    config, pictures = bundle.config, golden("pictures")
    named = VIEWS if config.conditioner.is_multi_view else {"front": VIEWS["front"]}
    order = order_views(list(named), model=bundle.located.model.name)
    prepared = [
        parity_picture(pictures[name], config.picture.border, config.picture.size_px)
        for name in named.values()
    ]
    ordered = [prepared[position] for position in order.positions]
    dino = on_cpu(Dinov2, dino_size(bundle.dino.shapes()), bundle.dino)
    numbers = order.numbers if config.conditioner.is_multi_view else None
    return condition(dino, ordered, config.conditioner.image_px, numbers)


def latents_of(bundle: Bundle) -> Tensor:
    scheduler = bundle.config.scheduler
    if scheduler.kind == "consistency":
        sigmas = consistency_sigmas(N_STEPS, scheduler.n_train, scheduler.n_pcm)
    else:
        sigmas = flow_match_sigmas(N_STEPS, scheduler.shift)
    dit = on_cpu(Dit, dit_size(bundle.dit.shapes()), bundle.dit)
    return denoise(dit, given("noise", 1, N_LATENTS, 64), context_of(bundle), sigmas, Guidance(5.0))


def body_of(tensors: Tensors, latents: Tensor, resolution: int) -> Tensor:
    """The field (R + 1, R + 1, R + 1) of `latents`, already divided by their scale."""
    size = vae_size(tensors.shapes())
    latent_decoder = on_cpu(LatentDecoder, size, tensors, ignored=["geo_decoder."])
    field = on_cpu(FieldDecoder, size, tensors.under("geo_decoder"))
    seen = field.keys_values(latent_decoder(latents))
    return decode_dense(lambda points: field(points, seen), resolution, "cpu")


def is_closed_body(volume: Tensor) -> bool:
    """Whether there is an inside and none of it reaches the border."""
    inside = volume > 0
    return bool(inside.any()) and int(inside.sum()) == int(inside[1:-1, 1:-1, 1:-1].sum())


def test_the_tiny_folders_are_the_hubs() -> None:
    assert {model.name: f"{model.repo}/{model.folder}" for model in SHAPE_MODELS} == FOLDERS
    decoders = {f"{model.decoder_repo}/{model.decoder_folder}" for model in SHAPE_MODELS}
    assert decoders == set(DECODER_FOLDERS.values())


@pytest.mark.parametrize("model", FOLDERS)
def test_a_checkpoint_read_from_disk_gives_the_public_pipelines_latents(model: str, tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path, model)
    with open_tiny(tmp_path, model) as bundle:
        assert relative_error(latents_of(bundle), golden("bundles")[model]) <= PARITY


@pytest.mark.parametrize("form", ["safetensors", "ckpt"])
@pytest.mark.parametrize("dtype", ["F16", "BF16", "F32"])
def test_every_form_of_a_checkpoint_decodes_to_a_closed_body(
    dtype: Dtype, form: Form, tmp_path: Path
) -> None:
    write_tiny_bundle(tmp_path, "mini", dtype=dtype, form=form)
    with open_tiny(tmp_path, "mini") as bundle:
        assert bundle.vae.dtype_of("post_kl.weight") == dtype
        latents = torch.from_numpy(golden("bundles")["mini"]) / bundle.config.vae.scale_factor
        assert is_closed_body(body_of(bundle.vae, latents, 16))


@pytest.mark.parametrize("seed", range(4))
def test_any_seed_makes_a_closed_body_of_its_own(seed: int, tmp_path: Path) -> None:
    latents = given("noise", 1, N_LATENTS, 64)
    volumes = []
    for other in (seed, seed + 100):
        write_tiny_bundle(tmp_path / str(other), "2.0", seed=other)
        with open_tiny(tmp_path / str(other), "2.0") as bundle:
            volumes.append(body_of(bundle.vae, latents, 16))
    assert all(map(is_closed_body, volumes))
    assert not torch.equal(*volumes)


@pytest.mark.parametrize("model", ["2.0", "mini"])
def test_the_turbo_decoder_beside_a_checkpoint_decodes_to_a_closed_body(model: str, tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path, model)
    write_tiny_decoder(tmp_path, model)
    located = locate(tmp_path, model, environment={}, home=tmp_path / "home")
    config, tensors = open_decoder(located)
    latents = torch.from_numpy(golden("bundles")[model]) / config.scale_factor
    assert is_closed_body(body_of(tensors, latents, 16))
    tensors.close()
