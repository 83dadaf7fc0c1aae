"""The robot among everything that a hobbyist leaves on a desk: the hardest cut-out of these pictures."""

from __future__ import annotations

import numpy as np

from scenes import mug, robot
from scenes.paint import colour, mix, painted, plain, step
from scenes.shapes import Points, ball, block, group, lathe, place, plate, sheet, tube

WOODS = ("#a8703f", "#b57c49", "#9c6537", "#ad7643")
BOOKS = ("#3d6b8f", "#c9503f", "#e0a93b", "#4f8a5b", "#7d5a94", "#d98a52", "#2f4858", "#b7c4b1", "#a33b4f")


def build() -> None:
    """Put the robot at the origin on a desk whose top is z = 0; the wall stands at y = 2.6."""
    robot.build()
    _room()
    _shelf()
    _left()
    _right()
    _front()


def _room() -> None:
    for i in range(9):
        wood = plain(WOODS[i % 4], roughness=0.6, grain=0.25, grain_size=4)
        place(block("board", (12, 0.62, 0.2), 0.015, wood), (0, -2.7 + 0.63 * i, -0.1))
    x, z = np.meshgrid(np.linspace(-6, 6, 1400), np.linspace(-1, 6, 800), indexing="ij")
    stripe = step(0.02, 0.0, np.abs(np.mod(x / 0.6, 1) - 0.5) - 0.24)
    paper = mix(np.broadcast_to(colour("#e9d9b8"), (*x.shape, 3)), colour("#d3dcc0"), stripe)
    u, v = (
        np.mod(x / 0.3 + 0.5, 1) - 0.5,
        np.mod(z / 0.45 + 0.5 * np.mod(np.floor(x / 0.3 + 0.5), 2), 1) - 0.5,
    )
    paper = mix(paper, colour("#c98f6b"), step(0.02, 0.0, np.abs(u) + 0.8 * np.abs(v) - 0.11))
    sheet("wall", np.stack([x, np.full_like(x, 2.6), z], -1), painted(roughness=0.95), paper)
    for i, (px, pz, lean, paint) in enumerate(
        ((-0.75, 1.6, 4, _sea), (0.95, 1.35, -5, _sun), (2.75, 3.35, 3, _sea), (-2.9, 1.3, -3, _sun))
    ):
        a, b = np.meshgrid(np.linspace(-1, 1, 160), np.linspace(-1, 1, 200), indexing="ij")
        frame = plain(("#5a3d2b", "#f2e8d5", "#2f4858", "#c9503f")[i], roughness=0.6)
        place(block("frame", (0.98, 0.08, 1.18), 0.03, frame), (px, 2.55, pz), (0, lean, 0))
        picture = sheet(
            "picture", np.stack([0.42 * a, 0 * a, 0.52 * b], -1), painted(roughness=0.8), paint(a, b)
        )
        place(picture, (px, 2.505, pz), (0, lean, 0))


def _sea(a: Points, b: Points) -> Points:
    picture = mix(colour("#f6c28b"), colour("#7fb7d6"), step(-0.2, 1, b))
    picture = mix(picture, colour("#e4572e"), step(0.3, 0.28, np.hypot(a - 0.2, 1.2 * (b - 0.15))))
    return mix(picture, colour("#2a6f97"), step(-0.2, -0.22, b + 0.05 * np.sin(9 * a)))


def _sun(a: Points, b: Points) -> Points:
    rays = 0.5 + 0.5 * np.sign(np.sin(9 * np.arctan2(b + 0.2, a)))
    picture = mix(colour("#5c8d89"), colour("#f4d58d"), rays)
    return mix(picture, colour("#bf4342"), step(0.42, 0.4, np.hypot(a, 1.2 * (b + 0.2))))


def _books(chance: np.random.Generator, start_m: float, count: int, base_m: float, y: float) -> float:
    """Stand books side by side from x = `start_m`; return where the row ends."""
    x = start_m
    for _ in range(count):
        thick, tall = chance.uniform(0.1, 0.24), chance.uniform(0.72, 1.05)
        code = BOOKS[chance.integers(len(BOOKS))]
        lean = chance.choice([0, 0, 0, 4])
        spine = place(
            block("book", (thick, 0.62, tall), 0.02, plain(code, roughness=0.7)),
            (x + thick / 2, y, base_m + tall / 2),
            (0, lean, 0),
        )
        for part in (0.12, 0.2, 0.85):
            band = block("band", (thick * 1.02, 0.63, 0.035), 0.008, plain("#f0deb4", roughness=0.6))
            place(band, (x + thick / 2, y, base_m + tall * part), (0, lean, 0))
        x = spine.matrix_world.translation.x + thick / 2 + 0.012
    return x


def _shelf() -> None:
    wood = plain("#8a5a36", roughness=0.6, grain=0.25, grain_size=4)
    place(block("shelf", (9, 0.8, 0.1), 0.02, wood), (0, 2.2, 2.5))
    chance = np.random.default_rng(4)
    for start, count in ((-3.6, 6), (-1.5, 5), (1.45, 8)):
        _books(chance, start, count, 2.55, 2.2)
    globe = painted(roughness=0.4, coat=0.2)

    def lands(p: Points) -> Points:
        wave = (
            np.sin(5 * p[..., 0] + 2)
            + np.sin(6 * p[..., 1] + 3 * p[..., 2])
            + np.sin(7 * p[..., 2] + 4 * p[..., 0])
        )
        return mix(np.broadcast_to(colour("#5aa9c9"), p.shape), colour("#8fb95f"), step(0.3, 0.36, wave))

    place(ball("globe", (0.4,) * 3, globe, lands, detail=(300, 200)), (0.45, 2.1, 3.12), (20, 0, 30))
    foot = [(0.28, 0), (0.28, 0.04), (0.05, 0.1), (0.05, 0.2)]
    place(lathe("foot", foot, plain("#c9953d", roughness=0.4, coat=0.2)), (0.45, 2.1, 2.55))
    for i in range(17):
        x = -4 + 0.5 * i
        z = 2.42 - 0.18 * np.sin(np.pi * np.mod(i / 8, 1))
        flag = plain(BOOKS[(i * 4) % 9], roughness=0.9)
        place(plate("flag", [(-0.2, 0), (0, -0.36), (0.2, 0)], 0.012, 0.002, flag), (x, 1.76, z))


def _plant(at: tuple[float, float, float], scale: float, pot_code: str, seed: int) -> None:
    chance = np.random.default_rng(seed)
    pot = [(0, 0), (0.26, 0), (0.34, 0.45), (0.4, 0.46), (0.41, 0.56), (0.35, 0.57), (0.33, 0.5), (0, 0.5)]
    parts = [lathe("pot", pot, plain(pot_code, roughness=0.7))]
    greens = [plain(code, roughness=0.6, coat=0.1) for code in ("#3f7d4e", "#5a9a58", "#2f6b4f")]
    for i in range(26):
        a, reach, rise = chance.uniform(0, 2 * np.pi), chance.uniform(0.2, 0.6), chance.uniform(0.35, 1.1)
        tip = (reach * np.cos(a), reach * np.sin(a), 0.5 + rise * 0.8)
        stem = [(0, 0, 0.45), (0.4 * tip[0], 0.4 * tip[1], 0.5 + 0.6 * rise), tip]
        parts.append(tube("stem", stem, 0.016, greens[2], detail=(24, 8)))
        leaf = ball("leaf", (0.24, 0.1, 0.02), greens[i % 3], detail=(40, 24))
        parts.append(place(leaf, tip, (chance.uniform(-30, 30), chance.uniform(0, 45), np.degrees(a))))
    place(group(parts), at, scale=scale)


def _jar(at: tuple[float, float, float]) -> None:
    glass = [(0, 0), (0.3, 0), (0.32, 0.05), (0.32, 0.72), (0.345, 0.76), (0.3, 0.76), (0.29, 0.1), (0, 0.1)]

    def band(p: Points) -> Points:
        inside = step(0.02, 0, np.abs(p[..., 2] - 0.4) - 0.16)
        return mix(np.broadcast_to(colour("#f4ecd8"), p.shape), colour("#3f7cac"), inside)

    parts = [lathe("jar", glass, painted(roughness=0.4, coat=0.2), band)]
    for i, code in enumerate(("#e0533d", "#f2b632", "#3d8f6b", "#4a6fb5", "#d9709a", "#7d5a94", "#e58a3c")):
        a = 2 * np.pi * i / 7
        low, high = (
            np.array([0.12 * np.cos(a), 0.12 * np.sin(a), 0.15]),
            np.array([0.3 * np.cos(a), 0.26 * np.sin(a), 1.2 + 0.1 * (i % 3)]),
        )
        nib = high + 0.1 * (high - low)
        parts.append(
            tube("pencil", [low, (low + high) / 2, high], 0.045, plain(code, roughness=0.5), detail=(40, 8))
        )
        parts.append(
            tube(
                "wood",
                [high - 0.02 * (high - low), high, nib],
                lambda t: 0.044 * (1 - t) + 0.004,
                plain("#e8c99a"),
                detail=(30, 12),
            )
        )
    place(group(parts), at)


def _left() -> None:
    chance = np.random.default_rng(9)
    z = 0.0
    for i in range(5):
        tall = chance.uniform(0.13, 0.2)
        turn = (0, 0, chance.uniform(-14, 14))
        at = (-2.35 + chance.normal(0, 0.04), 0.75, z + tall / 2)
        place(
            block("cover", (1.35, 0.95, tall), 0.02, plain(BOOKS[(3 * i + 1) % 9], roughness=0.7)), at, turn
        )
        place(block("pages", (1.3, 0.97, tall - 0.05), 0.005, plain("#f2e6cc", roughness=0.9)), at, turn)
        z += tall
    place(group(mug.build(fineness=0.5)), (-2.3, 0.75, z), (0, 0, 150), 0.62)
    _jar((-1.45, 1.45, 0))
    for x, y, up, lean, code in (
        (-1.75, -0.55, 0, 12, "#e0533d"),
        (-2.2, -0.45, 0, -20, "#3f7cac"),
        (-1.98, -0.5, 0.4, 30, "#f2b632"),
    ):
        place(
            block("cube", (0.4, 0.4, 0.4), 0.035, plain("#e8c998", roughness=0.7)),
            (x, y, 0.2 + up),
            (0, 0, lean),
        )
        for k in range(4):
            face = block("face", (0.28, 0.03, 0.28), 0.01, plain(code, roughness=0.6))
            place(place(face, (0, -0.195, 0)), (x, y, 0.2 + up), (0, 0, lean + 90 * k))


def _right() -> None:
    _plant((2.35, 1.2, 0), 1.15, "#c9694a", 3)
    red, steel = plain("#d9a02f", roughness=0.4, coat=0.2), plain("#8a9099", roughness=0.4)
    place(lathe("base", [(0, 0), (0.4, 0), (0.42, 0.05), (0.1, 0.12), (0, 0.13)], red), (1.35, 1.5, 0))
    tube("arm", [(1.35, 1.5, 0.1), (1.75, 1.5, 0.8), (1.95, 1.5, 1.3)], 0.04, steel)
    tube("arm", [(1.95, 1.5, 1.3), (1.7, 1.4, 1.75), (1.45, 1.3, 2.05)], 0.04, steel)
    shade = [(0.1, 0.42), (0.16, 0.4), (0.24, 0.2), (0.42, 0.0), (0.39, 0.0), (0.2, 0.2), (0.0, 0.35)]
    place(lathe("shade", shade, red), (1.3, 1.2, 1.72), (-25, 25, 0))
    place(ball("bulb", (0.15,) * 3, plain("#fff3c4", glow=0.8)), (1.27, 1.15, 1.82))
    for i, code in enumerate(("#e0533d", "#3f7cac", "#f2b632", "#3d8f6b", "#7d5a94")):
        x, y = 1.55 + 0.36 * (i % 3), -0.35 - 0.42 * (i // 3)
        place(
            lathe("pot", [(0, 0), (0.15, 0), (0.155, 0.2), (0, 0.2)], plain("#efe8da", roughness=0.4)),
            (x, y, 0),
        )
        place(
            lathe("lid", [(0.165, 0.2), (0.17, 0.29), (0.15, 0.31), (0, 0.31)], plain(code, coat=0.2)),
            (x, y, 0),
        )
    tube("brush", [(2.7, -0.9, 0.05), (2.3, -0.2, 0.06), (1.9, 0.4, 0.07)], 0.03, plain("#a33b4f", coat=0.2))


def _front() -> None:
    chance = np.random.default_rng(21)
    for x, y, turn in ((-1.0, -1.35, 14), (0.75, -1.5, -9), (1.9, -1.5, 24)):
        a, b = np.meshgrid(np.linspace(-1, 1, 160), np.linspace(-1, 1, 200), indexing="ij")
        lines = step(0.05, 0.03, np.abs(np.mod(8 * b, 1) - 0.5)) * (np.abs(a) < 0.8) * (np.abs(b) < 0.85)
        paper = mix(np.broadcast_to(colour("#fbf6ea"), (*a.shape, 3)), colour("#7a9cc0"), lines * 0.8)
        place(
            sheet("paper", np.stack([0.5 * a, 0.62 * b, 0 * a], -1), painted(roughness=0.9), paper),
            (x, y, 0.012),
            (0, 0, turn),
        )
    for i in range(10):
        x, y = (
            -2.45 + 0.53 * i + chance.uniform(-0.05, 0.05),
            (-1.45, -1.05)[i % 2] + chance.uniform(-0.15, 0.15),
        )
        a, code = chance.normal(np.pi / 2, 0.6), BOOKS[i % 9]
        way = 0.3 * np.array([np.cos(a), np.sin(a), 0])
        at = np.array([x, y, 0.065])
        tube("crayon", [at - way, at, at + way], 0.05, plain(code, roughness=0.6), detail=(40, 16))
        tube(
            "tip",
            [at + 0.9 * way, at + 1.05 * way, at + 1.3 * way],
            lambda t: 0.045 * (1 - t) + 0.006,
            plain(code),
            detail=(24, 16),
        )
    for i in range(9):
        teeth = 10 + 2 * (i % 3)
        t = np.arange(4 * teeth) * 2 * np.pi / (4 * teeth)
        rim = np.where(np.arange(4 * teeth) % 4 < 2, 1.0, 0.8) * chance.uniform(0.1, 0.2)
        gear = plate(
            "gear",
            np.stack([rim * np.cos(t), rim * np.sin(t)], 1),
            0.05,
            0.006,
            plain(("#b5883e", "#8a9099", "#a5613f")[i % 3], metal=0.3),
        )
        place(gear, (-2.2 + 0.55 * i, (-0.8, -1.7)[i % 2] + chance.uniform(-0.1, 0.1), 0.035), (90, 0, 0))
