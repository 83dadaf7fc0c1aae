"""Colours are written as artists write them (#rrggbb, sRGB) and turned linear once, here."""

from __future__ import annotations

import bpy
import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def colour(code: str) -> Array:
    """Return "#rrggbb" as linear RGB (3,), by the sRGB transfer curve of IEC 61966-2-1."""
    srgb = np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def mix(below: ArrayLike, above: ArrayLike, amount: ArrayLike) -> Array:
    """Return colours (..., 3) between two, where `amount` (...) runs from 0 to 1."""
    amount = np.asarray(amount, float)[..., None]
    return np.asarray(below) * (1 - amount) + np.asarray(above) * amount


def step(low: float, high: float, value: ArrayLike) -> Array:
    """Return 0 below `low`, 1 above `high`, smooth between; `low` > `high` falls instead."""
    t = np.clip((np.asarray(value, float) - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def scales(u: Array, v: Array) -> tuple[Array, Array, Array]:
    """Return a pattern of overlapping round scales that hang towards larger v, one unit wide and high.

    Three arrays: how far a point lies above the lower rim of its scale (0 at the rim, units of v), how far
    from its middle line (-0.5 to 0.5), and a number in [0, 1) that is the scale's own.
    """
    row = np.floor(v)
    fraction = v - row

    def across(k: Array) -> Array:
        return np.mod(u + 0.5 * np.mod(k, 2), 1.0) - 0.5

    def rim(a: Array) -> Array:
        return 0.7 * np.sqrt(np.clip(1 - 4 * a * a, 0, 1))

    upper, lower = across(row - 1), across(row)
    on_upper = fraction < rim(upper)
    height = np.where(on_upper, rim(upper) - fraction, 1 + rim(lower) - fraction)
    middle = np.where(on_upper, upper, lower)
    owner_row = np.where(on_upper, row - 1, row)
    owner = np.floor(u + 0.5 * np.mod(owner_row, 2))
    return height, middle, np.mod(np.sin(owner * 12.9898 + owner_row * 78.233) * 43758.5453, 1.0)


def plain(
    code: str,
    roughness: float = 0.5,
    coat: float = 0.0,
    metal: float = 0.0,
    grain: float = 0.0,
    *,
    glow: float = 0.0,
    grain_size: float = 60.0,
) -> bpy.types.Material:
    """Return a material of one colour; `grain` (0 to 1) dents it and lets the colour drift a little."""
    material = _principled(roughness, coat, metal)
    shader = material.node_tree.nodes["Principled BSDF"]
    base = (*colour(code), 1.0)
    shader.inputs["Base Color"].default_value = base
    if glow:
        shader.inputs["Emission Color"].default_value = base
        shader.inputs["Emission Strength"].default_value = glow
    if grain:
        _add_grain(material, grain, grain_size, base)
    return material


def painted(
    roughness: float = 0.5, coat: float = 0.0, grain: float = 0.0, grain_size: float = 60.0
) -> bpy.types.Material:
    """Return a material that shows the point attribute "colour"."""
    material = _principled(roughness, coat, 0.0)
    tree = material.node_tree
    shader = tree.nodes["Principled BSDF"]
    source = tree.nodes.new("ShaderNodeVertexColor")
    source.layer_name = "colour"
    tree.links.new(source.outputs["Color"], shader.inputs["Base Color"])
    if grain:
        _add_grain(material, grain, grain_size, None)
    return material


def _principled(roughness: float, coat: float, metal: float) -> bpy.types.Material:
    material = bpy.data.materials.new("paint")
    material.use_nodes = True
    shader = material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Roughness"].default_value = roughness
    shader.inputs["Coat Weight"].default_value = coat
    shader.inputs["Coat Roughness"].default_value = 0.15
    shader.inputs["Metallic"].default_value = metal
    return material


def _add_grain(
    material: bpy.types.Material, amount: float, size: float, base: tuple[float, ...] | None
) -> None:
    tree = material.node_tree
    shader = tree.nodes["Principled BSDF"]
    place, noise, bump = (tree.nodes.new(f"ShaderNode{kind}") for kind in ("TexCoord", "TexNoise", "Bump"))
    noise.inputs["Scale"].default_value = size
    noise.inputs["Detail"].default_value = 3.0
    bump.inputs["Strength"].default_value = amount
    bump.inputs["Distance"].default_value = 0.01
    tree.links.new(place.outputs["Object"], noise.inputs["Vector"])
    tree.links.new(noise.outputs["Fac"], bump.inputs["Height"])
    tree.links.new(bump.outputs["Normal"], shader.inputs["Normal"])
    if base:
        drift = tree.nodes.new("ShaderNodeMix")
        drift.data_type = "RGBA"
        drift.inputs["A"].default_value = (*(0.86 * np.array(base[:3])), 1.0)
        drift.inputs["B"].default_value = (*np.minimum(1.08 * np.array(base[:3]), 1.0), 1.0)
        tree.links.new(noise.outputs["Fac"], drift.inputs["Factor"])
        tree.links.new(drift.outputs["Result"], shader.inputs["Base Color"])
