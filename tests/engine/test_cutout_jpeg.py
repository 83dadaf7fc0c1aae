"""What JPEG leaves around a subject on a plain backdrop belongs to the backdrop."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from drawn_pictures import Floats, Pixels, gradient, overlap, subjects, white
from PIL import Image

from engine.imaging.grabcut import cut_without_network


def through_jpeg(rgb: Pixels, quality: int = 80) -> Pixels:
    target = io.BytesIO()
    Image.fromarray(rgb).save(target, "JPEG", quality=quality)
    return np.asarray(Image.open(target).convert("RGB"))


@pytest.mark.parametrize("backdrop", [white, gradient])
def test_the_ringing_of_jpeg_is_no_part_of_the_subject(backdrop: Callable[[], Floats]) -> None:
    overlaps = {}
    for name, drawn in subjects().items():
        guess = cut_without_network(through_jpeg(drawn.over(backdrop())))
        assert guess.is_sure
        overlaps[name] = overlap(guess.rgba[..., 3] > 127, drawn.inside)
    assert np.mean(list(overlaps.values())) >= 0.975, overlaps
    assert min(overlaps.values()) >= 0.87, overlaps
