"""The blocks of the shape VAE: pre-norm attention and an MLP, added to what comes in.

Queries, keys and values of a head lie side by side (head, part, channel), unlike in the diffusion
transformer. Names are those of the public checkpoints (Tencent-Hunyuan/Hunyuan3D-2, ShapeVAE).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from engine.models.attention import attend

Tensor = Any

EPS = 1e-6  # of every norm but the last one of encoder and decoder, which have torch's default


class Mlp(nn.Module):  # type: ignore[misc]
    """Two linear maps with the exact GELU between."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, hidden)
        self.c_proj = nn.Linear(hidden, width)
        self.gelu = nn.GELU()

    def forward(self, tokens: Tensor) -> Tensor:
        """(..., C) to the same."""
        return self.c_proj(self.gelu(self.c_fc(tokens)))


class HeadNorms(nn.Module):  # type: ignore[misc]
    """Layer norms of queries and keys over the channels of a head; none where a checkpoint has none."""

    def __init__(self, head: int, is_normed: bool) -> None:
        super().__init__()
        self.q_norm = nn.LayerNorm(head, eps=EPS) if is_normed else nn.Identity()
        self.k_norm = nn.LayerNorm(head, eps=EPS) if is_normed else nn.Identity()


class SelfAttention(nn.Module):  # type: ignore[misc]
    """Tokens see each other."""

    def __init__(self, width: int, n_heads: int, *, has_bias: bool, is_normed: bool) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.c_qkv = nn.Linear(width, 3 * width, bias=has_bias)
        self.c_proj = nn.Linear(width, width)
        self.attention = HeadNorms(width // n_heads, is_normed)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L, C) to the same."""
        queries, keys, values = self.c_qkv(tokens).unflatten(-1, (self.n_heads, 3, -1)).unbind(3)
        queries, keys = self.attention.q_norm(queries), self.attention.k_norm(keys)
        seen = attend(queries.transpose(1, 2), keys.transpose(1, 2), values.transpose(1, 2))
        return self.c_proj(seen.transpose(1, 2).flatten(2))


class SelfBlock(nn.Module):  # type: ignore[misc]
    """Self-attention, then the MLP."""

    def __init__(self, width: int, n_heads: int, hidden: int, *, has_bias: bool, is_normed: bool) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, eps=EPS)
        self.attn = SelfAttention(width, n_heads, has_bias=has_bias, is_normed=is_normed)
        self.ln_2 = nn.LayerNorm(width, eps=EPS)
        self.mlp = Mlp(width, hidden)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L, C) to the same."""
        tokens = tokens + self.attn(self.ln_1(tokens))
        return tokens + self.mlp(self.ln_2(tokens))


class Transformer(nn.Module):  # type: ignore[misc]
    """A row of self-attention blocks."""

    def __init__(self, blocks: list[SelfBlock]) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(blocks)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L, C) to the same."""
        for block in self.resblocks:
            tokens = block(tokens)
        return tokens


class CrossAttention(nn.Module):  # type: ignore[misc]
    """Queries see other tokens, whose keys and values are made once by `keys_values`."""

    def __init__(self, width: int, n_heads: int, *, data_width: int, has_bias: bool, is_normed: bool) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.c_q = nn.Linear(width, width, bias=has_bias)
        self.c_kv = nn.Linear(data_width, 2 * width, bias=has_bias)
        self.c_proj = nn.Linear(width, width)
        self.attention = HeadNorms(width // n_heads, is_normed)

    def keys_values(self, data: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N, C) to keys and values, (B, H, N, D) each."""
        keys, values = self.c_kv(data).unflatten(-1, (self.n_heads, 2, -1)).unbind(3)
        return self.attention.k_norm(keys).transpose(1, 2), values.transpose(1, 2)

    def queries(self, tokens: Tensor) -> Tensor:
        """(B, L, C) to queries (B, H, L, D)."""
        return self.attention.q_norm(self.c_q(tokens).unflatten(-1, (self.n_heads, -1))).transpose(1, 2)

    def leave(self, attended: Tensor) -> Tensor:
        """What the queries saw, (B, H, L, D), to (B, L, C)."""
        return self.c_proj(attended.transpose(1, 2).flatten(2))


class CrossBlock(nn.Module):  # type: ignore[misc]
    """Cross-attention, then the MLP."""

    def __init__(
        self,
        width: int,
        n_heads: int,
        hidden: int,
        *,
        data_width: int,
        has_bias: bool,
        is_normed: bool,
    ) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, eps=EPS)
        self.ln_2 = nn.LayerNorm(data_width, eps=EPS)
        self.attn = CrossAttention(
            width, n_heads, data_width=data_width, has_bias=has_bias, is_normed=is_normed
        )
        self.ln_3 = nn.LayerNorm(width, eps=EPS)
        self.mlp = Mlp(width, hidden)

    def forward(self, tokens: Tensor, data: Tensor) -> Tensor:
        """(B, L, C), seeing `data` (B, N, C'), to (B, L, C)."""
        keys, values = self.attn.keys_values(self.ln_2(data))
        return self.finish(tokens, attend(self.attn.queries(self.ln_1(tokens)), keys, values))

    def finish(self, tokens: Tensor, attended: Tensor) -> Tensor:
        """The rest of the block once its queries have seen `attended` (B, H, L, D)."""
        tokens = tokens + self.attn.leave(attended)
        return tokens + self.mlp(self.ln_3(tokens))


def fourier(points: Tensor, n_frequencies: int = 8) -> Tensor:
    """Coordinates, then sines, then cosines of them times 1, 2, ... 2^(F−1): (..., 3 + 6·F) float32."""
    frequencies = 2.0 ** torch.arange(n_frequencies, dtype=torch.float32, device=points.device)
    angles = (points.float()[..., None] * frequencies).flatten(-2)
    return torch.cat([points.float(), angles.sin(), angles.cos()], dim=-1)
