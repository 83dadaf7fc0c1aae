"""A picture that is dropped into the viewport from outside asks for the quality, and goes."""

import bpy
from artist import JOB_LIMIT_S, PICTURES, nothing_wrong, open_panel, running_job, wait_for_result
from drive import check, until

HAND = "real"


def scenario(window):
    yield from open_panel(window)
    handlers = [
        handler for handler in bpy.types.FileHandler.__subclasses__() if "maquette" in handler.__module__
    ]
    check(handlers, "the add-on handles dropped files")
    for ending in (".png", ".jpg", ".jpeg", ".webp"):
        check(ending in handlers[0].bl_file_extensions.split(";"), f"it takes {ending}")

    yield from window.hand.drop(*window.middle(), str(PICTURES / "owl.png"))
    yield 1.0
    yield from window.take_picture("1_menu")  # Blender itself can make an image of it, so it asks who shall
    yield from window.hand.key("RET")
    yield 1.0
    yield from window.take_picture("2_dialog")
    yield from window.hand.key("RET")
    yield from until(running_job, "the engine works", JOB_LIMIT_S)
    yield from wait_for_result(window)
    nothing_wrong()
    yield from window.take_picture("3_result")
