"""A picture that is dropped into the viewport asks for the quality, and goes."""

import bpy
from artist import JOB_LIMIT_S, PICTURES, nothing_wrong, open_panel, running_job, wait_for_result
from drive import check, until


def scenario(window):
    yield from open_panel(window)
    handlers = [
        handler for handler in bpy.types.FileHandler.__subclasses__() if "maquette" in handler.__module__
    ]
    check(handlers, "the add-on handles dropped files")
    handler = handlers[0]
    for ending in (".png", ".jpg", ".webp"):
        check(ending in handler.bl_file_extensions.split(";"), f"it takes {ending}")
    with window.in_region("WINDOW"):
        check(handler.poll_drop(bpy.context), "it takes them in the viewport")
    group, _, name = handler.bl_import_operator.partition(".")
    operator = getattr(getattr(bpy.ops, group), name)

    # What Blender does on a drop: the operator is invoked with the folder and the files.
    yield from window.hand.move(*window.middle())
    with window.in_region("WINDOW"):
        operator("INVOKE_DEFAULT", directory=str(PICTURES) + "/", files=[{"name": "owl.png"}])
    yield 1.0
    yield from window.take_picture("1_dialog")
    yield from window.hand.key("RET")
    yield from until(running_job, "the engine works", JOB_LIMIT_S)
    yield from wait_for_result(window)
    nothing_wrong()
    yield from window.take_picture("2_result")
