"""A paint block looks at its view, the reference and the other views through one norm, and adds up in turn.

The block is Stable Diffusion 2.1's (self-attention, text, gated MLP) with two attentions between: queries of
all views to the reference's features, and all tokens of all views to each other. Names and shapes are those
of the public checkpoints (Tencent-Hunyuan/Hunyuan3D-2, hunyuan3d-paint-v2-0, Basic2p5DTransformerBlock).
What does not depend on what a branch of guidance sees is computed apart, so that branches can share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.nn.functional import gelu, linear

from engine.models.attention_pieces import attend_any

Tensor = Any
KeyValue = tuple[Tensor, Tensor]  # keys and values of one attention, (1, H, T, D) each

_NORM_EPS = 1e-6  # of the group norm before a transformer; resnets have 1e-5


@dataclass(frozen=True, eq=False)
class Seen:
    """What a branch of guidance sees in one layer; None is the branch without it."""

    text: KeyValue | None
    reference: KeyValue | None


@dataclass(frozen=True, eq=False)
class Looked:
    """What a block computes whatever a branch sees, (V, L, C) each.

    `across` is what the other views add, None where there are none.
    """

    tokens: Tensor
    normed: Tensor
    across: Tensor | None


class Attention(nn.Module):  # type: ignore[misc]
    """Multi-head attention without bias but in its last map."""

    def __init__(self, width: int, n_heads: int, seen_channels: int | None = None) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(seen_channels or width, width, bias=False)
        self.to_v = nn.Linear(seen_channels or width, width, bias=False)
        self.to_out = nn.Sequential(nn.Linear(width, width))

    def keys_values(self, seen: Tensor) -> KeyValue:
        """Keys and values (B, H, T, D) of `seen` (B, T, C')."""
        return self._heads(self.to_k(seen)), self._heads(self.to_v(seen))

    def forward(self, tokens: Tensor, seen: KeyValue | None = None) -> Tensor:
        """(B, L, C) to the same; without `seen`, the tokens of a batch see each other."""
        keys, values = self.keys_values(tokens) if seen is None else seen
        attended = attend_any(self._heads(self.to_q(tokens)), keys, values)
        return self.to_out(attended.transpose(1, 2).flatten(2))

    def joint(self, tokens: Tensor, seen: KeyValue | None = None) -> Tensor:
        """As `forward`, the tokens (V, L, C) of all views in one row: what they see, they share."""
        return self(tokens.flatten(0, 1)[None], seen).view(tokens.shape)

    def _heads(self, tokens: Tensor) -> Tensor:
        return tokens.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)


class Projection(nn.Module):  # type: ignore[misc]
    """The first map of the gated MLP: what is gated, then the gates."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 2 * hidden)


class GatedMlp(nn.Module):  # type: ignore[misc]
    """x, W, V to (x W) · gelu(x V), with the exact GELU (GEGLU, Shazeer 2020, arXiv 2002.05202)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = 4 * width
        # Number 1 is a dropout in training.
        self.net = nn.ModuleDict({"0": Projection(width, self.hidden), "2": nn.Linear(self.hidden, width)})

    def forward(self, tokens: Tensor) -> Tensor:
        """(..., C) to the same."""
        # The map goes in two halves, which would be cut apart: at 6 views of 64 x 64 they have 120 MiB each.
        weight, bias = self.net["0"].proj.weight, self.net["0"].proj.bias
        hidden = linear(tokens, weight[: self.hidden], bias[: self.hidden])
        hidden *= gelu(linear(tokens, weight[self.hidden :], bias[self.hidden :]))
        return self.net["2"](hidden)


class TextBlock(nn.Module):  # type: ignore[misc]
    """The parts that a block has from Stable Diffusion."""

    def __init__(self, width: int, n_heads: int, text_channels: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn1 = Attention(width, n_heads)
        self.norm2 = nn.LayerNorm(width)
        self.attn2 = Attention(width, n_heads, text_channels)
        self.norm3 = nn.LayerNorm(width)
        self.ff = GatedMlp(width)


class PaintBlock(nn.Module):  # type: ignore[misc]
    """One transformer block of the main network, or of the reference's, which has no extras."""

    def __init__(self, width: int, n_heads: int, text_channels: int, *, has_extras: bool) -> None:
        super().__init__()
        self.has_extras = has_extras
        self.transformer = TextBlock(width, n_heads, text_channels)
        if has_extras:
            self.attn_multiview = Attention(width, n_heads)
            self.attn_refview = Attention(width, n_heads)

    def look(self, tokens: Tensor) -> Looked:
        """The part of the block for which (V, L, C) `tokens` are enough."""
        normed = self.transformer.norm1(tokens)
        is_across = self.has_extras and tokens.shape[0] > 1
        across = self.attn_multiview.joint(normed) if is_across else None
        return Looked(tokens + self.transformer.attn1(normed), normed, across)

    def see(self, looked: Looked, seen: Seen) -> Tensor:
        """The block's tokens (V, L, C) for a branch; sums are taken in the reference's order."""
        tokens = looked.tokens
        if seen.reference is not None:
            tokens = tokens + self.attn_refview.joint(looked.normed, seen.reference)
        if looked.across is not None:
            tokens = tokens + looked.across
        attn2 = self.transformer.attn2
        if seen.text is not None:
            tokens = tokens + attn2.joint(self.transformer.norm2(tokens), seen.text)
        else:
            # Values of zero tokens are zero, whatever weighs them: only the last map's bias is left.
            tokens = tokens + attn2.to_out[0].bias
        return tokens + self.transformer.ff(self.transformer.norm3(tokens))


class Transformer(nn.Module):  # type: ignore[misc]
    """A block between a group norm and two linear maps, added to the pixels that come in."""

    def __init__(
        self, width: int, n_heads: int, text_channels: int, n_groups: int, *, has_extras: bool
    ) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(n_groups, width, eps=_NORM_EPS)
        self.proj_in = nn.Linear(width, width)
        block = PaintBlock(width, n_heads, text_channels, has_extras=has_extras)
        self.transformer_blocks = nn.ModuleList([block])
        self.proj_out = nn.Linear(width, width)

    @property
    def block(self) -> PaintBlock:
        """The one block."""
        block: PaintBlock = self.transformer_blocks[0]
        return block

    def forward(self, pixels: Tensor, seen: Sequence[Seen]) -> list[Tensor]:
        """The pixels (V, C, h, w) for each branch of `seen`; they come in once for all."""
        looked = self.block.look(self._tokens(pixels))
        return [self._added(pixels, self.block.see(looked, branch)) for branch in seen]

    def features(self, pixels: Tensor) -> Tensor:
        """What others see of pixels (R, C, h, w): normed tokens of all pictures in one row, (1, R·L, C)."""
        return self.block.transformer.norm1(self._tokens(pixels)).flatten(0, 1)[None]

    def _tokens(self, pixels: Tensor) -> Tensor:
        return self.proj_in(self.norm(pixels).flatten(2).transpose(1, 2))

    def _added(self, pixels: Tensor, tokens: Tensor) -> Tensor:
        return pixels + self.proj_out(tokens).transpose(1, 2).reshape(pixels.shape)
