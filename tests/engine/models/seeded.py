"""A tensor's name and a seed make its values, on every machine and for ever: goldens keep but what comes out.

Values come from the raw words of numpy's Philox generator, whose stream is promised not to change, keyed by a
hash of seed and name. No tensor depends on another, on their order, or on the library's distributions.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

import numpy as np

Floats = np.ndarray


def uniform(name: str, shape: tuple[int, ...], seed: int) -> Floats:
    """Values in [-1, 1) of `shape`, float32, each a multiple of 2^-23: the same bits everywhere."""
    key = int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:16], "little")
    words = np.random.Philox(key=key).random_raw(math.prod(shape))
    return ((words >> np.uint64(40)).astype(np.float64) / 2**23 - 1).astype(np.float32).reshape(shape)


def seeded_values(name: str, shape: tuple[int, ...], seed: int) -> Floats:
    """As `uniform`, with variance 1: latents, tokens, contexts to put in."""
    return (uniform(name, shape, seed) * np.float32(math.sqrt(3))).astype(np.float32)


def seeded_weights(shapes: Mapping[str, tuple[int, ...]], seed: int) -> dict[str, Floats]:
    """A value for each named tensor, float32, such that what enters with variance 1 keeps its size.

    Scales of norms and layer scales lie in [0.75, 1.25), biases in [-0.1, 0.1), tokens and positions in
    [-0.5, 0.5); maps have variance 1 / fan-in.
    """
    return {name: _weight(name, tuple(shape), seed) for name, shape in shapes.items()}


def _weight(name: str, shape: tuple[int, ...], seed: int) -> Floats:
    values = uniform(name, shape, seed)
    last = name.rpartition(".")[2]
    if last == "bias":
        return values * np.float32(0.1)
    if last in ("scale", "lambda1") or (last == "weight" and len(shape) == 1):
        return 1 + values * np.float32(0.25)
    if last in ("cls_token", "mask_token", "position_embeddings"):
        return values * np.float32(0.5)
    return values * np.float32(math.sqrt(3 / math.prod(shape[1:])))


def faint(weights: Mapping[str, Floats]) -> dict[str, Floats]:
    """The same weights, all but the scales of norms a hundredth: so small that a norm's epsilon shows."""
    norms = [name for name in weights if np.abs(weights[name] - 1).max() <= 0.25]
    return {name: w if name in norms else w * np.float32(0.01) for name, w in weights.items()}


def bodied(weights: Mapping[str, Floats], seed: int) -> dict[str, Floats]:
    """The same weights of a shape VAE, its field made a closed body: positive inside, negative at the border.

    cos x + cos y + cos z falls from 3 at the centre to 2.53 at the middle of the cube's faces. Every second
    channel of the embedded point carries what of it lies above 2.75, the others its opposite; the last map
    weighs them by the same signs, so that a norm between, which scales all alike, moves no zero. Latents and
    the fine frequencies are turned down until they only dent the body.
    """
    dented = dict(weights)
    width, embedded = weights["geo_decoder.query_proj.weight"].shape
    n_frequencies = (embedded - 3) // 6
    signs = np.where(np.arange(width) % 2 == 0, 1, -1).astype(np.float32)
    damping = np.concatenate([[1.0] * 3, np.tile(0.5 ** np.arange(n_frequencies), 6)]).astype(np.float32)
    query = weights["geo_decoder.query_proj.weight"] * np.float32(0.3) * damping
    cosines = 3 + (3 + np.arange(3)) * n_frequencies  # the first of each coordinate's cosines
    query[:, cosines] += 4 * signs[:, None]
    dented["geo_decoder.query_proj.weight"] = query
    dented["geo_decoder.query_proj.bias"] = weights["geo_decoder.query_proj.bias"] - signs * np.float32(11)
    for part in ("attn.c_proj.weight", "mlp.c_proj.weight"):
        name = f"geo_decoder.cross_attn_decoder.{part}"
        dented[name] = weights[name] * np.float32(0.5)
    pull = uniform("pull", (1, width), seed) * np.float32(0.1)
    dented["geo_decoder.output_proj.weight"] = (signs + pull) * np.float32(8 / width)
    dented["geo_decoder.output_proj.bias"] = np.zeros(1, np.float32)
    return dented
