"""What is out of its bounds never reaches a stage, and the refusal says key, value and bounds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, fields
from typing import Any, get_args, get_type_hints

import pytest

from engine.errors import BadRequest
from engine.settings import LoadSettings, Settings, ShapeSettings, models_to_try, override, steps_of
from protocol.names import SHAPE_MODELS


def entries() -> Iterator[tuple[str, Any, Any, Any]]:
    """Key, default, metadata and type of every setting."""
    settings = Settings()
    for stage in fields(settings):
        held = getattr(settings, stage.name)
        hints = get_type_hints(type(held))
        for entry in fields(held):
            yield f"{stage.name}.{entry.name}", getattr(held, entry.name), entry.metadata, hints[entry.name]


ALL = list(entries())
NUMBERS = [(key, metadata) for key, _, metadata, _ in ALL if "low" in metadata]
CHOICES = [(key, kind) for key, _, _, kind in ALL if get_args(kind)]


def value_of(settings: Settings, key: str) -> Any:
    stage, _, name = key.partition(".")
    return getattr(getattr(settings, stage), name)


@pytest.mark.parametrize(("key", "default", "metadata", "kind"), ALL, ids=[entry[0] for entry in ALL])
def test_every_default_is_of_its_type_within_its_bounds_and_explained(
    key: str, default: Any, metadata: Any, kind: Any
) -> None:
    assert metadata["help"]
    if get_args(kind):
        assert default in get_args(kind)
    else:
        assert type(default) is kind
    if kind in (int, float):
        assert metadata["low"] <= default <= metadata["high"]
    assert value_of(override(Settings(), key, str(default)), key) == default


@pytest.mark.parametrize(("key", "metadata"), NUMBERS, ids=[key for key, _ in NUMBERS])
def test_both_bounds_are_allowed_and_beyond_them_is_refused(key: str, metadata: Any) -> None:
    low, high = metadata["low"], metadata["high"]
    for allowed in (low, high):
        assert value_of(override(Settings(), key, str(allowed)), key) == allowed
    for refused in (low - 1, high + 1):
        with pytest.raises(BadRequest) as caught:
            override(Settings(), key, str(refused))
        words = str(caught.value)
        assert key in words
        assert f"{low} to {high}" in words
        assert str(refused) in words


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "NaN", "1e999"])
def test_numbers_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(BadRequest, match=r"shape\.depth"):
        override(Settings(), "shape.depth", text)
    with pytest.raises(BadRequest, match=r"clean\.faces"):
        override(Settings(), "clean.faces", text)


@pytest.mark.parametrize("text", ["", "many", "1.5", "0x10", "1,000", "12 000", "9" * 5000])
def test_a_whole_number_is_parsed_as_one_or_refused(text: str) -> None:
    with pytest.raises(BadRequest, match=r"clean\.faces"):
        override(Settings(), "clean.faces", text)


@pytest.mark.parametrize("text", ["", "deep", "0,5", "0.5 m"])
def test_a_number_is_parsed_as_one_or_refused(text: str) -> None:
    with pytest.raises(BadRequest, match=r"shape\.depth .* not a number"):
        override(Settings(), "shape.depth", text)


@pytest.mark.parametrize(("key", "kind"), CHOICES, ids=[key for key, _ in CHOICES])
def test_a_choice_takes_its_words_and_names_them_when_it_refuses(key: str, kind: Any) -> None:
    for word in get_args(kind):
        assert value_of(override(Settings(), key, word), key) == word
    for word in ("", get_args(kind)[0].upper(), "nonsense"):
        with pytest.raises(BadRequest) as caught:
            override(Settings(), key, word)
        assert key in str(caught.value)
        assert all(word in caught.value.remedy for word in get_args(kind))


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("Yes", True), ("ON", True), ("1", True), ("false", False), ("no", False)],
)
def test_a_switch_understands_words(text: str, value: bool) -> None:
    assert override(Settings(), "unwrap.brute_force", text).unwrap.brute_force is value


@pytest.mark.parametrize("text", ["", "maybe", "2", "None"])
def test_a_switch_refuses_other_words(text: str) -> None:
    with pytest.raises(BadRequest, match=r"unwrap\.brute_force"):
        override(Settings(), "unwrap.brute_force", text)


@pytest.mark.parametrize(
    "key", ["paint.depth", "shape.width", "shape", "", ".", "shape.", ".depth", "shape.depth.x"]
)
def test_an_unknown_key_is_refused_and_the_known_ones_are_named(key: str) -> None:
    with pytest.raises(BadRequest) as caught:
        override(Settings(), key, "1")
    assert repr(key) in caught.value.message
    known = ("depth", "relief") if key.startswith("shape") else ("preprocess", "bake")
    assert all(name in caught.value.remedy for name in known)


@pytest.mark.parametrize("key", ["shape.__class__", "__class__.depth", "shape.__init__", "as_dict.x"])
def test_only_settings_can_be_reached(key: str) -> None:
    with pytest.raises(BadRequest):
        override(Settings(), key, "1")


def test_an_override_changes_one_value_and_leaves_the_original() -> None:
    before = Settings()
    after = override(before, "shape.depth", "1.25")
    assert before == Settings()
    changed = [key for key, *_ in ALL if value_of(after, key) != value_of(before, key)]
    assert changed == ["shape.depth"]
    assert after.shape.depth == 1.25


def test_settings_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().shape.depth = 2.0  # type: ignore[misc]


def test_settings_become_plain_values() -> None:
    plain = Settings().as_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["bake"]["back"] == "mirror"
    assert {f"{stage}.{name}" for stage, held in plain.items() for name in held} == {key for key, *_ in ALL}


def test_the_models_are_those_of_the_wire() -> None:
    assert get_args(get_type_hints(LoadSettings)["model"]) == ("auto", *SHAPE_MODELS)


def test_every_setting_of_the_shape_is_of_one_kind_of_backend_and_those_after_it_are_of_all() -> None:
    for key, _, metadata, _ in ALL:
        if key.startswith("shape."):
            assert metadata["of"] in ("silhouette", "networks"), key
        else:
            assert metadata["of"] == ("networks" if key.startswith("load.") else None), key


def test_a_backend_is_told_of_what_it_reads_and_of_nothing_else() -> None:
    drawn, learnt = Settings().as_dict_of("silhouette"), Settings().as_dict_of("hunyuan3d-2")
    assert "load" not in drawn
    assert learnt["load"]["model"] == "auto"
    assert set(drawn["shape"]) == {"depth", "flatness", "relief", "resolution"}
    assert set(learnt["shape"]) == {entry.name for entry in fields(ShapeSettings)} - set(drawn["shape"])
    assert drawn["bake"] == learnt["bake"] == Settings().as_dict()["bake"]


@pytest.mark.parametrize("model", SHAPE_MODELS)
def test_steps_are_those_asked_for_else_the_presets_for_turbo_else_the_models_own(model: str) -> None:
    assert steps_of(ShapeSettings(steps=7, turbo_steps=3), model) == 7
    own = steps_of(ShapeSettings(turbo_steps=3), model)
    assert own == (3 if model.endswith("-turbo") else 30 if model.endswith("-fast") else 50)


@pytest.mark.parametrize(("model", "steps"), [("2.0", 1), ("mv-fast", 1), ("mini-turbo", 101)])
def test_steps_that_a_models_schedule_has_not_are_refused_with_its_bounds(model: str, steps: int) -> None:
    with pytest.raises(BadRequest, match=rf"shape\.steps is {steps}.*{model}") as caught:
        steps_of(ShapeSettings(steps=steps), model)
    assert ("1 to 100" if model.endswith("-turbo") else "2 to 200") in caught.value.remedy
    assert steps_of(ShapeSettings(steps=1), "2.0-turbo") == 1


@pytest.mark.parametrize("model", SHAPE_MODELS)
@pytest.mark.parametrize("n_views", [1, 4])
def test_a_model_that_is_named_is_the_only_one_tried(model: str, n_views: int) -> None:
    assert models_to_try(override(Settings(), "load.model", model).load, n_views) == (model,)


def test_automatic_tries_turbo_first_and_for_several_views_only_what_knows_them() -> None:
    for_one, for_four = models_to_try(LoadSettings(), 1), models_to_try(LoadSettings(), 4)
    assert sorted(for_one) == sorted(SHAPE_MODELS)
    assert for_one[0].endswith("-turbo")
    assert for_four == ("mv-turbo", "mv-fast", "mv")
    assert for_one[-3:] == for_four
