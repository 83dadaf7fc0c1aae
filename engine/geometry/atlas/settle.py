"""Charts that do not come out well are cut again until every face keeps the bound and its place.

They are cut in two where it went wrong, a few times over; after the last round, faces that are still folded,
overstretched or over others leave their chart and lie alone, where a face has exactly its own shape.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.geometry.atlas.charts import split_charts
from engine.geometry.atlas.flatten import FlatRules, Pieces, cut_into_pieces, flatten, lay_alone
from engine.geometry.atlas.links import link_faces, without_links
from engine.geometry.atlas.merge import ChartRules
from engine.geometry.atlas.overlap import claim_texels
from engine.geometry.atlas.pack import Outlines, spread_out
from engine.geometry.atlas.watch import Watch
from engine.geometry.mesh import Mesh

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

_N_ROUNDS = 5
_MAX_RASTER_PX = 8192


@dataclass(frozen=True, eq=False)
class Laid:
    """Charts before packing: `labels` (M,) and `places` (M, 3, 2) of corners, each chart by itself."""

    labels: Ints
    places: Floats

    def pieces(self, mesh: Mesh, watch: Watch) -> tuple[Pieces, Floats]:
        """The pieces and the places (V, 2) of their vertices."""
        made = cut_into_pieces(mesh, self.labels, watch)
        places = np.empty((len(made.origins), 2), np.float32)
        places[made.corners] = self.places[made.order]
        return made, places


@dataclass(frozen=True)
class LoneRules:
    """How many faces may leave their chart: `most` if `always` or once the time is over, else any number."""

    most: int
    always: bool = False

    def limit(self, watch: Watch) -> int | None:
        """The number now, None for any."""
        return self.most if self.always or watch.is_over else None


def settle(
    mesh: Mesh,
    labels: Ints,
    chart_rules: ChartRules,
    flat_rules: FlatRules,
    texels_per_unit: float,
    lone_rules: LoneRules,
    watch: Watch,
) -> Laid:
    """Flattens the charts `labels` (M,), cutting in two what is folded, overstretched or lies over itself.

    `texels_per_unit` is how finely is looked for charts that lie over themselves.
    """
    laid = Laid(labels.copy(), np.zeros((len(labels), 3, 2), np.float32))
    pending = np.arange(len(labels))
    for number in range(_N_ROUNDS + 1):
        # Most of what is left to do is done in each round; most charts need one.
        low, high = 1 - 0.3**number, 1 - 0.3 ** (number + 1)
        local = np.unique(laid.labels[pending], return_inverse=True)[1].astype(np.int32)
        part = Mesh(mesh.vertices, mesh.faces[pending])
        pieces = cut_into_pieces(part, local, watch.part(low, low))
        flat = flatten(part, pieces, flat_rules, watch.part(low, high))
        laid.places[pending[pieces.order]] = flat.places[pieces.corners]
        watch.tell(high)
        bad = np.zeros(len(pending), bool)
        bad[pieces.order] = flat.bad | _over_itself(pieces, flat.places, texels_per_unit)
        if not bad.any():
            break
        # Whole sheets that lie over others are worth a cut even if the time is over; a few faces are not.
        is_last = watch.is_over and (number > 0 or np.count_nonzero(bad) <= lone_rules.most)
        if number == _N_ROUNDS or is_last:
            laid = alone(mesh, laid, pending[bad], lone_rules.limit(watch))
            break
        again = np.flatnonzero(np.bincount(local, bad)[local] > 0)
        pending, local = pending[again], np.unique(local[again], return_inverse=True)[1].astype(np.int32)
        part = Mesh(mesh.vertices, mesh.faces[pending])
        links = without_links(link_faces(part, watch.part(high, high)), local)
        worst = _middles(part, local, bad[again])
        split = split_charts(part, links, local, worst, chart_rules, watch.part(high, high))
        laid.labels[pending] = split + laid.labels.max() + 1
    return Laid(np.unique(laid.labels, return_inverse=True)[1].astype(np.int32), laid.places)


def _over_itself(pieces: Pieces, places: Floats, texels_per_unit: float) -> Bools:
    """Where faces, in the pieces' order, share a texel with others of their chart."""
    spread, size_px = spread_out(Outlines.of(pieces, places), texels_per_unit, _MAX_RASTER_PX)
    uv = spread.places_px[pieces.corners] / np.float32(size_px)
    return np.asarray(claim_texels(uv, size_px).contested > 0)


def _middles(mesh: Mesh, labels: Ints, bad: Bools) -> Ints:
    """For each chart (K,) the bad face that lies nearest to the middle of its bad faces."""
    n_charts = int(labels.max()) + 1
    faces = np.flatnonzero(bad)
    centres, charts = mesh.corners[faces].mean(axis=1), labels[faces]
    counts = np.bincount(charts, minlength=n_charts)
    middles = np.stack(
        [np.bincount(charts, centres[:, i], minlength=n_charts) / counts for i in range(3)], axis=1
    )
    away = np.sum((centres - middles[charts]) ** 2, axis=1)
    order = np.lexsort((away, charts))
    return faces[order[np.searchsorted(charts[order], np.arange(n_charts))]].astype(np.int32)


def alone(mesh: Mesh, laid: Laid, members: NDArray[np.int64], most: int | None = None) -> Laid:
    """The charts with each of the faces `members` taken out into a chart of its own, the `most` largest."""
    if most is not None and len(members) > most:
        areas = mesh.face_areas_normals[0][members]
        members = np.sort(members[np.argsort(-areas, kind="stable")[:most]])
    labels, places = laid.labels.copy(), laid.places.copy()
    labels[members] = labels.max() + 1 + np.arange(len(members), dtype=np.int32)
    places[members] = lay_alone(mesh, members)
    return Laid(np.unique(labels, return_inverse=True)[1].astype(np.int32), places)
