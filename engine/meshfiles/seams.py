"""A new layout is cut into a list of vertices: each keeps its number, its further copies come last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.meshfiles.accessors import read_elements
from engine.meshfiles.corners import ABSENT, split
from engine.meshfiles.document import INDICES, VERTICES, Document, Draft
from engine.meshfiles.primitives import TRIANGLES

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sewn:
    """New `faces` (M, 3) over the N old vertices and the copies of those numbered `copied` (K,).

    `uv` (N + K, 2), origin bottom-left; zero for a vertex that no face gives a place.
    """

    faces: Ints
    copied: Ints
    uv: Floats

    def write(
        self, draft: Draft, document: Document, primitives: Sequence[tuple[dict[str, Any], int]], layer: int
    ) -> None:
        """Puts the coordinates as TEXCOORD_`layer` on primitives; each has the next so many faces."""
        turned = np.stack([self.uv[:, 0], 1 - self.uv[:, 1]], axis=1).astype(np.float32)
        place = draft.add_accessor(turned, VERTICES)
        grown: dict[int, int] = {}

        def longer(number: int) -> int:
            """The accessor with the copies' elements at its end."""
            if len(self.copied) == 0:
                return number
            if number not in grown:
                values = read_elements(document, number)
                held = np.concatenate([values, values[self.copied]])
                grown[number] = draft.add_accessor(held, VERTICES, document.tree["accessors"][number])
            return grown[number]

        start = 0
        for primitive, n_faces in primitives:
            held = primitive["attributes"]
            primitive["attributes"] = {name: longer(number) for name, number in held.items()}
            # Layers are counted without gaps, so a primitive with fewer has this one more than once.
            for filled in range(layer + 1):
                primitive["attributes"].setdefault(f"TEXCOORD_{filled}", place)
            if "targets" in primitive:
                primitive["targets"] = [
                    {name: longer(number) for name, number in target.items()}
                    for target in primitive["targets"]
                ]
            self._write_indices(draft, document, primitive, self.faces[start : start + n_faces])
            start += n_faces

    def _write_indices(
        self, draft: Draft, document: Document, primitive: dict[str, Any], faces: Ints
    ) -> None:
        mode = primitive.get("mode", TRIANGLES)
        if mode == TRIANGLES and not (faces >= len(self.uv) - len(self.copied)).any():
            return
        kind = np.uint16 if len(self.uv) < 65_535 else np.uint32
        if "indices" in primitive:
            before = read_elements(document, primitive["indices"]).dtype
            kind = np.uint32 if before.itemsize == 4 else kind
        primitive["indices"] = draft.add_accessor(faces.reshape(-1, 1).astype(kind), INDICES)
        primitive["mode"] = TRIANGLES


def sew(n_vertices: int, faces: NDArray[np.int32], uv: Floats) -> Sewn:
    """Cuts the coordinates `uv` (M, 3, 2) of `faces` (M, 3) into `n_vertices` vertices.

    A vertex keeps its number for the first coordinates that its corners have. A corner without coordinates
    (NaN) follows its vertex.
    """
    corners = faces.reshape(-1).astype(np.int64)
    flat = uv.reshape(-1, 2).astype(np.float32) + np.float32(0)  # one zero of two
    placed = np.flatnonzero(np.isfinite(flat).all(axis=1))
    pairs = np.ascontiguousarray(flat[placed]).view(np.int64)  # both numbers in one
    sewn = corners.copy()
    sewn[placed], corner_of = split(corners[placed], pairs, n_vertices)
    has = corner_of != ABSENT
    made = np.zeros((len(corner_of), 2), np.float32)
    made[has] = flat[placed[corner_of[has]]]
    return Sewn(sewn.reshape(-1, 3), corners[placed[corner_of[n_vertices:]]], made)
