"""Full-size checkpoints of random weights in the public layout, made by the public project's own classes.

Needs a copy of the public project on the path, and a card on which the networks are made.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import torch

from engine.bench_shape import public_config
from engine.weights.inventory import model_named


def stand_in(names: tuple[str, ...]) -> None:
    """Empty modules for what the public project imports and this comparison does not use."""
    for name in names:
        try:
            __import__(name)
        except ImportError:
            module = types.ModuleType(name)
            for part in ("MeshSet", "remove", "new_session"):
                setattr(module, part, type(part, (), {}))
            sys.modules[name] = module


def write_bundle(folder: Path, model: str) -> int:
    """Writes a checkpoint of random weights; returns the bytes of its file."""
    import yaml
    from hy3dgen.shapegen.pipelines import instantiate_from_config
    from safetensors.torch import save_file

    config = public_config(model)
    row = model_named(model)
    place = folder / row.repo / row.folder
    place.mkdir(parents=True, exist_ok=True)
    dit, dino = config.dit, config.conditioner
    written = {
        "model": _part("models.Hunyuan3DDiT", in_channels=64, context_in_dim=1536, hidden_size=1024,
                       mlp_ratio=4.0, num_heads=16, depth=dit.n_double, depth_single_blocks=dit.n_single,
                       axes_dim=[64], theta=10000, qkv_bias=True, guidance_embed=dit.has_guidance),
        "vae": _part("models.ShapeVAE", num_latents=config.vae.n_latents, embed_dim=64, num_freqs=8,
                     include_pi=False, heads=16, width=1024, num_decoder_layers=16, qkv_bias=False,
                     qk_norm=True, scale_factor=config.vae.scale_factor),
        "conditioner": _part(
            "models.SingleImageEncoder",
            main_image_encoder={
                "type": "DinoImageEncoderMV" if dino.is_multi_view else "DinoImageEncoder",
                "kwargs": {"config": DINO_CONFIG, "use_cls_token": True, "image_size": dino.image_px},
            },
        ),
        "scheduler": _part(
            "schedulers.FlowMatchEulerDiscreteScheduler"
            if config.scheduler.kind == "euler"
            else "schedulers.ConsistencyFlowMatchEulerDiscreteScheduler",
            num_train_timesteps=1000, **({} if config.scheduler.kind == "euler" else {"pcm_timesteps": 100}),
        ),
        "image_processor": _part(
            f"preprocessors.{'MV' if dino.is_multi_view else ''}ImageProcessorV2",
            size=config.picture.size_px, border_ratio=0.15,
        ),
        "pipeline": _part("pipelines.Hunyuan3DDiTFlowMatchingPipeline"),
    }  # fmt: skip
    (place / "config.yaml").write_text(yaml.safe_dump(written))
    torch.manual_seed(0)
    tensors: dict[str, Any] = {}
    torch.set_default_dtype(torch.float16)
    for name in ("model", "vae", "conditioner"):
        with torch.device("cuda"):
            network = instantiate_from_config(dict(written[name]))
        held = network.state_dict()
        tensors |= {
            f"{name}.{key}": value.half().cpu().contiguous()
            for key, value in held.items()
            if not (name == "vae" and key.startswith(("encoder.", "pre_kl.")))
        }
        del network, held
    torch.set_default_dtype(torch.float32)
    file = place / "model.fp16.safetensors"
    save_file(tensors, file)
    return file.stat().st_size


def _part(target: str, **params: Any) -> dict[str, Any]:
    return {"target": f"hy3dgen.shapegen.{target}", "params": params}


DINO_CONFIG = {
    "attention_probs_dropout_prob": 0.0, "drop_path_rate": 0.0, "hidden_act": "gelu",
    "hidden_dropout_prob": 0.0, "hidden_size": 1536, "image_size": 518, "initializer_range": 0.02,
    "layer_norm_eps": 1e-6, "layerscale_value": 1.0, "mlp_ratio": 4, "model_type": "dinov2",
    "num_attention_heads": 24, "num_channels": 3, "num_hidden_layers": 40, "patch_size": 14,
    "qkv_bias": True, "torch_dtype": "float32", "use_swiglu_ffn": True,
}  # fmt: skip
