"""What the panel shows, in the languages that it is shown in; English is the code's own."""


def catalogue() -> dict[str, dict[tuple[str, str], str]]:
    """Blender's form of all translations: language, (context, English) and the text."""
    return {}
