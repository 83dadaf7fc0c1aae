"""Sentences with names and numbers in them are translated by their pattern, whoever put them together.

In English nothing is read and nothing compared.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

import bpy
from bpy.app.translations import pgettext_iface

from .translations import CONTEXT, LOCALES, texts_of

if TYPE_CHECKING:
    from .translations.patterns import Phrasebook


def words(text: str) -> str:
    """A text of the add-on's own in the language of the interface; Blender's own word for it comes second."""
    said = pgettext_iface(text, CONTEXT)
    return said if said != text else pgettext_iface(text)


def translated(text: str) -> str:
    """`text` in the language of Blender's interface; as it is where no pattern of ours made it."""
    locale = bpy.app.translations.locale
    if locale not in LOCALES or not text or not bpy.context.preferences.view.use_translate_interface:
        return text
    return _translated(text, locale)


@lru_cache(maxsize=256)  # a panel draws the same few sentences again and again
def _translated(text: str, locale: str) -> str:
    return _phrasebook(LOCALES[locale]).translated(text)


@cache
def _phrasebook(file: str) -> Phrasebook:
    from .translations.patterns import Phrasebook

    return Phrasebook(texts_of(file), words)
