"""Assets made by the silhouette pipeline from drawings, and the pictures that their own cameras take."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from shapes import disc, png_of, rectangle, ring, two_discs

from engine.asset import Asset
from engine.geometry.bake import sample
from engine.geometry.cameras import Orthographic
from engine.geometry.outline import outline_box
from engine.geometry.rasterise import rasterise
from engine.pipelines import run_generate
from engine.runner import StageRecord
from protocol.arrays import Array, Image
from protocol.requests import GenerateRequest, ViewPicture

STAGES = ["preprocess", "shape", "clean", "unwrap", "bake", "inpaint", "save"]
NOWHERE = Path("no models here")
SIZE_PX = 160


def flag(size_px: int = SIZE_PX) -> np.ndarray:
    """A pole with a round flag at its upper end: no mirror image of itself in any direction."""
    n = size_px / 160
    pole = rectangle(size_px, size_px, (20 * n, 14 * n, 38 * n, 150 * n))
    return np.maximum(pole, disc(size_px, 36 * n, (66 * n, 50 * n)))


DRAWINGS: dict[str, Callable[[], np.ndarray]] = {
    "disc": lambda: disc(SIZE_PX, 62.4, (75.3, 82.8)),
    "ring": lambda: ring(SIZE_PX, 66.1, 30.4),
    "flag": flag,
    "two discs": lambda: two_discs(SIZE_PX),
}


@dataclass
class Ear:
    """Hears everything; `interrupt` may say at which event the job is to be cancelled."""

    interrupt: tuple[str, str] = ("", "")
    lines: list[tuple[object, ...]] = field(default_factory=list)
    is_cancelled: bool = False

    def stage_started(self, stage: str, index: int, n_stages: int) -> None:
        self.hear("started", stage, index, n_stages)

    def stage_progress(self, stage: str, step: int, n_steps: int) -> None:
        self.hear("step", stage, step, n_steps)

    def stage_finished(self, record: StageRecord) -> None:
        self.hear("finished", record.name)

    def notice(self, stage: str, text: str) -> None:
        self.hear("notice", stage, text)

    def shape_ready(self, vertices: Array, faces: Array) -> None:
        self.hear("shape", "ready", vertices.shape, faces.shape)

    def hear(self, event: str, stage: str, *rest: object) -> None:
        self.lines.append((event, stage, *rest))
        self.is_cancelled |= (event, stage) == self.interrupt

    def said(self, event: str) -> list[str]:
        return [str(line[1]) for line in self.lines if line[0] == event]


def file(content: bytes) -> Image:
    return Image("file", Array("uint8", (len(content),), content))


def requested(**views: bytes) -> GenerateRequest:
    pictures = tuple(
        ViewPicture(view, f"고양이 {view}.png", file(content)) for view, content in views.items()
    )
    settings = (("shape.resolution", "96"),)
    return GenerateRequest(pictures, faces=2000, texture_size_px=256, settings=settings)


def with_settings(request: GenerateRequest, *settings: tuple[str, str]) -> GenerateRequest:
    return replace(request, settings=(*request.settings, *settings))


def with_resolution(request: GenerateRequest, cells: int) -> GenerateRequest:
    return replace(request, settings=(("shape.resolution", str(cells)),))


def made(request: GenerateRequest, ear: Ear | None = None) -> Asset:
    ear = ear or Ear()
    return run_generate(request, ear, models_dir=NOWHERE, is_cancelled=lambda: ear.is_cancelled)


@cache
def asset(name: str) -> Asset:
    return made(requested(front=png_of(DRAWINGS[name]())))


def camera_on(asset: Asset, drawing: np.ndarray, number: int = 0) -> Orthographic:
    """The asset's own camera of a view, moved from the centred canvas back onto the drawing."""
    told = asset.provenance["views"][number]["camera"]
    box = outline_box(drawing)
    return Orthographic(
        told["azimuth_deg"],
        told["elevation_deg"],
        tuple(told["px_per_unit"]),
        ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2),
        (drawing.shape[1], drawing.shape[0]),
    )


def texture_of(asset: Asset) -> np.ndarray:
    with Pillow.open(io.BytesIO(asset.images["base_color"])) as picture:
        return np.asarray(picture.convert("RGB"), np.float32) / 255


def rendered(asset: Asset, camera: Orthographic) -> tuple[np.ndarray, np.ndarray]:
    """The picture (H, W, 3) that the camera takes of the asset, and where the asset is in it."""
    width, height = camera.size_px
    raster = rasterise(camera.project(asset.mesh.vertices), asset.mesh.faces, height, width)
    texture = texture_of(asset)
    size = texture.shape[0]
    places = raster.interpolate(asset.uv)
    picture = np.zeros((height, width, 3), np.float32)
    inside = raster.face_ids >= 0
    picture[inside] = sample(texture, np.stack([places[:, 0] * size, (1 - places[:, 1]) * size], axis=1))
    return picture, inside


def drawn(content: bytes) -> np.ndarray:
    with Pillow.open(io.BytesIO(content)) as picture:
        return np.asarray(picture, np.float32) / 255
