"""A text becomes one token of meaning a word: the text tower of CLIP, of which one sentence is ever asked.

CLIP (Radford et al. 2021, arXiv 2103.00020) as OpenCLIP trained it for Stable Diffusion 2: each token sees
itself and those before it. Names are those of transformers' CLIPTextModel. The delight model's prompt is the
empty text, so its embedding is a constant: run once, keep the result, give the tower back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.functional import gelu, scaled_dot_product_attention

Tensor = Any

_EPS = 1e-5
_HEAD = 64  # channels of a head in every size of CLIP's text tower; no tensor's shape tells
# Token numbers of CLIP's vocabulary: where a text starts and ends, and "!", with which Stable Diffusion 2's
# tokenizer fills a text up (OpenCLIP fills with 0; the first CLIP with the end).
START, END, FILL = 49406, 49407, 0
# Counts 0, 1, 2, ...; older files hold it.
IGNORED = ("text_model.embeddings.position_ids",)


@dataclass(frozen=True)
class ClipTextSize:
    """The structure, as the shapes of a checkpoint's tensors tell it."""

    width: int
    n_heads: int
    n_layers: int
    mlp_width: int
    n_words: int
    n_positions: int


def clip_text_size(shapes: Mapping[str, tuple[int, ...]], *, head: int = _HEAD) -> ClipTextSize:
    """The structure that tensors of these shapes belong to; KeyError names a tensor that is missing."""
    n_words, width = shapes["text_model.embeddings.token_embedding.weight"]
    numbers = [int(name.split(".")[3]) for name in shapes if name.startswith("text_model.encoder.layers.")]
    return ClipTextSize(
        width=width,
        n_heads=width // head,
        n_layers=max(numbers) + 1,
        mlp_width=shapes["text_model.encoder.layers.0.mlp.fc1.weight"][0],
        n_words=n_words,
        n_positions=shapes["text_model.embeddings.position_embedding.weight"][0],
    )


def empty_prompt(n_positions: int = 77, *, start: int = START, end: int = END, fill: int = FILL) -> Tensor:
    """The token numbers (1, n_positions) int64 of the text that says nothing."""
    return torch.tensor([[start, end] + [fill] * (n_positions - 2)])


class ClipText(nn.Module):  # type: ignore[misc]
    """From token numbers to what each token means after all before it; the MLP's kink is the exact GELU."""

    def __init__(self, size: ClipTextSize) -> None:
        super().__init__()
        self.size = size
        embeddings = {
            "token_embedding": nn.Embedding(size.n_words, size.width),
            "position_embedding": nn.Embedding(size.n_positions, size.width),
        }
        layers = nn.ModuleList(Layer(size) for _ in range(size.n_layers))
        self.text_model = nn.ModuleDict(
            {
                "embeddings": nn.ModuleDict(embeddings),
                "encoder": nn.ModuleDict({"layers": layers}),
                "final_layer_norm": nn.LayerNorm(size.width, eps=_EPS),
            }
        )

    def forward(self, words: Tensor) -> Tensor:
        """Token numbers (B, L) int64, L up to n_positions, to (B, L, C)."""
        parts = self.text_model["embeddings"]
        positions = parts["position_embedding"].weight[: words.shape[1]]
        tokens = parts["token_embedding"](words) + positions
        for layer in self.text_model["encoder"]["layers"]:
            tokens = layer(tokens)
        return self.text_model["final_layer_norm"](tokens)


class Layer(nn.Module):  # type: ignore[misc]
    """Attention to what came before, then an MLP."""

    def __init__(self, size: ClipTextSize) -> None:
        super().__init__()
        self.n_heads = size.n_heads
        maps = {
            name: nn.Linear(size.width, size.width) for name in ("k_proj", "v_proj", "q_proj", "out_proj")
        }
        self.self_attn = nn.ModuleDict(maps)
        self.layer_norm1 = nn.LayerNorm(size.width, eps=_EPS)
        self.mlp = nn.ModuleDict(
            {"fc1": nn.Linear(size.width, size.mlp_width), "fc2": nn.Linear(size.mlp_width, size.width)}
        )
        self.layer_norm2 = nn.LayerNorm(size.width, eps=_EPS)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L, C) to the same."""
        normed = self.layer_norm1(tokens)
        queries, keys, values = (
            self.self_attn[name](normed).unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
            for name in ("q_proj", "k_proj", "v_proj")
        )
        told = scaled_dot_product_attention(queries, keys, values, is_causal=True)
        tokens = tokens + self.self_attn["out_proj"](told.transpose(1, 2).flatten(2))
        return tokens + self.mlp["fc2"](gelu(self.mlp["fc1"](self.layer_norm2(tokens))))
