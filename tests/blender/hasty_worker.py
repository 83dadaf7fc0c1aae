"""The engine's own worker in a hurry: coarse shapes, and what the name of the picture says may go wrong.

`slow …` waits until it is cancelled or the file `go` lies in the folder that it runs in, `pause …` does so
after the shape is out; `nan …` sends what is no number, `torn …` a texture that is no picture.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from engine.errors import Cancelled
from engine.worker import JobListener, Made, work_for_server, work_with_pipelines
from protocol.arrays import Array, Image
from protocol.requests import GenerateRequest, Request
from protocol.results import NamedImage, Result

_HASTE = (("shape.resolution", "40"), ("bake.refine", "0"), ("clean.smooth", "0"))
_GO = Path("go")


def work(job: str, request: Request, listener: JobListener, is_cancelled: Callable[[], bool]) -> Made:
    """Does the job as the engine does it, with less care."""
    if not isinstance(request, GenerateRequest):
        return work_with_pipelines(job, request, listener, is_cancelled)
    word = request.pictures[0].name.split()[0]
    if word == "slow":
        _hold(is_cancelled)
    if word == "pause":
        send = listener.shape_ready

        def shape_ready(vertices: Array, faces: Array) -> None:
            send(vertices, faces)
            _hold(is_cancelled)

        listener.shape_ready = shape_ready  # type: ignore[method-assign]
    hasty = replace(request, settings=(*_HASTE, *request.settings))
    made = work_with_pipelines(job, hasty, listener, is_cancelled)
    assert isinstance(made, Result)
    if word == "nan":
        flat = made.mesh.vertices
        return replace(
            made, mesh=replace(made.mesh, vertices=replace(flat, data=b"\xff" * len(bytes(flat.data))))
        )
    if word == "torn":
        torn = Image("file", Array("uint8", (64,), bytes(64)))
        return replace(made, images=(NamedImage("base_color", "sRGB", torn),))
    return made


def _hold(is_cancelled: Callable[[], bool]) -> None:
    while not _GO.exists():
        if is_cancelled():
            raise Cancelled
        time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(work_for_server(work))
