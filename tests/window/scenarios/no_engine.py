"""A computer without an engine, then with a wrong path to one: words and a button, and mending it goes on."""

import os

import bpy
from artist import (
    JOB_LIMIT_S,
    choose_picture,
    fault,
    objects,
    open_panel,
    part,
    press,
    running_job,
    session,
    wait_for_result,
)
from drive import check, until

ENGINE = "none"


def scenario(window):
    yield from open_panel(window)
    movement = part("clock").running().movement
    yield from until(lambda: not movement.has_engine, "it is noticed that there is no engine", 10)
    yield 0.5
    yield from window.take_picture("1_none")
    yield from window.find_operator("maquette.setup_engine")

    choose_picture("owl.png")
    yield 1.0
    check(not fault(), f"a picture alone asks for no engine, but: {fault()}")
    yield from press(window, "maquette.generate")
    yield from until(fault, "the panel says that there is no engine", 5)
    told = session().fault
    window.note(without=[told.code, told.message, told.remedy, told.action])
    yield from window.take_picture("2_generate_without")
    yield from press(window, "maquette.clear_error")
    yield from until(lambda: not fault(), "the message can be dismissed", 5)

    os.environ["MAQUETTE_ENGINE"] = "/nowhere/bin/python"
    yield from press(window, "maquette.generate")
    yield from until(fault, "the panel says that the engine is not there", 5)
    told = session().fault
    window.note(nowhere=[told.code, told.message, told.remedy, told.action])
    check("/nowhere/bin/python" in told.message, f"it names the path ({told.message})")
    yield from window.take_picture("3_nowhere")
    waiting = session().jobs.open_models
    window.note(jobs_that_wait=[job.name for job in waiting])
    check(not objects(), "nothing is in the scene")

    os.environ["MAQUETTE_ENGINE"] = os.environ["WINDOW_ENGINE"]
    yield 4.0  # it looks every few seconds
    yield from window.take_picture("4_mended")
    yield from press(window, "maquette.start_engine")
    yield from until(running_job, "the orders of before are done", JOB_LIMIT_S)
    yield from wait_for_result(window)
    yield from until(lambda: not session().jobs.open_models, "all of them", JOB_LIMIT_S)
    yield 1.0
    check(len(objects()) == len(waiting), f"each order became an object ({len(objects())} of {len(waiting)})")
    check(not fault(), "the message went by itself")
    bpy.ops.object.select_all(action="DESELECT")
    yield from window.take_picture("5_done")
