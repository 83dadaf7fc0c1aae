"""Stage shape of the silhouette backend: outlines become a body.

Views along one axis (a front, with or without a back) are inflated; views along two or three are carved.
"""

from __future__ import annotations

import numpy as np

from engine.geometry.cameras import NAMED_VIEWS, Orthographic
from engine.geometry.hull import OutlinedView, align, carve, depth_axis
from engine.geometry.inflate import Inflation, inflate
from engine.geometry.mesh import Mesh
from engine.runner import Progress, Stage
from engine.settings import ShapeSettings
from engine.stages.values import Body, Subject

# sRGB luma (Rec. 709): good enough to tell bright from dark.
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def shape_silhouette(settings: ShapeSettings) -> Stage[tuple[Subject, ...], Body]:
    """The stage from subjects to a body; raises BadInput for views that contradict each other."""

    def work(subjects: tuple[Subject, ...], progress: Progress) -> Body:
        views = {subject.view: OutlinedView(subject.alphas, subject.box) for subject in subjects}
        if len({depth_axis(view) for view in views}) == 1:
            if len(views) > 1:
                align(views)  # only for its refusal of views that do not fit each other
            return _inflated(subjects, settings, progress)
        if settings.relief > 0:
            progress.note("Relief is for a single view and was left out: the views give the shape.")
        mesh, scaled = carve(views, settings.resolution, progress.step)
        cameras = {subject.view: _camera(subject, scaled.px_per_unit[subject.view]) for subject in subjects}
        return Body(mesh, cameras, subjects, scaled.extents)

    return Stage("shape", work)


def _inflated(subjects: tuple[Subject, ...], settings: ShapeSettings, progress: Progress) -> Body:
    first = subjects[0]
    how = Inflation(settings.depth, settings.flatness, settings.relief, settings.resolution)
    luminances = np.asarray(first.rgba[..., :3] @ (_LUMA / 255), np.float32)
    flat = inflate(first.alphas, luminances, first.box, how, progress.step)
    longest_px = first.box.longest_px
    camera = _camera(first, (longest_px, longest_px))
    # The body was made in the picture's own axes; the view says where those point.
    placed = Mesh((flat.vertices @ camera.basis).astype(np.float32), flat.faces)
    cameras = {first.view: camera}
    for other in subjects[1:]:
        scale = (
            other.box.width_px * longest_px / first.box.width_px,
            other.box.height_px * longest_px / first.box.height_px,
        )
        cameras[other.view] = _camera(other, scale)
    across = np.abs(camera.basis[0]) * first.box.width_px / longest_px
    upward = np.abs(camera.basis[1]) * first.box.height_px / longest_px
    x, y, z = (float(extent) or None for extent in across + upward)
    return Body(placed, cameras, subjects, (x, y, z))


def _camera(subject: Subject, px_per_unit: tuple[float, float]) -> Orthographic:
    azimuth_deg, elevation_deg = NAMED_VIEWS[subject.view]
    box = subject.box
    centre_px = ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
    height_px, width_px = subject.rgba.shape[:2]
    return Orthographic(azimuth_deg, elevation_deg, px_per_unit, centre_px, (width_px, height_px))
