"""Delight is the public pipeline's, noise for noise, and its parts can run with one network at a time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from delight_goldens import (
    TEXT_ENDS,
    delight_golden,
    disc,
    public_shapes,
    tiny_text,
    tiny_unet,
    tiny_vae,
)
from goldens import PARITY, SEED, relative_error, shapes_of
from numpy.typing import NDArray
from seeded import uniform

from engine.errors import BadInput, BadRequest
from engine.models.clip_text import empty_prompt
from engine.models.finite import NotFinite
from engine.models.hunyuan3d.delight import (
    delight,
    delight_steps,
    delight_unet,
    denoise,
    developed,
    picture_latents,
    prepared,
    rematched,
)
from engine.models.hunyuan3d.paint_unet import UnetConfig

Pixels = NDArray[np.uint8]
N_EVERY = 9  # of the goldens' pixels, in each direction
FLOAT = torch.float32


def prompt() -> torch.Tensor:
    with torch.inference_mode():
        return tiny_text()(empty_prompt(**TEXT_ENDS))


def small_picture() -> Pixels:
    colours = (uniform("small picture", (64, 64, 3), SEED) * 127.5 + 127.5).astype(np.uint8)
    return np.concatenate([colours, np.full((64, 64, 1), 255, np.uint8)], axis=-1)


def run(picture: Pixels, **settings: Any) -> Pixels:
    with torch.inference_mode():
        return delight(tiny_unet(), tiny_vae(), prompt(), picture, drawn_as=FLOAT, **settings)


def apart(ours: Pixels, theirs: Any) -> tuple[int, float]:
    """The largest difference in levels, and the share of values that differ."""
    differences = np.abs(ours.astype(int) - theirs.astype(int))
    return int(differences.max()), float((differences > 0).mean())


def test_names_and_shapes_are_the_public_ones_both_ways() -> None:
    with torch.device("meta"):
        unet = delight_unet(UnetConfig())
    assert shapes_of(unet) == public_shapes("unet")
    assert sum(math.prod(shape) for shape in shapes_of(unet).values()) == 865_922_244


def test_every_step_of_the_whole_loop_is_the_references() -> None:
    theirs = delight_golden("delight")["steps"]
    seen = []

    class Kept(list[Any]):
        """Steps whose results are kept."""

    steps = delight_steps(len(theirs))
    kept = Kept()
    original = type(steps).moved

    class Watched(type(steps)):  # type: ignore[misc]
        def moved(self, *given: Any) -> Any:
            kept.append(original(self, *given))
            return kept[-1]

    watched = Watched(steps.times, steps.sigmas, steps.start_scale)
    with torch.inference_mode():
        latents = picture_latents(tiny_vae(), small_picture(), prompt())
        last = denoise(tiny_unet(), prompt(), latents, watched, drawn_as=FLOAT)
        picture = developed(tiny_vae(), last)
    seen = [relative_error(ours[0], one) for ours, one in zip(kept, theirs, strict=True)]
    assert max(seen) <= PARITY
    largest, share = apart(picture, delight_golden("delight")["picture"])
    assert largest <= 1  # a value between two levels may round either way
    assert share <= 0.001


@pytest.mark.parametrize(("name", "side_px"), [("enlarged", 200), ("reduced", 700)])
def test_a_picture_is_prepared_as_the_reference_does(name: str, side_px: int) -> None:
    picture = prepared(disc(side_px))
    assert picture.shape == (512, 512, 4)
    assert np.array_equal(picture[::N_EVERY, ::N_EVERY, :3], delight_golden("delight")[f"{name}_seen"])


@pytest.mark.parametrize(("name", "side_px"), [("enlarged", 200), ("reduced", 700)])
def test_the_whole_of_delight_is_the_references(name: str, side_px: int) -> None:
    made = run(prepared(disc(side_px)), n_steps=3)
    largest, share = apart(made[::N_EVERY, ::N_EVERY], delight_golden("delight")[f"{name}_out"])
    # A level that rounds otherwise moves by the gain of the match, and rounding down may add one.
    assert largest <= 4
    assert share <= 0.002


def matched_cases() -> dict[str, Pixels]:
    picture = disc(512)
    colours, is_subject = picture[..., :3], picture[..., 3:] > 0
    field = uniform("field", (512, 512, 3), SEED)
    moved = np.where(is_subject, np.clip(colours * 0.5 + 90 + field * 10, 0, 255), 255)
    return {
        "moved": moved.astype(np.uint8),
        "kept": np.clip(colours + field * 3, 0, 255).astype(np.uint8),
        "other": (field * 127.5 + 127.5).astype(np.uint8),
    }


@pytest.mark.parametrize("name", ["moved", "kept", "other"])
def test_colours_are_rematched_as_the_reference_does(name: str) -> None:
    made = rematched(matched_cases()[name], prepared(disc(512)))
    largest, share = apart(made[::N_EVERY, ::N_EVERY], delight_golden("rematch")[name])
    assert largest <= 1
    assert share <= 0.001


def test_a_drawing_nearer_than_its_match_stays_and_another_is_moved() -> None:
    picture = prepared(disc(512))
    inside = picture[..., 3] == 255
    for name, stays in (("kept", True), ("moved", False)):
        drawn = matched_cases()[name]
        difference = np.abs(rematched(drawn, picture).astype(int) - drawn)[inside]
        assert (difference.max() <= 1) == stays


def test_no_strength_leaves_the_picture_and_runs_no_network() -> None:
    picture = prepared(disc(200), 64)
    made = delight(None, None, None, picture, strength=0)  # type: ignore[arg-type]
    alphas = picture[..., 3:] / 255
    on_white = picture[..., :3] * alphas + 255 * (1 - alphas)
    assert np.abs(made - on_white).max() <= 1.001
    inside = picture[..., 3] == 255
    assert np.abs(made.astype(int) - picture[..., :3])[inside].max() <= 1


def test_half_strength_lies_between() -> None:
    picture = small_picture()
    none, half, whole = (run(picture, n_steps=2, strength=strength).astype(int) for strength in (0, 0.5, 1))
    assert np.abs(half - (none + whole) / 2).max() <= 1.5
    assert np.abs(whole - none).max() > 20


def test_the_seed_decides() -> None:
    picture = small_picture()
    first, again, other = (run(picture, n_steps=2, seed=seed) for seed in (42, 42, 43))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_each_step_is_one_evaluation_of_one_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    unet, shapes = tiny_unet(), []
    forward = unet.forward

    def counted(beside: Any, *given: Any, **named: Any) -> Any:
        shapes.append(tuple(beside.shape))
        return forward(beside, *given, **named)

    monkeypatch.setattr(unet, "forward", counted)
    run(small_picture(), n_steps=4)
    assert shapes == [(1, 8, 8, 8)] * 4


def test_steps_are_told_and_may_end_the_run() -> None:
    told = []

    class Enough(Exception):
        pass

    def tell(done: int, of: int) -> None:
        told.append((done, of))
        if done == 2:
            raise Enough

    with pytest.raises(Enough):
        run(small_picture(), n_steps=3, step_is_done=tell)
    assert told == [(1, 3), (2, 3)]


def test_nan_is_found_at_its_step() -> None:
    def lost(beside: torch.Tensor, *_: Any, **__: Any) -> tuple[torch.Tensor]:
        return (beside[:, :4] * float("nan"),)

    with pytest.raises(NotFinite, match="Step 1 of 3 of delight"):
        delight(lost, tiny_vae(), prompt(), small_picture(), n_steps=3)


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_a_strength_out_of_range_is_refused(strength: float) -> None:
    with pytest.raises(BadRequest, match=r"outside 0 to 1"):
        run(small_picture(), strength=strength)


def test_a_picture_without_a_subject_or_of_another_shape_is_refused() -> None:
    clear = disc(64)
    clear[..., 3] = 100
    with pytest.raises(BadInput, match="0 of 262,144 pixels"):
        prepared(clear)
    with pytest.raises(BadInput, match=r"\(64, 64, 3\)"):
        prepared(disc(64)[..., :3])
    with pytest.raises(BadInput, match=r"\(32, 64, 4\)"):
        prepared(disc(64)[:32])


def test_a_drawing_of_one_colour_is_left_for_the_watchdog() -> None:
    picture = prepared(disc(200), 64)
    made = rematched(np.full((64, 64, 3), 77, np.uint8), picture)
    assert set(np.unique(made[picture[..., 3] == 255])) <= {76, 77}
