"""A stoneware mug: the hole of the handle is what this subject is for."""

from __future__ import annotations

import bpy
import numpy as np

from scenes.paint import colour, mix, painted, step
from scenes.shapes import Points, lathe, place, tube

OUTSIDE = [
    (0.0, 0.03), (0.3, 0.03), (0.44, 0.02), (0.52, 0.08), (0.565, 0.25), (0.58, 0.6), (0.585, 0.95),
    (0.6, 1.22), (0.602, 1.262), (0.58, 1.28), (0.552, 1.255), (0.53, 1.1), (0.52, 0.7),
    (0.5, 0.22), (0.42, 0.14), (0.0, 0.13),
]  # fmt: skip


def build(fineness: float = 1.0) -> list[bpy.types.Object]:
    """Put the mug at the origin, 1.3 m tall, its handle towards +x; return its parts."""
    glaze = painted(roughness=0.3, coat=0.25)
    cup = lathe("mug", OUTSIDE, glaze, _glazed, _thrown, detail=(int(1200 * fineness), int(900 * fineness)))
    handle = [
        (0.53, 0, 1.06), (0.68, 0, 1.1), (0.86, 0, 1.06), (0.98, 0, 0.9),
        (0.97, 0, 0.66), (0.86, 0, 0.46), (0.7, 0, 0.33), (0.53, 0, 0.29),
    ]  # fmt: skip

    def thick(t: Points) -> Points:
        return 0.078 + 0.03 * np.abs(2 * t - 1) ** 3  # wider where it meets the wall

    loop = tube("handle", handle, thick, glaze, flat=1.35, paint=_handle_colour, detail=(300, 64))
    wet = painted(roughness=0.25, coat=0.3)
    cocoa = lathe("cocoa", [(0.0, 0.0), (0.3, 0.0), (0.535, 0.004)], wet, _swirl, detail=(500, 260))
    return [cup, loop, place(cocoa, (0, 0, 1.09))]


def _drip(angle: Points) -> Points:
    """Return the height, in metres, at which the blue glaze stopped running, at an angle (radians)."""
    runs = sum(
        a * np.sin(k * angle + s)
        for k, a, s in ((3, 0.05, 0.4), (7, 0.045, 1.9), (11, 0.035, 4.0), (17, 0.02, 0.7))
    )
    return 0.86 + runs


def _glazed(p: Points) -> Points:
    angle = np.arctan2(p[..., 0], -p[..., 1])
    z = p[..., 2]
    inside = np.arange(z.shape[1]) > z[0].argmax()  # the profile goes up outside and down inside
    clay = mix(colour("#efdcc0"), colour("#e4c9a3"), 0.5 + 0.5 * np.sin(9 * z + np.sin(3 * angle)))
    clay = mix(clay, _hills(angle, z)[0], _hills(angle, z)[1])
    on = np.stack([np.sin(angle), -np.cos(angle), (z - 0.6) * 1.7], axis=-1)
    chance = np.random.default_rng(5)
    for turn, lift, size in chance.uniform((0, -1.1, 0.008), (2 * np.pi, 1.1, 0.024), (260, 3)):
        speck = np.array([np.sin(turn), -np.cos(turn), lift])
        clay = mix(clay, colour("#7d5a3c"), 0.8 * step(size, size * 0.5, np.linalg.norm(on - speck, axis=-1)))
    clay = mix(clay, colour("#b98a5e"), step(0.09, 0.04, z))
    above = z - _drip(angle)
    blue = mix(colour("#2f7fa8"), colour("#1d4e80"), step(0.0, 0.4, above))
    blue = mix(blue, colour("#7cc4cf"), step(0.045, 0.0, above))
    blue = mix(blue, colour("#c98f55"), step(1.245, 1.272, z))
    cream = mix(colour("#f4ead8"), colour("#c98f55"), step(1.2, 1.272, z))
    return np.where(inside[:, None], cream, mix(clay, blue, step(-0.004, 0.004, above)))


def _hills(angle: Points, z: Points) -> tuple[Points, Points]:
    """Return colour and cover of the painted land: two ridges of hills and their firs."""
    far = 0.36 + 0.07 * np.sin(5 * angle + 1.0) + 0.03 * np.sin(11 * angle)
    near = 0.24 + 0.05 * np.sin(4 * angle + 2.6) + 0.02 * np.sin(9 * angle + 1)
    tint = mix(
        np.broadcast_to(colour("#e8a15c"), (*z.shape, 3)),
        colour("#c9583f"),
        step(near + 0.005, near - 0.005, z),
    )
    cover = step(far + 0.005, far - 0.005, z)
    lane = angle * 13 / (2 * np.pi)
    a = np.abs(np.mod(lane, 1) - 0.5) * 0.29
    lift = z - near + 0.06 - 0.05 * np.mod(np.floor(lane) * 0.618, 1)
    teeth = np.maximum.reduce([(lift > low) * ((0.075 - k * 0.014) - (lift - low) * 0.62 - a)
                               for k, low in enumerate((0.04, 0.1, 0.155))])  # fmt: skip
    fir = step(-0.001, 0.003, np.maximum(teeth, (0.012 - a) * (lift > 0) * (lift < 0.06)))
    tint = mix(tint, colour("#2f5d50"), fir)
    return tint, np.maximum(cover, fir)


def _thrown(p: Points) -> Points:
    """Return the points moved by the rings of the potter's fingers and the thickness of the glaze."""
    angle = np.arctan2(p[..., 0], -p[..., 1])
    grow = 0.004 * np.sin(70 * p[..., 2] + 2 * np.sin(angle)) + 0.014 * step(
        0.0, 0.03, p[..., 2] - _drip(angle)
    ) * step(1.27, 1.1, p[..., 2])
    outside = np.arange(p.shape[1]) < p[0, :, 2].argmax()
    return p * np.stack([1 + grow * outside, 1 + grow * outside, np.ones_like(grow)], axis=-1)


def _handle_colour(u: Points, v: Points) -> Points:
    end = 0.52 + 0.05 * np.sin(v + 1) + 0.03 * np.sin(3 * v)
    blue = mix(
        colour("#7cc4cf"),
        mix(colour("#2f7fa8"), colour("#1d4e80"), step(0.3, 0.0, u)),
        step(0.0, 0.06, end - u),
    )
    return mix(np.broadcast_to(colour("#ead3b0"), blue.shape), blue, step(-0.006, 0.006, end - u))


def _swirl(p: Points) -> Points:
    """Cocoa with a spiral of milk."""
    radius = np.hypot(p[..., 0], p[..., 1])
    turn = np.mod(np.arctan2(p[..., 1], p[..., 0]) / (2 * np.pi) - radius * 5.2, 1)
    milk = step(0.2, 0.06, np.abs(turn - 0.5)) * step(0.46, 0.4, radius)
    return mix(
        mix(colour("#6b3a22"), colour("#8d5632"), step(0.42, 0.53, radius)), colour("#f2dcc0"), milk * 0.9
    )
