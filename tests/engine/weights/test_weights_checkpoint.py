"""Config and tensors of a checkpoint agree, or it is refused with the key and both numbers."""

from __future__ import annotations

import contextlib
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from made_weights import CONFIG, DINO, bundle_tensors, located, write_folder

from engine.errors import BadInput
from engine.weights.checkpoint import open_bundle, open_decoder
from engine.weights.config import (
    ConditionerConfig,
    DitConfig,
    PictureConfig,
    SchedulerConfig,
    ShapeConfig,
    VaeConfig,
    read_shape_config,
    read_vae_config,
)
from engine.weights.places import Files


def config_of(tmp_path: Path, text: str) -> ShapeConfig:
    path = tmp_path / "설정 config.yaml"
    path.write_text(text, encoding="utf-8")
    return read_shape_config(path)


def changed(old: str, new: str, text: str = CONFIG) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


def test_every_value_is_read_from_its_key(tmp_path: Path) -> None:
    assert config_of(tmp_path, CONFIG) == ShapeConfig(
        dit=DitConfig(8, 2, 2, 3, 4, 12, has_guidance=False),
        vae=VaeConfig(16, 4, 8, 2, 1, 8, 0.9990943042622529),
        conditioner=ConditionerConfig(False, 1, 518, 12, 3, 1),
        scheduler=SchedulerConfig("euler", 1000, 50, 1.0),
        picture=PictureConfig(False, 512, 0.15),
    )


def test_a_turbo_config_of_several_views_is_read(tmp_path: Path) -> None:
    text = changed("depth: 2,", "depth: 2, guidance_embed: true,")
    text = changed("FlowMatchEuler", "ConsistencyFlowMatchEuler", text)
    text = changed("{num_train_timesteps: 1000}", "{num_train_timesteps: 1000, pcm_timesteps: 100}", text)
    text = changed("DinoImageEncoder #", "DinoImageEncoderMV #", text)
    text = changed("ImageProcessorV2", "MVImageProcessorV2", text)
    config = config_of(tmp_path, changed("size: 512", "size: 1022", text))
    assert config.dit.has_guidance
    assert config.scheduler == SchedulerConfig("consistency", 1000, 100, 1.0)
    assert (config.conditioner.is_multi_view, config.conditioner.n_views) == (True, 4)
    assert config.picture == PictureConfig(True, 1022, 0.15)


def test_what_a_config_leaves_out_is_what_the_public_pipeline_takes(tmp_path: Path) -> None:
    text = changed("  params: {size: 512, border_ratio: 0.15}\n", "")
    text = changed("  params: {num_train_timesteps: 1000}\n", "", text)
    config = config_of(tmp_path, changed("num_freqs: 8, ", "", text))
    assert config == config_of(tmp_path, CONFIG)


BAD_VALUES = [
    ("depth: 2,", "", "model.params.depth is missing"),
    ("depth: 2,", "depth: two,", "model.params.depth is 'two', not a whole number"),
    ("depth: 2,", "depth: true,", "model.params.depth is True, not a whole number"),
    ("depth: 2,", "depth: 2.0,", "model.params.depth is 2.0, not a whole number"),
    ("depth: 2,", "depth: 0,", "model.params.depth is 0; it can be 1 to 1000"),
    ("depth: 2,", "depth: 2, guidance_embed: 1,", "guidance_embed is 1, not true or false"),
    ("num_latents: 16", "num_latents: -3", "vae.params.num_latents is -3"),
    ("scale_factor: 0.9990943042622529", "scale_factor: .nan", "vae.params.scale_factor is nan"),
    ("scale_factor: 0.9990943042622529", "scale_factor: 0", "vae.params.scale_factor is 0"),
    ("scale_factor: 0.9990943042622529", "scale_factor: '1'", "not a number"),
    ("include_pi: false", "include_pi: true", "vae.params.include_pi is true"),
    ("include_pi: false, ", "", "vae.params.include_pi"),
    ("type: DinoImageEncoder #", "type: CLIPImageEncoder #", "known are DinoImageEncoder"),
    ("        image_size: 518", "        image_size: 519", "not a multiple of the patch size 14"),
    ("        image_size: 518", "        image_size: 90000", "kwargs.image_size is 90000"),
    ("SingleImageEncoder", "DualImageEncoder", "conditioner.target is"),
    ("FlowMatchEulerDiscreteScheduler", "DDIM", "scheduler.target is"),
    ("num_train_timesteps: 1000", "pcm_timesteps: 1001", "scheduler.params.pcm_timesteps is 1001"),
    ("num_train_timesteps: 1000", "shift: -1", "scheduler.params.shift is -1"),
    ("ImageProcessorV2", "ImageProcessorV9", "image_processor.target is"),
    ("ImageProcessorV2", "MVImageProcessorV2", "is for several views, the conditioner for one view"),
    ("size: 512", "size: 512.5", "image_processor.params.size is 512.5"),
    ("border_ratio: 0.15", "border_ratio: 2", "image_processor.params.border_ratio is 2"),
    ("params: {size", "params: 3 #", "image_processor.params is not a mapping"),
    ("scheduler:", "shedule:", "scheduler is missing"),
]


@pytest.mark.parametrize(("old", "new", "words"), BAD_VALUES)
def test_a_bad_value_is_refused_with_its_key(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        config_of(tmp_path, changed(old, new))
    assert words in caught.value.message
    assert "설정 config.yaml" in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a mapping"),
        (b"- a\n- b", "not a mapping"),
        (b"a: [1, 2", "not YAML (line 1)"),
        (b"a: !!python/object/apply:os.system [exit]", "not YAML"),
        (b"a: 2001-99-99", "not YAML"),
        (b"a: !!int ''", "not YAML"),
        (b"[" * 5000, "not YAML"),
        (b"a: \xff", "not UTF-8 (byte 3)"),
        (b"<!DOCTYPE html><html><body>429</body></html>", "not a mapping"),
        (b"#" * 1_000_001, "has 1,000,001 bytes; 1,000,000 are allowed"),
    ],
)
def test_what_is_no_config_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        read_shape_config(path)
    assert words in caught.value.message


def test_any_damage_gives_a_config_or_a_refusal(tmp_path: Path) -> None:
    chance, path, n_read = random.Random(5), tmp_path / "config.yaml", 0
    for _ in range(150):
        text = bytearray(CONFIG.encode())
        for _ in range(chance.randint(1, 3)):
            text[chance.randrange(len(text))] = chance.choice(b"0:{}[],-!&* \n'\"a.\xff")
        path.write_bytes(text)
        with contextlib.suppress(BadInput):
            read_shape_config(path)
            n_read += 1
    assert 10 < n_read < 140


def test_a_bundle_opens_as_three_networks(tmp_path: Path) -> None:
    with open_bundle(located(write_folder(tmp_path / "모형 2.0"))) as bundle:
        assert "latent_in.weight" in bundle.dit.shapes()
        assert "post_kl.weight" in bundle.vae.shapes()
        assert dict(bundle.dino.shapes())["layernorm.weight"] == (12,)
        assert bundle.config.vae.n_latents == 16
        assert bundle.tensors.remedy.endswith("maquette models download hunyuan3d-2/2.0")
        assert torch.equal(bundle.dit.read("cond_in.weight"), torch.ones(8, 12).half())


def disagreement(tmp_path: Path, config: str = CONFIG, **tensors: Any) -> str:
    given = bundle_tensors()
    given.update(tensors.pop("more", {}))
    for name in tensors.pop("without", ()):
        given = {key: value for key, value in given.items() if not key.startswith(name)}
    file = write_folder(tmp_path / "모형", given, config)
    with pytest.raises(BadInput) as caught:
        open_bundle(located(file, "mini"))
    assert "hunyuan3d-2/mini" in caught.value.remedy
    return caught.value.message


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("depth: 2", "depth: 16", "model.params.depth = 16, the tensors of model.fp16.safetensors say 2"),
        ("depth_single_blocks: 3", "depth_single_blocks: 4", "depth_single_blocks = 4"),
        ("hidden_size: 8", "hidden_size: 16", "hidden_size = 16"),
        ("num_heads: 2", "num_heads: 4", "num_heads = 4"),
        ("in_channels: 4", "in_channels: 5", "in_channels = 5"),
        ("context_in_dim: 12", "context_in_dim: 24", "context_in_dim = 24"),
        ("num_decoder_layers: 1", "num_decoder_layers: 16", "vae.params.num_decoder_layers = 16"),
        ("width: 8", "width: 16", "vae.params.width = 16"),
        (
            "{num_latents: 16, embed_dim: 4, num_freqs: 8",
            "{num_latents: 16, embed_dim: 4, num_freqs: 7",
            "num_freqs = 7",
        ),
        (" heads: 2", " heads: 1", "vae.params.heads = 1"),
        ("embed_dim: 4", "embed_dim: 8", "embed_dim = 8"),
        ("num_hidden_layers: 1", "num_hidden_layers: 40", "num_hidden_layers = 40"),
    ],
)
def test_a_config_that_disagrees_is_refused_with_both_numbers(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    assert words in disagreement(tmp_path, changed(old, new))


def test_the_wrong_form_is_called_so(tmp_path: Path) -> None:
    message = disagreement(tmp_path, changed("depth: 2,", "depth: 2, guidance_embed: true,"))
    assert "config.yaml is of the fast or turbo form" in message
    guided = {"model.guidance_in.in_layer.weight": torch.ones(8, 256).half()}
    assert "safetensors of the fast or turbo form" in disagreement(tmp_path, more=guided)


@pytest.mark.parametrize(
    ("prefix", "words"),
    [
        ("model.", "the diffusion transformer"),
        ("vae.", "the decoder of latents"),
        ("conditioner.", "the picture encoder"),
    ],
)
def test_a_bundle_without_one_of_its_networks_is_refused(tmp_path: Path, prefix: str, words: str) -> None:
    assert f"lacks {words}" in disagreement(tmp_path, without=[prefix])


def test_a_tensor_that_would_show_a_size_is_missed(tmp_path: Path) -> None:
    assert "lacks the tensor" in disagreement(tmp_path, without=[f"{DINO}layernorm"])


def test_a_turbo_decoder_opens_beside_the_bundle(tmp_path: Path) -> None:
    given = {
        name.removeprefix("vae."): value for name, value in bundle_tensors().items() if name[:4] == "vae."
    }
    vae = """
target: hy3dgen.shapegen.models.ShapeVAE
params: {num_latents: 16, embed_dim: 4, num_freqs: 8, include_pi: false, heads: 2, width: 8,
  num_decoder_layers: 1, scale_factor: 0.9990943042622529, geo_decoder_ln_post: false}
"""
    file = write_folder(tmp_path / "vae-turbo", given, vae)
    place = located(write_folder(tmp_path / "dit"))
    beside = replace(place, turbo_decoder=Files(file.parent / "config.yaml", file))
    config, tensors = open_decoder(beside)
    assert config == read_vae_config(file.parent / "config.yaml")
    assert "post_kl.weight" in tensors.shapes()
    tensors.close()
    write_folder(tmp_path / "vae-turbo", given, changed("width: 8", "width: 9", vae))
    with pytest.raises(BadInput, match="width = 9"):
        open_decoder(beside)
    with pytest.raises(ValueError, match="no turbo decoder"):
        open_decoder(place)
