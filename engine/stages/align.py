"""Stage align: each picture is laid over the mesh as its view sees it, and it is said how well it fits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.geometry.bake import facing
from engine.geometry.cameras import Orthographic
from engine.geometry.fit import Fit, fit_view
from engine.geometry.mesh import Mesh, vertex_components
from engine.geometry.outline import crisp
from engine.geometry.rasterise import rasterise
from engine.geometry.weld import broken_at_creases, flip, is_degenerate
from engine.meshfiles.scene import Scene
from engine.runner import Progress, Stage
from engine.stages.load_mesh import Up, turned
from engine.stages.mesh_values import Aimed, Bools, Ints, Sighted
from engine.stages.values import Body, Subject

# Proportions of outlines by hand or by a network differ by a few per cent; this much is said, and the last is
# another thing, or another side of it.
_TOLD, _LOUD, _MOST = 1.03, 1.15, 1.5
# Below this overlap of the outlines it is said that the picture hardly fits.
_LEAST_OVERLAP = 0.8
# Turning the mesh is proposed where it fits better by this much.
_BETTER = 0.05
_DOUBT = "Is the picture of this side of this mesh, upright? Can the mesh be turned (--up y or z)?"
_LOOK_PX = 384
# A face that shows its inside on at least this many pixels was meant to be seen from there.
_LEAST_PIXELS = 4


def align_views(up: Up) -> Stage[Sighted, Aimed]:
    """The stage from a mesh and its subjects to cameras; raises BadInput naming a view that does not fit."""

    def work(sighted: Sighted, progress: Progress) -> Aimed:
        loaded = sighted.loaded
        fits = {}
        for number, subject in enumerate(sighted.subjects):
            fits[subject.view] = _fitted(loaded.mesh, subject, up, progress)
            progress.step(number + 1, len(sighted.subjects) + 1)
        cameras = {view: fit.camera for view, fit in fits.items()}
        outer, inner = _pixels_seen(loaded.mesh, list(cameras.values()))
        turns = _inside_out(loaded.mesh, outer, inner)
        if turns.mean() > 0.01:
            progress.note(
                f"{turns.mean():.0%} of the faces look inwards; they are painted as if they looked outwards."
            )
        welded = Mesh(loaded.mesh.vertices, np.asarray(flip(loaded.mesh.faces, turns), np.int32))
        best = _best_seen(loaded.scene, loaded.placements, outer + inner, progress)
        painted = np.isin(loaded.placements, best)
        painted &= ~is_degenerate(welded.faces, welded.face_areas_normals[0])
        body = Body(broken_at_creases(welded), cameras, sighted.subjects)
        progress.step(len(sighted.subjects) + 1, len(sighted.subjects) + 1)
        return Aimed(loaded, body, welded, loaded.flipped ^ turns, painted, fits)

    return Stage("align", work)


def _fitted(mesh: Mesh, subject: Subject, up: Up, progress: Progress) -> Fit:
    fit = _fit(mesh, subject)
    away = fit.misfit
    view = subject.view
    aspects = (
        f"the picture is {fit.picture_aspect:.2f} as wide as high, the mesh from its {view} "
        f"{fit.mesh_aspect:.2f}"
    )
    if away > _MOST:
        raise BadInput(
            f"The {view} view does not fit the mesh: {aspects}.", remedy=_hint(mesh, subject, fit, up)
        )
    said = f"The picture was stretched by {away - 1:.0%}: {aspects}." if away > _TOLD else ""
    if fit.overlap < _LEAST_OVERLAP:
        said += f" Only {fit.overlap:.0%} of the outlines of picture and mesh are common."
    if away > _LOUD or fit.overlap < _LEAST_OVERLAP:
        said += f" {_hint(mesh, subject, fit, up)}"
    if said:
        progress.note(f"{view}: {said.strip()}")
    return fit


def _fit(mesh: Mesh, subject: Subject) -> Fit:
    alphas = crisp(subject.alphas)
    return fit_view(mesh, subject.view, np.asarray(alphas, np.float32), subject.box)


def _hint(mesh: Mesh, subject: Subject, fit: Fit, up: Up) -> str:
    """Whether the other `--up` would fit better, as a question or with its number."""
    other: Up = "y" if up == "z" else "z"
    back = mesh.vertices if up == "y" else mesh.vertices[:, [0, 2, 1]] * np.array([1, -1, 1], np.float32)
    tried = Mesh(np.asarray(turned(back, other), np.float32), mesh.faces)
    try:
        found = _fit(tried, subject)
    except BadInput:
        return _DOUBT
    is_better = found.overlap > fit.overlap + _BETTER or found.misfit * _LOUD < fit.misfit
    if is_better and found.misfit < _LOUD and found.overlap > _LEAST_OVERLAP + _BETTER:
        return f"Is the mesh turned? With --up {other} {found.overlap:.0%} of the outlines would be common."
    return _DOUBT


def _pixels_seen(mesh: Mesh, cameras: list[Orthographic]) -> tuple[Ints, Ints]:
    """For each face on how many pixels the cameras see its outside and its inside, (M,) each."""
    counts = np.zeros((2, len(mesh.faces)), np.int32)
    for camera in cameras:
        scale = _LOOK_PX / max(camera.size_px)
        width, height = (max(1, round(side * scale)) for side in camera.size_px)
        small = replace(
            camera,
            px_per_unit=(camera.px_per_unit[0] * scale, camera.px_per_unit[1] * scale),
            centre_px=(camera.centre_px[0] * scale, camera.centre_px[1] * scale),
            size_px=(width, height),
        )
        face_ids = rasterise(small.project(mesh.vertices), mesh.faces, height, width).face_ids
        pixels = np.bincount(face_ids[face_ids >= 0], minlength=len(mesh.faces))
        is_outside = facing(mesh, small)
        counts[0] += np.where(is_outside, pixels, 0).astype(np.int32)
        counts[1] += np.where(is_outside, 0, pixels).astype(np.int32)
    return counts[0], counts[1]


def _inside_out(mesh: Mesh, outer: Ints, inner: Ints) -> Bools:
    """The faces (M,) that wind the wrong way for those who look: parts as a whole, or single open walls."""
    part = vertex_components(mesh)[mesh.faces[:, 0]]
    shown, hidden = np.bincount(part, outer), np.bincount(part, inner)
    wrong = (hidden > 3 * shown)[part]
    if mesh.is_closed:
        return np.asarray(wrong)
    alone = (inner > outer) & (inner >= _LEAST_PIXELS)
    return np.asarray(np.where(wrong, ~((outer > inner) & (outer >= _LEAST_PIXELS)), alone))


def _best_seen(
    scene: Scene, placements: Ints, pixels: NDArray[np.int32], progress: Progress
) -> NDArray[np.intp]:
    """For each part the placement on which the views see most of it, the first of equals."""
    seen = np.bincount(placements, pixels, minlength=len(scene.placements))
    chosen: dict[int, int] = {}
    several: dict[str, None] = {}
    for number, placement in enumerate(scene.placements):
        if placement.part in chosen:
            several[scene.parts[placement.part].name] = None
        if placement.part not in chosen or seen[number] > seen[chosen[placement.part]]:
            chosen[placement.part] = number
    if several:
        names = ", ".join(repr(name) for name in list(several)[:4]) + (", ..." if len(several) > 4 else "")
        progress.note(
            f"Standing in the scene more than once, with one texture for all copies: {names}. It is painted "
            "as seen on the copy that the views show best."
        )
    return np.array(list(chosen.values()), np.intp)
