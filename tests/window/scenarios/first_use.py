"""A picture becomes a textured object by one real click, and Blender stays free meanwhile."""

import time

import bpy
from artist import (
    JOB_LIMIT_S,
    choose_picture,
    clay,
    fault,
    nothing_wrong,
    open_panel,
    press,
    running_job,
    session,
    wait_for_result,
)
from drive import check, until

HAND = "real"


def scenario(window):
    window.stopwatch.phase = "starting"
    yield from open_panel(window)
    yield from window.take_picture("1_tab")
    bpy.data.objects.remove(bpy.data.objects["Cube"])  # it would stand around the owl
    choose_picture("owl.png")
    yield 2.0
    yield from window.take_picture("2_picture")
    nothing_wrong()

    window.stopwatch.phase = "working"
    clicked_s = time.perf_counter()
    yield from press(window, "maquette.generate")
    yield from until(running_job, f"the engine works ({fault()})", JOB_LIMIT_S)
    yield from window.take_picture("3_progress")
    yield from until(clay, "the shape is there", JOB_LIMIT_S)
    shape_s = time.perf_counter() - clicked_s
    yield from window.take_picture("4_shape")
    result = yield from wait_for_result(window)
    window.note(
        click_to_shape_s=round(shape_s, 2), click_to_result_s=round(time.perf_counter() - clicked_s, 2)
    )
    nothing_wrong()

    size = result.dimensions
    check(abs(size.z - 1.0) < 0.01, f"it is 1 m high ({size.z:.3f})")
    check(result.location.length < 1e-5, "it stands at the 3D cursor")
    check(abs(min(corner[2] for corner in result.bound_box)) < 1e-4, "its origin is at its base")
    check(
        bpy.context.view_layer.objects.active == result and result.select_get(), "it is selected and active"
    )
    check(len(result.users_collection[0].objects) == 1, "it has a collection of its own")
    window.note(
        triangles=len(result.data.polygons),
        provenance=[key for key in sorted(result.keys()) if key != "maquette_job"],
    )
    yield from window.take_picture("5_result")

    window.stopwatch.phase = "drawing"
    window.viewport.spaces.active.shading.type = "MATERIAL"
    with window.in_region("WINDOW"):
        bpy.ops.view3d.view_selected()
    yield 6.0  # a first Material Preview compiles its shaders
    yield from window.take_picture("6_material_preview")

    window.viewport.spaces.active.shading.type = "SOLID"
    yield 2.0
    window.stopwatch.phase = "idle"
    yield 6.0
    check(not session().jobs.open_models, "no job is open")
