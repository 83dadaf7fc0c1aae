"""What the transformer sees of the pictures: DINOv2's tokens of each view, marked with the side it shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from engine.models.hunyuan3d.dinov2 import Dinov2
from engine.models.hunyuan3d.pictures import dino_pixels, view_embedding

Tensor = Any


def condition(
    network: Dinov2, images: Sequence[Tensor], image_px: int, view_numbers: Sequence[int] | None = None
) -> Tensor:
    """The tokens (1, V·T, C) of `images`, V of (3, S, S) in [-1, 1], in the network's dtype.

    `image_px` is the side to which they are brought; `view_numbers`, for models of several views, names the
    side that each shows. One view after the other goes through the network.
    """
    place = network.layernorm.weight
    seen = []
    for number, image in enumerate(images):
        pixels = dino_pixels(image[None].to(place.device), image_px).to(place.dtype)
        tokens = network(pixels)
        if view_numbers is not None:
            mark = view_embedding(view_numbers[number], tokens.shape[-1])
            tokens = tokens + mark.to(tokens.device, tokens.dtype)
        seen.append(tokens)
    return torch.cat(seen, dim=1)
