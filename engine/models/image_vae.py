"""Pictures become latents, an eighth as wide and high, and latents pictures: one at a time, numbers as ever.

The autoencoder of Stable Diffusion (Rombach et al. 2022, arXiv 2112.10752), its halves diffusers' own. Names
are those of diffusers' AutoencoderKL; `with_current_names` reads files that spell attention the old way.
Everything here is in the network's own units: who works in units of a diffusion multiplies what `encode`
gives by `scale` and divides what `decode` takes by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from diffusers.models.autoencoders.vae import Decoder, Encoder
from torch import nn

from engine.models.diffusion import draw_noise
from engine.weights.tensors import Tensors, Under

Tensor = Any

# Bounds of a posterior's log-variance, as in the public code.
_LOG_VARIANCE = (-30.0, 20.0)
# Tiles share this part of their side with the next, over which one fades into the other.
_OVERLAP = 0.25
# Attention as diffusers spelled it until 0.18, and as it is spelled since.
_RENAMED = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


@dataclass(frozen=True)
class ImageVaeSize:
    """The structure: channels at each depth, residual blocks at each, channels of latents.

    `n_groups` (of a group norm) and `scale` (what brings latents to variance 1) no tensor's shape tells; a
    config.json may. The defaults are Stable Diffusion's.
    """

    widths: tuple[int, ...] = (128, 256, 512, 512)
    n_blocks: int = 2
    latent_channels: int = 4
    n_groups: int = 32
    scale: float = 0.18215

    @property
    def reduction(self) -> int:
        """Pixels along the side of a latent."""
        return int(2 ** (len(self.widths) - 1))


def image_vae_size(
    shapes: Mapping[str, tuple[int, ...]], *, n_groups: int = 32, scale: float = 0.18215
) -> ImageVaeSize:
    """The structure that tensors of these shapes belong to; KeyError names a tensor that is missing."""
    firsts = [name for name in shapes if name.startswith("encoder.down_blocks.0.resnets.")]
    n_depths = len({name.split(".")[2] for name in shapes if name.startswith("encoder.down_blocks.")})
    return ImageVaeSize(
        widths=tuple(
            shapes[f"encoder.down_blocks.{depth}.resnets.0.conv1.weight"][0] for depth in range(n_depths)
        ),
        n_blocks=len({name.split(".")[4] for name in firsts}),
        latent_channels=shapes["post_quant_conv.weight"][0],
        n_groups=n_groups,
        scale=scale,
    )


class ImageVae(nn.Module):  # type: ignore[misc]
    """Encoder and decoder of pictures."""

    def __init__(self, size: ImageVaeSize) -> None:
        super().__init__()
        self.size = size
        n_depths = len(size.widths)
        structure: dict[str, Any] = {
            "block_out_channels": size.widths,
            "layers_per_block": size.n_blocks,
            "norm_num_groups": size.n_groups,
        }
        n_latent = size.latent_channels
        self.encoder = Encoder(
            out_channels=n_latent, down_block_types=("DownEncoderBlock2D",) * n_depths, **structure
        )
        self.decoder = Decoder(
            in_channels=n_latent, up_block_types=("UpDecoderBlock2D",) * n_depths, **structure
        )
        self.quant_conv = nn.Conv2d(2 * n_latent, 2 * n_latent, 1)
        self.post_quant_conv = nn.Conv2d(n_latent, n_latent, 1)

    @property
    def scale(self) -> float:
        """What latents are multiplied by for a diffusion."""
        return self.size.scale

    def encode(
        self, pixels: Tensor, generator: Any = None, *, drawn_as: Any = None, tile_px: int | None = None
    ) -> Tensor:
        """Latents (N, C, H / 8, W / 8) of `pixels` (N, 3, H, W) in [-1, 1].

        They are drawn from the posterior with `generator`, one draw for all pictures, or its most likely
        values if None; `drawn_as` as in `draw_noise`. With `tile_px` each picture is taken in tiles of that
        side: less memory, other numbers. Raises ValueError for sides that are no multiple of 8.
        """
        reduction = self.size.reduction
        height, width = pixels.shape[-2:]
        if height % reduction or width % reduction:
            raise ValueError(f"{width} x {height} px: both sides must be multiples of {reduction}")
        # Channels first in memory too: with channels last torch's group norm loses four digits on a processor
        # (4e-4 at 512 x 512 px in float32, torch 2.13).
        pixels = pixels.contiguous()
        moments = torch.cat([self._moments(one, tile_px) for one in pixels.split(1)])
        means, log_variances = moments.chunk(2, dim=1)
        if generator is None:
            return means
        deviations = torch.exp(0.5 * log_variances.clamp(*_LOG_VARIANCE))
        return means + deviations * draw_noise(tuple(means.shape), generator, means, drawn_as=drawn_as)

    def decode(self, latents: Tensor, *, tile_px: int | None = None) -> Tensor:
        """Pixels (N, 3, H, W), about [-1, 1], of latents (N, C, H / 8, W / 8).

        With `tile_px` each picture is made of overlapping tiles of that side: less memory, other numbers,
        because norms and attention see a tile instead of the whole; they fade into each other.
        """
        return torch.cat([self._pixels(one, tile_px) for one in latents.contiguous().split(1)])

    def _moments(self, pixels: Tensor, tile_px: int | None) -> Tensor:
        reduction = self.size.reduction

        def encoded(tile: Tensor) -> Tensor:
            return self.quant_conv(self.encoder(tile))

        if tile_px is None:
            return encoded(pixels)
        side = _tile_side(tile_px, reduction)
        return _tiled(
            lambda y, x: encoded(
                pixels[
                    ...,
                    y * reduction : (y + side) * reduction,
                    x * reduction : (x + side) * reduction,
                ]
            ),
            (pixels.shape[-2] // reduction, pixels.shape[-1] // reduction),
            side,
            scale=1,
        )

    def _pixels(self, latents: Tensor, tile_px: int | None) -> Tensor:
        def decoded(tile: Tensor) -> Tensor:
            return self.decoder(self.post_quant_conv(tile))

        if tile_px is None:
            return decoded(latents)
        side = _tile_side(tile_px, self.size.reduction)
        return _tiled(
            lambda y, x: decoded(latents[..., y : y + side, x : x + side]),
            (latents.shape[-2], latents.shape[-1]),
            side,
            scale=self.size.reduction,
        )


def _tile_side(tile_px: int, reduction: int) -> int:
    """The side of a tile in latents; ValueError if there is nothing to overlap with."""
    side = tile_px // reduction
    if side < round(1 / _OVERLAP):
        raise ValueError(f"a tile of {tile_px} px: at least {round(1 / _OVERLAP) * reduction} are needed")
    return side


def _tiled(
    tile_at: Callable[[int, int], Tensor], extent: tuple[int, int], side: int, *, scale: int
) -> Tensor:
    """The whole, made of tiles that fade into each other.

    `extent` (height, width) and `side` are in latents, `scale` is what one becomes. `tile_at(y, x)`
    gives the tile whose first latent is there. The last of a row lies at the border.
    """
    height, width = extent
    total: Tensor = None
    weights: Tensor = None
    for y in _starts(height, side):
        for x in _starts(width, side):
            made = tile_at(y, x)
            tile = made.float()
            if total is None:
                shape = (*tile.shape[:2], height * scale, width * scale)
                total, weights = tile.new_zeros(shape), tile.new_zeros(shape[-2:])
            rows, columns = (_fade(n, side * scale, tile) for n in tile.shape[-2:])
            weight = rows[:, None] * columns
            place = (
                ...,
                slice(y * scale, y * scale + tile.shape[-2]),
                slice(x * scale, x * scale + tile.shape[-1]),
            )
            total[place] += tile * weight
            weights[place] += weight
    return (total / weights).to(made.dtype)


def _starts(extent: int, side: int) -> list[int]:
    """Where tiles begin along an axis: each shares at least the overlap with the next."""
    stride = side - int(side * _OVERLAP)
    last = max(0, extent - side)
    return sorted({*range(0, last, stride), last})


def _fade(n: int, full: int, like: Tensor) -> Tensor:
    """Weights along an axis of a tile: rising over the overlap, 1 in the middle, falling again."""
    places = torch.arange(n, dtype=torch.float32, device=like.device) + 0.5
    return (torch.minimum(places, n - places) / (full * _OVERLAP)).clamp(max=1.0)


def with_current_names(tensors: Tensors) -> Tensors:
    """The same tensors; attention's query, key, value, proj_attn are called to_q, to_k, to_v, to_out.0."""
    names = {_current_name(name): name for name in tensors.shapes()}
    return tensors if all(new == old for new, old in names.items()) else _Renamed(tensors, names)


def _current_name(name: str) -> str:
    path, _, leaf = name.rpartition(".")
    owner, _, part = path.rpartition(".")
    is_old = ".attentions." in name and part in _RENAMED
    return f"{owner}.{_RENAMED[part]}.{leaf}" if is_old else name


class _Renamed:
    """Tensors under other names; `names` maps each to the file's."""

    def __init__(self, whole: Tensors, names: Mapping[str, str]) -> None:
        self._whole = whole
        self._names = names
        held = whole.shapes()
        self._shapes = MappingProxyType({new: held[old] for new, old in names.items()})

    @property
    def source(self) -> Path:
        return self._whole.source

    @property
    def remedy(self) -> str:
        return self._whole.remedy

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        return self._shapes

    def dtype_of(self, name: str) -> str:
        return self._whole.dtype_of(self._names[name])

    def read(self, name: str) -> Tensor:
        return self._whole.read(self._names[name])

    def read_into(self, name: str, destination: Tensor) -> None:
        self._whole.read_into(self._names[name], destination)

    def under(self, prefix: str) -> Tensors:
        return Under(self, prefix)

    def close(self) -> None:
        self._whole.close()
