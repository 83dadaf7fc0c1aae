"""A field is decoded where its surface can be and nowhere else, in float32 coordinates.

A coarse lattice is decoded whole. A cell is divided if the surface crosses it, or if the value nearest to the
surface at its corners is within reach of it: the steepest slope seen around the cell times half its diagonal.
For a field no steeper than its corners show, no part of the surface is missed, however small. At every level
the surface is then followed out of the set of cells, so that what is found is found whole. The cells that the
surface crosses at the finest level, and the values at their corners, are those of dense decoding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import max_pool3d, pad

from engine.geometry.marching import open_faces
from engine.models.finite import check_finite

Tensor = Any
# Logits (n,) float32 at points (n, 3) float32 in world units; positive inside.
Field = Callable[[Tensor], Tensor]

BOUND = 1.01  # the cube in which the public checkpoints are trained, from -BOUND to BOUND
COARSEST = 64  # cells a side below which a lattice is not halved further
# Points decoded at once: 0.4 GiB of activations in the full decoder, at 96 % of the speed of chunks eight
# times as large (H100, 2026-11).
CHUNK = 16_384
_HALF_DIAGONAL = math.sqrt(3) / 2  # of a cell, in its sides
_CORNERS = torch.tensor([[(c >> 2) & 1, (c >> 1) & 1, c & 1] for c in range(8)])


@dataclass(frozen=True, eq=False)
class SurfaceCells:
    """The cells that the surface crosses: `cells` (n, 3) int32 in [0, R), `values` (n, 8) float32.

    Corner c of a cell stands ((c >> 2) & 1, (c >> 1) & 1, c & 1) from it along x, y, z. `n_decoded` counts
    the points at which the field was asked.
    """

    resolution: int
    bound: float
    cells: Tensor
    values: Tensor
    n_decoded: int

    def to_world(self, lattice_points: Tensor, *, is_parity: bool = False) -> Tensor:
        """Points in cells, [0, R], to world units, [-bound, bound].

        `is_parity`: as the public reference maps them, which counts R + 1 cells: smaller by R / (R + 1) and
        moved towards the lowest corner.
        """
        n_cells = self.resolution + (1 if is_parity else 0)
        return lattice_points * (2 * self.bound / n_cells) - self.bound


def decode_near_surface(
    field: Field,
    resolution: int,
    device: Any,
    *,
    level: float = 0.0,
    bound: float = BOUND,
    chunk: int = CHUNK,
    share_is_done: Callable[[float], None] = lambda share: None,
) -> SurfaceCells:
    """The cells of a lattice of `resolution` cells a side that the surface field = `level` crosses.

    `share_is_done` hears how much of the work is done, in [0, 1], and may raise to end it. Raises NotFinite.
    """
    n_halvings = 0
    while math.ceil(resolution / 2 ** (n_halvings + 1)) >= COARSEST:
        n_halvings += 1
    n_levels = n_halvings + 1

    def share(number: int) -> Callable[[float], None]:
        return lambda part: share_is_done((number + part) / n_levels)

    stride = 2**n_halvings
    side = math.ceil(resolution / stride)
    decoder = _Decoder(field, 2 * bound / resolution, bound, level, chunk, device)
    known = decoder.whole_lattice(side, stride, share(0))
    cells, slopes = _start(known, side)
    for number in range(1, n_levels):
        side, stride = 2 * side, stride // 2
        known = decoder.finer(known, cells, side, stride, share(number))
        cells, slopes = _children(cells), slopes.repeat_interleave(8)
        corners = known.at_corners(cells)
        cells, slopes, corners = _worth_dividing(cells, slopes / 2, corners, is_last=number == n_levels - 1)
        cells, slopes, corners, known = decoder.follow(known, cells, slopes, corners, stride)
    corners = known.at_corners(cells)
    kept = _crosses(corners) & (cells < resolution).all(dim=1)
    share_is_done(1.0)
    return SurfaceCells(resolution, bound, cells[kept].int(), corners[kept] + level, decoder.n_decoded)


def decode_dense(
    field: Field, resolution: int, device: Any, *, bound: float = BOUND, chunk: int = CHUNK
) -> Tensor:
    """The field at every point of the lattice, (R + 1, R + 1, R + 1) float32: the above is measured by it."""
    decoder = _Decoder(field, 2 * bound / resolution, bound, 0.0, chunk, device)
    known = decoder.whole_lattice(resolution, 1, lambda share: None)
    return known.values.view(resolution + 1, resolution + 1, resolution + 1)


@dataclass(frozen=True, eq=False)
class _Known:
    """Values (n,) less the level, at the points of a lattice with `side` cells a side, by rising key (n,)."""

    side: int
    keys: Tensor
    values: Tensor

    def key_of(self, points: Tensor) -> Tensor:
        """The keys (...) of lattice points (..., 3)."""
        x, y, z = points.long().unbind(-1)
        return (x * (self.side + 1) + y) * (self.side + 1) + z

    def at(self, keys: Tensor) -> Tensor:
        """The values at `keys`, which must be known."""
        return self.values[torch.searchsorted(self.keys, keys)]

    def has(self, keys: Tensor) -> Tensor:
        """Which of `keys` are known."""
        places = torch.searchsorted(self.keys, keys).clamp_(max=len(self.keys) - 1)
        return self.keys[places] == keys

    def at_corners(self, cells: Tensor) -> Tensor:
        """The values (n, 8) at the corners of `cells` (n, 3)."""
        first = self.key_of(cells)
        offsets = self.key_of(_CORNERS.to(cells.device))
        return torch.stack([self.at(first + offset) for offset in offsets], dim=1)


class _Decoder:
    """Asks the field, chunk by chunk, and counts."""

    def __init__(
        self, field: Field, spacing: float, bound: float, level: float, chunk: int, device: Any
    ) -> None:
        self._field, self._spacing, self._bound, self._level = field, spacing, bound, level
        self._chunk, self._device = chunk, device
        self.n_decoded = 0

    def whole_lattice(self, side: int, stride: int, share_is_done: Callable[[float], None]) -> _Known:
        """Every point of the lattice with `side` cells a side, `stride` of the finest spacing apart."""
        keys = torch.arange((side + 1) ** 3, device=self._device)
        return _Known(side, keys, self._values(keys, side, stride, share_is_done))

    def finer(
        self,
        known: _Known,
        cells: Tensor,
        side: int,
        stride: int,
        share_is_done: Callable[[float], None],
    ) -> _Known:
        """The points of the lattice twice as fine (`side`) at which the children of `cells` have corners."""
        is_wanted = torch.zeros((side + 1) ** 3, dtype=torch.bool, device=self._device)
        finer = _Known(side, is_wanted, is_wanted)  # for its keys
        first = finer.key_of(2 * cells)
        for number in range(27):
            offset = torch.tensor([number // 9, number // 3 % 3, number % 3])
            is_wanted[first + int(finer.key_of(offset))] = True
        keys = is_wanted.nonzero()[:, 0]
        del is_wanted
        points = _points_of(keys, side)
        is_old = (points % 2 == 0).all(dim=1)
        values = torch.empty(len(keys), device=self._device)
        values[is_old] = known.at(known.key_of(points[is_old] // 2))
        del points
        is_new = ~is_old
        values[is_new] = self._values(keys[is_new], side, stride, share_is_done)
        return _Known(side, keys, values)

    def follow(
        self, known: _Known, cells: Tensor, slopes: Tensor, corners: Tensor, stride: int
    ) -> tuple[Tensor, Tensor, Tensor, _Known]:
        """The set with all cells that the surface crosses beyond it, as far as it goes on."""
        while len(found := open_faces(cells, corners, 0.0, known.side).long()):
            points = (found[:, None] + _CORNERS.to(found.device)).flatten(0, 1)
            keys = torch.unique(known.key_of(points))
            keys = keys[~known.has(keys)]
            values = self._values(keys, known.side, stride, lambda share: None)
            keys, order = torch.sort(torch.cat([known.keys, keys]))
            known = _Known(known.side, keys, torch.cat([known.values, values])[order])
            added = known.at_corners(found)
            cells, corners = torch.cat([cells, found]), torch.cat([corners, added])
            slopes = torch.cat([slopes, _slopes(added)])
        return cells, slopes, corners, known

    def _values(self, keys: Tensor, side: int, stride: int, share_is_done: Callable[[float], None]) -> Tensor:
        values = torch.empty(len(keys), device=self._device)
        waits: list[Any] = []
        for start in range(0, len(keys), self._chunk):
            part = keys[start : start + self._chunk]
            points = _points_of(part, side).float() * (self._spacing * stride) - self._bound
            if values.is_cuda:  # one shape alone: fused kernels are planned anew for every other, 50 ms each
                points = pad(points, (0, 0, 0, self._chunk - len(part)))
            values[start : start + len(part)] = self._field(points)[: len(part)] - self._level
            if (
                values.is_cuda
            ):  # stay two chunks behind, so that what is told is true and the card never waits
                waits.append(torch.cuda.current_stream(values.device).record_event())
                if len(waits) > 2:
                    waits.pop(0).synchronize()
            share_is_done(min(start + self._chunk, len(keys)) / len(keys))
        check_finite(values, "The field decoder")
        self.n_decoded += len(keys)
        return values


def _start(known: _Known, side: int) -> tuple[Tensor, Tensor]:
    """The cells of the coarsest lattice worth dividing, and the slopes around them."""
    corners = known.values.view(side + 1, side + 1, side + 1).unfold(0, 2, 1).unfold(1, 2, 1).unfold(2, 2, 1)
    corners = corners.reshape(-1, 8)
    slopes = _slopes(corners).view(1, 1, side, side, side)
    slopes = max_pool3d(slopes, 3, stride=1, padding=1).flatten()
    worth = _crosses(corners) | (corners.abs().amin(dim=1) <= slopes * _HALF_DIAGONAL)
    keys = worth.nonzero()[:, 0]
    return _points_of(keys, side - 1), slopes[keys]


def _worth_dividing(
    cells: Tensor, slopes: Tensor, corners: Tensor, *, is_last: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Of `cells` those to go on with; at the last level those that the surface crosses."""
    worth = _crosses(corners)
    if not is_last:
        slopes = torch.maximum(slopes, _slopes(corners))
        worth |= corners.abs().amin(dim=1) <= slopes * _HALF_DIAGONAL
    return cells[worth], slopes[worth], corners[worth]


def _crosses(corners: Tensor) -> Tensor:
    """Whether inside and outside meet in a cell, (n,); a value at the level itself is outside."""
    is_inside = corners > 0
    return is_inside.any(dim=1) & ~is_inside.all(dim=1)


def _slopes(corners: Tensor) -> Tensor:
    """The steepest change over a side of each cell, (n,): the norm of the largest along each axis."""
    cube = corners.view(-1, 2, 2, 2)
    steepest = [(cube.select(axis, 1) - cube.select(axis, 0)).abs().flatten(1).amax(1) for axis in (1, 2, 3)]
    return torch.stack(steepest).square().sum(dim=0).sqrt()


def _children(cells: Tensor) -> Tensor:
    """The eight halves of each cell, (8·n, 3)."""
    return (2 * cells[:, None] + _CORNERS.to(cells.device)).flatten(0, 1)


def _points_of(keys: Tensor, side: int) -> Tensor:
    """The lattice points (n, 3) int64 of keys (n,), for a lattice of `side` cells a side."""
    n = side + 1
    return torch.stack([keys // (n * n), keys // n % n, keys % n], dim=1)
