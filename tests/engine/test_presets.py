"""Presets are the ones that the wire names, in its order; a request's sizes and settings come after."""

from __future__ import annotations

from dataclasses import fields

import pytest

from engine.errors import BadRequest
from engine.presets import presets, settings_for
from engine.settings import settled, steps_of
from protocol.names import BACKENDS, PRESETS


def test_every_preset_of_the_wire_is_there_in_its_order() -> None:
    made = presets()
    assert tuple(made) == PRESETS
    for name, preset in made.items():
        assert preset.name == name
        assert preset.text


@pytest.mark.parametrize("name", PRESETS)
def test_every_value_of_a_preset_lies_within_its_bounds(name: str) -> None:
    settings = presets()[name].settings
    for stage in fields(settings):
        held = getattr(settings, stage.name)
        for entry in fields(held):
            if "low" in entry.metadata:
                value = getattr(held, entry.name)
                assert entry.metadata["low"] <= value <= entry.metadata["high"]
                assert isinstance(value, type(entry.default))


def test_presets_grow_from_draft_to_best() -> None:
    sizes = [
        (presets()[name].settings.clean.faces, presets()[name].settings.bake.texture_size_px)
        for name in ("prototype", "auto", "portfolio", "best")
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[1] < sizes[2] < sizes[3]


def test_without_wishes_the_preset_is_what_one_gets() -> None:
    for name in PRESETS:
        for backend in BACKENDS:
            assert settings_for(name, backend=backend) == settled(presets()[name].settings, backend)


def test_automatic_is_balanced_until_it_can_look_at_the_computer() -> None:
    assert settings_for("auto") == settings_for("balanced")


# Octree, steps of turbo models and texture of the scenarios that Maquette was asked for, and of our own two.
SCENARIOS = {
    "safe": (128, 4, 1536),
    "balanced": (128, 4, 1536),
    "sequential": (128, 4, 1536),
    "fastest": (128, 4, 1536),
    "prototype": (128, 3, 1024),
    "portfolio": (128, 5, 2048),
    "eco": (128, 4, 1024),
    "best": (384, 5, 4096),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_scenarios_are_as_they_were_asked_for(name: str) -> None:
    settings = presets()[name].settings
    shape = settings.shape
    assert (shape.octree, shape.turbo_steps, settings.bake.texture_size_px) == SCENARIOS[name]


@pytest.mark.parametrize("name", PRESETS)
def test_no_preset_gives_a_model_that_is_not_turbo_too_few_steps(name: str) -> None:
    shape = presets()[name].settings.shape
    assert {model: steps_of(shape, model) for model in ("2.0", "mini", "mv")} == {
        "2.0": 50,
        "mini": 50,
        "mv": 50,
    }
    assert steps_of(shape, "mini-fast") == 30
    assert 3 <= steps_of(shape, "mini-turbo") <= 5


@pytest.mark.parametrize("name", PRESETS)
def test_outlines_are_smoothed_and_learnt_surfaces_are_not(name: str) -> None:
    assert settings_for(name, backend="silhouette").clean.smooth == 4
    assert settings_for(name, backend="hunyuan3d-2").clean.smooth == 0
    for backend in BACKENDS:
        asked = settings_for(name, backend=backend, overrides=(("clean.smooth", "2"),))
        assert asked.clean.smooth == 2


def test_sizes_come_after_the_preset_and_settings_after_both() -> None:
    made = settings_for("best", faces=500, texture_size_px=256)
    assert (made.clean.faces, made.bake.texture_size_px) == (500, 256)
    made = settings_for(
        "best",
        faces=500,
        texture_size_px=256,
        overrides=(("clean.faces", "700"), ("shape.depth", "1.5"), ("clean.faces", "900")),
    )
    assert (made.clean.faces, made.bake.texture_size_px, made.shape.depth) == (900, 256, 1.5)


def test_an_unknown_preset_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadRequest, match="'finest'") as caught:
        settings_for("finest")
    assert all(name in caught.value.remedy for name in PRESETS)


@pytest.mark.parametrize(
    ("wishes", "key"),
    [
        ({"faces": 4}, "clean.faces"),
        ({"faces": 10_000_000}, "clean.faces"),
        ({"texture_size_px": 16}, "bake.texture_size_px"),
        ({"texture_size_px": 16_384}, "bake.texture_size_px"),
    ],
)
def test_sizes_that_the_wire_allows_and_the_engine_does_not_are_refused(
    wishes: dict[str, int], key: str
) -> None:
    with pytest.raises(BadRequest, match=key.replace(".", r"\.")) as caught:
        settings_for("auto", **wishes)  # type: ignore[arg-type]
    assert " to " in caught.value.remedy


def test_two_settings_that_contradict_each_other_are_refused_in_whatever_order_they_come() -> None:
    window = (("shape.guidance_from", "0.8"), ("shape.guidance_to", "0.3"))
    for overrides in (window, window[::-1]):
        with pytest.raises(BadRequest, match=r"guidance_from is 0\.8, above shape\.guidance_to, 0\.3"):
            settings_for("auto", overrides=overrides)
    made = settings_for("auto", overrides=(("shape.guidance_from", "0.8"),))
    assert (made.shape.guidance_from, made.shape.guidance_to) == (0.8, 1.0)
