"""Two Blenders share one engine: each sees the other's jobs; it stays until the last of them has gone."""

import os
import shutil
import subprocess
from pathlib import Path

from artist import JOB_LIMIT_S, generate, nothing_wrong, open_panel, servers, session, wait_for_result
from drive import check, until

SCREENS = 2
HERE = Path(__file__).parent


def scenario(window):
    other = yield from _start_other(window)
    out = window.out / "other"
    yield from until((out / "works").exists, "the other Blender's engine works", 60 + JOB_LIMIT_S)
    yield from open_panel(window)
    yield from until(lambda: session().is_ready, "the engine of the other one is found", 10)
    job = (out / "works").read_text()
    known = yield from until(lambda: session().jobs.get(job), "the other one's job is listed", 5)
    check(not known.is_ours, "as another's")
    yield from window.take_picture("1_both")

    yield from generate(window, "mug.png")
    ours = session().jobs.open_models[-1].job
    yield from wait_for_result(window)
    check(session().jobs.get(ours).is_landed, "each one's result lands with its owner")
    yield from until((out / "landed").exists, "the other one has its own", JOB_LIMIT_S)
    yield from window.take_picture("2_each_its_own")

    pids = servers()
    check(len(pids) == 1, f"there is one engine ({len(pids)})")
    (out / "leave").touch()
    yield from until(lambda: other.poll() is not None, "the other Blender ends", 20)
    check(other.returncode == 0, f"cleanly ({other.returncode})")
    yield 8.0
    check(servers() == pids and session().is_ready, "the engine that it had started stays for us")
    nothing_wrong()
    yield from generate(window, "owl.png")
    yield from until(lambda: not session().jobs.open_models, "and works", JOB_LIMIT_S)
    yield 1.0
    nothing_wrong()
    yield from window.take_picture("3_alone")


def _start_other(window):
    """A second Blender with a home of its own, on the right half of the screen."""
    out, home = window.out / "other", window.out.parent / "home-of-other"
    out.mkdir()
    shutil.copytree(os.environ["HOME"], home, symlinks=True)
    width, height = window.window.width, window.window.height
    folder = HERE.parent
    command = [
        *("blender", "--window-geometry", str(width), "0", str(width), str(height)),
        *("--enable-event-simulate", "--offline-mode", "--python-exit-code", "4"),
        *("--python-expr", f"import sys; sys.path.insert(0, {str(folder)!r}); import drive; drive.main()"),
        *("--", str(out), str(folder / "errands" / "other_blender.py"), "simulated"),
    ]
    with (window.out / "other.log").open("w") as log:
        other = subprocess.Popen(
            command, env={**os.environ, "HOME": str(home)}, stdout=log, stderr=subprocess.STDOUT
        )
    yield 0.0
    return other
