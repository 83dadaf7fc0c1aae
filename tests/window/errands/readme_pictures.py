"""The pictures of the README and of docs/blender.md: three models, one of them while it is made."""

from math import radians

import bpy
from artist import (
    JOB_LIMIT_S,
    PICTURES,
    choose_picture,
    clay,
    nothing_wrong,
    objects,
    open_panel,
    part,
    press,
    session,
)
from drive import until
from mathutils import Euler

HISTORY_BELOW_PX = 66  # below the button Generate
BESIDE = (("mug.png", 0.55, (-0.8, -0.1, 0.0)), ("mushroom.jpg", 0.7, (0.8, 0.25, 0.0)))


def scenario(window):
    yield from open_panel(window)
    part("preferences").preferences().tip_read = True
    for name in ("Cube", "Camera", "Light"):
        bpy.data.objects.remove(bpy.data.objects[name])
    for file, height, location in BESIDE:
        bpy.ops.maquette.generate(filepath=str(PICTURES / file), height=height, location=location)
    done = lambda: len(objects()) == len(BESIDE) and not session().jobs.open_models  # noqa: E731
    yield from until(done, "two models are there", JOB_LIMIT_S)
    space = window.viewport.spaces.active
    space.shading.type = "MATERIAL"
    view = space.region_3d
    view.view_rotation = Euler((radians(76), 0.0, radians(18))).to_quaternion()
    view.view_location, view.view_distance = (0.4, 0.0, 0.42), 3.5
    yield 8.0
    choose_picture("owl.png")
    yield 3.0
    place = yield from window.find_operator("maquette.generate")
    x = window.region().x + 60
    yield from window.hand.click(x, place[1] - HISTORY_BELOW_PX)
    yield 1.0
    yield from press(window, "maquette.generate")
    yield from until(clay, "its shape is there", JOB_LIMIT_S)
    yield from window.hand.move(*window.middle())
    yield 1.0
    yield from window.take_picture("progress")
    yield from until(lambda: not session().jobs.open_models and not clay(), "it is done", JOB_LIMIT_S)
    nothing_wrong()
    yield 6.0
    yield from window.take_picture("blender")
