"""The light is even and comes from the camera's side: what is rendered here may become a texture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import bpy
import numpy as np
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector

from scenes.paint import colour, plain
from scenes.png import shrink
from scenes.shapes import sheet

FILL = 0.84
"""Share of the picture's side that the subject's longer extent takes."""


def clear(width_px: int, height_px: int) -> None:
    """Leave nothing in the scene but the size of the picture, which framing needs to know."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    output = bpy.context.scene.render
    output.resolution_x, output.resolution_y, output.resolution_percentage = width_px, height_px, 100


def subject_points() -> np.ndarray:
    """Return the vertices (N, 3) of every mesh in the scene, in metres, with modifiers and placement."""
    bpy.context.view_layer.update()
    graph = bpy.context.evaluated_depsgraph_get()
    clouds = []
    for thing in bpy.context.scene.objects:
        if thing.type != "MESH":
            continue
        solid = thing.evaluated_get(graph)
        flat = np.empty(3 * len(solid.data.vertices), np.float32)
        solid.data.vertices.foreach_get("co", flat)
        matrix = np.array(solid.matrix_world)
        clouds.append(flat.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3])
    return np.concatenate(clouds)


def look(points: np.ndarray, azimuth_deg: float, elevation_deg: float, lens_mm: float = 85.0) -> None:
    """Put a perspective camera so that `points` (N, 3) lie in the middle and fill `FILL` of the picture.

    Azimuth 0 looks at the front (from -y); it grows towards the subject's own left (+x).
    """
    low, high = points.min(axis=0), points.max(axis=0)
    middle, size = (low + high) / 2, float(np.linalg.norm(high - low))
    camera = _camera(middle, size * lens_mm / 28, azimuth_deg, elevation_deg)
    camera.data.lens = lens_mm
    bpy.context.view_layer.update()
    scene = bpy.context.scene
    sample = points[:: max(1, len(points) // 20000)]
    seen = np.array([world_to_camera_view(scene, camera, Vector(p))[:2] for p in sample]) - 0.5
    zoom = FILL / float(np.ptp(seen, axis=0).max())
    camera.data.lens *= zoom  # a point's distance from the axis in the picture is proportional to the lens
    camera.data.shift_x, camera.data.shift_y = (zoom * (seen.max(axis=0) + seen.min(axis=0)) / 2).tolist()


def look_flat(points: np.ndarray, azimuth_deg: float) -> None:
    """Put an orthographic camera level with the middle of `points` (N, 3); one scale for every azimuth.

    The scale comes from the bounding box, so that views of one subject agree with each other.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    size = high - low
    camera = _camera((low + high) / 2, 4 * float(size.max()), azimuth_deg, 0.0)
    camera.data.type = "ORTHO"
    camera.data.ortho_scale = float(size.max()) / FILL


def aim(
    target: Sequence[float], distance_m: float, azimuth_deg: float, elevation_deg: float, lens_mm: float
) -> None:
    """Put a perspective camera at a distance from a target, without framing anything."""
    _camera(np.asarray(target, float), distance_m, azimuth_deg, elevation_deg).data.lens = lens_mm


def light(azimuth_deg: float = 0.0, around: float = 0.58, key: float = 1.0, reach_m: float = 6.0) -> None:
    """Light the scene softly: `around` from everywhere, a wide key and a wide fill from the camera's side.

    With the values as they are, a white surface that faces the camera comes out just below white. Lamps of an
    earlier call are taken away, so that every view of a turnaround is lit alike.
    """
    for lamp in [thing for thing in bpy.context.scene.objects if thing.type == "LIGHT"]:
        bpy.data.objects.remove(lamp)
    world = bpy.data.worlds.new("around")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (*colour("#fffaf2"), 1.0)
    world.node_tree.nodes["Background"].inputs["Strength"].default_value = around
    bpy.context.scene.world = world
    _lamp(azimuth_deg - 35, 38, 240 * key, "#fff3e2", reach_m)
    _lamp(azimuth_deg + 50, 12, 100 * key, "#eef4ff", reach_m)


def _lamp(azimuth_deg: float, elevation_deg: float, power_w: float, code: str, reach_m: float) -> None:
    data = bpy.data.lights.new("lamp", "AREA")
    data.shape, data.size, data.energy = "DISK", reach_m * 0.8, power_w * (reach_m / 6.0) ** 2
    data.color = colour(code)
    lamp = bpy.data.objects.new("lamp", data)
    bpy.context.collection.objects.link(lamp)
    _stand(lamp, np.zeros(3), reach_m, azimuth_deg, elevation_deg)


def backdrop(code: str, drop_m: float = 0.0) -> None:
    """Hang a seamless studio cloth of one colour: floor, soft bend, wall. Light makes it graded."""
    bend = np.linspace(-np.pi / 2, 0, 90)  # a quarter of a circle of 5 m
    line = [(-30.0, 0.0), *zip(2 + 5 * np.cos(bend), 5 + 5 * np.sin(bend), strict=True), (7.0, 40.0)]
    points = np.array([[(x, y, z + drop_m) for x in (-40.0, 40.0)] for y, z in line])
    sheet("cloth", points, plain(code, roughness=0.95))


def render(path: Path, samples: int, alpha: bool) -> None:
    """Render the scene with Cycles on the processor into `path`: PNG with alpha, or JPEG without."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = samples
    scene.cycles.adaptive_threshold, scene.cycles.adaptive_min_samples = 0.04, 8
    scene.cycles.use_denoising = True
    scene.cycles.max_bounces = 4
    scene.cycles.seed = 7
    scene.render.dither_intensity = 0.0  # dither is noise, and noise is most of a PNG
    scene.view_settings.view_transform = "Standard"
    scene.render.film_transparent = alpha
    image = scene.render.image_settings
    image.file_format = "PNG" if alpha else "JPEG"
    image.color_mode = "RGBA" if alpha else "RGB"
    image.compression, image.quality = 100, 90
    path.parent.mkdir(parents=True, exist_ok=True)
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    if alpha:
        shrink(path)


def _camera(
    target: np.ndarray, distance_m: float, azimuth_deg: float, elevation_deg: float
) -> bpy.types.Object:
    data = bpy.data.cameras.new("camera")
    data.clip_end = 1000.0
    camera = bpy.data.objects.new("camera", data)
    bpy.context.collection.objects.link(camera)
    _stand(camera, target, distance_m, azimuth_deg, elevation_deg)
    bpy.context.scene.camera = camera
    return camera


def _stand(
    thing: bpy.types.Object, target: np.ndarray, distance_m: float, azimuth_deg: float, elevation_deg: float
) -> None:
    a, e = np.radians([azimuth_deg, elevation_deg])
    away = Vector((np.sin(a) * np.cos(e), -np.cos(a) * np.cos(e), np.sin(e)))
    thing.location = Vector(target) + distance_m * away
    thing.rotation_euler = away.to_track_quat("Z", "Y").to_euler()
