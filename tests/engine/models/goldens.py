"""What the public reference gave for seeded weights, and how near we come (tests/golden/hunyuan_shape)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from seeded import Floats, bodied, seeded_values, seeded_weights
from torch import nn

SEED = 20  # of every weight and input in the goldens
PARITY = 1e-5  # the largest error allowed, as a part of the largest value
FOLDER = Path(__file__).parents[2] / "golden" / "hunyuan_shape"
Tensor = Any
Shapes = dict[str, tuple[int, ...]]


@cache
def golden(name: str) -> Mapping[str, Floats]:
    """The arrays of `name`.npz."""
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return dict(arrays)


@cache
def _read(name: str) -> Shapes:
    shapes: Shapes = {}
    for line in (FOLDER / "keys" / f"{name}.txt").read_text("utf-8").splitlines():
        key, _, dims = line.partition("\t")
        shape = tuple(int(side) for side in dims.split())
        layers = re.search(r"\{0\.\.(\d+)\}", key)
        if layers is None:
            shapes[key] = shape
            continue
        for layer in range(int(layers[1]) + 1):
            shapes[key.replace(layers[0], str(layer))] = shape
    return shapes


def read_shapes(name: str, *prefixes: str) -> Shapes:
    """The key list `name`, its layers written out; with `prefixes`, only the keys that start with one."""
    return {key: shape for key, shape in _read(name).items() if key.startswith(prefixes or "")}


def under(shapes: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """What lies under `prefix`, without it."""
    return {key.removeprefix(prefix): shapes[key] for key in shapes if key.startswith(prefix)}


def tiny_weights(name: str) -> dict[str, Floats]:
    """The weights of the tiny network `name`; a VAE's field is a body."""
    weights = seeded_weights(read_shapes(f"tiny_{name}"), SEED)
    return bodied(weights, SEED) if name.startswith("vae") else weights


def filled(module: nn.Module, weights: Mapping[str, Floats]) -> nn.Module:
    """`module` with `weights`, every one of which it must have, and no other."""
    state = {key: torch.from_numpy(np.ascontiguousarray(value)) for key, value in weights.items()}
    module.load_state_dict(state, strict=True)
    return module.eval().requires_grad_(False)


def shapes_of(module: nn.Module) -> Shapes:
    """The names and shapes that `module` would load."""
    return {key: tuple(value.shape) for key, value in module.state_dict().items()}


def given(name: str, *shape: int) -> Tensor:
    """The input `name` of the goldens."""
    return torch.from_numpy(seeded_values(name, shape, SEED))


def relative_error(ours: Tensor, theirs: Floats) -> float:
    """max |ours - theirs| / max |theirs|; infinite if the shapes differ."""
    ours = ours.detach().numpy()
    if ours.shape != theirs.shape:
        return float("inf")
    return float(np.abs(ours.astype(np.float64) - theirs).max() / np.abs(theirs).max())
