"""The panel in each of its languages; the pictures are looked at by people who read them."""

import sys

import bpy
from artist import ADDON, choose_picture, generate, nothing_wrong, open_panel, part, session, wait_for_result
from drive import check

LANGUAGES = ("ko_KR", "ja_JP", "zh_HANS")
# Of each kind one: label, operator, pattern, a word that Blender itself means differently.
WORDS = (("*", "Set Up Engine"), ("Operator", "Set Up Engine"), ("*", "{time} left"), ("Maquette", "Engine"))
# As the engine sends it: two sentences with names in them.
FAULT = (
    "The subject of cat.png is only 12 x 40 pixels; one side needs 64.",
    "Use a picture in which the subject is larger and stands out from its background.",
)


def scenario(window):
    open_closed_panels()
    yield from open_panel(window)
    yield from generate(window)
    yield from wait_for_result(window)
    for language in LANGUAGES:
        speak(language)
        yield 1.0
        words = bpy.app.translations.pgettext_iface
        unsaid = [text for context, text in WORDS if words(text, context) == text]
        check(not unsaid, f"there is a word in {language} for {unsaid}")
        said = part("sentences").translated(" ".join(FAULT))
        check("cat.png" in said and not said.isascii(), f"the engine's words are translated: {said}")
        yield from window.take_picture(f"{language}_done")
        show_fault()
        choose_picture("mug.png")
        yield 1.5
        yield from window.take_picture(f"{language}_fault")
        session().clear_fault()
        for each in list(bpy.context.scene.objects):
            bpy.data.objects.remove(each)
        yield from generate(window, "mug.png")
        yield from window.take_picture(f"{language}_progress")
        yield from wait_for_result(window)
        nothing_wrong()
    yield from open_preferences(window)
    bpy.context.preferences.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = "Maquette"
    for language in LANGUAGES:
        speak(language)
        yield 1.0
        if language == LANGUAGES[0]:
            bpy.ops.preferences.addon_expand(module=ADDON)
        yield 1.5
        yield from window.take_picture(f"{language}_preferences")


def open_preferences(window):
    """Cuts the viewport in two and has the preferences in the smaller part."""
    area = window.viewport
    with bpy.context.temp_override(window=window.window, area=area, region=area.regions[0]):
        bpy.ops.screen.area_split(direction="VERTICAL", factor=0.45)
    yield 0.5
    views = [each for each in window.window.screen.areas if each.type == "VIEW_3D"]
    min(views, key=lambda each: each.width).type = "PREFERENCES"
    yield 0.5


def speak(language):
    """Has Blender speak a language."""
    view = bpy.context.preferences.view
    view.language = language
    view.use_translate_interface = view.use_translate_tooltips = True


def open_closed_panels():
    """Has all panels open, so that a picture shows them."""
    for panel in sys.modules[f"{ADDON}.panels"].CLASSES:
        if "DEFAULT_CLOSED" in getattr(panel, "bl_options", ()):
            bpy.utils.unregister_class(panel)
            panel.bl_options = set()
            bpy.utils.register_class(panel)


def show_fault():
    """Shows what the engine would say of a picture that is too small."""
    from importlib import import_module

    fault = import_module(f"{ADDON}.protocol.faults").Fault("bad_input", *FAULT, "choose_picture")
    session().fail(fault)
