"""The paint UNet draws all views at once; the reference is looked at once, by a network that then can go.

The skeleton is Stable Diffusion 2.1's UNet, with resnets and samplers from diffusers. There are two of it:
one reads the reference pictures and leaves its features, the other (12 channels in, camera ids, learned
tokens for text) draws. Pictures, time and text of the former never change in a run, so it runs once, where
the public code (Tencent-Hunyuan/Hunyuan3D-2, UNet2p5DConditionModel) runs it at every step, and keys and
values of its features are projected once. Names and shapes are those of the public checkpoints, below
`unet.` and `unet_dual.`. Branches of guidance run through each part in turn: weights are needed once a step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.models.downsampling import Downsample2D
from diffusers.models.embeddings import TimestepEmbedding, get_timestep_embedding
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.upsampling import Upsample2D
from torch import nn
from torch.nn.functional import silu

from engine.models.hunyuan3d.paint_blocks import KeyValue, Seen, Transformer

Tensor = Any
KeysValues = tuple[KeyValue, ...]  # of one kind of attention in every layer

_EPS = 1e-5  # of every group norm but those before transformers
_CONTROL_CHANNELS = 8  # latents of the normal map, then of the position map
_N_TOKENS = 77
# Rows of the camera table: 5 that were meant for reference pictures and are not used, then 3 rings of 12
# azimuths and 2 poles of 4.
_N_UNUSED, _N_CAMERAS = 5, 44


@dataclass(frozen=True)
class UnetConfig:
    """The structure, level by level from the largest pictures; the last level has no transformers."""

    widths: tuple[int, ...] = (320, 640, 1280, 1280)
    n_heads: tuple[int, ...] = (5, 10, 20, 20)
    n_resnets: int = 2
    text_channels: int = 1024
    n_groups: int = 32
    latent_channels: int = 4


@dataclass(frozen=True, eq=False)
class Branch:
    """What a branch of guidance sees: keys and values of text and reference, layer by layer.

    Without text its text is all zeros, without a reference the reference counts for nothing; so the public
    code's unconditional branch is Branch(None, None). Both are left out, which is exact.
    """

    text: KeysValues | None
    reference: KeysValues | None


@dataclass(frozen=True, eq=False)
class Features:
    """What a reference is to the main network: for each layer, tokens (1, R·L, C) of R pictures."""

    layers: tuple[Tensor, ...]

    def keys_values(self, main: PaintUnet) -> KeysValues:
        """Keys and values of these features in every layer of `main`."""
        pairs = zip(main.arriving(main.transformers), self.layers, strict=True)
        return tuple(part.block.attn_refview.keys_values(layer) for part, layer in pairs)


@dataclass(frozen=True, eq=False)
class _Step:
    """A part in its turn: whether it joins what was kept last, and whether its result is kept."""

    part: Any
    joins: bool = False
    keeps: bool = False


@dataclass(eq=False)
class _Way:
    """How far one branch has come, and what it has kept for the way up."""

    pixels: Tensor
    kept: list[Tensor]


class Level(nn.Module):  # type: ignore[misc]
    """Resnets of one picture size, a transformer after each or after none, and a sampler to the next size."""

    def __init__(self, resnets: list[Any], transformers: list[Any], **samplers: Any) -> None:
        super().__init__()
        self.resnets = nn.ModuleList(resnets)
        if transformers:
            self.attentions = nn.ModuleList(transformers)
        for name, sampler in samplers.items():
            self.add_module(name, nn.ModuleList([sampler]))


class PaintUnet(nn.Module):  # type: ignore[misc]
    """Predicts the velocity of the latents of all views; without extras, the network of the reference."""

    def __init__(self, config: UnetConfig, *, has_extras: bool) -> None:
        super().__init__()
        self.config = config
        self.has_extras = has_extras
        first, signal = config.widths[0], 4 * config.widths[0]
        n_in = config.latent_channels + (_CONTROL_CHANNELS if has_extras else 0)
        self.conv_in = nn.Conv2d(n_in, first, 3, padding=1)
        self.time_embedding = TimestepEmbedding(first, signal)
        if has_extras:
            self.class_embedding = nn.Embedding(_N_UNUSED + _N_CAMERAS, signal)
            for name in ("learned_text_clip_gen", "learned_text_clip_ref"):
                setattr(self, name, nn.Parameter(torch.zeros(1, _N_TOKENS, config.text_channels)))
        self.down_blocks, self.up_blocks = nn.ModuleList(), nn.ModuleList()
        self._add_levels()
        self.conv_norm_out = nn.GroupNorm(config.n_groups, first, eps=_EPS)
        self.conv_out = nn.Conv2d(first, config.latent_channels, 3, padding=1)
        # Replaced where parts come in when they are needed (engine.models.streaming).
        self.arriving: Callable[[Iterable[Any]], Iterator[Any]] = iter

    @property
    def is_streamed(self) -> bool:
        """Whether parts come in when they are needed."""
        return self.arriving is not iter

    @property
    def transformers(self) -> list[Transformer]:
        """The layers that see text and reference, in the order of their use."""
        return [step.part for step in self._steps() if isinstance(step.part, Transformer)]

    def blocks(self) -> list[Any]:
        """The parts in the order of their use: resnets, transformers and samplers."""
        return [step.part for step in self._steps()]

    def text_keys_values(self, tokens: Tensor) -> KeysValues:
        """Keys and values of text `tokens` (1, T, C) in every layer.

        The main network's text is its own `learned_text_clip_gen`.
        """
        layers = self.arriving(self.transformers)
        return tuple(part.block.transformer.attn2.keys_values(tokens) for part in layers)

    def forward(
        self,
        latents: Tensor,
        timestep: Tensor,
        controls: Tensor,
        cameras: Tensor,
        text: KeysValues | None,
        reference: KeysValues | None,
    ) -> Tensor:
        """The velocity (V, 4, h, w) of `latents` at `timestep`, in one branch of guidance.

        `timestep` is (1,), 0 to 999; `controls` (V, 8, h, w) are the scaled latents of normal and position
        maps; `cameras` (V,) int64 are camera ids, 0 to 43. h and w are multiples of 8.
        """
        return self.velocities(latents, timestep, controls, cameras, [Branch(text, reference)])[0]

    def velocities(
        self,
        latents: Tensor,
        timestep: Tensor,
        controls: Tensor,
        cameras: Tensor,
        branches: Sequence[Branch],
    ) -> list[Tensor]:
        """As `forward` for several branches, one velocity each; they share all before they see anything."""
        n_views = latents.shape[0]
        if controls.shape[0] != n_views or cameras.shape[0] != n_views:
            raise ValueError(
                f"{n_views} views have {controls.shape[0]} controls and {cameras.shape[0]} cameras"
            )
        signal = self._signal(timestep) + self.class_embedding(cameras + _N_UNUSED)
        pixels = self.conv_in(torch.cat([latents, controls], dim=1))
        ways = self._walk(pixels, signal, branches, self._steps())
        return [self.conv_out(silu(self.conv_norm_out(way.pixels))) for way in ways]

    def _signal(self, timestep: Tensor) -> Tensor:
        """The time's embedding, (1, C)."""
        waves = get_timestep_embedding(
            timestep, self.config.widths[0], flip_sin_to_cos=True, downscale_freq_shift=0
        )
        return self.time_embedding(waves.to(self.conv_in.weight.dtype))

    def _walk(
        self,
        pixels: Tensor,
        signal: Tensor,
        branches: Sequence[Branch],
        steps: Sequence[_Step],
        noted: list[Tensor] | None = None,
    ) -> list[_Way]:
        """All `branches` through all `steps`; `noted` gets the features of every layer."""
        side_px = 2 ** (len(self.config.widths) - 1)
        if any(side % side_px for side in pixels.shape[-2:]):
            raise ValueError(f"latents are {list(pixels.shape[-2:])}; sides are multiples of {side_px}")
        ways = [_Way(pixels, [pixels])]
        n_layer = 0
        for part, step in zip(self.arriving([step.part for step in steps]), steps, strict=True):
            if step.joins:
                for way in ways:
                    way.pixels = torch.cat([way.pixels, way.kept.pop()], dim=1)
            if isinstance(part, Transformer):
                if noted is not None:
                    noted.append(part.features(ways[0].pixels))
                ways = _see(part, ways, [_seen(branch, n_layer) for branch in branches])
                n_layer += 1
            else:
                is_resnet = isinstance(part, ResnetBlock2D)
                for way in ways:
                    way.pixels = part(way.pixels, signal) if is_resnet else part(way.pixels)
            if step.keeps:
                for way in ways:
                    way.kept.append(way.pixels)
        return ways

    def _steps(self) -> list[_Step]:
        """Every part between the first and the last convolution, in its turn."""
        steps: list[_Step] = []
        for level in self.down_blocks:
            for resnet, transformer in _pairs(level):
                steps.append(_Step(resnet, keeps=transformer is None))
                steps += [_Step(transformer, keeps=True)] if transformer is not None else []
            steps += [_Step(sampler, keeps=True) for sampler in getattr(level, "downsamplers", [])]
        middle = self.mid_block
        steps += [_Step(part) for part in (middle.resnets[0], middle.attentions[0], middle.resnets[1])]
        for level in self.up_blocks:
            for resnet, transformer in _pairs(level):
                steps.append(_Step(resnet, joins=True))
                steps += [_Step(transformer)] if transformer is not None else []
            steps += [_Step(sampler) for sampler in getattr(level, "upsamplers", [])]
        return steps

    def _add_levels(self) -> None:
        config = self.config
        last = len(config.widths) - 1
        kept, width = [config.widths[0]], config.widths[0]
        for number, wide in enumerate(config.widths):
            resnets = [self._resnet(width if i == 0 else wide, wide) for i in range(config.n_resnets)]
            transformers = [self._transformer(number) for _ in resnets] if number < last else []
            sampler = Downsample2D(wide, use_conv=True, name="op") if number < last else None
            self.down_blocks.append(
                Level(resnets, transformers, **({"downsamplers": sampler} if sampler else {}))
            )
            kept += [wide] * (config.n_resnets + (sampler is not None))
            width = wide
        middle = [self._resnet(width, width), self._resnet(width, width)]
        self.mid_block = Level(middle, [self._transformer(last)])
        for number, wide in reversed(list(enumerate(config.widths))):
            resnets = []
            for _ in range(config.n_resnets + 1):
                resnets.append(self._resnet(width + kept.pop(), wide))
                width = wide
            transformers = [self._transformer(number) for _ in resnets] if number < last else []
            samplers = {"upsamplers": Upsample2D(wide, use_conv=True)} if number > 0 else {}
            self.up_blocks.append(Level(resnets, transformers, **samplers))

    def _resnet(self, n_in: int, n_out: int) -> Any:
        signal, groups = 4 * self.config.widths[0], self.config.n_groups
        return ResnetBlock2D(
            in_channels=n_in, out_channels=n_out, temb_channels=signal, groups=groups, eps=_EPS
        )

    def _transformer(self, level: int) -> Transformer:
        config = self.config
        return Transformer(
            config.widths[level],
            config.n_heads[level],
            config.text_channels,
            config.n_groups,
            has_extras=self.has_extras,
        )


def reference_features(dual: PaintUnet, latents: Tensor, text: Tensor) -> Features:
    """The features of the reference pictures' scaled `latents` (R, 4, h, w), for one whole run.

    `text` (1, 77, C) is the main network's `learned_text_clip_ref`. The pictures have no noise, time 0 and
    no camera. The network can go when this is done: nothing after its last transformer is run.
    """
    steps = dual._steps()
    last = max(number for number, step in enumerate(steps) if isinstance(step.part, Transformer))
    noted: list[Tensor] = []
    branch = Branch(dual.text_keys_values(text), None)
    signal = dual._signal(torch.zeros(1, device=latents.device))
    dual._walk(dual.conv_in(latents), signal, [branch], steps[: last + 1], noted)
    return Features(tuple(noted))


def _see(part: Transformer, ways: list[_Way], seen: list[Seen]) -> list[_Way]:
    """Every branch's way through a transformer; before the first they have come the same way."""
    if len(ways) < len(seen):
        return [_Way(pixels, list(ways[0].kept)) for pixels in part(ways[0].pixels, seen)]
    for way, branch in zip(ways, seen, strict=True):
        (way.pixels,) = part(way.pixels, [branch])
    return ways


def _seen(branch: Branch, n_layer: int) -> Seen:
    return Seen(
        text=None if branch.text is None else branch.text[n_layer],
        reference=None if branch.reference is None else branch.reference[n_layer],
    )


def _pairs(level: Level) -> list[tuple[Any, Any]]:
    """A level's resnets, each with the transformer that follows it, or None."""
    transformers = getattr(level, "attentions", [None] * len(level.resnets))
    return list(zip(level.resnets, transformers, strict=True))
