"""A stuffed owl with a knitted scarf: one turned body, everything else is sewn on."""

from __future__ import annotations

from functools import partial

import numpy as np

from scenes.paint import colour, mix, painted, plain, scales, step
from scenes.shapes import Points, ball, curve, lathe, place, tube

CREAM, NIGHT = "#f2e3c9", "#2c3f52"
PROFILE = [
    (0.0, 0.05), (0.34, 0.06), (0.6, 0.2), (0.73, 0.5), (0.71, 0.82), (0.6, 1.08), (0.57, 1.2),
    (0.63, 1.36), (0.67, 1.53), (0.61, 1.74), (0.42, 1.9), (0.18, 1.95), (0.0, 1.96),
]  # fmt: skip
EYES = ((-0.27, 1.53), (0.27, 1.53))


def build() -> None:
    """Put the owl at the origin, 2 m tall, facing -y."""
    wool = painted(roughness=0.9)
    lathe("body", PROFILE, wool, _body_colour, _body_shape, detail=(900, 700))
    for side in (-1, 1):
        _eye(side)
        _wing(side)
        _foot(side)
    beak = plain("#f2a33a", roughness=0.4, coat=0.4)
    place(ball("beak", (0.085, 0.13, 0.15), beak, warp=_beak_shape), (0, -0.6, 1.41), (-12, 0, 0))
    place(ball("tail", (0.3, 0.1, 0.36), wool, _tail_colour, detail=(300, 300)), (0, 0.62, 0.3), (38, 0, 0))
    _scarf()


def _feathers(p: Points) -> tuple[Points, Points, Points]:
    angle = np.arctan2(p[..., 0], -p[..., 1])
    return scales(angle * 24 / (2 * np.pi), (2.0 - p[..., 2]) / 0.125)


def _in_face(p: Points) -> Points:
    """Return 1 on the two pale discs around the eyes, 0 elsewhere."""
    near = np.min([np.hypot(p[..., 0] - x, p[..., 2] - z) for x, z in EYES], axis=0)
    return step(0.375, 0.365, near) * (p[..., 1] < 0)


def _in_belly(p: Points) -> Points:
    oval = np.hypot(p[..., 0] / 0.47, (p[..., 2] - 0.52) / 0.56)
    return step(1.01, 0.99, oval) * (p[..., 1] < 0)


def _body_colour(p: Points) -> Points:
    height, middle, own = _feathers(p)
    back = mix(colour("#3f7f86"), colour("#5fa3a3"), own)
    back = mix(back, colour("#9fd0c4"), step(0.16, 0.08, height))
    back = mix(back, colour("#2c6069"), step(0.85, 1.25, height) * 0.7)
    belly = mix(
        colour(CREAM), colour("#d9925f"), step(0.02, -0.02, height - 0.2 * np.cos(np.pi * middle) ** 0.5)
    )
    belly = mix(belly, colour("#d8c2a0"), step(0.95, 1.3, height) * 0.6)
    near = np.min([np.hypot(p[..., 0] - x, p[..., 2] - z) for x, z in EYES], axis=0)
    nearer_x, nearer_z = np.where(p[..., 0] < 0, EYES[0][0], EYES[1][0]), EYES[0][1]
    ray = np.arctan2(p[..., 2] - nearer_z, p[..., 0] - nearer_x)
    spokes = np.abs(np.mod(ray * 14 / np.pi, 1) - 0.5)
    face = mix(colour(CREAM), colour("#e0bf95"), step(0.16, 0.06, spokes) * step(0.22, 0.3, near))
    face = mix(face, colour("#b9774c"), step(0.338, 0.35, near))
    cheek = np.hypot(np.abs(p[..., 0]) - 0.44, (p[..., 2] - 1.35) * 1.2)
    face = mix(face, colour("#f09a86"), step(0.13, 0.03, cheek) * 0.8)
    return mix(mix(back, belly, _in_belly(p)), face, _in_face(p))


def _body_shape(p: Points) -> Points:
    height, _, _ = _feathers(p)
    out = p / np.maximum(np.linalg.norm(p[..., :2], axis=-1), 0.05)[..., None] * [1, 1, 0]
    lift = (1 - step(0.0, 1.0, height)) * 0.02 * (1 - _in_face(p)) * step(1.93, 1.7, p[..., 2])
    q = (p + out * lift[..., None]) * [1.0, 0.88, 1.0]
    for x in (-0.43, 0.43):  # the tufts above the eyes, drawn out of the head
        pull = np.exp(-(((q[..., 0] - x) / 0.15) ** 2) - (q[..., 1] / 0.22) ** 2) * step(1.55, 1.9, q[..., 2])
        q = q + pull[..., None] * np.array([0.3 * x, 0.0, 0.34])
    return q


def _eye(side: int) -> None:
    def paint(p: Points) -> Points:
        off = np.arccos(np.clip(-p[..., 1], -1, 1))
        angle = np.arctan2(p[..., 2], p[..., 0])
        iris = mix(colour("#f7b733"), colour("#d9731a"), 0.5 + 0.5 * np.sin(angle * 26) * step(0.5, 0.8, off))
        ball_colour = mix(iris, colour("#0b0d12"), step(0.6, 0.58, off))
        ball_colour = mix(ball_colour, colour("#5a3416"), step(0.93, 0.96, off))
        return mix(ball_colour, colour("#2a1c14"), step(1.1, 1.12, off))

    x, z = EYES[0] if side < 0 else EYES[1]
    glass = painted(roughness=0.3, coat=0.1)
    place(
        ball("eye", (0.205, 0.12, 0.205), glass, paint, detail=(500, 300)), (x, -0.53, z), (0, 0, side * 16)
    )
    shine = plain("#ffffff", roughness=0.3, glow=0.5)
    place(ball("shine", (0.04, 0.02, 0.048), shine), (x + 0.045, -0.645, z + 0.07), (-20, 0, side * 16))
    place(ball("shine", (0.018, 0.012, 0.02), shine), (x - 0.04, -0.648, z - 0.055), (15, 0, side * 16))


def _beak_shape(p: Points) -> Points:
    narrow = 0.35 + 0.65 * step(-1.0, 0.5, p[..., 2])
    hook = -0.25 * step(0.2, -1, p[..., 2])
    return np.stack([p[..., 0] * narrow, p[..., 1] * narrow - 0.2 * hook, p[..., 2]], -1)


def _wing(side: int) -> None:
    def pattern(p: Points) -> tuple[Points, Points, Points]:
        return scales(p[..., 1] * 2.6 + 0.25, (1 - p[..., 2]) * 3.2)

    def paint(p: Points) -> Points:
        height, middle, own = pattern(p)
        drop = 1 - p[..., 2]
        rows = mix(colour("#2f6b78"), colour("#3d8790"), own)
        rows = mix(rows, colour("#e8b04a"), step(0.63, 0.64, drop) * step(0.94, 0.93, drop))
        rows = mix(rows, mix(colour(NIGHT), colour("#3b5670"), own), step(0.93, 0.94, drop))
        rows = mix(rows, colour("#a9d6cb"), step(0.16, 0.08, height) * 0.8)
        quill = step(0.05, 0.025, np.abs(middle)) * step(0.25, 0.4, height)
        return mix(mix(rows, colour("#1f3547"), quill * 0.5), colour("#1d3a45"), step(1.0, 1.3, height) * 0.6)

    def shape(p: Points) -> Points:
        height, _, _ = pattern(p)
        width = 0.25 + 0.75 * np.sqrt(step(-1.15, 0.35, p[..., 2]))
        sweep = 0.45 * step(0.3, -1, p[..., 2])
        thick = 1 + 0.16 * (1 - step(0, 1, height))
        return np.stack([p[..., 0] * thick, p[..., 1] * width + sweep, p[..., 2]], -1)

    wool = painted(roughness=0.85)
    wing = ball("wing", (0.12, 0.36, 0.56), wool, paint, shape, detail=(500, 500))
    place(wing, (side * 0.73, 0.02, 0.7), (6, -side * 7, -side * 8))


def _foot(side: int) -> None:
    skin = plain("#ef9a3c", roughness=0.6)
    for toe in (-1, 0, 1):
        thing = ball("toe", (0.085, 0.17, 0.085), skin)
        place(thing, (side * 0.29 + toe * 0.125, -0.56 + 0.03 * abs(toe), 0.075), (0, 0, toe * 22))


def _tail_colour(p: Points) -> Points:
    height, _, own = scales(p[..., 0] * 2.5, (1 - p[..., 2]) * 2.2)
    return mix(mix(colour(NIGHT), colour("#3f7f86"), own), colour("#9fd0c4"), step(0.16, 0.08, height))


def _knit(u: Points, v: Points, rows: float) -> Points:
    """Return how high the yarn stands, 0 to 1: columns of stitches, each a V."""
    a = np.abs(np.mod(v * 12 / (2 * np.pi), 1) - 0.5)
    return np.sqrt(np.abs(np.sin(np.pi * (u * rows + 1.1 * a)))) * (1 - (2 * a) ** 5)


def _scarf() -> None:
    def paint(u: Points, v: Points, rows: float, ends: bool) -> Points:
        yarn = np.broadcast_to(colour("#e8604c"), (*u.shape, 3))
        if ends:
            yarn = mix(yarn, colour("#fbe3bf"), step(0.55, 0.56, u) * step(0.66, 0.65, u))
            yarn = mix(yarn, colour("#fbe3bf"), step(0.75, 0.76, u) * step(0.86, 0.85, u))
        return yarn * (0.55 + 0.45 * _knit(u, v, rows))[..., None]

    def relief(u: Points, v: Points, rows: float) -> Points:
        return 0.016 * _knit(u, v, rows)

    wool = painted(roughness=0.95)
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    ring = np.stack([0.575 * np.sin(turn), -0.525 * np.cos(turn), 1.17 - 0.05 * np.cos(turn)], axis=1)
    tube("scarf", ring, 0.125, wool, closed=True, paint=partial(paint, rows=90, ends=False),
         relief=partial(relief, rows=90), detail=(1500, 160))  # fmt: skip
    for shift, foot, y in ((0.0, 0.56, -0.70), (0.17, 0.68, -0.665)):
        path = [
            (0.2, -0.58, 1.15),
            (0.24 + shift / 2, -0.67, 1.02),
            (0.24 + shift, y, 0.85),
            (0.25 + shift, y, foot),
        ]
        tube("end", path, 0.105, wool, flat=0.42, paint=partial(paint, rows=24, ends=True),
             relief=partial(relief, rows=24), detail=(600, 160))  # fmt: skip
    knot = curve([(0.2, -0.62, 1.24), (0.23, -0.72, 1.15), (0.22, -0.66, 1.04)], 5)
    tube("knot", knot, 0.115, wool, flat=0.9, paint=partial(paint, rows=9, ends=False),
         relief=partial(relief, rows=9), detail=(300, 160))  # fmt: skip
