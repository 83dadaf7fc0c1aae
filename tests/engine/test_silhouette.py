"""From a picture's bytes to a textured asset: outline and colours come back, and always the same ones."""

from __future__ import annotations

import io
import json
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import trimesh
from made_assets import (
    DRAWINGS,
    NOWHERE,
    SIZE_PX,
    STAGES,
    Ear,
    asset,
    camera_on,
    drawn,
    flag,
    made,
    rendered,
    requested,
    texture_of,
    with_resolution,
    with_settings,
)
from shapes import (
    cross,
    disc,
    head,
    iou,
    occupancy,
    outlined,
    png_of,
    psnr,
    rainbow,
    rectangle,
    seen_colours,
    silhouette,
    true_hull,
)

from engine.asset import Asset, asset_of
from engine.errors import BadInput, BadRequest, Cancelled
from engine.folders import MODELS_VARIABLE
from engine.geometry.cameras import Orthographic, framing_camera
from engine.geometry.mesh import Mesh, topology, volume
from engine.geometry.outline import outline_box
from engine.pipelines import run_cutout, run_generate, run_request
from protocol.arrays import Array, Image
from protocol.codec import decode_as, encode
from protocol.requests import CutoutRequest, ViewPicture
from protocol.results import CutoutReady, Result


@pytest.mark.parametrize("name", DRAWINGS)
def test_from_the_front_the_asset_has_the_outline_of_the_picture(name: str) -> None:
    drawing = DRAWINGS[name]()
    shown = silhouette(asset(name).mesh, camera_on(asset(name), drawing), 1) > 0
    assert iou(shown, drawing > 0.5) >= 0.97


@pytest.mark.parametrize("name", DRAWINGS)
def test_from_the_front_the_asset_has_the_colours_of_the_picture(name: str) -> None:
    drawing = DRAWINGS[name]()
    picture, inside = rendered(asset(name), camera_on(asset(name), drawing))
    inside &= drawing > 0.5
    assert psnr(picture[inside], drawn(png_of(drawing))[inside][:, :3]) >= 28


@pytest.mark.parametrize(
    ("name", "n_parts", "euler"), [("disc", 1, 2), ("ring", 1, 0), ("flag", 1, 2), ("two discs", 2, 4)]
)
def test_the_surface_is_closed_winds_outward_and_has_the_holes_of_the_outline(
    name: str, n_parts: int, euler: int
) -> None:
    mesh = asset(name).mesh
    facts = topology(mesh)
    assert (facts.n_components, facts.euler, facts.is_watertight) == (n_parts, euler, True)
    assert volume(mesh) > 0
    assert 1800 <= len(mesh.faces) <= 2040
    told = asset(name).report["mesh"]
    assert (told["components"], told["euler"], told["watertight"]) == (n_parts, euler, True)
    assert (told["vertices"], told["faces"]) == (len(mesh.vertices), len(mesh.faces))


@pytest.mark.parametrize("name", DRAWINGS)
def test_the_asset_lies_in_the_common_frame(name: str) -> None:
    low, high = asset(name).mesh.bounds
    assert float((high - low).max()) == pytest.approx(1, abs=1e-4)
    assert np.allclose(low + high, 0, atol=1e-4)
    assert asset(name).uv.shape == (len(asset(name).mesh.faces), 3, 2)
    assert asset(name).uv.min() >= 0
    assert asset(name).uv.max() <= 1
    assert texture_of(asset(name)).shape == (256, 256, 3)


def test_the_asset_spans_exactly_what_the_outline_does() -> None:
    # Thin ends lose a little to sampling and decimation, which has to be given back.
    for drawing in (cross(SIZE_PX, 2.1), DRAWINGS["flag"](), DRAWINGS["disc"]()):
        result = made(requested(front=png_of(drawing)))
        box = outline_box(drawing)
        projected = camera_on(result, drawing).project(result.mesh.vertices)[:, :2]
        span = np.stack([projected.min(axis=0), projected.max(axis=0)]).ravel()
        assert np.abs(span - (box.x0, box.y0, box.x1, box.y1)).max() < 0.1


def test_the_camera_in_the_provenance_sees_the_subject_centred_within_its_border() -> None:
    for name in DRAWINGS:
        told = asset(name).provenance["views"][0]["camera"]
        side = told["size_px"][0]
        camera = Orthographic(
            0.0, 0.0, tuple(told["px_per_unit"]), tuple(told["centre_px"]), tuple(told["size_px"])
        )
        projected = camera.project(asset(name).mesh.vertices)[:, :2]
        low, high = projected.min(axis=0), projected.max(axis=0)
        assert told["size_px"] == [side, side]
        assert np.abs(low + high - side).max() < 2
        assert (high - low).max() == pytest.approx(0.85 * side, abs=2)


def test_what_lies_under_a_clear_pixel_never_gets_into_the_texture() -> None:
    drawing = DRAWINGS["ring"]()
    colours = np.full((*drawing.shape, 3), (0.8, 0.2, 0.2), np.float32)
    colours[drawing == 0] = (0, 1, 0)
    texture = texture_of(made(requested(front=png_of(drawing, colours))))
    assert texture[..., 1].max() < 0.25
    assert texture[..., 0].min() > 0.75


@pytest.mark.parametrize("roughness", ["0.0", "0.35"])
def test_the_material_is_as_rough_as_set(roughness: str) -> None:
    request = with_settings(requested(front=png_of(flag())), ("save.roughness", roughness))
    scene = trimesh.load(io.BytesIO(made(request).as_glb()), file_type="glb")
    (body,) = scene.geometry.values()
    assert body.visual.material.roughnessFactor == pytest.approx(float(roughness))
    assert body.visual.material.metallicFactor == 0


def test_events_come_in_order_and_steps_add_up() -> None:
    ear = Ear()
    result = made(requested(front=png_of(DRAWINGS["disc"]())), ear)
    bounds = [line[:2] for line in ear.lines if line[0] in ("started", "finished")]
    assert bounds == [(event, stage) for stage in STAGES for event in ("started", "finished")]
    assert [line[2:] for line in ear.lines if line[0] == "started"] == [(i, 7) for i in range(7)]
    for stage in STAGES:
        steps = [line[2:] for line in ear.lines if line[:2] == ("step", stage)]
        shares = [step / n_steps for step, n_steps in steps]
        assert shares == sorted(shares)
        assert shares[0] >= 0
        assert shares[-1] == 1
    stages = result.report["stages"]
    assert [stage["name"] for stage in stages] == STAGES
    assert result.report["total_seconds"] == pytest.approx(sum(stage["seconds"] for stage in stages))


def test_the_shape_is_there_before_its_texture() -> None:
    ear = Ear()
    shapes: list[tuple[Mesh, list[str]]] = []
    result = run_generate(
        requested(front=png_of(DRAWINGS["flag"]())),
        ear,
        models_dir=NOWHERE,
        shape_is_ready=lambda mesh: shapes.append((mesh, ear.said("started"))),
    )
    ((mesh, started),) = shapes
    assert started == STAGES[:3]
    assert np.array_equal(mesh.vertices, result.mesh.vertices)


def test_the_same_request_gives_the_same_bytes() -> None:
    again = made(requested(front=png_of(DRAWINGS["ring"]())))
    assert again.as_glb() == asset("ring").as_glb()
    assert asset("ring").as_glb() == asset("ring").as_glb()
    assert again.provenance == asset("ring").provenance


def test_pixels_and_their_file_give_the_same_bytes() -> None:
    pixels = np.round(drawn(png_of(flag())) * 255).astype(np.uint8)
    picture = ViewPicture("front", "x", Image("pixels", Array("uint8", pixels.shape, pixels.tobytes())))
    request = replace(requested(front=b"x"), pictures=(picture,))
    assert made(request).as_glb() == asset("flag").as_glb()


@pytest.mark.parametrize("name", ["ring", "two discs"])
def test_the_wire_loses_nothing(name: str) -> None:
    frames = encode(asset(name).as_result("job-1"))
    received = decode_as(Result, [bytes(frame) for frame in frames])
    again = asset_of(received)
    assert again.as_glb() == asset(name).as_glb()
    assert received.report["mesh"] == asset(name).report["mesh"]


def test_provenance_and_report_are_plain_and_provenance_knows_no_clock_and_no_path() -> None:
    told = asset("disc").provenance
    assert json.loads(json.dumps(told)) == told
    assert told["backend"] == "silhouette"
    assert told["settings"]["clean"]["faces"] == 2000
    assert [view["view"] for view in told["views"]] == ["front"]
    assert told["models"] == []
    assert not any(word in json.dumps(told) for word in ("seconds", "/", "\\", "device"))
    assert json.loads(json.dumps(asset("disc").report, default=list))["texture"]["size"] == 256


def test_about_half_of_the_texture_is_seen_from_one_side() -> None:
    # The seen side gets more texels: 1.6 along a side.
    assert 0.5 < asset("disc").report["texture"]["baked_fraction"] < 0.85


def test_a_front_and_a_back_paint_their_own_sides() -> None:
    drawing = DRAWINGS["disc"]()
    red, blue = (
        np.full((*drawing.shape, 3), colour, np.float32) for colour in ((0.9, 0.1, 0.1), (0.1, 0.1, 0.9))
    )
    two = made(requested(front=png_of(drawing, red), back=png_of(drawing[:, ::-1], blue)))
    for number, colour in ((0, red), (1, blue)):
        shown = drawing if number == 0 else drawing[:, ::-1]
        picture, inside = rendered(two, camera_on(two, np.ascontiguousarray(shown), number))
        middle = inside & (disc(SIZE_PX, 45, (SIZE_PX / 2, SIZE_PX / 2)) > 0.5)
        assert psnr(picture[middle], colour[middle]) > 28
    assert two.report["texture"]["baked_fraction"] > 0.9


def test_an_unseen_back_is_the_mirrored_front_or_filled_from_around_as_set() -> None:
    drawing = DRAWINGS["disc"]()
    spot = np.zeros((*drawing.shape, 3), np.float32) + np.float32(0.2)
    spot[disc(SIZE_PX, 14, (75, 82)) > 0.5] = (1, 0, 0)
    request = requested(front=png_of(drawing, spot))
    behind = replace(camera_on(asset("disc"), np.ascontiguousarray(drawing[:, ::-1])), azimuth_deg=180.0)

    def redness(result: Asset) -> float:
        picture, inside = rendered(result, behind)
        middle = inside & (disc(SIZE_PX, 8, (SIZE_PX - 75, 82)) > 0.5)
        return float(picture[middle][:, 0].mean())

    assert redness(made(request)) > 0.8
    assert redness(made(with_settings(request, ("bake.back", "inpaint")))) < 0.4


def test_a_single_view_from_the_left_makes_a_body_that_is_thin_across() -> None:
    drawing = flag()
    side = made(with_settings(requested(left=png_of(drawing)), ("shape.depth", "0.4")))
    shown = silhouette(side.mesh, camera_on(side, drawing), 1) > 0
    assert side.provenance["views"][0]["camera"]["azimuth_deg"] == 90
    assert iou(shown, drawing > 0.5) >= 0.97
    extent = np.ptp(side.mesh.vertices, axis=0)
    assert extent[0] < 0.4 < extent[2] < extent[1] <= 1.001


AROUND = ("front", "left", "back", "right")


@cache
def turned() -> tuple[Mesh, Asset]:
    mesh = head()
    contents = {}
    for view in AROUND:
        colours, _ = seen_colours(mesh, framing_camera(view, SIZE_PX), rainbow)
        contents[view] = png_of(outlined(mesh, view, SIZE_PX).alphas, colours)
    return mesh, made(requested(**contents))


def test_four_views_give_their_visual_hull_in_their_colours() -> None:
    mesh, around = turned()
    assert iou(occupancy(around.mesh), true_hull(mesh, AROUND)) >= 0.95
    assert topology(around.mesh).is_watertight
    for number, view in enumerate(AROUND):
        drawing = outlined(mesh, view, SIZE_PX).alphas
        picture, inside = rendered(around, camera_on(around, drawing, number))
        truth, there = seen_colours(mesh, framing_camera(view, SIZE_PX), rainbow)
        assert iou(inside, there) >= 0.97
        both = inside & there
        assert psnr(picture[both], truth[both]) >= 24


def test_relief_is_left_out_for_several_views_and_that_is_said() -> None:
    ear = Ear()
    drawing = png_of(DRAWINGS["disc"]())
    made(with_settings(requested(front=drawing, left=drawing), ("shape.relief", "0.5")), ear)
    assert ear.said("notice") == ["shape"]


def test_contradictory_views_are_refused_by_name_before_time_is_spent() -> None:
    ear = Ear()
    tall = np.ascontiguousarray(rectangle(SIZE_PX, SIZE_PX, (60, 5, 90, 155)))
    with pytest.raises(BadInput, match=r"front.*back|back.*front"):
        made(requested(front=png_of(DRAWINGS["disc"]()), back=png_of(tall)), ear)
    assert ear.said("started") == STAGES[:2]


@pytest.mark.parametrize(
    "moment", [("started", "preprocess"), ("step", "shape"), ("step", "bake"), ("finished", "save")]
)
def test_cancel_stops_the_job_at_its_next_step(moment: tuple[str, str]) -> None:
    ear = Ear(moment)
    with pytest.raises(Cancelled):
        made(requested(front=png_of(DRAWINGS["disc"]())), ear)
    assert ear.said("started")[-1] == moment[1]
    after = ear.lines[[line[:2] for line in ear.lines].index(moment) + 1 :]
    assert len(after) <= 1


@pytest.mark.parametrize("content", [b"\0", b"not a picture", png_of(DRAWINGS["disc"]())[:300]])
def test_a_picture_that_cannot_be_read_is_refused_by_its_name(content: bytes) -> None:
    with pytest.raises(BadInput, match=r"고양이 front\.png"):
        made(requested(front=content))


def test_a_clear_picture_is_refused() -> None:
    with pytest.raises(BadInput, match=r"고양이 front\.png"):
        made(requested(front=png_of(np.zeros((64, 64), np.float32))))


def test_a_subject_thinner_than_a_cell_is_made_or_refused_in_words() -> None:
    line = np.eye(SIZE_PX, dtype=np.float32)
    with suppress(BadInput):
        assert topology(made(with_resolution(requested(front=png_of(line)), 64)).mesh).is_watertight


def test_settings_out_of_bounds_and_backends_that_cannot_run_are_refused_before_a_stage_starts() -> None:
    request = requested(front=png_of(DRAWINGS["disc"]()))
    for wrong in (
        replace(request, settings=(("shape.depth", "9"),)),
        replace(request, settings=(("shape.colour", "9"),)),
        replace(request, faces=4),
        replace(request, backend="trellis"),
    ):
        ear = Ear()
        with pytest.raises(BadRequest):
            made(wrong, ear)
        assert ear.lines == []


def test_a_request_by_message_is_answered_by_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "모델"))
    request = requested(front=png_of(flag()))
    ear = Ear()
    result = run_request("job-7", request, ear, lambda: False)
    assert isinstance(result, Result)
    assert result.job == "job-7"
    assert asset_of(result).as_glb() == asset("flag").as_glb()
    (ready,) = [line for line in ear.lines if line[0] == "shape"]
    assert ready[2:] == (result.mesh.vertices.shape, result.mesh.faces.shape)
    answer = run_request("job-8", CutoutRequest(request.pictures[0]), Ear(), lambda: False)
    assert isinstance(answer, CutoutReady)
    assert (answer.job, answer.method) == ("job-8", "alpha")


def test_a_cut_out_keeps_the_alpha_of_its_picture() -> None:
    ear = Ear()
    request = CutoutRequest(requested(front=png_of(flag())).pictures[0])
    cutout, notes = run_cutout(request, ear, models_dir=NOWHERE)
    assert ear.said("started") == ear.said("finished") == ["preprocess"]
    assert iou(cutout.rgba[..., 3] > 127, flag() > 0.5) > 0.99
    assert notes == ()
