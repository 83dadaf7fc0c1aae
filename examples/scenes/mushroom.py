"""A mushroom that someone lives in, on its own patch of grass."""

from __future__ import annotations

import numpy as np

from scenes.paint import colour, mix, painted, plain, step
from scenes.shapes import Points, ball, block, curve, lathe, place, plate, tube

STEM = [(0.66, 0.0), (0.68, 0.12), (0.62, 0.4), (0.56, 0.75), (0.53, 1.1), (0.6, 1.6)]
CAP = [
    (0.4, 1.26), (0.8, 1.14), (1.12, 1.02), (1.24, 1.02), (1.28, 1.12), (1.2, 1.4),
    (1.0, 1.72), (0.68, 1.98), (0.3, 2.12), (0.0, 2.14),
]  # fmt: skip
SPOTS_DEG_M = (  # azimuth, height, radius
    (-12, 1.6, 0.17), (24, 1.34, 0.13), (-48, 1.32, 0.15), (52, 1.72, 0.16), (16, 1.92, 0.12),
    (-42, 1.84, 0.11), (82, 1.3, 0.14), (-86, 1.56, 0.18), (118, 1.6, 0.16), (152, 1.3, 0.15),
    (-122, 1.28, 0.12), (-150, 1.7, 0.17), (-100, 2.0, 0.1), (178, 1.95, 0.13),
)  # fmt: skip


def build() -> None:
    """Put the house at the origin, 2.6 m tall, its door towards -y."""
    lathe("stem", STEM, painted(roughness=0.85), _stem_colour, _stem_shape, detail=(500, 300))
    cap = lathe("cap", CAP, painted(roughness=0.45, coat=0.15), _cap_colour, _cap_shape, detail=(1200, 900))
    place(cap, (0, 0, 0.27), (2, -3, 0), 0.97)
    _door()
    for azimuth_deg, height in ((-58, 0.78), (60, 0.86), (150, 0.8)):
        _window(azimuth_deg, height)
    _chimney()
    _garden()


def _out(azimuth_deg: float, radius_m: float, height_m: float) -> tuple[float, float, float]:
    a = np.radians(azimuth_deg)
    return float(radius_m * np.sin(a)), float(-radius_m * np.cos(a)), height_m


def _stem_colour(p: Points) -> Points:
    angle = np.arctan2(p[..., 0], -p[..., 1])
    fibre = (
        0.5
        + 0.25 * np.sin(31 * angle + 2 * np.sin(5 * p[..., 2]))
        + 0.25 * np.sin(53 * angle + 3 * p[..., 2])
    )
    skin = mix(colour("#f3e4c6"), colour("#e2c99c"), fibre * 0.7)
    skin = mix(skin, colour("#b99a66"), step(0.22, 0.0, p[..., 2]) * 0.7)
    return mix(skin, colour("#cfa877"), step(1.2, 1.5, p[..., 2]) * 0.7)


def _stem_shape(p: Points) -> Points:
    angle = np.arctan2(p[..., 0], -p[..., 1])
    grow = (
        1
        + 0.012 * np.sin(31 * angle + 2 * np.sin(5 * p[..., 2]))
        + 0.05 * np.sin(5 * angle) * step(0.35, 0, p[..., 2])
    )
    return p * np.stack([grow, grow, np.ones_like(grow)], axis=-1)


def _nearest_spot(p: Points) -> Points:
    """Return the distance to the nearest spot in units of its radius; spots are a little uneven."""
    nearest = np.full(p.shape[:-1], 9.0)
    line = curve(CAP, 200)[90:]
    for i, (azimuth_deg, height, radius) in enumerate(SPOTS_DEG_M):
        middle = np.array(_out(azimuth_deg, np.interp(height, line[:, 1], line[:, 0]), height))
        away = p - middle
        across = away @ _out(azimuth_deg + 90, 1, 0)
        wobble = 1 + 0.06 * np.sin(3 * np.arctan2(away[..., 2], across) + i)
        nearest = np.minimum(nearest, np.linalg.norm(away, axis=-1) / (radius * wobble))
    return nearest


def _is_gill(p: Points) -> Points:
    under = np.arange(p.shape[1]) < p[0, :, 2].argmin() + 12
    return np.broadcast_to(under, p.shape[:-1]).astype(float)


def _cap_colour(p: Points) -> Points:
    angle = np.arctan2(p[..., 0], -p[..., 1])
    red = mix(
        colour("#c22f2b"),
        colour("#e5533b"),
        step(1.0, 2.1, p[..., 2]) + 0.12 * np.sin(7 * angle + 4 * p[..., 2]),
    )
    near = _nearest_spot(p)
    top = mix(red, colour("#a3231f"), step(1.16, 1.0, near) * 0.6)
    top = mix(top, mix(colour("#fff4de"), colour("#ecd7b2"), step(0.5, 1.0, near)), step(1.0, 0.97, near))
    gills = mix(colour("#f0d9b0"), colour("#b98a5a"), 0.5 + 0.5 * np.sin(90 * angle))
    return mix(top, gills, _is_gill(p))


def _cap_shape(p: Points) -> Points:
    angle = np.arctan2(p[..., 0], -p[..., 1])
    out = p - [0, 0, 1.2]
    out /= np.linalg.norm(out, axis=-1, keepdims=True)
    lift = 0.035 * step(1.0, 0.75, _nearest_spot(p)) * (1 - _is_gill(p))
    lift += 0.014 * np.sin(90 * angle) * _is_gill(p) * step(0.45, 0.8, np.hypot(p[..., 0], p[..., 1]))
    p = p + lift[..., None] * out
    p[..., 2] += 0.03 * np.sin(3 * angle + 1) * step(0.5, 1.2, np.hypot(p[..., 0], p[..., 1]))
    return p


def _door() -> None:
    oak, iron = plain("#9a6238", roughness=0.65, grain=0.35, grain_size=9), plain("#4a4a52", roughness=0.5)
    dark = [
        plain(code, roughness=0.65, grain=0.3, grain_size=9) for code in ("#8d5731", "#a56a3d", "#96603a")
    ]
    half, shoulder = 0.24, 0.46
    y = -0.69
    for i, x in enumerate(np.linspace(-half, half, 6)[:-1]):
        xs = np.linspace(x, x + 2 * half / 5 - 0.006, 8)
        top = shoulder + np.sqrt(np.maximum(half**2 - xs**2, 0))
        outline = [(xs[0], 0.06), (xs[-1], 0.06), *zip(xs[::-1], top[::-1], strict=True)]
        place(plate("plank", outline, 0.07, 0.008, dark[i % 3]), (0, y, 0))
    stones = [
        plain(code, roughness=0.9, grain=0.5, grain_size=14) for code in ("#b3a99a", "#9c9488", "#c2b7a4")
    ]
    frame = [(-half - 0.05, z, 0) for z in (0.1, 0.235, 0.37)]
    frame += [
        (-(half + 0.055) * np.cos(a), shoulder + (half + 0.055) * np.sin(a), np.degrees(a))
        for a in np.linspace(0.12, np.pi - 0.12, 8)
    ]
    frame += [(half + 0.05, z, 0) for z in (0.37, 0.235, 0.1)]
    for i, (x, z, lean) in enumerate(frame):
        stone = block("stone", (0.115, 0.16, 0.125), 0.035, stones[(i * 2) % 3])
        place(stone, (x, y + 0.015, z), (0, lean, 0), 1.0 + 0.08 * np.sin(5 * i))
    ring = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    pane = plain("#ffd77a", roughness=0.4, glow=0.35)
    place(
        lathe("pane", [(0, 0), (0.085, 0), (0.085, 0.03), (0, 0.035)], pane, detail=(96, 30)),
        (0, y - 0.03, 0.5),
        (90, 0, 0),
    )
    tube(
        "rim",
        np.stack([0.09 * np.cos(ring), np.full(20, y - 0.05), 0.5 + 0.09 * np.sin(ring)], 1),
        0.018,
        iron,
        closed=True,
    )
    for size in ((0.17, 0.02, 0.016), (0.016, 0.02, 0.17)):
        place(block("bar", size, 0.006, iron), (0, y - 0.06, 0.5))
    place(ball("knob", (0.03,) * 3, plain("#e0b040", roughness=0.3, coat=0.3)), (0.165, y - 0.065, 0.32))
    for z in (0.16, 0.4):
        place(block("hinge", (0.2, 0.02, 0.035), 0.008, iron), (-0.14, y - 0.037, z))
    for i, (depth, z) in enumerate(((0.34, 0.035), (0.18, 0.075))):
        place(block("stair", (0.62 - 0.1 * i, depth, 0.07), 0.03, stones[i]), (0, y - depth / 2 + 0.04, z))
    beam = [(-0.36, 0.84), (0.0, 1.02), (0.36, 0.84), (0.36, 0.9), (0.0, 1.09), (-0.36, 0.9)]
    place(plate("gable", beam, 0.3, 0.02, oak), (0, y - 0.03, -0.02))


def _window(azimuth_deg: float, height_m: float) -> None:
    wood, pane = (
        plain("#8a5530", roughness=0.6, grain=0.3, grain_size=9),
        plain("#ffd77a", roughness=0.4, glow=0.35),
    )
    radius = float(np.interp(height_m, *np.transpose(curve(STEM, 60))[::-1]))
    ring = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    parts = [
        place(
            lathe("pane", [(0, 0), (0.16, 0), (0.16, 0.03), (0, 0.05)], pane, detail=(96, 30)),
            (0, 0.02, 0),
            (90, 0, 0),
        ),
        tube(
            "frame",
            np.stack([0.17 * np.cos(ring), np.full(20, -0.02), 0.17 * np.sin(ring)], 1),
            0.036,
            wood,
            closed=True,
        ),
        place(block("bar", (0.32, 0.03, 0.026), 0.008, wood), (0, -0.04, 0)),
        place(block("bar", (0.026, 0.03, 0.32), 0.008, wood), (0, -0.04, 0)),
        place(block("sill", (0.46, 0.14, 0.05), 0.02, wood), (0, -0.06, -0.22)),
    ]
    for i, code in enumerate(("#f28aa8", "#fff1a8", "#f28aa8", "#b99af0", "#fff1a8")):
        parts.append(
            place(
                ball("flower", (0.042, 0.042, 0.036), plain(code)),
                (-0.17 + 0.085 * i, -0.085, -0.165 + 0.02 * (i % 2)),
            )
        )
        parts.append(
            place(ball("leaf", (0.055, 0.045, 0.04), plain("#5c9a4a")), (-0.17 + 0.085 * i, -0.06, -0.195))
        )
    for part in parts:
        place(part, _out(azimuth_deg, radius, height_m), (0, 0, azimuth_deg))


def _chimney() -> None:
    bricks = [
        plain(code, roughness=0.9, grain=0.4, grain_size=12) for code in ("#a8553f", "#b96a4c", "#94503f")
    ]
    for row in range(6):
        for i in range(6):
            a = 60 * i + 30 * (row % 2)
            brick = block("brick", (0.155, 0.09, 0.088), 0.018, bricks[(i * 5 + row * 2) % 3])
            x, y, z = _out(a, 0.115, 1.96 + 0.092 * row)
            place(brick, (0.62 + x, 0.12 + y, z), (0, 0, a))
    mortar = plain("#c9b8a0", roughness=0.95)
    place(lathe("core", [(0.14, 0), (0.14, 0.7), (0, 0.7)], mortar, detail=(64, 30)), (0.62, 0.12, 1.8))
    stone = plain("#b3a99a", roughness=0.9, grain=0.4)
    rim = [(0.1, 0.0), (0.19, 0.0), (0.205, 0.03), (0.19, 0.07), (0.1, 0.07), (0.09, 0.0)]
    place(lathe("rim", rim, stone, detail=(96, 60)), (0.62, 0.12, 2.48))


def _garden() -> None:
    chance = np.random.default_rng(11)
    turf = [(1.12, -0.16), (1.2, -0.08), (1.16, 0.0), (0.9, 0.03), (0.4, 0.05), (0.0, 0.05)]

    def turf_colour(p: Points) -> Points:
        angle = np.arctan2(p[..., 0], -p[..., 1])
        green = mix(
            colour("#5d9a45"),
            colour("#82b957"),
            0.5 + 0.3 * np.sin(9 * angle) + 0.2 * np.sin(23 * p[..., 0] + 17 * p[..., 1]),
        )
        return mix(
            green,
            colour("#8a6240"),
            step(-0.07, -0.1, p[..., 2] + 0.025 * np.sin(24 * angle) + 0.01 * np.sin(57 * angle)),
        )

    lathe("turf", turf, painted(roughness=0.95), turf_colour, detail=(500, 260))
    greens = [plain(code, roughness=0.8) for code in ("#4f8f3d", "#74b04c", "#93c65e")]
    for i in range(210):
        azimuth, radius = chance.uniform(0, 360), np.sqrt(chance.uniform(0.42, 1.3))
        x, y, _ = _out(azimuth, radius, 0)
        if y < -0.5 and abs(x) < 0.34:
            continue
        reach = chance.uniform(0.07, 0.2)
        lean = chance.normal(0, 0.05, 2)
        path = [
            (x, y, -0.01),
            (x + lean[0] * 0.4, y + lean[1] * 0.4, reach * 0.6),
            (x + lean[0], y + lean[1], reach),
        ]
        tube("blade", path, lambda t: 0.021 * (1 - t) + 0.004, greens[i % 3], flat=0.5, detail=(16, 10))
    for azimuth, radius, size in (
        (-38, 0.98, 1.0),
        (-47, 0.86, 0.65),
        (44, 1.02, 0.8),
        (170, 0.95, 1.0),
        (100, 1.0, 0.7),
    ):
        stalk = lathe("stalk", [(0.05, 0), (0.04, 0.08), (0.045, 0.17)], plain("#f3e4c6"), detail=(40, 20))
        hat = lathe(
            "hat",
            [(0.0, 0.12), (0.11, 0.13), (0.125, 0.16), (0.09, 0.23), (0, 0.26)],
            plain("#e58a3c", coat=0.2),
            detail=(64, 60),
        )
        for part in (stalk, hat):
            place(part, _out(azimuth, radius, 0.0), (0, 0, 0), 1.2 * size)
    petals = [plain(code) for code in ("#ffffff", "#f7a8c0", "#b9a3f2")]
    for i in range(16):
        azimuth = chance.uniform(25, 335) * (1 if i else 0) + (32 if i == 0 else 0)
        x, y, z = _out(azimuth, chance.uniform(0.8, 1.08), 0.11)
        for k in range(5):
            a = k * 2 * np.pi / 5
            place(
                ball("petal", (0.026, 0.026, 0.012), petals[i % 3], detail=(16, 12)),
                (x + 0.03 * np.cos(a), y + 0.03 * np.sin(a), z),
            )
        place(ball("heart", (0.018, 0.018, 0.016), plain("#f2c14e"), detail=(16, 12)), (x, y, z + 0.008))
    for i, (x, y, size) in enumerate(((0.02, -0.98, 0.13), (-0.13, -1.06, 0.08), (0.15, -1.08, 0.09))):
        place(
            ball(
                "pebble",
                (size, size * 0.8, 0.035),
                plain(("#b3a99a", "#c2b7a4", "#9c9488")[i]),
                detail=(32, 20),
            ),
            (x, y, 0.01),
        )
