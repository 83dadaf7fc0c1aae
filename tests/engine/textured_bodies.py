"""Bodies whose colour is known at every point of their surface: the truth that textures are held against.

They differ on purpose: smooth and hard, bulky and thin, few and many things in front of each other. Each lies
centred with its farthest vertex at a radius of 0.575, as the public Hunyuan3D-2 renderer places its meshes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import trimesh
from body_patterns import Colour, Floats, Label, edge, gyroid, mixed, noise, plain, stripes
from body_surfaces import Doubles, capsule, evenly, melted, meshed, swept, tube
from numpy.typing import NDArray
from shapes import joined, mesh_of

from engine.geometry.mesh import Mesh, volume

RADIUS = 0.575
# The reference's orthographic pictures show 1.2 units.
SHOWN = 1.2


@dataclass(frozen=True, eq=False)
class TexturedBody:
    """`colour` of points (K, 3) on the mesh and its smooth normals (K, 3) there is sRGB (K, 3) in [0, 1]."""

    name: str
    mesh: Mesh
    colour: Colour


@dataclass(frozen=True, eq=False)
class _Draft:
    """A mesh in any units, and its colour once it is known how fine detail may be in those units."""

    mesh: Mesh
    colour: Callable[[float], Colour]


@cache
def textured_body(name: str, n_faces: int = 40_000, size_px: int = 2048) -> TexturedBody:
    """The body of that name with about `n_faces`, its detail fit for views of `size_px`.

    The shortest wavelength is 3 pixels of a picture of half that size, in which textures are judged.
    """
    draft = _DRAFTS[name](n_faces)
    low, high = draft.mesh.bounds
    centre = (low + high) / 2
    scale = np.float32(np.linalg.norm(draft.mesh.vertices - centre, axis=1).max() / RADIUS)
    mesh = Mesh(((draft.mesh.vertices - centre) / scale).astype(np.float32), draft.mesh.faces)
    if volume(mesh) < 0:
        mesh = Mesh(mesh.vertices, np.ascontiguousarray(mesh.faces[:, ::-1]))
    finest = 3 * SHOWN / (size_px / 2)
    colour = draft.colour(float(finest * scale))
    return TexturedBody(
        name, mesh, lambda points, normals: np.clip(colour(points * scale + centre, normals), 0, 1)
    )


def names() -> tuple[str, ...]:
    return tuple(_DRAFTS)


# Organic bodies, through marching cubes.


def _blobs(n_faces: int) -> _Draft:
    """A heap of balls that run into each other, spotted."""
    random = np.random.default_rng(3)
    centres = random.uniform(-0.45, 0.45, (9, 3))
    radii = random.uniform(0.22, 0.4, 9)

    def distance(x: Doubles, y: Doubles, z: Doubles) -> Doubles:
        each = [
            np.sqrt((x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2) - r
            for (a, b, c), r in zip(centres, radii, strict=True)
        ]
        return melted(each, 0.12)

    def colour(finest: float) -> Colour:
        grain = noise(11, 0.8, finest)

        def at(points: Floats, normals: Floats) -> Floats:
            base = mixed(plain(points, (0.75, 0.45, 0.30)), (0.35, 0.55, 0.60), edge(points[:, 1], 1.4))
            base = mixed(base, (0.92, 0.86, 0.62), edge(gyroid(points, 0.31) - 0.022, finest))
            base = mixed(base, (0.22, 0.16, 0.20), 0.8 * edge(gyroid(points + 0.05, 0.13) - 0.014, finest))
            return base + 0.10 * grain(points)

        return at

    return _Draft(meshed(distance, 1.0, n_faces), colour)


_BONES = {
    "torso": ((0, 0.55, 0), (0, 1.05, 0), 0.2),
    "head": ((0, 1.5, 0.01), (0, 1.56, 0.01), 0.17),
    "neck": ((0, 1.15, 0), (0, 1.4, 0), 0.08),
    "arm_l": ((0.27, 1.15, 0), (0.42, 0.82, 0.12), 0.075),
    "fore_l": ((0.42, 0.82, 0.12), (0.12, 0.86, 0.38), 0.06),
    "arm_r": ((-0.27, 1.15, 0), (-0.52, 0.95, 0.0), 0.075),
    "fore_r": ((-0.52, 0.95, 0.0), (-0.56, 1.3, 0.18), 0.06),
    "leg_l": ((0.12, 0.5, 0), (0.15, 0.05, 0.05), 0.1),
    "leg_r": ((-0.12, 0.5, 0), (-0.2, 0.06, -0.16), 0.1),
    "foot_l": ((0.15, 0.0, 0.05), (0.18, -0.02, 0.2), 0.085),
    "foot_r": ((-0.2, 0.0, -0.16), (-0.26, -0.02, -0.02), 0.085),
}
_SKIN = ("head", "neck", "fore_l", "fore_r")


def _figure(n_faces: int) -> _Draft:
    """A person; one arm lies across the chest, one is raised beside the head, one leg is behind the other."""

    def distance(x: Doubles, y: Doubles, z: Doubles) -> Doubles:
        return melted([capsule(x, y, z, *bone) for bone in _BONES.values()], 0.05)

    def colour(finest: float) -> Colour:
        cloth, coarse = noise(21, 0.25, finest), noise(22, 1.2, 0.1, 24)

        def at(points: Floats, normals: Floats) -> Floats:
            x, y, z = points.T
            skin = np.min([capsule(x, y, z, *_BONES[name]) for name in _SKIN], axis=0)
            rest = np.min(
                [capsule(x, y, z, *bone) for name, bone in _BONES.items() if name not in _SKIN], axis=0
            )
            shirt = mixed(
                plain(points, (0.78, 0.22, 0.20)), (0.93, 0.90, 0.85), stripes(y, 0.11, 0.05, finest)
            )
            shirt = mixed(shirt, (0.15, 0.22, 0.45), edge(0.58 - y, finest))
            shirt = mixed(shirt, (0.25, 0.16, 0.10), edge(0.09 - y, finest))
            both = mixed(shirt, (0.86, 0.66, 0.55), edge(rest - skin, finest))
            hair = edge(y - 1.58 + 0.7 * (z - 0.05) + 0.02 * np.sin(25 * x), finest)
            both = mixed(both, (0.24, 0.15, 0.09), hair)
            front = edge(z - 0.1, finest)
            for place in (-0.06, 0.06):
                far = np.hypot(x - place, 1.3 * (y - 1.53))
                both = mixed(both, (0.97, 0.97, 0.97), front * edge(0.034 - far, finest))
                both = mixed(both, (0.10, 0.25, 0.40), front * edge(0.018 - far, finest))
            mouth = np.hypot(0.45 * x, y - 1.43 - 3 * x * x)
            both = mixed(both, (0.70, 0.20, 0.22), front * edge(0.014 - mouth, finest))
            return both + 0.07 * cloth(points) + 0.05 * coarse(points)

        return at

    return _Draft(meshed(distance, 1.0, n_faces, (0.0, 0.8, 0.1)), colour)


def _rock(n_faces: int) -> _Draft:
    """A boulder, rough at every scale; moss grows on what looks up."""
    levels = max(3, round(np.log(n_faces / 20) / np.log(4) + 0.3))
    ball = trimesh.creation.icosphere(subdivisions=levels, radius=1.0)
    points = np.asarray(ball.vertices, np.float32)
    spacing = float(np.sqrt(4 * np.pi / len(ball.faces)))
    heights = 0.10 * noise(31, 1.5, 0.2, 48, 1)(points) + 0.022 * noise(32, 0.3, 6 * spacing, 96, 1)(points)
    mesh = Mesh(
        (points * (1 + heights) * np.array([1, 0.7, 0.85])).astype(np.float32),
        np.asarray(ball.faces, np.int32),
    )

    def colour(finest: float) -> Colour:
        grain, tint = noise(33, 0.7, finest, 128), noise(34, 1.0, 0.15, 24)

        def at(points: Floats, normals: Floats) -> Floats:
            base = plain(points, (0.47, 0.43, 0.40)) + 0.07 * tint(points)
            veins = stripes(
                points @ np.float32([0.6, 0.7, 0.4]) + 0.04 * np.sin(9 * points[:, 0]), 0.37, 0.03, finest
            )
            base = mixed(base, (0.82, 0.80, 0.76), 0.8 * veins)
            moss = edge(normals[:, 1] - 0.55 + 0.1 * gyroid(points, 0.2) / 0.03, 0.5)
            return mixed(base, (0.30, 0.42, 0.16), 0.8 * moss) + 0.13 * grain(points)

        return at

    return _Draft(mesh, colour)


# Made things.


def _machine(n_faces: int) -> _Draft:
    """Boxes, tubes and rings stuck together, with panel lines, hazard stripes and labels."""
    fine = float(np.sqrt(24 / n_faces))
    box, cylinder, annulus = trimesh.creation.box, trimesh.creation.cylinder, trimesh.creation.annulus
    around_x = trimesh.transformations.rotation_matrix(np.pi / 2, [0, 1, 0])
    around_y = trimesh.transformations.rotation_matrix(np.pi / 2, [1, 0, 0])
    parts = [
        box(bounds=[(-0.8, -0.4, -0.5), (0.8, 0.25, 0.5)]),
        box(bounds=[(-0.5, 0.2, -0.4), (0.25, 0.6, 0.3)]),
        box(bounds=[(-0.62, -0.3, 0.45), (-0.2, 0.1, 0.72)]),
        annulus(0.17, 0.3, 0.24, sections=48).apply_translation((0.4, -0.08, 0.6)),
        annulus(0.12, 0.2, 0.3, sections=40).apply_transform(around_x).apply_translation((-0.9, 0.0, 0.1)),
        cylinder(0.13, 0.7, sections=40).apply_transform(around_y).apply_translation((0.52, 0.45, -0.1)),
        cylinder(0.06, 1.9, sections=32).apply_transform(around_x).apply_translation((0.0, -0.5, -0.3)),
        *(
            cylinder(0.22, 0.14, sections=40).apply_translation((x, -0.45, z))
            for x in (-0.55, 0.55)
            for z in (-0.55, 0.55)
        ),
    ]
    for part in parts:
        part.vertices, part.faces = trimesh.remesh.subdivide_to_size(part.vertices, part.faces, 3.2 * fine)
        part.merge_vertices(merge_norm=True, merge_tex=True)
    mesh = joined([mesh_of(part) for part in parts])

    def colour(finest: float) -> Colour:
        grime, patches = noise(41, 0.5, finest), noise(42, 1.0, 0.2, 24, 1)
        name, number = (
            Label.of(["MAQ-07", "KEEP OUT", "230V 50HZ"], 0.62, finest),
            Label.of(["42 R"], 0.5, finest),
        )

        def at(points: Floats, normals: Floats) -> Floats:
            x, y, z = points.T
            main = np.abs(normals).argmax(axis=1)
            base = mixed(plain(points, (0.82, 0.62, 0.14)), (0.36, 0.42, 0.46), edge(y - 0.27, finest))
            base = mixed(base, (0.30, 0.31, 0.33), edge(-0.3 - y, finest))
            hazard = stripes(x + y + z, 0.16, 0.08, finest) * edge(0.06 - np.abs(y + 0.22), finest)
            base = mixed(base, (0.08, 0.08, 0.09), hazard)
            for axis, pitch in enumerate((0.27, 0.21, 0.25)):
                # A line across a face that looks along its axis would cover all of it.
                line = stripes(points[:, axis] + 0.05, pitch, 0.012, finest) * (main != axis)
                base = mixed(base, (0.16, 0.15, 0.14), 0.85 * line)
            for axis, sign, across, place, text in (
                (2, 1, x, (0.0, 0.11), name),
                (0, 1, -z, (0.0, 0.08), number),
                (2, -1, -x, (0.1, 0.12), name),
                (1, 1, x, (-0.1, 0.0), name),
            ):
                up = -z if axis == 1 else y
                shown = (main == axis) & (normals[:, axis] * sign > 0)
                base = mixed(base, (0.95, 0.95, 0.93), text(across - place[0], up - place[1]) * shown)
            return base + 0.06 * grime(points) + 0.05 * patches(points)

        return at

    return _Draft(mesh, colour)


def _knot(n_faces: int) -> _Draft:
    """A trefoil of rope: every part of it hides another one."""
    n_around = max(12, int(np.sqrt(n_faces / 2 / 10)))
    t = np.linspace(0, 2 * np.pi, 10 * n_around, endpoint=False)
    path = np.stack(
        [np.sin(t) + 2 * np.sin(2 * t), np.cos(t) - 2 * np.cos(2 * t), -1.1 * np.sin(3 * t)], axis=1
    )
    mesh = swept(tube(path, 0.52, n_around), closed=True)

    def colour(finest: float) -> Colour:
        grain = noise(51, 2.0, finest)

        def at(points: Floats, normals: Floats) -> Floats:
            x, y, z = points.T
            angle = np.arctan2(y, x)
            radius = np.hypot(x, y)
            base = mixed(
                plain(points, (0.16, 0.42, 0.62)),
                (0.93, 0.93, 0.88),
                stripes(angle * 2.2, 0.55, 0.24, finest * 1.2),
            )
            base = mixed(base, (0.85, 0.34, 0.16), stripes(radius + 0.2 * z, 0.62, 0.2, finest))
            base = mixed(base, (0.96, 0.80, 0.25), edge(gyroid(points, 0.7) - 0.08, finest))
            return base + 0.09 * grain(points)

        return at

    return _Draft(mesh, colour)


def _cup(n_faces: int) -> _Draft:
    """A thin cup with a handle, glazed differently inside and out."""
    n = max(24, int(np.sqrt(n_faces / 2 / 1.2)))
    outer = np.array([(0.0, 0.0), (0.3, 0.0), (0.38, 0.05), (0.44, 0.4), (0.5, 0.9)])
    inner = np.array([(0.475, 0.9), (0.415, 0.4), (0.36, 0.08), (0.28, 0.03), (0.0, 0.03)])
    profile = evenly(np.concatenate([outer, inner]), n)[1:-1]
    turn = np.linspace(0, 2 * np.pi, int(1.2 * n), endpoint=False)
    rings = np.stack(
        [
            profile[:, :1] * np.sin(turn),
            np.broadcast_to(profile[:, 1:], (n - 2, len(turn))),
            profile[:, :1] * np.cos(turn),
        ],
        axis=-1,
    )
    t = np.linspace(-2.0, 2.0, n)
    bow = np.stack([0.42 + 0.28 * np.cos(t), 0.46 + 0.25 * np.sin(t), np.zeros(n)], axis=1)
    mesh = joined([swept(rings, closed=False), swept(tube(bow, 0.04, max(8, n // 6)), closed=False)])

    def colour(finest: float) -> Colour:
        glaze, wash = noise(61, 0.4, finest), noise(62, 0.8, 0.1, 24)

        def at(points: Floats, normals: Floats) -> Floats:
            x, y, z = points.T
            radius, angle = np.hypot(x, z), np.arctan2(x, z)
            middle = np.interp(y, [0, 0.06, 0.4, 0.9], [0.37, 0.375, 0.4275, 0.4875]).astype(np.float32)
            inside = edge(middle - radius, 0.5 * finest) * edge(y - 0.015, finest)
            out = mixed(
                plain(points, (0.20, 0.33, 0.58)),
                (0.90, 0.88, 0.80),
                stripes(y + 0.02 * np.sin(9 * angle), 0.15, 0.05, finest),
            )
            out = mixed(
                out, (0.86, 0.35, 0.25), edge(gyroid(points, 0.22) - 0.03, finest) * edge(y - 0.45, finest)
            )
            back = mixed(
                plain(points, (0.93, 0.87, 0.74)),
                (0.62, 0.44, 0.28),
                stripes(angle * 0.4, 0.21, 0.05, finest),
            )
            return mixed(out, back, inside) + 0.07 * glaze(points) + 0.04 * wash(points)

        return at

    return _Draft(mesh, colour)


def _leaf(n_faces: int) -> _Draft:
    """A bent leaf, about 1.5 % as thick as long: green above, pale below."""
    n = max(24, int(np.sqrt(n_faces / 2 / 1.4)))
    along = np.linspace(-1, 1, int(1.4 * n) + 2)[1:-1, None]
    around = np.linspace(0, 2 * np.pi, n, endpoint=False)[None]
    width = 0.5 * np.sqrt(1 - along**2) * (1 - 0.3 * along)

    def middle(x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.floating]:
        return 0.35 * y * y - 0.5 * x * x + 0.04 * np.sin(7 * y + 3 * x)

    x = width * np.cos(around)
    y = np.broadcast_to(along, x.shape)
    z = middle(x, y) + 0.014 * np.sin(around) * np.sqrt(1 - along**2)
    mesh = swept(np.stack([x, y, z], axis=-1), closed=False)

    def colour(finest: float) -> Colour:
        grain, wash = noise(71, 0.4, finest), noise(72, 1.0, 0.15, 24)

        def at(points: Floats, normals: Floats) -> Floats:
            x, y, z = points.T
            above = edge(z - middle(x, y).astype(np.float32), 0.5 * finest)
            vein = np.maximum(
                stripes(y - 0.9 * np.abs(x), 0.16, 0.014, finest), edge(0.012 - np.abs(x), finest)
            )
            top = mixed(plain(points, (0.20, 0.46, 0.17)), (0.75, 0.80, 0.42), vein)
            top = mixed(top, (0.62, 0.25, 0.12), edge(gyroid(points, 0.45) - 0.075, finest))
            under = mixed(plain(points, (0.72, 0.76, 0.58)), (0.45, 0.36, 0.25), vein)
            return mixed(under, top, above) + 0.08 * grain(points) + 0.05 * wash(points)

        return at

    return _Draft(mesh, colour)


_DRAFTS: dict[str, Callable[[int], _Draft]] = {
    "blobs": _blobs,
    "figure": _figure,
    "machine": _machine,
    "knot": _knot,
    "cup": _cup,
    "leaf": _leaf,
    "rock": _rock,
}
