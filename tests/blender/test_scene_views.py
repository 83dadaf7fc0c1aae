"""What is drawn over the view is plain values, and shading is switched only when asked."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.usefixtures("empty_file")


def test_a_box_stands_on_its_base_and_fills_from_below() -> None:
    from maquette.scene.overlay import Box

    box = Box(1, (1.0, 2.0, 3.0), 0.0, (2.0, 4.0, 6.0), 0.5)
    corners = box.corners()
    assert (corners[0], corners[6]) == ((0.0, 0.0, 3.0), (2.0, 4.0, 9.0))
    assert box.corners(0.5)[4] == (0.0, 0.0, 6.0)


def test_without_a_screen_nothing_is_registered() -> None:
    import bpy
    from maquette.scene.overlay import Box, Overlay

    overlay = Overlay()
    boxes = (Box(bpy.context.scene.session_uid, (0, 0, 0), 0.0, (1, 1, 1)),)
    overlay.show(boxes)
    assert overlay.boxes == boxes
    overlay.show(())
    assert overlay.boxes == ()


def test_the_tip_is_for_scenes_seen_only_in_solid_shading() -> None:
    import bpy
    from maquette.scene.shading import hides_textures, show_materials, solid_views

    views = [area for area in bpy.context.screen.areas if area.type == "VIEW_3D"]
    assert views
    for area in views:
        area.spaces.active.shading.type = "SOLID"
    assert hides_textures(bpy.context)
    assert show_materials(bpy.context) == len(list(views))
    assert not hides_textures(bpy.context)
    assert list(solid_views()) == []
    views[0].spaces.active.shading.type = "SOLID"
    views[0].spaces.active.shading.color_type = "TEXTURE"
    assert not hides_textures(bpy.context)
