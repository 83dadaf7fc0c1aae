"""One Ctrl-Z takes a result away, Ctrl-Shift-Z brings it back whole, the next job lands all the same."""

import bpy
from artist import generate, nothing_wrong, objects, open_panel, textured, wait_for_result
from drive import check, until


def scenario(window):
    yield from open_panel(window)
    yield from generate(window)
    result = yield from wait_for_result(window)
    name, n_triangles = result.name, len(result.data.polygons)
    yield 1.0

    yield from window.hand.move(*window.middle())
    yield from window.hand.key("Z", ctrl=True)
    yield from until(lambda: not objects(), "one Ctrl-Z removes it", 5)
    check("Cube" in bpy.context.scene.objects, "the cube that was there before is still there")
    collections = [each.name for each in bpy.context.scene.collection.children_recursive]
    check(collections == ["Collection"], f"its collection went with it ({collections})")
    yield from window.take_picture("1_undone")

    yield from window.hand.key("Z", ctrl=True, shift=True)
    yield from until(lambda: textured() and textured().name == name, "Ctrl-Shift-Z brings it back", 5)
    check(len(textured().data.polygons) == n_triangles, "with its mesh")
    check(
        any(
            (node.type == "TEX_IMAGE" and node.image.has_data) or node.type == "TEX_IMAGE"
            for node in textured().active_material.node_tree.nodes
        ),
        "with its texture",
    )
    yield from window.take_picture("2_redone")

    yield from window.hand.move(*window.middle())
    yield from window.hand.key("Z", ctrl=True)
    yield from until(lambda: not objects(), "it is gone again", 5)
    yield from generate(window, "mug.png")
    yield from wait_for_result(window)
    check(len(objects()) == 1, "the next result lands alone")
    nothing_wrong()
    yield from window.take_picture("3_next")
