"""The engine's own worker in a hurry: coarse shapes, and what the name of the picture says may go wrong.

`slow …` waits until it is cancelled or the file `go` lies in the folder that it runs in, `pause …` does so
after the shape is out; `nan …` sends what is no number, `torn …` a texture that is no picture. These and
`box …` make a box and load none of the libraries that make shapes; any other name is done by the pipelines.
"""

from __future__ import annotations

import sys
import time
from array import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.append(str(Path(__file__).parent))  # as a script with safe paths it does not have its own folder

from drawn import png

from engine.errors import Cancelled
from engine.runner import Runner, Stage
from engine.worker import JobListener, Made, work_for_server, work_with_pipelines
from protocol.arrays import Array, Image, Mesh
from protocol.requests import GenerateRequest, Request
from protocol.results import NamedImage, Result

_HASTE = (("shape.resolution", "40"), ("bake.refine", "0"), ("clean.smooth", "0"))
_GO = Path("go")
_QUADS = ((4, 5, 7, 6), (1, 0, 2, 3), (5, 1, 3, 7), (0, 4, 6, 2), (6, 7, 3, 2), (0, 1, 5, 4))


def work(job: str, request: Request, listener: JobListener, is_cancelled: Callable[[], bool]) -> Made:
    """Does the job as the engine does it, with less care."""
    if not isinstance(request, GenerateRequest):
        return work_with_pipelines(job, request, listener, is_cancelled)
    word = request.pictures[0].name.replace(".", " ").split()[0]
    if word not in ("box", "slow", "pause", "nan", "torn"):
        hasty = replace(request, settings=(*_HASTE, *request.settings))
        return work_with_pipelines(job, hasty, listener, is_cancelled)
    if word == "slow":
        _hold(is_cancelled)
    runner = Runner(listener, n_stages=2, is_cancelled=is_cancelled)
    runner.run(Stage("shape", lambda value, progress: progress.step(1, 2)), None)
    vertices, faces, uv = box()
    listener.shape_ready(vertices, faces)
    if word == "pause":
        _hold(is_cancelled)
    runner.run(Stage("save", lambda value, progress: None), None)
    if word == "nan":
        vertices = replace(vertices, data=b"\xff" * 96)
    file = bytes(64) if word == "torn" else png([bytes((200, 100, 50)) * 8] * 8, 8, 3)
    texture = NamedImage("base_color", "sRGB", Image("file", Array("uint8", (len(file),), file)))
    provenance = {"engine": "hasty", "backend": "silhouette", "preset": request.preset, "seed": request.seed}
    return Result(job, Mesh(vertices, faces, uv), (texture,), provenance, {})


def box() -> tuple[Array, Array, Array]:
    """Vertices, faces and uv of a box of 0.5 x 1 x 0.25 in the wire's frame."""
    corners = [(x, y, z) for z in (-0.125, 0.125) for y in (-0.5, 0.5) for x in (-0.25, 0.25)]
    triangles = [triangle for a, b, c, d in _QUADS for triangle in ((a, b, c), (a, c, d))]
    return (
        Array("float32", (8, 3), array("f", [value for corner in corners for value in corner]).tobytes()),
        Array("int32", (12, 3), array("i", [index for face in triangles for index in face]).tobytes()),
        Array("float32", (12, 3, 2), array("f", (0, 0, 1, 0, 1, 1) * 12).tobytes()),
    )


def _hold(is_cancelled: Callable[[], bool]) -> None:
    while not _GO.exists():
        if is_cancelled():
            raise Cancelled
        time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(work_for_server(work))
