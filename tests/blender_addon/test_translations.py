"""Everything that the panel can show is said in Korean, Japanese and Chinese, and with the same holes."""

from __future__ import annotations

import re

import pytest
from shown_texts import shown_texts
from wording import holes_of, texts_in

from blender_addon import translations
from blender_addon.translations.patterns import Phrasebook

FILES = tuple(dict.fromkeys(translations.LOCALES.values()))
SCRIPTS = {"ko": "[가-힣]", "ja": "[ぁ-ヿ一-鿿]", "zh_HANS": "[一-鿿]"}

# Made-up sources: each adds one text in one of the ways in which the sources say something.
ADDITIONS = {
    'layout.label(text="Brand new")': "Brand new",
    'words("Brand {new} thing").format(new=1)': "Brand {new} thing",
    "raise BadInput(f'{path.name} is brand new.', remedy='Take it back.')": "{name} is brand new.",
    "raise BadInput('x', remedy='Take it back.')": "Take it back.",
    'def f():\n    what = "brand new" if g() else "old"\n    say(f"It is {what} and good.")': "brand new",
    'Fault("internal", f"Brand new: {error}", "Wait.")': "Brand new:",
    "class A:\n    bl_description = 'Brand new things'": "Brand new things",
    "p: bpy.props.IntProperty(name='Brand', description='new')": "Brand",
    "p: bpy.props.EnumProperty(items=(('A', 'Brand', 'new'),))": "new",
    "TITLES = {'a': 'Brand'}\nwords(TITLES[key])": "Brand",
    "progress.note('brand new')": "brand new",
    "return 'Brand new words, wherever they stand.'": "Brand new words, wherever they stand.",
}


@pytest.fixture(scope="module")
def shown() -> dict[str, str]:
    """What must be translated, and where it stands."""
    return {found.text: str(found) for found in shown_texts()}


@pytest.mark.parametrize("file", FILES)
def test_every_text_that_can_be_shown_is_translated(file: str, shown: dict[str, str]) -> None:
    texts = translations.texts_of(file)
    missing = [place for text, place in shown.items() if not texts.get(text, "").strip()]
    assert not missing, f"say these in {file}.json:\n" + "\n".join(missing)


@pytest.mark.parametrize("file", FILES)
def test_no_translation_is_left_of_a_text_that_is_gone(file: str, shown: dict[str, str]) -> None:
    gone = [text for text in translations.texts_of(file) if text not in shown]
    assert not gone, f"nothing says these any more; remove them from {file}.json:\n" + "\n".join(gone)


@pytest.mark.parametrize("file", FILES)
def test_a_translation_has_the_holes_of_its_text(file: str) -> None:
    texts = translations.texts_of(file)
    wrong = [text for text, said in texts.items() if set(holes_of(text)) != set(holes_of(said))]
    assert not wrong


@pytest.mark.parametrize("file", FILES)
def test_a_translation_is_in_its_own_script(file: str) -> None:
    foreign = [said for said in translations.texts_of(file).values() if not re.search(SCRIPTS[file], said)]
    assert not foreign


@pytest.mark.parametrize("file", FILES)
def test_files_are_sorted_so_that_changes_are_small(file: str) -> None:
    texts = list(translations.texts_of(file))
    assert texts == sorted(texts)


@pytest.mark.parametrize("source", ADDITIONS)
def test_a_new_text_is_found_however_it_is_said(source: str) -> None:
    folder = "engine" if source.startswith(("raise", "progress")) else "blender_addon"
    found = {each.text for each in texts_in(source, f"{folder}/made_up.py", tables={"TITLES"})}
    assert ADDITIONS[source] in found


def test_docstrings_logs_and_keys_are_not_taken_for_words() -> None:
    source = '"""Says a thing."""\n_log.error("It is bad.")\nname = {"a key": "b"}["a key"]\n'
    assert texts_in(source, "blender_addon/made_up.py") == []


def test_the_catalogue_has_the_names_that_blender_gives_the_languages() -> None:
    catalogue = translations.catalogue()
    assert {"ko_KR", "ja_JP", "zh_HANS"} <= set(catalogue)
    for context in ("*", "Operator", translations.CONTEXT):
        assert catalogue["ko_KR"][context, "Generate"] == "생성"


@pytest.fixture(scope="module")
def korean() -> Phrasebook:
    texts = translations.texts_of("ko")
    return Phrasebook(texts, texts.__getitem__)


def test_names_and_numbers_are_put_into_the_translation(korean: Phrasebook) -> None:
    said = korean.translated("my {odd}. cat.png has 12 frames; the first is used.")
    assert said == "my {odd}. cat.png: 프레임이 12개입니다. 첫 프레임을 사용합니다."


def test_several_sentences_are_translated_each_for_itself(korean: Phrasebook) -> None:
    said = korean.translated("The engine did not start. The engine ended by itself with exit code 3.")
    assert said == "엔진이 시작되지 않았습니다. 엔진이 스스로 종료되었습니다 (종료 코드 3)."


def test_what_fills_a_hole_is_translated_if_it_is_known(korean: Phrasebook) -> None:
    said = korean.translated("The worker crashed on a stack overflow during shape. It starts again.")
    assert "스택 오버플로" in said
    assert "형태" in said
    assert not re.search("[a-z]{2}", said)


def test_lists_of_sides_are_translated_and_file_names_are_not(korean: Phrasebook) -> None:
    views = "The views front, left do not fit one object: their outlines have different proportions."
    assert "앞, 왼쪽" in korean.translated(views)
    assert "front" in korean.translated("front is empty (0 bytes).")


@pytest.mark.parametrize("text", ["", "The engine sang a song.", "Ein Satz. Und noch einer!", "{", "a: b"])
def test_what_nobody_knows_stays_as_it_is(text: str, korean: Phrasebook) -> None:
    assert korean.translated(text) == text


def test_the_most_exact_pattern_is_taken() -> None:
    texts = {"The {thing} is full.": "1 {thing}", "The {thing} is full of {more}.": "2 {thing} {more}"}
    book = Phrasebook(texts, texts.__getitem__)
    assert book.translated("The jar is full of oil.") == "2 jar oil"
    assert book.translated("The jar is full.") == "1 jar"


@pytest.mark.parametrize("file", FILES)
def test_every_pattern_finds_its_own_texts(file: str) -> None:
    texts = translations.texts_of(file)
    book = Phrasebook(texts, texts.__getitem__)
    lost = []
    for text in texts:
        made = re.sub(r"\{\w+[^{}]*\}", "7", text)
        is_general = "{cause}" in text or "{exit_cause}" in text
        if (
            not is_general
            and re.search("[A-Za-z]{4}", re.sub("7", "", made))
            and book.translated(made) == made
        ):
            lost.append(made)
    assert not lost
