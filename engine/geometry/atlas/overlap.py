"""Two faces overlap where both cover the centre of one texel; an edge that they share is no overlap."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.geometry.compute import processor
from engine.geometry.kernels import claims

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

# A centre this near to an edge is on it: single-precision coordinates of 4096 px round to 2.4e-4.
_SLACK_PX = 1e-3
# Fewer faces than these are drawn before another thread has started.
_WORTH_A_THREAD = 4000


@dataclass(frozen=True, eq=False)
class Claims:
    """Which face has which texel.

    `owners` (S, S): the first face over each texel, -1 if none, row 0 at v = 0; `n_contested` have a second.
    `covered` and `contested` (M,) count the texels of each face, and those that it does not have alone.
    """

    owners: Ints
    n_contested: int
    covered: Ints
    contested: Ints

    @property
    def n_covered(self) -> int:
        """Texels that any face covers."""
        return int(np.count_nonzero(self.owners >= 0))


def shrink_overlaps(uv: Floats, claimed: Claims) -> int:
    """Faces of `uv` (M, 3, 2) that are folded or share texels get a place without size, in place; how many.

    Of the faces over one texel, the one that has it stays.
    """
    one, two = uv[:, 1].astype(np.float64) - uv[:, 0], uv[:, 2].astype(np.float64) - uv[:, 0]
    is_folded = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0] < 0
    owned = np.bincount(claimed.owners[claimed.owners >= 0], minlength=len(uv))
    shrunk = is_folded | ((claimed.contested > 0) & (owned < claimed.covered))
    uv[shrunk] = uv[shrunk][:, :1]
    return int(np.count_nonzero(shrunk))


def claim_texels(uv: Floats, size_px: int) -> Claims:
    """Claims the texels of a square texture for the faces with corners `uv` (M, 3, 2), inside [0, 1].

    Faces without area or with coordinates that are not finite claim nothing.
    """
    placed = uv.astype(np.float64) * size_px
    placed[~np.isfinite(placed).all(axis=(1, 2))] = -1.0
    compute = processor()
    alone = replace(compute, n_threads=1)
    owners = np.full((size_px, size_px), -1, np.int32)
    contested = np.zeros((size_px, size_px), np.uint8)
    counts = np.zeros((len(uv), 2), np.int32)

    def claim(low: int, high: int) -> None:
        alone.launch(claims.claim, len(uv), [placed, _SLACK_PX, low, high, owners, contested])

    if len(uv) > _WORTH_A_THREAD:
        compute.bands(size_px, claim, claims.claim)
    else:
        claim(0, size_px)
    n_contested = int(np.count_nonzero(contested))
    if n_contested:
        compute.launch(claims.count, len(uv), [placed, _SLACK_PX, contested, counts])
    else:
        counts[:, 0] = np.bincount(owners[owners >= 0], minlength=len(uv))
    return Claims(owners, n_contested, counts[:, 0], counts[:, 1])
