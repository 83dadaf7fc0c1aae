"""After repair each edge has two faces and each vertex one fan; what was in order is not touched."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from bad_meshes import (
    cubes_of,
    disc_in_tube,
    flipped,
    moebius,
    soup,
    triangles,
    two_cubes,
    welded,
    with_faces,
    without,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from shapes import ball, box_body, chair, joined, torus

from engine.errors import BadInput
from engine.geometry.mending.intake import take_in
from engine.geometry.mending.remesh import voxel_remesh
from engine.geometry.mending.repair import is_sound, repair
from engine.geometry.mesh import Mesh, topology, volume


def inside_out(mesh: Mesh) -> Mesh:
    return Mesh(mesh.vertices, mesh.faces[:, ::-1])


def hollow() -> Mesh:
    """A ball with a cavity: the inner wall looks into it."""
    return joined([ball(3), inside_out(ball(2, 0.3))])


SOUND: dict[str, Callable[[], Mesh]] = {
    "ball": lambda: ball(3),
    "torus": torus,
    "six boxes through each other": chair,
    "hollow ball": hollow,
    "ball in a ball in a ball": lambda: joined([ball(3), inside_out(ball(2, 0.3)), ball(1, 0.1)]),
}


@pytest.mark.parametrize("name", SOUND)
def test_what_is_sound_comes_out_as_the_very_same(name: str) -> None:
    mesh = SOUND[name]()
    repaired = repair(mesh)
    assert repaired.mesh is mesh
    assert repaired.notes == ()


def test_what_is_inside_out_is_turned_and_cavities_are_not() -> None:
    assert volume(repair(inside_out(ball(3))).mesh) == pytest.approx(volume(ball(3)))
    assert volume(repair(inside_out(hollow())).mesh) == pytest.approx(volume(hollow()))
    apart = joined([ball(2), inside_out(ball(2, centre=(3, 0, 0)))])
    assert volume(repair(apart).mesh) == pytest.approx(2 * volume(ball(2)), rel=1e-5)


@pytest.mark.parametrize("share", [0.001, 0.3, 0.5, 0.9])
def test_faces_that_run_the_wrong_way_are_turned(share: float) -> None:
    for mesh in (ball(3), torus()):
        repaired = repair(flipped(mesh, share))
        assert np.array_equal(np.sort(repaired.mesh.faces, axis=1), np.sort(mesh.faces, axis=1))
        assert topology(repaired.mesh) == topology(mesh)
        assert volume(repaired.mesh) == pytest.approx(volume(mesh), rel=1e-5)


def test_bodies_that_touch_along_an_edge_or_in_a_corner_come_apart() -> None:
    for offset in ((1, 1, 0), (1, 1, 1)):
        mesh = two_cubes(offset)
        assert not is_sound(mesh)
        repaired = repair(mesh)
        facts = topology(repaired.mesh)
        assert (facts.n_components, facts.euler, facts.is_watertight) == (2, 4, True)
        assert len(repaired.mesh.faces) == 24
        assert volume(repaired.mesh) == pytest.approx(2)
        assert repaired.notes == ()


@pytest.mark.parametrize("seed", range(12))
def test_cubes_that_touch_in_every_way_become_sound_without_losing_or_gaining_any_volume(seed: int) -> None:
    filled = np.random.default_rng(seed).random((4, 4, 4)) < (0.2, 0.5, 0.8)[seed % 3]
    repaired = repair(cubes_of(filled))
    assert is_sound(repaired.mesh)
    assert volume(repaired.mesh) == pytest.approx(filled.sum(), rel=1e-6)
    assert not any("hole" in note for note in repaired.notes)


def test_an_inside_out_body_that_touches_another_is_turned_before_they_are_parted() -> None:
    first, second = box_body((0, 0, 0), (1, 1, 1)), box_body((1, 1, 0), (2, 2, 1))
    repaired = repair(welded(joined([first, inside_out(second)])))
    assert is_sound(repaired.mesh)
    assert volume(repaired.mesh) == pytest.approx(2)


def test_a_fin_on_the_surface_goes_and_the_surface_stays_closed() -> None:
    mesh = ball(2)
    a, b, _ = (int(i) for i in mesh.faces[40])
    points = np.concatenate([mesh.vertices, mesh.vertices[a : a + 1] * np.float32(1.3)])
    for fin in ((a, b, len(points) - 1), (b, a, len(points) - 1)):
        repaired = repair(with_faces(Mesh(points, mesh.faces), fin))
        assert np.array_equal(repaired.mesh.vertices, mesh.vertices)
        assert topology(repaired.mesh) == topology(mesh)
        assert repaired.notes == ("Dropped a face that hung on the surface.",)


@pytest.mark.parametrize("turned", [False, True])
def test_a_wall_inside_goes_whichever_way_it_looks(turned: bool) -> None:
    mesh = disc_in_tube()
    faces = mesh.faces.copy()
    if turned:
        faces[-24:] = faces[-24:, ::-1]
    repaired = repair(Mesh(mesh.vertices, faces))
    facts = topology(repaired.mesh)
    assert (facts.n_components, facts.euler, facts.is_watertight) == (1, 2, True)
    assert len(repaired.mesh.faces) == len(faces) - 24
    assert volume(repaired.mesh) == pytest.approx(12 * np.sin(2 * np.pi / 24) * 2, rel=1e-5)


def test_a_moebius_strip_has_one_side_and_that_is_said() -> None:
    repaired = repair(moebius())
    assert "one side" in repaired.notes[0]
    assert len(repaired.mesh.faces) == 240
    assert topology(repaired.mesh).n_components == 1


def test_a_moebius_strip_beside_a_ball_does_not_spoil_it() -> None:
    strip = moebius()
    both = joined([ball(3, 3.0), Mesh(strip.vertices * np.float32(0.3) + np.float32(5), strip.faces)])
    repaired = repair(flipped(both, 0.3))
    assert topology(repaired.mesh).is_watertight
    assert volume(repaired.mesh) == pytest.approx(volume(ball(3, 3.0)), rel=1e-5)
    assert any("one side" in note for note in repaired.notes)


@pytest.mark.parametrize("n", [1, 2000])
def test_a_soup_of_sheets_is_left_and_that_is_said(n: int) -> None:
    mesh = triangles(n)
    repaired = repair(mesh)
    assert len(repaired.mesh.faces) == n
    assert "encloses nothing" in repaired.notes[0] or f"{n} open sheets" in repaired.notes[0]


def test_a_scrap_beside_a_body_goes() -> None:
    repaired = repair(joined([ball(3), triangles(5)]))
    assert topology(repaired.mesh) == topology(ball(3))
    assert repaired.notes == ("Dropped 5 scraps of surface that enclose nothing.",)


@pytest.mark.parametrize("make", [lambda: triangles(50), moebius, lambda: soup(ball(2)), chair])
def test_built_anew_everything_is_closed(make: Callable[[], Mesh]) -> None:
    mesh = make()
    made = voxel_remesh(mesh, 48)
    assert is_sound(made.mesh)
    cube = float(np.ptp(mesh.vertices, axis=0).max()) / 48
    assert np.abs(np.array(made.mesh.bounds) - np.array(mesh.bounds)).max() < 1.5 * cube
    assert len(made.notes) == 1


def test_built_anew_a_body_with_holes_is_where_it_was() -> None:
    made = voxel_remesh(without(ball(4), 0.02), 64)
    assert topology(made.mesh).euler == 2
    assert volume(made.mesh) == pytest.approx(volume(ball(4)), rel=0.01)
    errors = np.abs(np.linalg.norm(made.mesh.vertices, axis=1) - 0.5) * 64
    assert errors.max() < 1
    assert errors.mean() < 0.1


def test_built_anew_what_cuts_through_itself_is_counted_once() -> None:
    crossing = joined([box_body((0, 0, 0), (1, 1, 1)), box_body((0.5, 0.5, 0.5), (1.5, 1.5, 1.5))])
    made = voxel_remesh(crossing, 64)
    assert topology(made.mesh).n_components == 1
    assert volume(made.mesh) == pytest.approx(1.875, rel=0.02)


@settings(max_examples=40, deadline=None)
@given(
    lost=st.floats(0, 0.12), turned=st.floats(0, 1), twice=st.floats(0, 0.5), seed=st.integers(0, 2**32 - 1)
)
def test_a_body_with_faces_lost_turned_and_doubled_is_closed_again_with_its_volume(
    lost: float, turned: float, twice: float, seed: int
) -> None:
    mesh = ball(3)
    spoilt = flipped(without(mesh, lost, seed), turned, seed + 1)
    again = spoilt.faces[np.random.default_rng(seed).random(len(spoilt.faces)) < twice]
    spoilt = with_faces(spoilt, again[:, ::-1])
    repaired = repair(take_in(spoilt.vertices, spoilt.faces).mesh).mesh
    assert is_sound(repaired)
    assert volume(repaired) == pytest.approx(volume(mesh), rel=0.03)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(3, 24), m=st.integers(1, 90), seed=st.integers(0, 2**32 - 1))
def test_no_soup_breaks_it_and_the_result_is_sound_or_said_not_to_be(n: int, m: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 4, (n, 3)).astype(np.float16)  # many in one place or on one line
    try:
        taken = take_in(points, rng.integers(0, n, (m, 3))).mesh
    except BadInput:
        return
    repaired = repair(taken)
    assert len(repaired.mesh.faces)
    assert is_sound(repaired.mesh) or any("open sheet" in note for note in repaired.notes)
