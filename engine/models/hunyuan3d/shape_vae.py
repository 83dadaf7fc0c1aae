"""The decoding half of the shape VAE: latents become tokens once, tokens become a field at any point.

The field is a logit, positive inside the body, over the cube [-1.01, 1.01]³. Structure is read from the
shapes of the tensors, so that the full decoder and the turbo one (half as wide, no norms) are one class.
Names are those of the public checkpoints (Tencent-Hunyuan/Hunyuan3D-2, ShapeVAE).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from engine.models.attention import attend
from engine.models.hunyuan3d.vae_blocks import CrossBlock, SelfBlock, Transformer, fourier

Tensor = Any

_HEAD = 64  # channels of a head where no norm's shape tells (the turbo decoder)


@dataclass(frozen=True)
class VaeSize:
    """The structure of the decoding half, as the shapes of a checkpoint's tensors tell it."""

    latent_channels: int
    width: int
    n_heads: int
    n_layers: int
    mlp_width: int
    has_bias: bool
    is_normed: bool
    field_width: int
    field_heads: int
    field_mlp_width: int
    is_field_normed: bool
    n_frequencies: int


@dataclass(frozen=True, eq=False)
class KeysValues:
    """What every point of a field sees: (1, H, N, D) each, made once a mesh."""

    keys: Tensor
    values: Tensor


def vae_size(shapes: Mapping[str, tuple[int, ...]]) -> VaeSize:
    """The structure that tensors of these shapes belong to; KeyError names a tensor that is missing."""
    width, latent_channels = shapes["post_kl.weight"]
    block, cross = "transformer.resblocks.0", "geo_decoder.cross_attn_decoder"
    norm = f"{block}.attn.attention.q_norm.weight"
    head = shapes[norm][0] if norm in shapes else _HEAD
    field_width, embedded = shapes["geo_decoder.query_proj.weight"]
    numbers = [int(key.split(".")[2]) for key in shapes if key.startswith("transformer.resblocks.")]
    return VaeSize(
        latent_channels=latent_channels,
        width=width,
        n_heads=width // head,
        n_layers=max(numbers) + 1,
        mlp_width=shapes[f"{block}.mlp.c_fc.weight"][0],
        has_bias=f"{block}.attn.c_qkv.bias" in shapes,
        is_normed=norm in shapes,
        field_width=field_width,
        field_heads=field_width // head,
        field_mlp_width=shapes[f"{cross}.mlp.c_fc.weight"][0],
        is_field_normed="geo_decoder.ln_post.weight" in shapes,
        n_frequencies=(embedded - 3) // 6,
    )


class LatentDecoder(nn.Module):  # type: ignore[misc]
    """From latents to the tokens that a field is read from."""

    def __init__(self, size: VaeSize) -> None:
        super().__init__()
        self.post_kl = nn.Linear(size.latent_channels, size.width)
        self.transformer = Transformer(
            [
                SelfBlock(
                    size.width,
                    size.n_heads,
                    size.mlp_width,
                    has_bias=size.has_bias,
                    is_normed=size.is_normed,
                )
                for _ in range(size.n_layers)
            ]
        )

    def forward(self, latents: Tensor) -> Tensor:
        """Latents (B, N, C), divided by the checkpoint's scale factor, to tokens (B, N, W)."""
        return self.transformer(self.post_kl(latents))


class FieldDecoder(nn.Module):  # type: ignore[misc]
    """From points to logits; what depends on the tokens alone is made once by `keys_values`."""

    def __init__(self, size: VaeSize) -> None:
        super().__init__()
        self.n_frequencies = size.n_frequencies
        self.query_proj = nn.Linear(3 + 6 * size.n_frequencies, size.field_width)
        if size.field_width != size.width:
            self.latents_proj = nn.Linear(size.width, size.field_width)
        else:
            self.latents_proj = nn.Identity()
        self.cross_attn_decoder = CrossBlock(
            size.field_width,
            size.field_heads,
            size.field_mlp_width,
            data_width=size.field_width,
            has_bias=size.has_bias,
            is_normed=size.is_field_normed,
        )
        self.ln_post = nn.LayerNorm(size.field_width) if size.is_field_normed else nn.Identity()
        self.output_proj = nn.Linear(size.field_width, 1)

    def keys_values(self, tokens: Tensor) -> KeysValues:
        """What points see of `tokens` (1, N, W)."""
        block = self.cross_attn_decoder
        keys, values = block.attn.keys_values(block.ln_2(self.latents_proj(tokens)))
        return KeysValues(keys.contiguous(), values.contiguous())

    def forward(self, points: Tensor, seen: KeysValues) -> Tensor:
        """The logits (n,) float32 at `points` (n, 3) float32, positive inside."""
        embedded, queries = self.queries(points)
        return self.finish(embedded, attend(queries, seen.keys, seen.values))

    def queries(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """The embedded points (1, n, C) and their queries (1, H, n, D)."""
        dtype = self.query_proj.weight.dtype
        embedded = self.query_proj(fourier(points, self.n_frequencies).to(dtype))[None]
        block = self.cross_attn_decoder
        return embedded, block.attn.queries(block.ln_1(embedded))

    def finish(self, embedded: Tensor, attended: Tensor) -> Tensor:
        """The logits (n,) float32 of points that saw `attended` (1, H, n, D)."""
        tokens = self.cross_attn_decoder.finish(embedded, attended)
        return self.output_proj(self.ln_post(tokens))[0, :, 0].float()
