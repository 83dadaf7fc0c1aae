"""The promises of docs/silhouette.md hold on the project's own pictures, at the sizes that users get."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.asset import Asset
from engine.geometry.bake import sample
from engine.geometry.cameras import Orthographic
from engine.geometry.mesh import topology, volume
from engine.geometry.rasterise import rasterise
from engine.pipelines import run_generate
from engine.runner import StageRecord
from protocol.arrays import Array
from protocol.arrays import Image as WireImage
from protocol.requests import GenerateRequest, ViewPicture

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


class Silence:
    """A listener that keeps only what degraded."""

    def __init__(self) -> None:
        self.notices: list[str] = []

    def stage_started(self, stage: str, index: int, n_stages: int) -> None: ...

    def stage_progress(self, stage: str, step: int, n_steps: int) -> None: ...

    def stage_finished(self, record: StageRecord) -> None: ...

    def notice(self, stage: str, text: str) -> None:
        self.notices.append(text)


@dataclass(frozen=True)
class Likeness:
    """How like its picture an asset's front is: overlap of the outlines, and colours in dB inside both."""

    iou: float
    psnr_db: float


def make(files: dict[str, str], models: Path, size_px: int = 1024) -> tuple[Asset, list[str]]:
    pictures = []
    for view, file in files.items():
        content = (EXAMPLES / file).read_bytes()
        image = WireImage("file", Array("uint8", (len(content),), content))
        pictures.append(ViewPicture(view, Path(file).name, image))
    listener = Silence()
    request = GenerateRequest(tuple(pictures), faces=40_000, texture_size_px=size_px)
    return run_generate(request, listener, models_dir=models), listener.notices


def likeness(asset: Asset, file: str) -> Likeness:
    """Compares with the picture through the camera that the asset's provenance names."""
    told = asset.provenance["views"][0]["camera"]
    camera = Orthographic(
        told["azimuth_deg"],
        told["elevation_deg"],
        tuple(told["px_per_unit"]),
        tuple(told["centre_px"]),
        tuple(told["size_px"]),
    )
    picture = np.asarray(Image.open(EXAMPLES / file).convert("RGBA"), np.float32) / 255
    rows, columns = (np.flatnonzero((picture[..., 3] > 0.5).any(axis=axis)) for axis in (1, 0))
    crop = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    width, height = camera.size_px
    canvas = np.zeros((height, width, 4), np.float32)
    # As docs/silhouette.md says: the subject's box in the middle of the cut-out's square canvas.
    y, x = round((height - len(crop)) / 2), round((width - crop.shape[1]) / 2)
    canvas[y : y + len(crop), x : x + crop.shape[1]] = crop
    raster = rasterise(camera.project(asset.mesh.vertices), asset.mesh.faces, height, width)
    covered, subject = raster.face_ids >= 0, canvas[..., 3] > 0.5
    texture = np.asarray(Image.open(io.BytesIO(asset.images["base_color"])), np.float32) / 255
    uv = raster.interpolate(asset.uv)
    size = len(texture)
    shown = np.zeros((height, width, 3), np.float32)
    shown[covered] = sample(texture, np.stack([uv[:, 0] * size, (1 - uv[:, 1]) * size], axis=1))
    both = covered & subject
    error = float(np.mean((shown - canvas[..., :3])[both] ** 2))
    return Likeness(float(both.sum() / (covered | subject).sum()), -10 * float(np.log10(error)))


@pytest.mark.parametrize(("file", "euler"), [("owl.png", 2), ("mug.png", 0)])
def test_the_front_of_an_example_is_its_picture(file: str, euler: int, tmp_path: Path) -> None:
    asset, _ = make({"front": file}, tmp_path)
    like = likeness(asset, file)
    assert like.iou >= 0.985
    assert like.psnr_db >= 34
    facts = topology(asset.mesh)
    assert (facts.is_watertight, facts.n_components, facts.euler) == (True, 1, euler)
    assert volume(asset.mesh) > 0
    assert len(asset.mesh.faces) == 40_000


def test_the_turnaround_keeps_its_front_and_its_sides(tmp_path: Path) -> None:
    files = {view: f"turnaround/{view}.png" for view in ("front", "left", "back", "right")}
    asset, _ = make(files, tmp_path)
    like = likeness(asset, "turnaround/front.png")
    assert like.iou >= 0.97
    assert like.psnr_db >= 26
    low, high = asset.mesh.bounds
    # The robot's boxes in its pictures: 590 x 648 px from the front, 330 x 648 px from the side.
    assert np.allclose(high - low, [590 / 648, 1, 330 / 648], atol=0.01)
    assert topology(asset.mesh).is_watertight


def test_a_plain_studio_background_is_cut_out_and_said_to_be_a_fallback(tmp_path: Path) -> None:
    asset, notices = make({"front": "mushroom.jpg"}, tmp_path, 256)
    assert any("fallback" in notice for notice in notices)
    assert asset.report["mesh"]["watertight"]


def test_a_busy_background_gives_a_model_and_the_warning_that_it_is_a_guess(tmp_path: Path) -> None:
    asset, notices = make({"front": "robot_on_desk.jpg"}, tmp_path, 256)
    assert any("guess" in notice for notice in notices)
    assert asset.report["mesh"]["watertight"]
