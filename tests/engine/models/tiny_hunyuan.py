"""A whole checkpoint in the hub's layout, a thousand times smaller: real names, real config, a real surface.

Every tensor has its public name; wide sides are an eighth, layers are few, heads have their 64 channels, and
DINOv2 looks at 70 pixels. The field that it decodes is a closed body which the latents dent, so a run from
picture to mesh takes a second on a processor. The public pipeline loads these folders too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import yaml
from goldens import Shapes, read_shapes
from safetensors.torch import save_file
from seeded import bodied, seeded_weights

Dtype = Literal["F16", "BF16", "F32"]
Form = Literal["safetensors", "ckpt"]

FOLDERS = {
    "2.0": "tencent/Hunyuan3D-2/hunyuan3d-dit-v2-0",
    "2.0-fast": "tencent/Hunyuan3D-2/hunyuan3d-dit-v2-0-fast",
    "2.0-turbo": "tencent/Hunyuan3D-2/hunyuan3d-dit-v2-0-turbo",
    "mini": "tencent/Hunyuan3D-2mini/hunyuan3d-dit-v2-mini",
    "mini-fast": "tencent/Hunyuan3D-2mini/hunyuan3d-dit-v2-mini-fast",
    "mini-turbo": "tencent/Hunyuan3D-2mini/hunyuan3d-dit-v2-mini-turbo",
    "mv": "tencent/Hunyuan3D-2mv/hunyuan3d-dit-v2-mv",
    "mv-fast": "tencent/Hunyuan3D-2mv/hunyuan3d-dit-v2-mv-fast",
    "mv-turbo": "tencent/Hunyuan3D-2mv/hunyuan3d-dit-v2-mv-turbo",
}
DECODER_FOLDERS = {
    "2.0": "tencent/Hunyuan3D-2/hunyuan3d-vae-v2-0-turbo",
    "mini": "tencent/Hunyuan3D-2mini/hunyuan3d-vae-v2-mini-turbo",
    "mv": "tencent/Hunyuan3D-2/hunyuan3d-vae-v2-0-turbo",
}

NARROWER = 8  # the public sides of 512 and more, as a multiple of ours
WIDTH, N_HEADS = 128, 2
DINO_WIDTH, DINO_HEADS, DINO_LAYERS = 192, 3, 2
DINO_PX, PATCH_PX = 70, 14  # a grid of 5 x 5 patches
VAE_LAYERS, N_LATENTS = 2, 48
DECODING = ("post_kl.", "transformer.", "geo_decoder.")
DINO = "main_image_encoder.model."
DTYPES = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32}


def write_tiny_bundle(
    folder: Path, model: str = "2.0", *, seed: int = 0, dtype: Dtype = "F16", form: Form = "safetensors"
) -> Path:
    """Writes the tiny form of `model` into the models folder `folder`; returns the folder it lies in."""
    parts = {name: _tensors(weights, dtype) for name, weights in _networks(model, seed).items()}
    return _written(folder / FOLDERS[model], parts, tiny_config(model), form)


def write_tiny_decoder(
    folder: Path, model: str = "2.0", *, seed: int = 0, dtype: Dtype = "F16", form: Form = "safetensors"
) -> Path:
    """Writes the turbo decoder that goes with `model`, as the hub has it: no prefix; returns its folder."""
    shapes = narrowed(read_shapes("vae_turbo", *DECODING), {"resblocks": VAE_LAYERS}, narrower=4)
    tensors = _tensors(bodied(seeded_weights(shapes, seed), seed), dtype)
    turbo = {
        "geo_decoder_mlp_expand_ratio": 1,
        "geo_decoder_downsample_ratio": 2,
        "geo_decoder_ln_post": False,
    }
    params = _vae_params(model) | {"width": 256, "heads": 4} | turbo
    config = {"target": "hy3dgen.shapegen.models.ShapeVAE", "params": params}
    return _written(folder / DECODER_FOLDERS[_family(model)], {"": tensors}, config, form)


def narrowed(
    shapes: Mapping[str, tuple[int, ...]], n_layers: Mapping[str, int], *, narrower: int = NARROWER
) -> Shapes:
    """The same names with sides of 512 and more divided, and of each row of layers the first so many."""
    kept: Shapes = {}
    for name, shape in shapes.items():
        layer = re.search(r"(double_blocks|single_blocks|resblocks|layer)\.(\d+)\.", name)
        if layer is None or int(layer[2]) < n_layers[layer[1]]:
            kept[name] = tuple(side // narrower if side >= 512 else side for side in shape)
    return kept


def tiny_config(model: str) -> dict[str, Any]:
    """What the config.yaml of the tiny `model` says, keys and classes as in the public files."""
    n_double, n_single = _depths(model)
    is_turbo, is_multi_view = model.endswith("-turbo"), model.startswith("mv")
    picture_px = 112 if model == "mini-turbo" else 96  # as 1022 and 512: no resampling, and some
    dit = {
        "in_channels": 64,
        "context_in_dim": DINO_WIDTH,
        "hidden_size": WIDTH,
        "mlp_ratio": 4.0,
        "num_heads": N_HEADS,
        "depth": n_double,
        "depth_single_blocks": n_single,
        "axes_dim": [64],
        "theta": 10000,
        "qkv_bias": True,
    } | ({"guidance_embed": True} if "-" in model else {})
    encoder = {
        "type": "DinoImageEncoderMV" if is_multi_view else "DinoImageEncoder",
        "kwargs": {"config": _dino_config(), "image_size": 112 if model == "mini-turbo" else DINO_PX},
    }
    if is_multi_view:
        encoder["kwargs"]["view_num"] = 4
    scheduler = (
        "ConsistencyFlowMatchEulerDiscreteScheduler" if is_turbo else "FlowMatchEulerDiscreteScheduler"
    )
    processor = "MVImageProcessorV2" if is_multi_view else "ImageProcessorV2"
    return {
        "model": _part("models.Hunyuan3DDiT", dit),
        "vae": _part("models.ShapeVAE", _vae_params(model)),
        "conditioner": _part("models.SingleImageEncoder", {"main_image_encoder": encoder}),
        "scheduler": _part(
            f"schedulers.{scheduler}",
            {"num_train_timesteps": 1000} | ({"pcm_timesteps": 100} if is_turbo else {}),
        ),
        "image_processor": _part(f"preprocessors.{processor}", {"size": picture_px, "border_ratio": 0.15}),
        "pipeline": {"target": "hy3dgen.shapegen.pipelines.Hunyuan3DDiTFlowMatchingPipeline"},
    }


def _part(target: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"target": f"hy3dgen.shapegen.{target}", "params": params}


def _family(model: str) -> str:
    return model.partition("-")[0]


def _depths(model: str) -> tuple[int, int]:
    """Blocks of two streams and of one; mini has fewer, as in public."""
    return (1, 2) if _family(model) == "mini" else (2, 3)


def _vae_params(model: str) -> dict[str, Any]:
    return {
        "num_latents": N_LATENTS,
        "embed_dim": 64,
        "num_freqs": 8,
        "include_pi": False,
        "heads": N_HEADS,
        "width": WIDTH,
        "num_decoder_layers": VAE_LAYERS,
        "qkv_bias": False,
        "qk_norm": True,
        "scale_factor": 1.0188137142395404 if _family(model) == "mini" else 0.9990943042622529,
    }


def _dino_config() -> dict[str, Any]:
    return {
        "attention_probs_dropout_prob": 0.0,
        "drop_path_rate": 0.0,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.0,
        "hidden_size": DINO_WIDTH,
        "image_size": DINO_PX,
        "initializer_range": 0.02,
        "layer_norm_eps": 1.0e-6,
        "layerscale_value": 1.0,
        "mlp_ratio": 4,
        "model_type": "dinov2",
        "num_attention_heads": DINO_HEADS,
        "num_channels": 3,
        "num_hidden_layers": DINO_LAYERS,
        "patch_size": PATCH_PX,
        "qkv_bias": True,
        "torch_dtype": "float32",
        "use_swiglu_ffn": True,
    }


def _networks(model: str, seed: int) -> dict[str, dict[str, Any]]:
    """The weights of the three networks by the first part of their names in a bundle."""
    n_double, n_single = _depths(model)
    public = read_shapes("dit_mini" if _family(model) == "mini" else "dit_2_0")
    public |= read_shapes("guidance") if "-" in model else {}
    dit = narrowed(public, {"double_blocks": n_double, "single_blocks": n_single})
    vae = narrowed(read_shapes("vae_full", *DECODING), {"resblocks": VAE_LAYERS})
    conditioner = narrowed(read_shapes("conditioner"), {"layer": DINO_LAYERS})
    n_positions = 1 + (DINO_PX // PATCH_PX) ** 2
    conditioner[f"{DINO}embeddings.position_embeddings"] = (1, n_positions, DINO_WIDTH)
    return {
        "model": seeded_weights(dit, seed),
        "vae": bodied(seeded_weights(vae, seed), seed),
        "conditioner": seeded_weights(conditioner, seed),
    }


def _tensors(weights: Mapping[str, Any], dtype: Dtype) -> dict[str, Any]:
    return {
        name: torch.from_numpy(np.ascontiguousarray(value)).to(DTYPES[dtype])
        for name, value in weights.items()
    }


def _written(folder: Path, parts: Mapping[str, dict[str, Any]], config: dict[str, Any], form: Form) -> Path:
    """`parts` by their prefix, with `config`; a pickled file keeps them apart, as the public ones do."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    if form == "ckpt":
        torch.save(parts.get("", dict(parts)), folder / "model.fp16.ckpt")
        return folder
    flat = {
        f"{prefix}.{name}" if prefix else name: tensor
        for prefix, tensors in parts.items()
        for name, tensor in tensors.items()
    }
    save_file(flat, folder / "model.fp16.safetensors", metadata={"format": "pt"})
    return folder
