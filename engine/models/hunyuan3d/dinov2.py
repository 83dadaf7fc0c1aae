"""The picture encoder of Hunyuan3D-2: DINOv2 (Oquab et al. 2023, arXiv 2304.07193) with a SwiGLU MLP.

Names are those of Hugging Face's Dinov2Model, as the bundles hold it. Position embeddings are resampled for
grids of another size than they were trained for, bicubic, in float32, as transformers does since 4.46.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.functional import interpolate, silu

from engine.models.attention import attend

Tensor = Any

_EPS = 1e-6
_HEAD = 64  # channels of a head in every size of DINOv2; no tensor's shape tells


@dataclass(frozen=True)
class DinoSize:
    """The structure, as the shapes of a checkpoint's tensors tell it."""

    width: int
    n_heads: int
    n_layers: int
    patch_px: int
    n_positions: int
    mlp_width: int


def dino_size(shapes: Mapping[str, tuple[int, ...]], *, head: int = _HEAD) -> DinoSize:
    """The structure that tensors of these shapes belong to; KeyError names a tensor that is missing."""
    width, _, patch_px, _ = shapes["embeddings.patch_embeddings.projection.weight"]
    numbers = [int(key.split(".")[2]) for key in shapes if key.startswith("encoder.layer.")]
    return DinoSize(
        width=width,
        n_heads=width // head,
        n_layers=max(numbers) + 1,
        patch_px=patch_px,
        n_positions=shapes["embeddings.position_embeddings"][1],
        mlp_width=shapes["encoder.layer.0.mlp.weights_out.weight"][1],
    )


class Dinov2(nn.Module):  # type: ignore[misc]
    """From normalised pixels to one token for the whole and one for each patch."""

    def __init__(self, size: DinoSize) -> None:
        super().__init__()
        self.size = size
        self.embeddings = Embeddings(size)
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(Layer(size) for _ in range(size.n_layers))})
        self.layernorm = nn.LayerNorm(size.width, eps=_EPS)
        # Replaced where layers come in when they are needed (engine.models.streaming).
        self.arriving: Callable[[Iterable[Any]], Iterator[Any]] = iter

    def blocks(self) -> list[Any]:
        """The layers in the order of their use."""
        return list(self.encoder["layer"])

    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels (B, 3, H, W), normalised with ImageNet's mean and deviation, to tokens (B, 1 + h·w, C)."""
        tokens = self.embeddings(pixels)
        for layer in self.arriving(self.encoder["layer"]):
            tokens = layer(tokens)
        return self.layernorm(tokens)


class Embeddings(nn.Module):  # type: ignore[misc]
    """Patches, the token of the whole, and where each stands."""

    def __init__(self, size: DinoSize) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, size.width))
        self.mask_token = nn.Parameter(torch.zeros(1, size.width))  # of training; in every checkpoint
        self.position_embeddings = nn.Parameter(torch.zeros(1, size.n_positions, size.width))
        patches = nn.Conv2d(3, size.width, size.patch_px, stride=size.patch_px)
        self.patch_embeddings = nn.ModuleDict({"projection": patches})

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, 1 + h·w, C)."""
        patches = self.patch_embeddings["projection"](pixels)
        height, width = patches.shape[-2:]
        tokens = patches.flatten(2).transpose(1, 2)
        tokens = torch.cat([self.cls_token.expand(len(tokens), -1, -1), tokens], dim=1)
        return tokens + self._positions(height, width)

    def _positions(self, height: int, width: int) -> Tensor:
        side = math.isqrt(self.position_embeddings.shape[1] - 1)
        if (height, width) == (side, side):
            return self.position_embeddings
        whole, patches = self.position_embeddings[:, :1], self.position_embeddings[:, 1:]
        grid = patches.transpose(1, 2).unflatten(-1, (side, side))
        grid = interpolate(grid.float(), size=(height, width), mode="bicubic", align_corners=False)
        return torch.cat([whole, grid.to(whole.dtype).flatten(2).transpose(1, 2)], dim=1)


class Layer(nn.Module):  # type: ignore[misc]
    """Attention, then a gated MLP, each scaled channel by channel before it is added."""

    def __init__(self, size: DinoSize) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(size.width, eps=_EPS)
        self.attention = Attention(size)
        self.layer_scale1 = LayerScale(size.width)
        self.norm2 = nn.LayerNorm(size.width, eps=_EPS)
        self.mlp = SwiGlu(size)
        self.layer_scale2 = LayerScale(size.width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L, C) to the same."""
        tokens = torch.addcmul(tokens, self.layer_scale1.lambda1, self.attention(self.norm1(tokens)))
        return torch.addcmul(tokens, self.layer_scale2.lambda1, self.mlp(self.norm2(tokens)))


class LayerScale(nn.Module):  # type: ignore[misc]
    """A learned factor for each channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.lambda1 = nn.Parameter(torch.ones(width))


class Attention(nn.Module):  # type: ignore[misc]
    """Multi-head self-attention, its maps nested as in the checkpoint's names."""

    def __init__(self, size: DinoSize) -> None:
        super().__init__()
        self.n_heads = size.n_heads
        maps = {name: nn.Linear(size.width, size.width) for name in ("query", "key", "value")}
        self.attention = nn.ModuleDict(maps)
        self.output = nn.ModuleDict({"dense": nn.Linear(size.width, size.width)})

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L, C) to the same."""
        heads = (
            self.attention[name](tokens).unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
            for name in ("query", "key", "value")
        )
        return self.output["dense"](attend(*heads).transpose(1, 2).flatten(2))


class SwiGlu(nn.Module):  # type: ignore[misc]
    """W_out(silu(a) · b), a and b the halves of W_in."""

    def __init__(self, size: DinoSize) -> None:
        super().__init__()
        self.weights_in = nn.Linear(size.width, 2 * size.mlp_width)
        self.weights_out = nn.Linear(size.mlp_width, size.width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L, C) to the same."""
        gate, passed = self.weights_in(tokens).chunk(2, dim=-1)
        return self.weights_out(silu(gate) * passed)
