"""The tiny paint networks of the goldens, and what the public reference gave (tests/golden/hunyuan_paint)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import torch
from goldens import SEED, Shapes, Tensor, filled, given, shapes_of
from seeded import Floats, seeded_values, seeded_weights

from engine.models.hunyuan3d.paint_unet import Features, PaintUnet, UnetConfig, reference_features

FOLDER = Path(__file__).parents[2] / "golden" / "hunyuan_paint"
TINY = UnetConfig(widths=(32, 64, 64, 64), n_heads=(2, 4, 4, 4), text_channels=32, n_groups=8)
SIDE_PX = 16
# What each run of the reference drew: views' cameras, the number of reference pictures, the time.
RUNS: dict[str, tuple[list[int], int, int]] = {
    "guided": ([21, 12, 43], 1, 666),
    "first": ([0, 37], 1, 999),
    "turbo": ([21, 12, 15, 18], 3, 98),
    "single": ([12], 2, 32),
}


@cache
def paint_golden(name: str) -> Mapping[str, Floats]:
    """The arrays of `name`.npz."""
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return dict(arrays)


def public_shapes(prefix: str) -> Shapes:
    """The public checkpoint's names, without the prefix "unet" or "unet_dual", and their shapes."""
    lines = (FOLDER / "keys" / f"{prefix}.txt").read_text("utf-8").splitlines()
    rows = (line.split("\t") for line in lines)
    return {name: tuple(int(side) for side in dims.split()) for name, dims in rows}


def paint_weights(network: PaintUnet, prefix: str) -> dict[str, Floats]:
    """Seeded weights by the names in the whole checkpoint; tokens and cameras have variance 1."""
    shapes = {f"{prefix}.{name}": shape for name, shape in shapes_of(network).items()}
    weights = seeded_weights(shapes, SEED)
    for name in weights:
        if "learned_text_clip" in name or "class_embedding" in name:
            weights[name] = seeded_values(name, shapes[name], SEED)
    return {name.removeprefix(f"{prefix}."): value for name, value in weights.items()}


def made(prefix: str) -> PaintUnet:
    """A tiny network of its own, to be changed."""
    network = PaintUnet(TINY, has_extras=prefix == "unet")
    return filled(network, paint_weights(network, prefix))


@cache
def main() -> PaintUnet:
    """The tiny main network."""
    return made("unet")


@cache
def dual() -> PaintUnet:
    """The tiny network of the reference."""
    return made("unet_dual")


def pictures(run: str) -> Tensor:
    """The latents of the reference pictures of `run`."""
    return given(f"{run} references", 1, RUNS[run][1], 4, SIDE_PX, SIDE_PX)[0]


@cache
def features(run: str) -> Features:
    """What our reference network makes of the pictures of `run`."""
    return reference_features(dual(), pictures(run), main().learned_text_clip_ref)


def drawn(run: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The latents, time, controls and cameras of `run`."""
    cameras, _, timestep = RUNS[run]
    latents, normals, positions = (
        given(f"{run} {what}", 1, len(cameras), 4, SIDE_PX, SIDE_PX)[0]
        for what in ("latents", "normals", "positions")
    )
    controls = torch.cat([normals, positions], dim=1)
    return latents, torch.tensor([float(timestep)]), controls, torch.tensor(cameras)
