"""What an engine makes is byte for byte what the command line makes in its own process."""

from __future__ import annotations

from pathlib import Path

from running_server import client, served

from engine.asset import asset_of
from engine.pipelines import run_generate
from engine.worker_process import WORKER_COMMAND
from protocol.arrays import Array, Image
from protocol.requests import CutoutRequest, GenerateRequest, ViewPicture
from protocol.results import CutoutReady, Result

EXAMPLE = Path(__file__).parents[2] / "examples" / "mug.png"


class Ear:
    """Remembers the stages and the shape."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.n_shape_faces = 0

    def stage_started(self, stage: str, index: int, n_stages: int) -> None:
        self.stages.append(stage)

    def shape_ready(self, vertices: Array, faces: Array) -> None:
        self.n_shape_faces = faces.shape[0]

    def __getattr__(self, name: str) -> object:
        return lambda *told: None


def test_the_engine_makes_the_same_file_as_the_command_line(tmp_path: Path) -> None:
    content = EXAMPLE.read_bytes()
    picture = ViewPicture("front", "고양이 mug.png", Image("file", Array("uint8", (len(content),), content)))
    small = (("shape.resolution", "64"),)
    request = GenerateRequest((picture,), seed=3, faces=2000, texture_size_px=256, settings=small)
    here, there = Ear(), Ear()
    expected = run_generate(request, here, models_dir=tmp_path).as_glb()
    with served(tmp_path, worker_command=WORKER_COMMAND) as server, client(server) as engine:
        made = engine.run(request, there)
        cutout = engine.run(CutoutRequest(picture), Ear())
    assert isinstance(made, Result)
    assert asset_of(made).as_glb() == expected
    assert there.stages == here.stages
    assert there.n_shape_faces == made.mesh.faces.shape[0]
    assert isinstance(cutout, CutoutReady)
    assert cutout.image.data.shape[2] == 4
