"""The surface of a field that is known in some cells only; the field is positive inside.

Every vertex belongs to an edge of the lattice and is computed from the edge's lower end to its upper one, so
that all cells around it agree to the last bit, and nothing depends on the order in which cells are given. A
set that holds all the cells that the surface crosses gives a closed, consistent mesh; elsewhere it has a
border where the set ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from engine.geometry.marching_table import AXIS_BITS, EDGES, FACES, marching_table

Tensor = Any

CHUNK = 131_072  # cells at once: 60 MB of working memory
_BITS = 20  # of a coordinate in a key; three coordinates and an axis fit int64
_LIMIT = (1 << _BITS) - 2  # the highest coordinate of a cell
# An edge belongs to the cell at its lower end, of which there are seven around a cell.
_OWNERS = tuple(sorted({corner for corner, _ in EDGES}))
_OWNER_OF_EDGE = tuple(_OWNERS.index(corner) for corner, _ in EDGES)
_AXIS_OF_EDGE = tuple(axis for _, axis in EDGES)
_OWN_EDGES = tuple(EDGES.index((0, axis)) for axis in range(3))


def march(cells: Tensor, values: Tensor, level: float = 0.0) -> tuple[Tensor, Tensor]:
    """Vertices (N, 3) float32, in cells, and faces (M, 3) int32, counter-clockwise seen from outside.

    `cells` (n, 3) int32, each once, in any order; `values` (n, 8) float32 at their corners, corner c standing
    ((c >> 2) & 1, (c >> 1) & 1, c & 1) from the cell along x, y, z. A value equal to `level` is outside. On
    the face of a cell, contours are those of the bilinear field (Nielson & Hamann 1991). No face names a
    vertex twice. Raises ValueError for values that are not finite and cells beyond the lattice's limits.
    """
    _refuse_unusable(cells, values)
    device, level = values.device, _rounded(level)
    if not len(cells):
        return torch.empty(0, 3, device=device), torch.empty(0, 3, dtype=torch.int32, device=device)
    table = _tables(device)
    keys, order = torch.sort(_keys(cells))
    rows = torch.cat([_rows(part, level, table) for part in values.split(CHUNK)])[order]
    ends = torch.cumsum(table.n_own[rows], dim=0)
    n_own, n_centres, n_faces = torch.stack(
        [ends[-1], table.has_centre[rows].sum(), table.n_triangles[rows].sum()]
    ).tolist()
    vertices = torch.empty(n_own + n_centres, 3, device=device)
    faces = torch.empty(n_faces, 3, dtype=torch.int32, device=device)
    strays = _Strays(len(vertices))
    own, centre, face = 0, n_own, 0
    for start in range(0, len(keys), CHUNK):
        part = slice(start, start + CHUNK)
        around = _neighbourhood(keys, ends, rows, part, table)
        corner, row = cells[order[part]], rows[part]
        crossings = _crossings(corner, values[order[part]] - level)
        placed = crossings[:, list(_OWN_EDGES)][table.crossed[row][:, list(_OWN_EDGES)]]
        vertices[own : own + len(placed)] = placed
        own += len(placed)
        centred = table.has_centre[row].nonzero()[:, 0]
        vertices[centre : centre + len(centred)] = _means(
            crossings[centred], table.around_centre[row[centred]]
        )
        numbers = torch.empty(len(row), len(EDGES) + 1, dtype=torch.int32, device=device)
        numbers[:, :-1] = around.numbers
        numbers[centred, -1] = torch.arange(centre, centre + len(centred), dtype=torch.int32, device=device)
        centre += len(centred)
        strays.take(numbers, crossings, table.crossed[row] & ~around.is_owned, around.edge_keys)
        part_faces = _faces(row, numbers, table)
        faces[face : face + len(part_faces)] = part_faces
        face += len(part_faces)
    return strays.join(vertices, faces)


def open_faces(cells: Tensor, values: Tensor, level: float, resolution: int) -> Tensor:
    """The cells (k, 3) int32 beyond the given ones into which the surface goes on, by rising coordinates.

    They share with a given cell a face that the surface crosses, and lie in a lattice of `resolution` cells a
    side. `cells` and `values` as in `march`.
    """
    is_inside = values > _rounded(level)
    candidates = []
    for number, corners in enumerate(FACES):
        face = is_inside[:, list(corners)]
        step = torch.zeros(3, dtype=cells.dtype, device=cells.device)
        step[number // 2] = 1 if number % 2 else -1
        candidates.append(cells[face.any(dim=1) & ~face.all(dim=1)] + step)
    beyond = torch.cat(candidates)
    beyond = beyond[((beyond >= 0) & (beyond < resolution)).all(dim=1)]
    keys, present = torch.unique(_keys(beyond)), torch.sort(_keys(cells)).values
    if len(present):
        keys = keys[present[torch.searchsorted(present, keys).clamp_(max=len(present) - 1)] != keys]
    mask = (1 << _BITS) - 1
    return torch.stack([keys >> 2 * _BITS, (keys >> _BITS) & mask, keys & mask], dim=1).int()


def _rounded(level: float) -> float:
    """The level as float32, in which values are compared with it."""
    return float(torch.tensor(level, dtype=torch.float32))


def _refuse_unusable(cells: Tensor, values: Tensor) -> None:
    if cells.ndim != 2 or cells.shape[1] != 3 or values.shape != (len(cells), 8):
        raise ValueError(
            f"cells {tuple(cells.shape)} and values {tuple(values.shape)} are not (n, 3) and (n, 8)"
        )
    if not len(cells):
        return
    n_bad, low, high = torch.stack(
        [(~values.isfinite()).sum(), cells.min().long(), cells.max().long()]
    ).tolist()
    if n_bad:
        raise ValueError(f"{n_bad} of {values.numel()} values are not finite numbers")
    if low < 0 or high > _LIMIT:
        raise ValueError(f"cells lie from {low} to {high}, not within 0 to {_LIMIT}")


@dataclass(frozen=True, eq=False)
class _Tables:
    """The marching table on a device, and what follows from it for each row."""

    first_row: Tensor  # (256,) int32
    face_weights: Tensor  # (256, 6) int32
    n_triangles: Tensor  # (R,) int64
    triangles: Tensor  # (R, T, 3) int64
    crossed: Tensor  # (R, 12) bool
    around_centre: Tensor  # (R, 12) bool
    has_centre: Tensor  # (R,) bool
    n_own: Tensor  # (R,) int32, the vertices that belong to the cell
    own_rank: Tensor  # (R, 3) int32, which of them lies along each axis


def _tables(device: Any) -> _Tables:
    table = marching_table()
    own = torch.from_numpy(table.crossed[:, list(_OWN_EDGES)]).int()
    around_centre = torch.from_numpy(table.around_centre)
    found = (
        torch.from_numpy(table.first_row),
        torch.from_numpy(table.face_weights),
        torch.from_numpy(table.n_triangles).long(),
        torch.from_numpy(table.triangles).long(),
        torch.from_numpy(table.crossed),
        around_centre,
        around_centre.any(dim=1),
        own.sum(dim=1).int(),
        (own.cumsum(dim=1) - own).int(),
    )
    return _Tables(*(tensor.to(device) for tensor in found))


def _keys(cells: Tensor) -> Tensor:
    """A number (n,) int64 for each cell, rising with x, then y, then z."""
    x, y, z = cells.long().unbind(1)
    return (x << 2 * _BITS) + (y << _BITS) + z


def _rows(values: Tensor, level: float, table: _Tables) -> Tensor:
    """The row (n,) int32 of each cell in the marching table."""
    codes = torch.zeros(len(values), dtype=torch.int64, device=values.device)
    for corner in range(8):
        codes += (values[:, corner] > level).long() << corner
    rows = table.first_row[codes]
    unsure = table.face_weights[codes].any(dim=1).nonzero()[:, 0]
    # Products of two float32 are exact in float64, so both cells of a face find the same.
    above = values[unsure].double() - level
    weights = table.face_weights[codes[unsure]]
    for face, (a, b, c, d) in enumerate(FACES):
        first, second = above[:, a] * above[:, c], above[:, b] * above[:, d]
        is_joined = torch.where(above[:, a] > 0, first > second, second > first)
        rows[unsure] += weights[:, face] * is_joined
    return rows


@dataclass(frozen=True, eq=False)
class _Neighbourhood:
    """For each edge of each cell (c, 12): its key, and its vertex's number if a cell at hand owns it."""

    numbers: Tensor
    is_owned: Tensor
    edge_keys: Tensor


def _neighbourhood(keys: Tensor, ends: Tensor, rows: Tensor, part: slice, table: _Tables) -> _Neighbourhood:
    """Who owns the edges of the cells in `part`; `ends` (n,) counts own vertices up to each cell's last."""
    offsets = torch.tensor([[corner >> 2 & 1, corner >> 1 & 1, corner & 1] for corner in _OWNERS])
    wanted = keys[part, None] + _keys(offsets).to(keys.device)
    places = torch.searchsorted(keys, wanted).clamp_(max=len(keys) - 1)
    is_there = keys[places] == wanted
    owners, axes = list(_OWNER_OF_EDGE), list(_AXIS_OF_EDGE)
    owner_rows = rows[places]
    firsts = (ends[places] - table.n_own[owner_rows]).int()
    ranks = table.own_rank[owner_rows]
    axis = torch.tensor(axes, device=keys.device)
    return _Neighbourhood(
        firsts[:, owners] + ranks[:, owners, axes], is_there[:, owners], wanted[:, owners] * 4 + axis
    )


def _crossings(cells: Tensor, above: Tensor) -> Tensor:
    """Where the surface crosses each edge of each cell, (c, 12, 3) float32; anything where it does not.

    `above` (c, 8) are the corners' values less the level, which keeps their side of it.
    """
    lower = [corner for corner, _ in EDGES]
    upper = [corner | AXIS_BITS[axis] for corner, axis in EDGES]
    starts, ends = above[:, lower], above[:, upper]
    shares = (starts / (starts - ends)).clamp_(0, 1)
    corners = torch.tensor([[corner >> 2 & 1, corner >> 1 & 1, corner & 1] for corner in lower])
    crossings = (cells[:, None] + corners.to(cells)).float()
    for edge, axis in enumerate(_AXIS_OF_EDGE):
        crossings[:, edge, axis] += shares[:, edge]
    return crossings


def _means(crossings: Tensor, is_counted: Tensor) -> Tensor:
    """The mean (k, 3) of those crossings (k, 12, 3) that count, (k, 12)."""
    counted = torch.where(is_counted[..., None], crossings, 0.0)
    return counted.sum(dim=1) / is_counted.sum(dim=1)[:, None]


def _faces(rows: Tensor, numbers: Tensor, table: _Tables) -> Tensor:
    """The faces (M, 3) int32 of cells with these `rows` (c,) and `numbers` (c, 13) of vertices."""
    counts = table.n_triangles[rows]
    cell = torch.repeat_interleave(counts)
    slots = torch.arange(len(cell), device=cell.device) - (counts.cumsum(dim=0) - counts)[cell]
    return torch.gather(numbers[cell], 1, table.triangles[rows[cell], slots])


class _Strays:
    """Vertices on edges whose owner is not in the set; each cell brings a copy, `join` makes them one."""

    def __init__(self, n_vertices: int) -> None:
        self._n_vertices = n_vertices
        self._n_taken = 0
        self._keys: list[Tensor] = []
        self._places: list[Tensor] = []

    def take(self, numbers: Tensor, crossings: Tensor, is_stray: Tensor, edge_keys: Tensor) -> None:
        """Numbers the strays of some cells, writing into their `numbers` (c, 13)."""
        cell, edge = is_stray.nonzero(as_tuple=True)
        first = self._n_vertices + self._n_taken
        numbers[cell, edge] = torch.arange(first, first + len(cell), dtype=torch.int32, device=cell.device)
        self._keys.append(edge_keys[cell, edge])
        self._places.append(crossings[cell, edge])
        self._n_taken += len(cell)

    def join(self, vertices: Tensor, faces: Tensor) -> tuple[Tensor, Tensor]:
        """The mesh with every stray once, after the other vertices."""
        if not self._n_taken:
            return vertices, faces
        keys, kinds = torch.unique(torch.cat(self._keys), return_inverse=True)
        places = torch.empty(len(keys), 3, device=vertices.device)
        places[kinds] = torch.cat(self._places)  # all copies of a vertex are equal
        renumbered = torch.cat(
            [torch.arange(self._n_vertices, device=kinds.device), kinds + self._n_vertices]
        ).int()
        return torch.cat([vertices, places]), renumbered[faces]
