"""File > New during a job: nothing of it falls into the new file, and the result waits in the history."""

import bpy
from artist import (
    JOB_LIMIT_S,
    generate,
    nothing_wrong,
    objects,
    open_panel,
    press,
    running_job,
    session,
    textured,
)
from drive import check, until


def scenario(window):
    yield from open_panel(window)
    yield from generate(window)
    job = running_job().job
    bpy.ops.wm.read_homefile(app_template="")
    yield 1.0
    yield from window.open_tab("Maquette")
    yield from window.take_picture("1_new_file")
    yield from until(
        lambda: session().jobs.get(job).state in ("done", "taken"), "the engine is done", JOB_LIMIT_S
    )
    yield 2.0
    check(not objects(), "nothing fell into the new file by itself")
    nothing_wrong()
    yield from window.take_picture("2_waits")
    yield from press(window, "maquette.insert_result")
    yield from until(textured, "it is inserted by a click", 20)
    check(textured()["maquette_job"] == job, "it is the job of before")
    yield from window.take_picture("3_inserted")
