"""Small networks and tensors held in memory that read like those of a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from engine.models.hunyuan3d.dinov2 import DinoSize
from engine.models.hunyuan3d.dit import DitSize

Tensor = Any

DIT = DitSize(
    width=32,
    n_heads=2,
    mlp_width=64,
    n_double=2,
    n_single=3,
    latent_channels=8,
    context_channels=12,
    has_guidance=False,
)
DINO = DinoSize(width=32, n_heads=2, n_layers=3, patch_px=7, n_positions=17, mlp_width=48)


class HeldTensors:
    """The tensors of a network, with random values that a name fixes."""

    def __init__(self, network: Any, source: Path = Path("held")) -> None:
        self.source = source
        self.remedy = "Download it again."
        self._held: dict[str, Tensor] = {}
        for name, tensor in network.state_dict().items():
            generator = torch.Generator().manual_seed(sum(name.encode()))
            values = torch.randn(tensor.shape, generator=generator) / max(tensor[..., 0].numel(), 1) ** 0.5
            self._held[name] = values + 1 if "scale" in name else values

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        return {name: tuple(tensor.shape) for name, tensor in self._held.items()}

    def dtype_of(self, name: str) -> str:
        return "F32"

    def read(self, name: str) -> Tensor:
        return self._held[name]

    def read_into(self, name: str, destination: Tensor) -> None:
        destination.copy_(self._held[name])

    def under(self, prefix: str) -> HeldTensors:
        raise NotImplementedError(prefix)

    def close(self) -> None:
        pass
