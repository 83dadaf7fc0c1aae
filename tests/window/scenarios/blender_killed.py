"""Blender is killed during a job: at the next start the result is there and waits for a click."""

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
    if window.turn == 1:
        yield from generate(window)
        (window.out / "job").write_text(running_job().job)
        window.kill_blender()
    job = (window.out / "job").read_text()
    yield from until(
        lambda: (known := session().jobs.get(job)) and known.state in ("done", "taken"),
        "the engine is found again and has finished",
        JOB_LIMIT_S,
    )
    yield 2.0
    check(not objects(), "nothing falls into a file that did not ask for it")
    nothing_wrong()
    yield from window.take_picture("1_waits")
    yield from press(window, "maquette.insert_result")
    yield from until(textured, "it is inserted by a click", 20)
    check(textured()["maquette_job"] == job, "it is the job of before")
    yield from window.take_picture("2_inserted")
