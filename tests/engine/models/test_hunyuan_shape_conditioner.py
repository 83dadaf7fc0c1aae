"""From a picture to the tokens that the transformer sees, every step gives the reference's numbers."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from goldens import PARITY, SEED, filled, given, golden, read_shapes, relative_error, tiny_weights
from seeded import faint, uniform

from engine.models.hunyuan3d.conditioner import condition
from engine.models.hunyuan3d.dinov2 import Dinov2, dino_size
from engine.models.hunyuan3d.pictures import dino_pixels, order_views, parity_picture

HEAD = 16  # channels of a head in the tiny network
SIZE_PX, PICTURE_PX, BORDER = 70, 96, 0.15


@cache
def dino() -> Dinov2:
    return filled(Dinov2(dino_size(read_shapes("tiny_dino"), head=HEAD)), tiny_weights("dino"))


@pytest.mark.parametrize(("height_px", "width_px"), [(70, 70), (112, 112), (70, 112)])
def test_pixels_become_the_references_tokens_on_any_grid(height_px: int, width_px: int) -> None:
    pixels = given(f"pixels {(height_px, width_px)}", 1, 3, height_px, width_px)
    assert relative_error(dino()(pixels), golden("dino")[f"tokens_{height_px}x{width_px}"]) <= PARITY


def test_faint_tokens_are_normed_as_the_reference_norms_them() -> None:
    network = filled(Dinov2(dino_size(read_shapes("tiny_dino"), head=HEAD)), faint(tiny_weights("dino")))
    tokens = network(given("pixels (70, 70)", 1, 3, 70, 70))
    assert relative_error(tokens, golden("dino")["faint_tokens"]) <= PARITY


@pytest.mark.parametrize("size_px", [70, 112])
def test_a_picture_of_another_size_becomes_the_references_tokens(size_px: int) -> None:
    picture = torch.from_numpy(uniform("picture", (1, 3, 96, 96), SEED))
    assert (
        relative_error(dino()(dino_pixels(picture, size_px)), golden("dino")[f"single_{size_px}"]) <= PARITY
    )


def test_a_tall_picture_becomes_the_references_tokens() -> None:
    picture = torch.from_numpy(uniform("tall picture", (1, 3, 120, 96), SEED))
    assert relative_error(dino()(dino_pixels(picture, SIZE_PX)), golden("dino")["single_tall_70"]) <= PARITY


@pytest.mark.parametrize(
    ("name", "positions", "numbers"),
    [("views_0123", (0, 1, 2, 3), (0, 1, 2, 3)), ("views_02", (0, 1), (0, 2)), ("views_3", (0,), (3,))],
)
def test_views_become_the_references_tokens(
    name: str, positions: tuple[int, ...], numbers: tuple[int, ...]
) -> None:
    views = torch.from_numpy(uniform("views", (1, 4, 3, 96, 96), SEED))[0, list(positions)]
    tokens = condition(dino(), list(views), SIZE_PX, numbers)
    assert relative_error(tokens, golden("dino")[name]) <= PARITY


@pytest.mark.parametrize("name", ["wide", "tall"])
def test_a_picture_is_prepared_bit_for_bit_as_the_reference_does(name: str) -> None:
    pictures = golden("pictures")
    ours = parity_picture(pictures[f"{name}_in"], BORDER, PICTURE_PX)
    assert np.array_equal(np.round((ours.numpy() + 1) / 2 * 255).astype(np.uint8), pictures[f"{name}_out"])


def test_a_drawn_picture_becomes_the_context_that_the_references_pipeline_sampled_with() -> None:
    picture = parity_picture(golden("pictures")["wide_in"], BORDER, PICTURE_PX)
    context = condition(dino(), [picture], SIZE_PX)
    assert relative_error(context, golden("denoise")["plain_context"]) <= PARITY


def test_drawn_views_in_any_order_become_the_context_that_the_references_pipeline_sampled_with() -> None:
    named = {"back": "tall_in", "front": "wide_in"}
    order = order_views(list(named), model="mv")
    pictures = [parity_picture(golden("pictures")[name], BORDER, PICTURE_PX) for name in named.values()]
    ordered = [pictures[position] for position in order.positions]
    context = condition(dino(), ordered, SIZE_PX, order.numbers)
    assert relative_error(context, golden("denoise")["views_context"]) <= PARITY
    wrong = condition(dino(), pictures, SIZE_PX, order.numbers)
    assert relative_error(wrong, golden("denoise")["views_context"]) > PARITY
