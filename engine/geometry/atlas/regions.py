"""A mark on faces is worth a border only where it holds for a region: speckles take the mark around them.

Every border between marks becomes a seam of the texture, and a face that faces away among many that do not
would be a chart of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from engine.geometry.atlas.links import Links, link_faces, without_links
from engine.geometry.mesh import Mesh

Bools = NDArray[np.bool_]
Ints = NDArray[np.int32]

_N_ROUNDS = 12  # of averaging with the faces around: borders move by a few faces at most
_LEAST_SHARE = 0.005  # of the surface that a region must have to keep its mark


def calm_regions(mesh: Mesh, marked: Bools) -> Bools:
    """The marks (M,) with smooth borders and without islands smaller than half a percent of the surface."""
    if marked.all() or not marked.any():
        return marked
    links = link_faces(mesh)
    areas = np.maximum(mesh.face_areas_normals[0], 1e-30).astype(np.float64)
    one, two = links.pairs[:, 0], links.pairs[:, 1]
    amounts, n_faces = marked.astype(np.float64), len(marked)
    weights = areas + _received(one, two, areas, n_faces)
    for _ in range(_N_ROUNDS):
        held = amounts * areas
        amounts = (held + _received(one, two, held, n_faces)) / weights
    calm = amounts > 0.5
    islands = _parts(without_links(links, calm.astype(np.int32)), n_faces)
    sizes = np.bincount(islands, areas)
    small = sizes < _LEAST_SHARE * areas.sum()
    # A part of the mesh that is small as a whole keeps its mark: there is nothing around it to take one from.
    whole = np.bincount(_parts(links, n_faces), areas)[_parts(links, n_faces)]
    return np.asarray(calm ^ (small[islands] & (sizes[islands] < 0.5 * whole)))


def _received(one: Ints, two: Ints, amounts: NDArray[np.float64], n_faces: int) -> NDArray[np.float64]:
    """What each face gets from those that it is linked to."""
    ahead = np.bincount(one, amounts[two], minlength=n_faces)
    return np.asarray(ahead + np.bincount(two, amounts[one], minlength=n_faces), np.float64)


def _parts(links: Links, n_faces: int) -> Ints:
    """The number (M,) of the connected part that each face lies in."""
    pairs = links.pairs
    graph = coo_matrix((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n_faces, n_faces))
    return np.asarray(connected_components(graph, directed=False)[1], np.int32)
