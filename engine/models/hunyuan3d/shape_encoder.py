"""The encoding half of the shape VAE: points on a surface become latents.

A few of the points, spread far apart, ask; all of them answer. Names are those of the public checkpoints
(Tencent-Hunyuan/Hunyuan3D-2, PointCrossAttentionEncoder), which ship it in the `-withencoder` folders alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from engine.models.hunyuan3d.vae_blocks import CrossBlock, SelfBlock, Transformer, fourier

Tensor = Any

_HEAD = 64  # channels of a head where no norm's shape tells
_LOG_VARIANCES = (-30.0, 20.0)  # the range to which the reference clamps


@dataclass(frozen=True)
class EncoderSize:
    """The structure of the encoding half, as the shapes of a checkpoint's tensors tell it."""

    latent_channels: int
    width: int
    n_heads: int
    n_layers: int
    mlp_width: int
    has_bias: bool
    is_normed: bool
    has_last_norm: bool
    n_features: int
    n_frequencies: int


def encoder_size(shapes: Mapping[str, tuple[int, ...]], *, n_frequencies: int = 8) -> EncoderSize:
    """The structure that tensors of these shapes belong to; KeyError names a tensor that is missing.

    `n_frequencies` is not told by the shapes: features of points (normals, 3, or with an edge flag, 4) lie in
    the same input.
    """
    width, n_inputs = shapes["encoder.input_proj.weight"]
    norm = "encoder.cross_attn.attn.attention.q_norm.weight"
    head = shapes[norm][0] if norm in shapes else _HEAD
    numbers = [int(key.split(".")[3]) for key in shapes if key.startswith("encoder.self_attn.resblocks.")]
    return EncoderSize(
        latent_channels=shapes["pre_kl.weight"][0] // 2,
        width=width,
        n_heads=width // head,
        n_layers=max(numbers, default=-1) + 1,
        mlp_width=shapes["encoder.cross_attn.mlp.c_fc.weight"][0],
        has_bias="encoder.cross_attn.attn.c_q.bias" in shapes,
        is_normed=norm in shapes,
        has_last_norm="encoder.ln_post.weight" in shapes,
        n_features=n_inputs - 3 - 6 * n_frequencies,
        n_frequencies=n_frequencies,
    )


class PointEncoder(nn.Module):  # type: ignore[misc]
    """From points with features to the distribution of latents."""

    def __init__(self, size: EncoderSize) -> None:
        super().__init__()
        self.encoder = _Encoder(size)
        self.pre_kl = nn.Linear(size.width, 2 * size.latent_channels)

    def forward(
        self, asking: tuple[Tensor, Tensor], answering: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (B, N, C) of latents.

        Each side is points (B, N or P, 3) in [-1, 1] and their features (B, N or P, F), normals first.
        """
        mean, log_variance = self.pre_kl(self.encoder(asking, answering)).chunk(2, dim=-1)
        return mean, torch.exp(0.5 * log_variance.clamp(*_LOG_VARIANCES))


class _Encoder(nn.Module):  # type: ignore[misc]
    def __init__(self, size: EncoderSize) -> None:
        super().__init__()
        self.n_frequencies = size.n_frequencies
        self.input_proj = nn.Linear(3 + 6 * size.n_frequencies + size.n_features, size.width)
        kinds = {"has_bias": size.has_bias, "is_normed": size.is_normed}
        self.cross_attn = CrossBlock(size.width, size.n_heads, size.mlp_width, data_width=size.width, **kinds)
        blocks = [SelfBlock(size.width, size.n_heads, size.mlp_width, **kinds) for _ in range(size.n_layers)]
        self.self_attn = Transformer(blocks)
        self.ln_post = nn.LayerNorm(size.width) if size.has_last_norm else nn.Identity()

    def forward(self, asking: tuple[Tensor, Tensor], answering: tuple[Tensor, Tensor]) -> Tensor:
        tokens = self.cross_attn(self._enter(asking), self._enter(answering))
        return self.ln_post(self.self_attn(tokens))

    def _enter(self, side: tuple[Tensor, Tensor]) -> Tensor:
        points, features = side
        entering = torch.cat([fourier(points, self.n_frequencies), features.float()], dim=-1)
        return self.input_proj(entering.to(self.input_proj.weight.dtype))
