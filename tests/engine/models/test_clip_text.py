"""The text tower is transformers' CLIPTextModel in names and numbers."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from delight_goldens import TEXT, TEXT_ENDS, delight_golden, public_shapes, tiny_text, weights_of
from goldens import PARITY, SEED, relative_error, shapes_of
from safetensors.torch import save_file
from seeded import uniform

from engine.models.clip_text import IGNORED, ClipText, clip_text_size, empty_prompt
from engine.weights.filling import fill
from engine.weights.tensors import open_tensors


def test_names_and_shapes_are_the_public_ones_both_ways() -> None:
    size = clip_text_size(public_shapes("text_encoder"))
    assert (size.width, size.n_heads, size.n_layers, size.mlp_width) == (1024, 16, 23, 4096)
    with torch.device("meta"):
        tower = ClipText(size)
    assert shapes_of(tower) == public_shapes("text_encoder")
    assert sum(math.prod(shape) for shape in shapes_of(tower).values()) == 340_387_840


def test_the_empty_prompt_is_filled_up_as_the_tokenizer_does() -> None:
    theirs = delight_golden("clip_text")["empty_words"]
    assert np.array_equal(empty_prompt(**TEXT_ENDS).numpy(), theirs)
    assert empty_prompt()[0, :3].tolist() == [49406, 49407, 0]
    assert empty_prompt().shape == (1, 77)


def test_the_embedding_of_the_empty_prompt_is_the_references() -> None:
    ours = tiny_text()(empty_prompt(**TEXT_ENDS))
    assert relative_error(ours, delight_golden("clip_text")["empty"]) <= PARITY


def test_the_embedding_of_a_sentence_is_the_references() -> None:
    words = torch.from_numpy((uniform("words", (2, 77), SEED) * 32 + 32).astype(np.int64))
    assert relative_error(tiny_text()(words)[:, ::4], delight_golden("clip_text")["sentence"]) <= PARITY


def test_a_token_sees_itself_and_those_before_alone() -> None:
    words = empty_prompt(**TEXT_ENDS)
    others = words.clone()
    others[0, 40:] = 5
    before, after = tiny_text()(words), tiny_text()(others)
    assert torch.allclose(before[:, :40], after[:, :40], atol=1e-6)
    assert not torch.allclose(before[:, 40:], after[:, 40:], atol=1e-2)


def test_a_file_with_counted_positions_fills_the_tower(tmp_path: Path) -> None:
    weights = {name: torch.from_numpy(value) for name, value in weights_of(tiny_text(), "text").items()}
    weights[IGNORED[0]] = torch.arange(77)[None]
    save_file(weights, tmp_path / "text.safetensors")
    tensors = open_tensors(tmp_path / "text.safetensors")
    with torch.device("meta"):
        tower = ClipText(clip_text_size(tensors.shapes()))
    fill(tower, tensors, "cpu", torch.float32, ignored=IGNORED)
    tensors.close()
    assert tower.size == TEXT
    words = empty_prompt(**TEXT_ENDS)
    assert torch.equal(tower(words), tiny_text()(words))
