"""Tiny files of weights, written byte by byte from the formats' descriptions and not by what is tested."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from engine.weights.inventory import Located, ShapeModel, model_named

NAMES = {torch.float16: "F16", torch.bfloat16: "BF16", torch.float32: "F32", torch.int64: "I64"}
WIDTH, LATENT, CONTEXT, HEAD = 8, 4, 12, 4  # of the tiny bundle
DINO = "conditioner.main_image_encoder.model."


def content_of(tensors: Mapping[str, Any], *, metadata: Mapping[str, str] | None = None) -> bytes:
    """A safetensors file."""
    told: dict[str, Any] = {} if metadata is None else {"__metadata__": dict(metadata)}
    body = b""
    for name, tensor in tensors.items():
        data = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        told[name] = {
            "dtype": NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [len(body), len(body) + len(data)],
        }
        body += data
    return framed(told, body)


def framed(header: Any, body: bytes = b"") -> bytes:
    """A header, as JSON if it is not bytes, with its length before it and `body` behind."""
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + body


def some_tensors(seed: int = 0) -> dict[str, Any]:
    """A few of all kinds: an empty one, a single number, a view name in Korean."""
    random = torch.Generator().manual_seed(seed)
    return {
        "model.a.weight": torch.randn(5, 3, generator=random).half(),
        "model.a.bias": torch.randn(5, generator=random),
        "vae.b": torch.randn(2, 3, 4, generator=random).bfloat16(),
        "vae.none": torch.zeros(0, 7),
        "vae.one": torch.tensor(3, dtype=torch.int64),
        "조건.가중치": torch.randn(33, generator=random).half(),
    }


def bundle_tensors(*, n_double: int = 2, n_single: int = 3, has_guidance: bool = False) -> dict[str, Any]:
    """The tensors of a tiny bundle that its config is compared with, and one more of each network."""
    shapes: dict[str, tuple[int, ...]] = {
        "model.latent_in.weight": (WIDTH, LATENT),
        "model.cond_in.weight": (WIDTH, CONTEXT),
        **{f"model.double_blocks.{i}.img_attn.norm.query_norm.scale": (HEAD,) for i in range(n_double)},
        **{f"model.single_blocks.{i}.norm.query_norm.scale": (HEAD,) for i in range(n_single)},
        "vae.post_kl.weight": (WIDTH, LATENT),
        "vae.transformer.resblocks.0.attn.attention.q_norm.weight": (HEAD,),
        "vae.geo_decoder.query_proj.weight": (WIDTH, 3 + 6 * 8),
        f"{DINO}layernorm.weight": (CONTEXT,),
        f"{DINO}encoder.layer.0.norm1.weight": (CONTEXT,),
    }
    if has_guidance:
        shapes["model.guidance_in.in_layer.weight"] = (WIDTH, 256)
    return {name: torch.ones(shape).half() for name, shape in shapes.items()}


CONFIG = """
model:
  target: hy3dgen.shapegen.models.Hunyuan3DDiT
  params: {in_channels: 4, context_in_dim: 12, hidden_size: 8, mlp_ratio: 4.0, num_heads: 2,
    depth: 2, depth_single_blocks: 3, axes_dim: [64], theta: 10000, qkv_bias: true}
vae:
  target: hy3dgen.shapegen.models.ShapeVAE
  params: {num_latents: 16, embed_dim: 4, num_freqs: 8, include_pi: false, heads: 2, width: 8,
    num_decoder_layers: 1, qkv_bias: false, qk_norm: true, scale_factor: 0.9990943042622529}
conditioner:
  target: hy3dgen.shapegen.models.SingleImageEncoder
  params:
    main_image_encoder:
      type: DinoImageEncoder # a comment
      kwargs:
        config: {hidden_size: 12, num_attention_heads: 3, num_hidden_layers: 1, patch_size: 14}
        image_size: 518
scheduler:
  target: hy3dgen.shapegen.schedulers.FlowMatchEulerDiscreteScheduler
  params: {num_train_timesteps: 1000}
image_processor:
  target: hy3dgen.shapegen.preprocessors.ImageProcessorV2
  params: {size: 512, border_ratio: 0.15}
"""


def write_folder(
    folder: Path, tensors: Mapping[str, Any] | None = None, config: str = CONFIG, name: str = ""
) -> Path:
    """A complete folder of the hub's layout; returns its file of weights."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(config, encoding="utf-8")
    file = folder / (name or "model.fp16.safetensors")
    file.write_bytes(content_of(bundle_tensors() if tensors is None else tensors))
    return file


def located(file: Path, model: str = "2.0") -> Located:
    """What locate would say of that file."""
    row: ShapeModel = model_named(model)
    return Located(row, file.parent / "config.yaml", file)
