"""Texels are solved for: looking at the texture through a view's camera shall give that view's picture back.

Sampling a picture into texels and the texels into a picture blurs twice. Each pixel that a view shows is an
observation, a bilinear mix of four texels; a few rounds of simultaneous iterative reconstruction (SIRT:
Gilbert, 1972) bring the texels to the least-squares solution, weighted as the bake was. Measured on noise
of the spectrum of photographs, 800 px across in a 1024 px texture: 24.7 dB before, 26.8 dB after four
rounds; in a 1536 px texture 27.7 and 36.1 dB. Each round draws each view anew, so memory does not grow with
their number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import warp as wp
from numpy.typing import NDArray

from engine.geometry.bake import Baked, Blend, Placed, Texels, View, eye_of, measure_trust
from engine.geometry.compute import Array
from engine.geometry.kernels import refine as kernels
from engine.geometry.mesh import Mesh

Floats = NDArray[np.float32]

# A texel that pixels hardly touch must not jump: its step is damped as if touched by a twentieth of a pixel.
_LEAST_TOUCH = 0.05
# Threads add up errors apart from each other, 16 bytes a texel each.
_MAX_PARTS = 4


def refine(
    mesh: Mesh,
    uv: Floats,
    texels: Texels,
    baked: Baked,
    views: Sequence[View],
    *,
    n_rounds: int,
    blend: Blend | None = None,
    step: Callable[[int, int], None] = lambda step, n_steps: None,
) -> Baked:
    """`baked` with the colours of seen texels sharpened; unseen ones stay as they are.

    `uv` (M, 3, 2); `step` is told of each view of each round and may raise to end it.
    """
    if n_rounds == 0 or not views:
        return baked
    compute, n_texels = texels.compute, len(texels.index)
    placed = Placed(compute, mesh)
    corners = compute.put(np.ascontiguousarray(uv.reshape(-1, 2), np.float32))
    solved = compute.where(baked.seen)
    numbers = compute.full(texels.size_px**2, -1, "int32")
    numbers[texels.index[solved]] = solved.astype(np.int32) if not compute.is_card else solved.int()
    numbers = numbers.reshape(texels.size_px, texels.size_px)
    colours = compute.copy(baked.colours)
    n_parts = 1 if compute.is_card else min(compute.n_threads, _MAX_PARTS)
    steps = compute.empty((n_parts, n_texels, 3), "float32")
    touched = compute.empty((n_parts, n_texels), "float32")
    for number in range(n_rounds):
        steps[...] = 0
        touched[...] = 0
        for count, view in enumerate(views):
            _observe(placed, view, blend or Blend(), corners, numbers, colours, steps, touched)
            step(number * len(views) + count + 1, n_rounds * len(views))
        compute.launch(kernels.advance, n_texels, [steps, touched, _LEAST_TOUCH, colours])
    return Baked(colours, baked.seen)


def _observe(
    placed: Placed,
    view: View,
    blend: Blend,
    corners: Array,
    numbers: Array,
    colours: Array,
    steps: Array,
    touched: Array,
) -> None:
    compute = placed.compute
    seen = placed.seen_by(view.camera)
    trust = measure_trust(seen, view.camera, blend)
    eye = eye_of(view, blend)
    shown = [seen.points, placed.faces, seen.keys, trust, compute.put(view.colours), placed.face_normals]
    height, width = seen.height_px, seen.width_px
    n_parts, run = len(steps), compute.run_px

    def add(part: int) -> None:
        low, high = height * part // n_parts, height * (part + 1) // n_parts
        own = [corners, numbers, colours, steps[part], touched[part]]
        wp.launch(
            kernels.observe,
            dim=(high - low, -(-width // run)),
            inputs=[low, run, eye, *shown, *own],
            device=compute.device,
        )

    compute.each(range(n_parts), add, kernels.observe)
