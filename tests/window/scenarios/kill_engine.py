"""The worker and the server are killed while they work: the panel says so, and one click or none goes on."""

import os
import signal

from artist import (
    fault,
    generate,
    open_panel,
    running_job,
    servers,
    session,
    textured,
    wait_for_result,
    workers,
)
from drive import check, until


def scenario(window):
    yield from open_panel(window)
    yield from generate(window)
    job = running_job().job

    pids = yield from until(workers, "there is a worker")
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    yield from until(
        lambda: set(workers()) - set(pids) or session().news or fault(), "the death was noticed", 15
    )
    yield 0.5
    yield from window.take_picture("1_worker_killed")
    window.note(after_worker=[session().news, fault()])

    yield from until(running_job, "the job runs again", 60)
    pids = servers()
    check(pids, "there is a server")
    for pid in pids + workers():
        os.kill(pid, signal.SIGKILL)
    yield from until(lambda: not session().is_ready, "the loss of the server was noticed", 20)
    yield 0.5
    yield from window.take_picture("2_server_killed")
    window.note(after_server=[session().news, fault(), session().connection.phase])

    if not (yield from _comes_back()):
        # Not by itself: then by the button that mends it.
        place = yield from window.find_operator("maquette.start_engine")
        yield from window.hand.click(*place)
    result = yield from wait_for_result(window)
    check(result["maquette_job"] == job, "the very job that was interrupted has landed")
    window.note(servers=len(servers()), workers=len(workers()))
    check(len(servers()) == 1, "there is one server")
    yield from window.take_picture("3_recovered")


def _comes_back(limit_s=25.0):
    try:
        yield from until(lambda: session().is_ready or textured(), "it comes back", limit_s)
    except AssertionError:
        return False
    return True
