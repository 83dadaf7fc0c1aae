"""The stage takes whatever a backend made and hands on a sound body in the frame, with its dense surface."""

from __future__ import annotations

import numpy as np
import pytest
from bad_meshes import bumpy, flipped, moebius, soup, triangles, with_faces, without
from shapes import ball, joined, torus

from engine.errors import BadInput, Cancelled
from engine.geometry.mesh import Mesh, topology, volume
from engine.runner import Runner, StageRecord
from engine.settings import CleanSettings
from engine.stages.clean import clean
from engine.stages.values import Body


class Ear:
    """Hears of steps and notices."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int]] = []
        self.notices: list[str] = []

    def stage_started(self, stage: str, index: int, n_stages: int) -> None: ...

    def stage_progress(self, stage: str, step: int, n_steps: int) -> None:
        self.steps.append((step, n_steps))

    def stage_finished(self, record: StageRecord) -> None: ...

    def notice(self, stage: str, text: str) -> None:
        self.notices.append(text)


def cleaned(mesh: Mesh, ear: Ear | None = None, **settings: float) -> Body:
    runner = Runner(ear or Ear(), n_stages=1)
    return runner.run(clean(CleanSettings(**settings)), Body(mesh, {}, ()))  # type: ignore[arg-type]


def test_every_step_is_told_once_and_in_order() -> None:
    ear = Ear()
    cleaned(ball(3), ear)
    assert ear.steps == [(i + 1, 6) for i in range(6)]
    assert ear.notices == []


@pytest.mark.parametrize("n_allowed", range(6))
def test_cancel_reaches_it_between_any_two_steps(n_allowed: int) -> None:
    ear = Ear()
    runner = Runner(ear, n_stages=1, is_cancelled=lambda: len(ear.steps) >= n_allowed)
    with pytest.raises(Cancelled):
        runner.run(clean(CleanSettings()), Body(ball(2), {}, ()))
    assert len(ear.steps) == n_allowed


def test_a_spoilt_body_is_closed_smooth_and_in_the_frame() -> None:
    mesh = ball(4, 3.0, (5, 1, -2))
    spoilt = flipped(without(mesh, 0.05), 0.3)
    spoilt = with_faces(spoilt, spoilt.faces[::13])
    ear = Ear()
    body = cleaned(joined([spoilt, ball(1, 0.01)]), ear, faces=2000)
    assert topology(body.mesh) == topology(mesh)
    assert volume(body.mesh) == pytest.approx(np.pi / 6, rel=0.02)
    low, high = body.mesh.bounds
    assert float((high - low).max()) == pytest.approx(1, abs=1e-6)
    assert [note.split()[0] for note in ear.notices] == ["Dropped", "Dropped", "Filled"]


def test_the_dense_surface_lies_where_the_decimated_one_does() -> None:
    mesh = bumpy(90)
    body = Runner(Ear(), n_stages=1).run(
        clean(CleanSettings(faces=3000)), Body(mesh, {}, (), (2.0, None, 0.5))
    )
    assert body.dense is not None
    assert len(body.dense.faces) == len(mesh.faces)
    assert np.allclose(body.dense.bounds, body.mesh.bounds, atol=5e-3)
    assert volume(body.dense) == pytest.approx(volume(body.mesh), rel=0.01)


def test_what_is_not_decimated_has_no_dense_surface_beside_it() -> None:
    assert cleaned(ball(2)).dense is None


def test_half_precision_will_do() -> None:
    mesh = ball(4)
    half = Mesh(mesh.vertices.astype(np.float16).astype(np.float32), mesh.faces)
    assert topology(cleaned(half, faces=2000).mesh) == topology(mesh)


@pytest.mark.parametrize(
    ("mesh", "words"),
    [
        (Mesh(np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32)), "open sheet"),
        (moebius(), "one side"),
        (triangles(3000), "open sheets"),
    ],
    ids=["one triangle", "moebius strip", "loose triangles"],
)
def test_what_cannot_be_closed_comes_through_and_is_said(mesh: Mesh, words: str) -> None:
    ear = Ear()
    body = cleaned(mesh, ear, floaters=0)
    assert len(body.mesh.faces) == len(mesh.faces)
    assert np.isfinite(body.mesh.vertices).all()
    assert any(words in note for note in ear.notices)
    assert "The surface is not closed everywhere." in ear.notices


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_the_unit_does_not_matter(scale: float) -> None:
    body = cleaned(Mesh(torus().vertices * np.float32(scale), torus().faces), faces=800)
    usual = cleaned(torus(), faces=800)
    assert topology(body.mesh) == topology(usual.mesh)
    assert volume(body.mesh) == pytest.approx(volume(usual.mesh), rel=1e-2)


def test_a_soup_of_faces_becomes_one_body() -> None:
    body = cleaned(soup(ball(3)))
    assert topology(body.mesh) == topology(ball(3))


def test_nothing_is_refused() -> None:
    with pytest.raises(BadInput, match="no faces"):
        cleaned(Mesh(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32)))
    with pytest.raises(BadInput, match="area"):
        cleaned(Mesh(np.zeros((3, 3), np.float32), np.array([[0, 1, 2]], np.int32)))
