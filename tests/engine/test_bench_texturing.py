"""The bench measures what it says, in one table of text or JSON; its bodies are what their names say."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest
from shapes import ball

from engine.bench_bodies import organic_body, paint_of
from engine.bench_texturing import TexturingFigures, bench_texturing, stretch_l2
from engine.errors import BadRequest
from engine.geometry.mesh import Mesh, topology
from engine.geometry.unwrap import UnwrapOptions, unwrap


@cache
def figures() -> TexturingFigures:
    return bench_texturing(
        1, against="xatlas", n_faces=(1500, 2500), n_drawn_faces=2500, size_px=256, n_cells=64
    )


def test_every_work_of_the_half_has_its_row() -> None:
    works = [row.work for row in figures().rows]
    words = ("unwrap 1,5", "unwrap 2,5", "six 256", "bake six 256", "solved for the texels", "in-paint 256")
    assert len(works) == len(words)
    assert all(word in work for word, work in zip(words, works, strict=True))
    assert all(0 < row.best_seconds <= row.median_seconds for row in figures().rows)


def test_unwrapping_is_compared_in_time_and_quality_with_the_library() -> None:
    first, *rest = figures().rows
    assert first.against == "xatlas"
    assert first.ratio == pytest.approx(first.best_seconds / first.against_seconds)
    assert "ours L2 1.0" in first.notes
    assert "xatlas L2 1." in first.notes
    assert "overlap 0.00%" in first.notes
    assert not any(row.against for row in rest[1:])


def test_figures_are_text_and_plain_data() -> None:
    told = json.loads(json.dumps(figures().as_dict()))
    assert told["device"] == "cpu"
    assert len(told["rows"]) == len(figures().rows)
    assert str(figures()).count("\n") == len(figures().rows)


def test_another_library_is_refused_in_words() -> None:
    with pytest.raises(BadRequest, match="blender"):
        bench_texturing(1, against="blender")


def test_the_body_is_closed_one_piece_and_as_large_as_asked() -> None:
    body = organic_body(2500, n_cells=64)
    facts = topology(body)
    assert facts.is_watertight
    assert facts.n_components == 1
    assert abs(len(body.faces) - 2500) < 60
    low, high = body.bounds
    assert (high - low).max() == pytest.approx(1)
    colours = paint_of(body.vertices)
    assert colours.min() >= 0
    assert colours.max() <= 1
    assert colours.std() > 0.05


def test_stretch_is_one_for_a_plane_and_known_for_a_squeezed_one() -> None:
    corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
    mesh = Mesh(corners, np.array([[0, 1, 2], [0, 2, 3]], np.int32))
    flat = mesh.corners[..., :2]
    assert stretch_l2(mesh, flat * 0.3) == pytest.approx(1)
    # Squeezed to half in v: singular values 1 and 2 along the axes, and half the area.
    assert stretch_l2(mesh, flat * [1, 0.5]) == pytest.approx(np.sqrt((1 + 4) / 2 / 2))
    round_one = ball(3)
    uv = unwrap(round_one.vertices, round_one.faces, UnwrapOptions(512)).uv
    assert 1 <= stretch_l2(round_one, uv) < 1.1
