"""Results that come while the artist edits, sculpts or renders wait in words, and land afterwards."""

import bpy
from artist import JOB_LIMIT_S, generate, nothing_wrong, objects, open_panel, part, session, textured
from drive import check, until


def scenario(window):
    yield from open_panel(window)
    bpy.context.scene.maquette.preset = "prototype"
    for number, mode in enumerate(("EDIT", "SCULPT"), 1):
        yield from _waits_in(window, mode, f"{number}_{mode.lower()}")
    yield from _waits_in_render(window)
    nothing_wrong()


def _waits_in(window, mode, name):
    active("Cube")
    with window.in_region("WINDOW"):
        bpy.ops.object.mode_set(mode=mode)
    job = yield from _ask(window)
    yield from _is_done(job)
    yield 1.5
    check(bpy.context.mode.startswith(mode), f"the artist is left in peace ({bpy.context.mode})")
    check(not objects(), "nothing is put into the scene meanwhile")
    hindrance = part("clock").running().movement.strip.hindrance
    check("Object Mode" in hindrance, f"the panel says why it waits ({hindrance})")
    yield from window.take_picture(f"{name}_waits")
    with window.in_region("WINDOW"):
        bpy.ops.object.mode_set(mode="OBJECT")
    yield from _lands(window, job, name)


def _waits_in_render(window):
    scene = bpy.context.scene
    active("Cube")
    scene.render.engine = "CYCLES"  # Workbench would be done in a moment
    scene.render.resolution_percentage = 25
    scene.render.threads_mode, scene.render.threads = "FIXED", 1
    scene.cycles.use_denoising = False  # Debian's 4.3 is built without
    scene.cycles.samples, scene.cycles.time_limit = 100_000, 90.0
    job = yield from _ask(window)
    yield from window.hand.move(*window.middle())
    yield from window.hand.key("F12")
    yield from until(_renders, "F12 renders", 20)
    yield from _is_done(job)
    yield 1.5
    check(_renders(), "the render goes on")
    check(not objects(), "nothing is put into the scene meanwhile")
    hindrance = part("clock").running().movement.strip.hindrance
    check("render" in hindrance, f"the panel says why it waits ({hindrance})")
    yield from window.take_picture("3_render_waits")
    yield from window.hand.key("ESC")
    yield from until(lambda: not _renders(), "Escape ends the render", 100)
    yield from _lands(window, job, "3_render")

    for other in list(bpy.context.window_manager.windows)[1:]:  # the render's
        with bpy.context.temp_override(window=other):
            bpy.ops.wm.window_close()
    scene.render.engine = "BLENDER_WORKBENCH"
    job = yield from _ask(window)
    yield from window.hand.move(*window.middle())
    yield from window.hand.key("F12")
    yield from _is_done(job)
    yield from _lands(window, job, "4_workbench")


def _ask(window):
    yield from generate(window)
    return session().jobs.open_models[-1].job


def _is_done(job):
    known = session().jobs
    yield from until(lambda: known.get(job).state in ("done", "taken"), "the engine is done", JOB_LIMIT_S)


def _lands(window, job, name):
    landed = yield from until(textured, "it lands", 20)
    check(landed["maquette_job"] == job, "it is the one that waited")
    check(not part("clock").running().movement.strip.hindrance, "the panel no longer says that it waits")
    yield from window.take_picture(f"{name}_landed")
    bpy.data.objects.remove(landed)
    yield 0.5


def _renders():
    return bpy.app.is_job_running("RENDER")


def active(name):
    for item in bpy.context.view_layer.objects:
        item.select_set(item.name == name)
    bpy.context.view_layer.objects.active = bpy.data.objects[name]
