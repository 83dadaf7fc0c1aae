"""Presets are the ones that the wire names, in its order; a request's sizes and settings come after."""

from __future__ import annotations

from dataclasses import fields

import pytest

from engine.errors import BadRequest
from engine.presets import presets, settings_for
from engine.settings import Settings
from protocol.names import PRESETS


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
        assert settings_for(name) == presets()[name].settings
    assert settings_for("auto") == Settings()


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
