"""The tiny networks of the delight goldens, and what public libraries gave (tests/golden/hunyuan_delight)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from goldens import SEED, Shapes, filled, shapes_of
from numpy.typing import NDArray
from seeded import Floats, seeded_weights, uniform

from engine.models.clip_text import ClipText, ClipTextSize
from engine.models.hunyuan3d.delight import delight_unet
from engine.models.hunyuan3d.paint_unet import UnetConfig
from engine.models.image_vae import ImageVae, ImageVaeSize

FOLDER = Path(__file__).parents[2] / "golden" / "hunyuan_delight"
VAE = ImageVaeSize(widths=(16, 32, 32, 32), n_blocks=2, n_groups=8)
TEXT = ClipTextSize(width=128, n_heads=2, n_layers=3, mlp_width=192, n_words=64, n_positions=77)
UNET = UnetConfig(widths=(32, 64, 64, 64), n_heads=(1, 2, 2, 2), text_channels=128, n_groups=8)
TEXT_ENDS = {"start": 62, "end": 63}  # of the tiny vocabulary


@cache
def delight_golden(name: str) -> Mapping[str, Floats]:
    """The arrays of `name`.npz."""
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return dict(arrays)


def public_shapes(name: str) -> Shapes:
    """Names and shapes of the public network `name`, layers written out."""
    shapes: Shapes = {}
    for line in (FOLDER / "keys" / f"{name}.txt").read_text("utf-8").splitlines():
        key, _, dims = line.partition("\t")
        layers = re.search(r"\{0\.\.(\d+)\}", key)
        for layer in range(int(layers[1]) + 1) if layers else [0]:
            full = key.replace(layers[0], str(layer)) if layers else key
            shapes[full] = tuple(int(side) for side in dims.split())
    return shapes


def weights_of(module: Any, prefix: str) -> dict[str, Floats]:
    """Seeded weights by the names of `module` below `prefix`."""
    shapes = {f"{prefix}.{name}": shape for name, shape in shapes_of(module).items()}
    weights = seeded_weights(shapes, SEED)
    return {name.removeprefix(f"{prefix}."): value for name, value in weights.items()}


@cache
def tiny_vae() -> ImageVae:
    """The tiny autoencoder."""
    vae = ImageVae(VAE)
    return filled(vae, weights_of(vae, "vae"))


@cache
def tiny_text() -> ClipText:
    """The tiny text tower."""
    tower = ClipText(TEXT)
    return filled(tower, weights_of(tower, "text"))


@cache
def tiny_unet() -> Any:
    """The tiny delight network."""
    unet = delight_unet(UNET)
    return filled(unet, weights_of(unet, "unet"))


def disc(side_px: int) -> NDArray[np.uint8]:
    """An ellipse of coloured squares with a soft rim, (side, side, 4)."""
    y, x = np.mgrid[:side_px, :side_px] + 0.5 - side_px / 2
    alphas = np.clip((side_px * 0.4 - np.hypot(x, y * 1.2)) / 6 + 0.5, 0, 1)
    n_squares = side_px // 10 + 1
    squares = uniform(f"disc {side_px}", (n_squares, n_squares, 3), SEED).repeat(10, 0).repeat(10, 1)
    colours = squares[:side_px, :side_px] * 100 + 128
    return np.concatenate([colours, alphas[..., None] * 255], axis=-1).astype(np.uint8)
