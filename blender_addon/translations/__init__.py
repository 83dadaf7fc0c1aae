"""No bpy. What the panel shows, in the languages that it is shown in; English is the code's own.

Each language is a file of data for translators: English and its translation, holes such as {name} in both.
"""

from __future__ import annotations

from pathlib import Path

# Blender's names for a language, of 4.2 to 5.2 and of systems that it follows, and the file that has it.
LOCALES = {
    "ko_KR": "ko",
    "ko": "ko",
    "ja_JP": "ja",
    "ja": "ja",
    "zh_HANS": "zh_HANS",
    "zh_CN": "zh_HANS",
    "zh_SG": "zh_HANS",
}
CONTEXT = "Maquette"  # for words that Blender itself translates to mean something else
_CONTEXTS = ("*", "Operator", CONTEXT)

Catalogue = dict[str, dict[tuple[str, str], str]]


def catalogue() -> Catalogue:
    """Blender's form of all translations: language, (context, English) and the text."""
    made: Catalogue = {}
    for file in dict.fromkeys(LOCALES.values()):
        texts = texts_of(file)
        entries = {(context, english): text for context in _CONTEXTS for english, text in texts.items()}
        made |= dict.fromkeys((locale for locale, name in LOCALES.items() if name == file), entries)
    return made


def texts_of(file: str) -> dict[str, str]:
    """The translations of one file, by their English."""
    import json

    path = Path(__file__).with_name(f"{file}.json")
    texts: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return texts
