"""Sentences with names and numbers in them are translated by their pattern, whoever put them together."""

from bpy.app.translations import pgettext_iface as words


def translated(text: str) -> str:
    """`text` in the language of Blender's interface; as it is where no pattern of ours made it."""
    return words(text)
