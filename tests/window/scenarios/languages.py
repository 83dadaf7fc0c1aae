"""The panel in each of its languages; the pictures are looked at by people who read them."""

import bpy
from artist import choose_picture, generate, open_panel, wait_for_result
from drive import check

LANGUAGES = ("ko_KR", "ja_JP", "zh_HANS")


def scenario(window):
    yield from open_panel(window)
    yield from generate(window)
    yield from wait_for_result(window)
    view = bpy.context.preferences.view
    for language in LANGUAGES:
        view.language = language
        view.use_translate_interface = view.use_translate_tooltips = True
        yield 1.0
        check(
            bpy.app.translations.pgettext_iface("Generate") != "Generate",
            f"Generate has a word in {language}",
        )
        yield from window.take_picture(f"{language}_done")
        choose_picture("mug.png")
        yield 1.5
        yield from window.take_picture(f"{language}_ready")
