"""The translations are registered with Blender, in all its languages' names, and taken away again.

The bpy module is built without languages (`build_options.international`), so what is seen in a window is
checked there: tests/window/scenarios/languages.py.
"""

from __future__ import annotations

from types import ModuleType, SimpleNamespace

import bpy
import pytest


@pytest.fixture
def sentences(maquette: ModuleType) -> ModuleType:
    from maquette import sentences

    sentences._translated.cache_clear()
    return sentences


def in_korean(sentences: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the add-on find Blender speaking Korean, with the words of its own catalogue."""
    texts = sentences.texts_of("ko")
    view = SimpleNamespace(use_translate_interface=True)
    app = SimpleNamespace(translations=SimpleNamespace(locale="ko_KR"))
    context = SimpleNamespace(preferences=SimpleNamespace(view=view))
    monkeypatch.setattr(sentences, "bpy", SimpleNamespace(app=app, context=context))
    monkeypatch.setattr(sentences, "words", lambda text: texts.get(text, text))


def test_every_language_that_blender_offers_is_known_by_its_name(maquette: ModuleType) -> None:
    from maquette.translations import LOCALES

    offered = set(bpy.app.translations.locales)
    if not offered:
        pytest.skip("this bpy was built without languages")
    assert {"ko_KR", "ja_JP", "zh_HANS"} <= offered & set(LOCALES)


def test_blender_takes_the_catalogue_and_lets_go_of_it_twice(maquette: ModuleType) -> None:
    from maquette.translations import catalogue

    bpy.app.translations.register("maquette_test", catalogue())
    bpy.app.translations.unregister("maquette_test")
    bpy.app.translations.unregister("maquette_test")  # as when Blender ends before the clock's first tick


def test_the_catalogue_uses_contexts_that_blender_has(maquette: ModuleType) -> None:
    from maquette.translations import CONTEXT, catalogue

    contexts = {context for context, _ in catalogue()["ko_KR"]}
    known = bpy.app.translations.contexts
    assert contexts == {known.default, known.operator_default, CONTEXT}


def test_in_english_a_sentence_is_returned_itself(sentences: ModuleType) -> None:
    text = "front is empty (0 bytes)."
    assert sentences.translated(text) is text
    assert sentences._phrasebook.cache_info().currsize == 0


def test_in_korean_the_engines_english_is_translated(
    sentences: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_korean(sentences, monkeypatch)
    said = sentences.translated("cat.png is empty (0 bytes). Save or download the picture again.")
    assert said == "cat.png: 빈 파일입니다 (0바이트). 이미지를 다시 저장하거나 내려받으십시오."
    assert sentences.translated("Nobody knows this.") == "Nobody knows this."
