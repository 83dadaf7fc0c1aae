"""A tin robot that no two sides show alike: heart and star on its own left, the raised arm on its right."""

from __future__ import annotations

import numpy as np
from bpy.types import Material

from scenes.paint import colour, mix, painted, plain, step
from scenes.shapes import Points, ball, block, curve, lathe, place, plate, tube

Knots = list[tuple[float, float, float]]


def build() -> None:
    """Put the robot at the origin, 2.3 m tall, facing -y."""
    mint = plain("#7cc8b0", roughness=0.4, coat=0.15)
    cream = plain("#f3e6cb", roughness=0.45, coat=0.1)
    coral = plain("#ea6a55", roughness=0.4, coat=0.15)
    steel = plain("#6f7c88", roughness=0.45)
    brass = plain("#d9a441", roughness=0.35, coat=0.2)
    _head(mint, cream, coral, steel, brass)
    _body(mint, cream, coral, steel, brass)
    _limbs(mint, coral, steel, brass)
    _back(coral, steel, brass)


def _head(mint: Material, cream: Material, coral: Material, steel: Material, brass: Material) -> None:
    place(block("head", (1.1, 0.84, 0.72), 0.19, mint, taper=0.94), (0, 0, 1.6))
    place(block("brow", (1.14, 0.87, 0.07), 0.03, cream), (0, 0, 1.86), scale=0.965)
    place(block("frame", (0.88, 0.1, 0.5), 0.045, cream), (0, -0.405, 1.57), (-1.4, 0, 0))
    glass = plain("#1d2b3a", roughness=0.35)
    place(block("screen", (0.78, 0.06, 0.4), 0.03, glass), (0, -0.44, 1.57), (-1.4, 0, 0))
    glow = plain("#7df3e1", roughness=0.5, glow=0.35)
    for x in (-0.19, 0.19):
        place(ball("eye", (0.075, 0.02, 0.1), glow), (x, -0.472, 1.61))
        place(ball("shine", (0.024, 0.012, 0.03), plain("#ffffff", glow=0.4)), (x + 0.025, -0.489, 1.645))
        place(ball("cheek", (0.055, 0.012, 0.028), plain("#f58b7c", glow=0.2)), (1.58 * x, -0.472, 1.49))
    arc = np.radians(np.linspace(205, 335, 9))
    smile = np.stack([0.1 * np.cos(arc), np.full(9, -0.474), 1.545 + 0.085 * np.sin(arc)], axis=1)
    tube("smile", smile, 0.016, glow)
    for side in (-1, 1):
        ear = [(0, 0), (0.2, 0), (0.22, 0.03), (0.2, 0.07), (0.14, 0.09), (0.12, 0.13), (0.0, 0.14)]
        place(lathe("ear", ear, coral, detail=(96, 60)), (side * 0.53, 0, 1.58), (0, side * 90, 0))
        bolt = lathe(
            "bolt", [(0, 0), (0.06, 0), (0.065, 0.02), (0.04, 0.05), (0, 0.055)], brass, detail=(64, 30)
        )
        place(bolt, (side * 0.66, 0, 1.58), (0, side * 90, 0))
    t = np.linspace(0, 7 * 2 * np.pi, 120)
    spring = np.stack([0.055 * np.cos(t), 0.055 * np.sin(t), 0.2 * t / t[-1]], axis=1)
    place(tube("spring", spring, 0.014, steel, detail=(700, 12)), (0.22, 0, 1.97))
    socket = [(0, 0), (0.12, 0), (0.12, 0.03), (0.07, 0.06), (0, 0.06)]
    place(lathe("socket", socket, brass), (0.22, 0, 1.94))
    place(ball("lamp", (0.105,) * 3, coral), (0.22, 0, 2.24))
    for x in (-0.2, -0.32):
        place(block("vent", (0.06, 0.34, 0.05), 0.024, steel), (x, 0, 1.965))


def _body(mint: Material, cream: Material, coral: Material, steel: Material, brass: Material) -> None:
    rings = [(0.0, 0.0), (0.2, 0.0), (0.23, 0.03), (0.2, 0.06), (0.23, 0.09), (0.2, 0.12), (0.0, 0.12)]
    place(lathe("neck", rings, steel), (0, 0, 1.17))
    place(block("body", (0.86, 0.66, 0.8), 0.15, mint, taper=1.06), (0, 0, 0.8))
    place(block("belt", (0.9, 0.7, 0.13), 0.05, coral), (0, 0, 0.5))
    place(block("panel", (0.62, 0.08, 0.42), 0.035, cream), (0, -0.335, 0.87), (2, 0, 0))
    for x in (-0.27, 0.27):
        for z in (0.7, 1.04):
            place(ball("rivet", (0.02, 0.014, 0.02), brass), (x, -0.375 - 0.035 * (z - 0.87), z))

    def gauge(p: Points) -> Points:
        off, turn = np.hypot(p[..., 0], p[..., 1]), np.arctan2(p[..., 0], p[..., 1])
        band = mix(colour("#58b368"), colour("#f2c14e"), step(-0.5, -0.45, turn))
        band = mix(band, colour("#e4572e"), step(0.6, 0.65, turn))
        is_band = step(0.078, 0.08, off) * step(0.118, 0.116, off) * (np.abs(turn) < 1.9)
        face = mix(colour("#fffaf0"), band, is_band)
        needle = step(0.011, 0.007, np.abs(p @ [0.8, -0.6, 0])) * (p @ [0.6, 0.8, 0] > -0.02) * (off < 0.1)
        face = mix(face, colour("#2b2b35"), np.maximum(needle, step(0.024, 0.02, off)))
        return mix(face, colour("#d9a441"), step(0.13, 0.133, off))

    rim = [
        (0.158, 0.0),
        (0.158, 0.02),
        (0.148, 0.038),
        (0.13, 0.035),
        (0.126, 0.02),
        (0.06, 0.022),
        (0.0, 0.022),
    ]
    dial = lathe("gauge", rim, painted(roughness=0.5), gauge, detail=(400, 300))
    place(dial, (-0.13, -0.372, 0.9), (92, 0, 0))
    t = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    rise = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    heart = 0.0062 * np.stack([16 * np.sin(t) ** 3, rise], axis=1)
    place(plate("heart", heart[::-1], 0.05, 0.02, coral), (0.165, -0.385, 0.95), (2, 0, 0))
    for i, code in enumerate(("#f2c14e", "#5aa9e6", "#7bc96f")):
        dome = [(0, 0), (0.034, 0), (0.034, 0.016), (0.022, 0.028), (0, 0.03)]
        button = lathe("button", dome, plain(code, coat=0.2), detail=(64, 40))
        place(button, (0.085 + 0.08 * i, -0.37, 0.76), (92, 0, 0))
    turn = np.arange(10) * np.pi / 5
    star = np.stack([np.sin(turn), np.cos(turn)], axis=1) * np.where(np.arange(10) % 2, 0.065, 0.15)[:, None]
    yellow = plain("#f2c14e", coat=0.1)
    place(plate("star", star[::-1], 0.05, 0.012, yellow), (0.436, 0.19, 0.76), (0, 0, 90), 0.8)
    for z in (0.7, 0.8, 0.9):
        place(block("slot", (0.05, 0.32, 0.05), 0.022, steel), (-0.425, 0, z))


def _limbs(mint: Material, coral: Material, steel: Material, brass: Material) -> None:
    def hose(name: str, knots: Knots, rings: int, radius_m: float = 0.075) -> None:
        def ripple(u: Points, v: Points) -> Points:
            return 0.014 * np.cos(2 * np.pi * rings * u) + 0 * v

        tube(name, knots, radius_m, steel, relief=ripple, detail=(260, 40))

    for side, path in (
        (1, [(0.45, 0, 1.05), (0.62, 0, 0.98), (0.72, -0.02, 0.8), (0.76, -0.06, 0.62)]),
        (-1, [(-0.45, 0, 1.05), (-0.64, 0, 0.98), (-0.82, -0.02, 1.05), (-0.9, -0.05, 1.25)]),
    ):
        place(ball("shoulder", (0.13, 0.13, 0.13), coral), (side * 0.47, 0, 1.05))
        hose("arm", path, 9)
        tip, before = np.array(path[-1]), curve(path, 20)[-3]
        way = (tip - before) / np.linalg.norm(tip - before)
        _hand(tip, way, mint, coral)
    for side in (-1, 1):
        hose("leg", [(side * 0.21, 0, 0.5), (side * 0.22, 0, 0.3), (side * 0.22, 0, 0.12)], 6, 0.1)
        place(block("boot", (0.34, 0.5, 0.2), 0.09, coral, taper=0.86), (side * 0.23, -0.05, 0.13))
        place(block("sole", (0.37, 0.53, 0.07), 0.03, steel), (side * 0.23, -0.05, 0.035))
        cuff = [(0.0, 0), (0.14, 0), (0.155, 0.03), (0.14, 0.06), (0, 0.06)]
        place(lathe("cuff", cuff, brass, detail=(96, 40)), (side * 0.22, 0, 0.22))


def _hand(tip: Points, way: Points, mint: Material, coral: Material) -> None:
    """Put on a mitten of two fingers: a cuff, and a C that is open along `way`."""
    lean_deg = float(np.degrees(np.arctan2(way[0], way[2])))
    cuff = [(0, -0.02), (0.1, -0.02), (0.125, 0.03), (0.125, 0.09), (0.1, 0.12), (0, 0.12)]
    place(lathe("wrist", cuff, mint, detail=(96, 40)), tip, (0, lean_deg, 0))
    arc = np.radians(np.linspace(125, 415, 14))
    claw = np.stack([0.115 * np.cos(arc), np.zeros(14), 0.22 + 0.115 * np.sin(arc)], axis=1)
    thing = tube("claw", claw, 0.055, coral, flat=1.25, detail=(120, 40))
    place(thing, tip, (0, lean_deg, 0))


def _back(coral: Material, steel: Material, brass: Material) -> None:
    mustard = plain("#eeb64c", roughness=0.45, coat=0.1)
    place(block("pack", (0.56, 0.24, 0.52), 0.08, mustard), (0, 0.42, 0.88))
    place(block("lid", (0.6, 0.27, 0.1), 0.045, coral), (0, 0.42, 1.1))
    for x in (-0.17, 0.17):
        place(block("strap", (0.08, 0.05, 0.46), 0.02, plain("#8a5a3b")), (x, 0.53, 0.88))
        place(block("buckle", (0.11, 0.04, 0.08), 0.016, brass), (x, 0.555, 0.98))
    shaft = lathe("shaft", [(0, 0), (0.035, 0), (0.035, 0.16), (0, 0.16)], steel, detail=(48, 30))
    place(shaft, (0, 0.5, 0.82), (-90, 0, 0))
    for x in (-0.1, 0.1):
        t = np.linspace(0, 2 * np.pi, 16, endpoint=False)
        loop = np.stack([x + 0.085 * np.cos(t), np.full(16, 0.66), 0.82 + 0.075 * np.sin(t)], axis=1)
        tube("key", loop, 0.03, brass, closed=True, detail=(96, 24))
    for x in (-0.2, 0, 0.2):
        place(block("grille", (0.1, 0.05, 0.3), 0.022, steel), (x, 0.41, 1.58))
