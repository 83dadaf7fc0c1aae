"""Another Blender, told by its first word what to do.

`ask PICTURE` asks for a model and waits, `make PICTURE` has it made and leaves, `insert PICTURE` inserts what
waits and ends the engine. Each step is told on stdout as a line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

import bpy
from drawn import be_quick
from extension import MODULE, Addon, build_zip, install


def say(**facts: Any) -> None:
    """Tells what is so now."""
    print(json.dumps(facts, ensure_ascii=False), flush=True)  # noqa: T201 - it is read by a test


def leave(addon: Addon) -> NoReturn:
    """Tells what is in the scene and ends as Blender does."""
    say(objects=[item.name for item in bpy.data.objects])
    addon.disable()
    sys.stdout.flush()
    os._exit(0)  # bpy 4.2 may crash while it ends


def main(act: str, picture: Path) -> None:
    """Does as told."""
    addon = Addon(Path(os.environ["MAQUETTE_DATA"]))
    if act != "insert":
        install(build_zip(picture.parent), is_enabled=True)
    else:
        bpy.ops.preferences.addon_enable(module=MODULE)
    addon.until(lambda: addon.clock.is_warm)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    be_quick()
    if act == "ask":
        job = addon.generate(filepath=str(picture))
        addon.until(lambda: addon.job(job).state == "running")
        say(job=job)
        while True:
            addon.beat()
            time.sleep(0.01)
    if act == "make":
        addon.landed(addon.generate(filepath=str(picture)))
        leave(addon)
    addon.until(lambda: addon.session.jobs.waiting)
    say(
        waiting=[job.job for job in addon.session.jobs.waiting],
        objects=[item.name for item in bpy.data.objects],
        fault=addon.session.fault and addon.session.fault.message,
    )
    bpy.ops.maquette.insert_result()
    addon.until(lambda: bpy.data.objects and not addon.session.jobs.waiting)
    addon.until(lambda: all(item.data.materials for item in bpy.data.objects))
    addon.end_engine()
    leave(addon)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
