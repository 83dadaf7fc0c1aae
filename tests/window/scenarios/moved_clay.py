"""The shape is renamed, parented and held in the hand by the artist while its texture arrives on it."""

import bpy
from artist import JOB_LIMIT_S, clay, generate, objects, open_panel, session, textured, wait_for_result
from drive import check, until


def scenario(window):
    yield from open_panel(window)
    yield from generate(window)
    yield from until(clay, "the shape is there", JOB_LIMIT_S)
    shape = clay()
    job = shape["maquette_job"]
    shape.name = "내 부엉이"
    shape.parent = bpy.data.objects["Cube"]
    shape.rotation_euler.z = 0.5

    # Held: G begins to move it, and the texture arrives meanwhile.
    yield from window.hand.move(*window.middle())
    yield from window.hand.key("G")
    yield from window.hand.key("X")
    yield from window.hand.type("2")
    moving = lambda: [operator.bl_idname for operator in window.window.modal_operators]  # noqa: E731
    window.note(modal=moving())
    yield from until(
        lambda: session().jobs.get(job).state in ("done", "taken"), "the engine is done", JOB_LIMIT_S
    )
    yield 2.0
    window.note(modal_at_arrival=moving(), textured_while_held=bool(textured()))
    yield from window.take_picture("1_held")
    yield from window.hand.key("RET")

    result = yield from wait_for_result(window)
    check(result["maquette_job"] == job and len(objects()) == 1, "the texture came to the same object")
    check(result.name == "내 부엉이", f"it kept its name ({result.name})")
    check(result.parent == bpy.data.objects["Cube"], "it kept its parent")
    check(abs(result.location.x - 2.0) < 1e-4, f"it stayed where it was put ({result.location.x:.4f})")
    check(abs(result.rotation_euler.z - 0.5) < 1e-6, "it kept its turn")
    yield from window.take_picture("2_textured")
