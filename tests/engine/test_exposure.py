"""Views that differ in brightness are brought together; views that agree or share nothing stay."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from shapes import ball, rainbow, view_of

from engine.geometry.bake import Blend, Texels, View, locate_texels
from engine.geometry.exposure import match_exposure, solve_factors
from engine.geometry.mesh import Mesh
from engine.geometry.unwrap import UnwrapOptions, unwrap

SIX = ("front", "left", "back", "right", "top", "bottom")


@cache
def subject() -> tuple[Mesh, Texels, tuple[View, ...]]:
    mesh = ball(4)
    texels = locate_texels(mesh, unwrap(mesh.vertices, mesh.faces, UnwrapOptions(256)).uv, 256)
    muted = [view_of(mesh, name, lambda p: 0.3 + 0.4 * rainbow(p), 160) for name in SIX]
    return mesh, texels, tuple(muted)


def spread(views: list[View] | tuple[View, ...], truth: tuple[View, ...]) -> float:
    """The largest over the smallest factor between views and truth, over views and channels."""
    factors = [np.median(v.colours / t.colours, axis=(0, 1)) for v, t in zip(views, truth, strict=True)]
    return float((np.max(factors, axis=0) / np.min(factors, axis=0)).max())


def test_differing_exposures_are_brought_together() -> None:
    mesh, texels, truth = subject()
    factors = [
        (1, 1, 1),
        (0.8, 0.85, 0.9),
        (1.2, 1.1, 1.0),
        (0.9, 1.1, 1.2),
        (1.15, 1.15, 1.15),
        (0.85, 0.9, 0.8),
    ]
    wrong = [
        replace(view, colours=(view.colours * np.array(f, np.float32)))
        for view, f in zip(truth, factors, strict=True)
    ]
    assert spread(wrong, truth) > 1.4
    matched = match_exposure(mesh, texels, wrong, Blend())
    assert spread(matched, truth) < 1.1
    assert matched[0] is wrong[0]  # the first view leads


def test_views_that_agree_are_hardly_touched() -> None:
    mesh, texels, truth = subject()
    assert spread(match_exposure(mesh, texels, truth, Blend()), truth) < 1.02


def test_a_view_alone_and_views_that_share_nothing_stay() -> None:
    mesh, texels, truth = subject()
    assert match_exposure(mesh, texels, truth[:1], Blend())[0] is truth[0]
    dark = replace(truth[2], colours=truth[2].colours * np.float32(0.5))
    front, back = match_exposure(mesh, texels, [truth[0], dark], Blend())
    assert front is truth[0]
    assert back is dark


def test_a_factor_has_its_limits() -> None:
    says = np.ones((2, 100), np.float32)
    shown = np.stack([np.full((100, 3), 0.8), np.full((100, 3), 0.1)]).astype(np.float32)
    factors = solve_factors(says, shown)
    assert factors.max() <= 1.5 + 1e-5
    assert factors.min() >= 1 / 1.5 - 1e-5


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_clipped_colours_tell_nothing(value: float) -> None:
    says = np.ones((2, 100), np.float32)
    shown = np.stack([np.full((100, 3), value), np.full((100, 3), 0.5)]).astype(np.float32)
    assert (solve_factors(says, shown) == 1).all()
