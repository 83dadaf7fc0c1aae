"""Cancel stops a job within seconds, and nothing of it is left in the scene."""

import time

import bpy
from artist import generate, nothing_wrong, objects, open_panel, press, running_job, session
from drive import check, until


def scenario(window):
    yield from open_panel(window)
    before = len(bpy.data.meshes), len(bpy.data.images)
    bpy.context.scene.maquette.texture_size = "8192"  # long enough to be cancelled
    yield from generate(window)
    job = running_job().job
    yield from window.take_picture("1_running")
    yield from press(window, "maquette.cancel", columns=(0.91,))
    clicked_s = time.perf_counter()
    yield from until(lambda: session().jobs.get(job).state == "cancelled", "the job is cancelled", 10)
    window.note(click_to_cancelled_s=round(time.perf_counter() - clicked_s, 2))
    yield 1.0
    yield from window.take_picture("2_cancelled")
    nothing_wrong()
    check(not [item for item in objects() if item.data.materials], "no textured object is left")
    window.note(
        before=before, after=(len(bpy.data.meshes), len(bpy.data.images)), left=[o.name for o in objects()]
    )

    bpy.context.scene.maquette.texture_size = "512"
    yield from window.find_operator("maquette.generate")
    yield from window.take_picture("3_ready_again")
