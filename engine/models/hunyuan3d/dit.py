"""The diffusion transformer of Hunyuan3D-2: latents see the picture's tokens, and nothing has a position.

The architecture is FLUX's without rotary embedding: blocks of two streams with joint attention, then blocks
of one stream with attention and MLP side by side. Names and shapes are those of the public checkpoints
(Tencent-Hunyuan/Hunyuan3D-2, class Hunyuan3DDiT). Branches of guidance run through each block in turn, so
that a block's weights are needed once a step and the activations of one branch at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.functional import gelu, layer_norm, linear, rms_norm, silu

from engine.models.attention import attend_counted

Tensor = Any

_EPS = 1e-6  # of every norm in this network
_EMBEDDING = 256  # channels of the sinusoidal embedding of time and guidance
_TIME_FACTOR = 1000.0  # times run from 0 to 1, their embedding from 0 to 1000
# The longest period. The public code hands its time factor where its embedding takes the period, so the
# checkpoints were trained with 1000, not with the usual 10,000 that stands there as the default.
_PERIOD = 1000.0


@dataclass(frozen=True)
class DitSize:
    """The structure, as the shapes of a checkpoint's tensors tell it."""

    width: int
    n_heads: int
    mlp_width: int
    n_double: int
    n_single: int
    latent_channels: int
    context_channels: int
    has_guidance: bool


@dataclass(frozen=True, eq=False)
class Context:
    """What a branch sees: tokens (B, T, C), each of which stands for `count` equal ones."""

    tokens: Tensor
    count: int = 1


def dit_size(shapes: Mapping[str, tuple[int, ...]]) -> DitSize:
    """The structure that tensors of these shapes belong to; KeyError names a tensor that is missing."""
    width, latent_channels = shapes["latent_in.weight"]
    head = shapes["double_blocks.0.img_attn.norm.query_norm.scale"][0]
    return DitSize(
        width=width,
        n_heads=width // head,
        mlp_width=shapes["double_blocks.0.img_mlp.0.weight"][0],
        n_double=_n_blocks(shapes, "double_blocks"),
        n_single=_n_blocks(shapes, "single_blocks"),
        latent_channels=latent_channels,
        context_channels=shapes["cond_in.weight"][1],
        has_guidance="guidance_in.in_layer.weight" in shapes,
    )


def unconditional(n_tokens: int, size: DitSize, like: Tensor) -> Context:
    """The branch without a picture: `n_tokens` zero tokens, carried as the one that they all equal."""
    return Context(like.new_zeros(1, 1, size.context_channels), n_tokens)


def embed(values: Tensor) -> Tensor:
    """Cosines, then sines of 1000 · `values` (B,) at 128 frequencies, (B, 256) float32."""
    half = _EMBEDDING // 2
    steps = torch.arange(half, dtype=torch.float32, device=values.device)
    angles = (_TIME_FACTOR * values.float())[:, None] * torch.exp(steps * (-math.log(_PERIOD) / half))
    return torch.cat([torch.cos(angles), torch.sin(angles)], dim=-1)


class Dit(nn.Module):  # type: ignore[misc]
    """Predicts the velocity of latents from noise (time 0) to data (time 1)."""

    def __init__(self, size: DitSize) -> None:
        super().__init__()
        self.size = size
        self.latent_in = nn.Linear(size.latent_channels, size.width)
        self.time_in = Embedder(size.width)
        self.cond_in = nn.Linear(size.context_channels, size.width)
        if size.has_guidance:
            self.guidance_in = Embedder(size.width)
        self.double_blocks = nn.ModuleList(DoubleBlock(size) for _ in range(size.n_double))
        self.single_blocks = nn.ModuleList(SingleBlock(size) for _ in range(size.n_single))
        self.final_layer = LastLayer(size)
        # Replaced where blocks come in when they are needed (engine.models.streaming).
        self.arriving: Callable[[Iterable[Any]], Iterator[Any]] = iter

    @property
    def is_streamed(self) -> bool:
        """Whether blocks come in when they are needed."""
        return self.arriving is not iter

    def blocks(self) -> list[Any]:
        """The blocks in the order of their use."""
        return [*self.double_blocks, *self.single_blocks]

    def forward(
        self,
        latents: Tensor,
        times: Tensor,
        context: Tensor,
        guidance: Tensor | None = None,
        *,
        context_count: int = 1,
    ) -> Tensor:
        """The velocity (B, N, C) of `latents` (B, N, C) at `times` (B,), seeing `context` (B, T, C').

        `guidance` (B,) is the strength that a distilled network embeds; required by it, refused by others.
        """
        return self.velocities(latents, times, [Context(context, context_count)], guidance)[0]

    def velocities(
        self, latents: Tensor, times: Tensor, contexts: Sequence[Context], guidance: Tensor | None = None
    ) -> list[Tensor]:
        """As `forward` for several contexts, one velocity each; every block's weights are used once."""
        if self.size.has_guidance != (guidance is not None):
            needs = "needs" if self.size.has_guidance else "has no input for"
            raise ValueError(f"this network {needs} a guidance strength")
        signal = self.time_in(embed(times).to(latents.dtype))
        if guidance is not None:
            signal = signal + self.guidance_in(embed(guidance).to(latents.dtype))
        signal = silu(signal)  # every modulation begins with it
        first = self.latent_in(latents)
        streams = [(first, self.cond_in(context.tokens)) for context in contexts]
        del first
        for block in self.arriving(self.double_blocks):
            for number, context in enumerate(contexts):
                streams[number] = block(*streams[number], signal, context.count)
        joined = [torch.cat([seen, moved], dim=1) for moved, seen in streams]
        n_seen = [seen.shape[1] for _, seen in streams]
        del streams
        for block in self.arriving(self.single_blocks):
            for number, context in enumerate(contexts):
                joined[number] = block(joined[number], signal, context.count)
        return [self.final_layer(tokens[:, n:], signal) for tokens, n in zip(joined, n_seen, strict=True)]


class Embedder(nn.Module):  # type: ignore[misc]
    """A sinusoidal embedding (B, 256) to the network's width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.in_layer = nn.Linear(_EMBEDDING, width)
        self.out_layer = nn.Linear(width, width)

    def forward(self, embedded: Tensor) -> Tensor:
        """(B, 256) to (B, C)."""
        return self.out_layer(silu(self.in_layer(embedded)))


class HeadNorm(nn.Module):  # type: ignore[misc]
    """Root-mean-square norm over the channels of a head, taken in float32."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels))

    def forward(self, tokens: Tensor) -> Tensor:
        """(..., D) to the same."""
        return rms_norm(tokens, self.scale.shape, self.scale, _EPS)


class HeadNorms(nn.Module):  # type: ignore[misc]
    """The norms of queries and keys."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query_norm = HeadNorm(channels)
        self.key_norm = HeadNorm(channels)


class Modulation(nn.Module):  # type: ignore[misc]
    """Shifts, scales and gates, in this order, from the time's signal."""

    def __init__(self, width: int, n_parts: int) -> None:
        super().__init__()
        self.n_parts = n_parts
        self.lin = nn.Linear(width, n_parts * width)

    def forward(self, signal: Tensor) -> tuple[Tensor, ...]:
        """(B, C), after SiLU, to `n_parts` of (B, 1, C)."""
        return tuple(self.lin(signal)[:, None, :].chunk(self.n_parts, dim=-1))


class Projections(nn.Module):  # type: ignore[misc]
    """The linear maps of attention and the norms of its heads."""

    def __init__(self, size: DitSize) -> None:
        super().__init__()
        self.qkv = nn.Linear(size.width, 3 * size.width)
        self.norm = HeadNorms(size.width // size.n_heads)
        self.proj = nn.Linear(size.width, size.width)


class DoubleBlock(nn.Module):  # type: ignore[misc]
    """Latents ("img" in names) and picture tokens ("txt"), each with its weights, and joint attention."""

    def __init__(self, size: DitSize) -> None:
        super().__init__()
        self.n_heads = size.n_heads
        for name in ("img", "txt"):
            self.add_module(f"{name}_mod", Modulation(size.width, 6))
            self.add_module(f"{name}_attn", Projections(size))
            mlp = nn.Sequential(
                nn.Linear(size.width, size.mlp_width),
                nn.GELU(approximate="tanh"),
                nn.Linear(size.mlp_width, size.width),
            )
            self.add_module(f"{name}_mlp", mlp)

    def forward(self, latents: Tensor, seen: Tensor, signal: Tensor, count: int = 1) -> tuple[Tensor, Tensor]:
        """Both streams, (B, N, C) and (B, T, C), one block further; each of `seen` stands `count` times."""
        latent_parts, seen_parts = self.img_mod(signal), self.txt_mod(signal)
        q0, k0, v0 = self._heads(self.txt_attn, modulated(seen, seen_parts[0], seen_parts[1]))
        q1, k1, v1 = self._heads(self.img_attn, modulated(latents, latent_parts[0], latent_parts[1]))
        joint = attend_counted(
            torch.cat([q0, q1], dim=2), torch.cat([k0, k1], dim=2), torch.cat([v0, v1], dim=2), count
        )
        del q0, k0, v0, q1, k1, v1
        tokens = merge_heads(joint)
        n_seen = seen.shape[1]
        latents = self._finish(self.img_attn, self.img_mlp, latents, tokens[:, n_seen:], latent_parts)
        seen = self._finish(self.txt_attn, self.txt_mlp, seen, tokens[:, :n_seen], seen_parts)
        return latents, seen

    def _heads(self, attn: Projections, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return split_heads(attn.qkv(tokens), self.n_heads, attn.norm)

    @staticmethod
    def _finish(
        attn: Projections, mlp: nn.Module, tokens: Tensor, attended: Tensor, parts: Sequence[Tensor]
    ) -> Tensor:
        tokens = torch.addcmul(tokens, parts[2], attn.proj(attended))
        return torch.addcmul(tokens, parts[5], mlp(modulated(tokens, parts[3], parts[4])))


class SingleBlock(nn.Module):  # type: ignore[misc]
    """All tokens in one stream, attention and MLP side by side (Dehghani et al. 2023, arXiv 2302.05442)."""

    def __init__(self, size: DitSize) -> None:
        super().__init__()
        self.n_heads = size.n_heads
        self.width = size.width
        self.linear1 = nn.Linear(size.width, 3 * size.width + size.mlp_width)
        self.linear2 = nn.Linear(size.width + size.mlp_width, size.width)
        self.norm = HeadNorms(size.width // size.n_heads)
        self.modulation = Modulation(size.width, 3)

    def forward(self, tokens: Tensor, signal: Tensor, count: int = 1) -> Tensor:
        """(B, T + N, C) to the same; with a `count` above 1 there is one picture token, the first."""
        shift, scale, gate = self.modulation(signal)
        entering = modulated(tokens, shift, scale)
        # Both linear maps go in two parts: what would be cut apart or joined is never written twice.
        cut = 3 * self.width
        qkv = linear(entering, self.linear1.weight[:cut], self.linear1.bias[:cut])
        attended = merge_heads(attend_counted(*split_heads(qkv, self.n_heads, self.norm), count))
        del qkv
        hidden = gelu(
            linear(entering, self.linear1.weight[cut:], self.linear1.bias[cut:]), approximate="tanh"
        )
        del entering
        leaving = linear(attended, self.linear2.weight[:, : self.width], self.linear2.bias)
        leaving += linear(hidden, self.linear2.weight[:, self.width :])
        return torch.addcmul(tokens, gate, leaving)


class LastLayer(nn.Module):  # type: ignore[misc]
    """From the network's width to a velocity."""

    def __init__(self, size: DitSize) -> None:
        super().__init__()
        self.linear = nn.Linear(size.width, size.latent_channels)
        # The checkpoint's name for the second of two layers, of which the first is the SiLU.
        self.adaLN_modulation = nn.ModuleDict({"1": nn.Linear(size.width, 2 * size.width)})

    def forward(self, tokens: Tensor, signal: Tensor) -> Tensor:
        """(B, N, C) to (B, N, latent channels)."""
        shift, scale = self.adaLN_modulation["1"](signal)[:, None, :].chunk(2, dim=-1)
        return self.linear(modulated(tokens, shift, scale))


def modulated(tokens: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """(1 + scale) · norm(tokens) + shift, the norm without weights; `shift` and `scale` are (B, 1, C)."""
    channels = tokens.shape[-1:]
    if tokens.shape[0] == 1:  # one kernel instead of two
        return layer_norm(tokens, channels, (1 + scale).flatten(), shift.flatten(), _EPS)
    return torch.addcmul(shift, layer_norm(tokens, channels, eps=_EPS), 1 + scale)


def split_heads(qkv: Tensor, n_heads: int, norm: HeadNorms) -> tuple[Tensor, Tensor, Tensor]:
    """(B, L, 3·C), all queries first, to queries, keys and values (B, H, L, D), the first two normed."""
    queries, keys, values = qkv.unflatten(-1, (3, n_heads, -1)).unbind(2)
    queries, keys = norm.query_norm(queries), norm.key_norm(keys)
    return queries.transpose(1, 2), keys.transpose(1, 2), values.transpose(1, 2)


def merge_heads(attended: Tensor) -> Tensor:
    """(B, H, L, D) to (B, L, H·D)."""
    return attended.transpose(1, 2).flatten(2)


def _n_blocks(shapes: Iterable[str], name: str) -> int:
    numbers = {int(key.split(".")[1]) for key in shapes if key.startswith(f"{name}.")}
    return max(numbers, default=-1) + 1
