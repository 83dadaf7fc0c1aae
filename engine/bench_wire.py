"""Measures the way that every result takes: worker, server and client are real, only the work is made up.

The figure is the time from the client's order `Take` to usable arrays, over TCP on this machine, between two
processes.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.client import EngineClient
from engine.errors import MaquetteError, Unreachable
from engine.folders import Folders
from engine.link.address import read_address
from engine.server.serve import ServeOptions, serve
from engine.worker import JobListener, Made, work_for_server
from engine.worker_process import worker_environment
from protocol.arrays import Array, Image, Mesh
from protocol.requests import GenerateRequest, Request, ViewPicture
from protocol.results import NamedImage, Result
from protocol.track import JobView

MB = 1_000_000
_START_S = 30.0


@dataclass(frozen=True)
class WireTiming:
    """Milliseconds from Take to arrays, over `n_rounds` of a result of `n_bytes`."""

    n_bytes: int
    n_rounds: int
    best_ms: float
    median_ms: float
    worst_ms: float
    ping_ms: float

    def __str__(self) -> str:
        rate = self.n_bytes / MB / (self.median_ms / 1000)
        return (
            f"{self.n_bytes / MB:.1f} MB from server to client: best {self.best_ms:.1f} ms, "
            f"median {self.median_ms:.1f} ms, worst {self.worst_ms:.1f} ms of {self.n_rounds} "
            f"({rate:,.0f} MB/s); ping {self.ping_ms:.2f} ms"
        )


def bench_wire(n_megabytes: int = 50, n_rounds: int = 20) -> WireTiming:
    """Takes a result of `n_megabytes` (10^6 bytes) `n_rounds` times from a server in another process.

    Raises Unreachable when the server does not start.
    """
    with tempfile.TemporaryDirectory(prefix="maquette-bench-") as folder, _server(Path(folder)) as client:
        picture = Image("file", Array("uint8", (1,), b"\0"))
        request = GenerateRequest((ViewPicture("front", str(n_megabytes), picture),))
        job = client.submit(request)
        for _ in client.follow(JobView(job)):
            pass
        client.take(job)  # the first time pays for memory that the system has to give
        seconds = [_timed(lambda: client.take(job)) for _ in range(n_rounds)]
        pings = [_timed(client.ping) for _ in range(n_rounds)]
        made = client.take(job)
        assert isinstance(made, Result)
        n_bytes = sum(array.n_bytes for array in (made.mesh.vertices, made.mesh.faces, made.mesh.uv))
        n_bytes += made.images[0].image.data.n_bytes
        client.shutdown()
    return WireTiming(
        n_bytes,
        n_rounds,
        1000 * min(seconds),
        1000 * statistics.median(seconds),
        1000 * max(seconds),
        1000 * statistics.median(pings),
    )


def _timed(call: Callable[[], object]) -> float:
    start_s = time.perf_counter()
    call()
    return time.perf_counter() - start_s


@contextmanager
def _server(folder: Path) -> Iterator[EngineClient]:
    """A client of a server that runs in a process of its own."""
    process = subprocess.Popen(
        (sys.executable, "-m", "engine.bench_wire", "server", str(folder)),
        env=worker_environment(os.environ, Folders(folder, folder)),
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    try:
        with _connected(folder, process) as client:
            yield client
        process.wait(10)
    finally:
        process.kill()
        process.wait()


def _connected(folder: Path, process: subprocess.Popen[bytes]) -> EngineClient:
    deadline_s = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < deadline_s:
        try:
            return EngineClient(read_address(folder), name="bench")
        except MaquetteError:  # not there yet
            time.sleep(0.02)
    raise Unreachable("The server for the measurement did not start.")


def _make(job: str, request: Request, listener: JobListener, is_cancelled: Callable[[], bool]) -> Made:
    """A result like a real one: 500,000 faces, and a texture that fills up to the asked megabytes."""
    assert isinstance(request, GenerateRequest)
    n, m = 250_000, 500_000
    vertices = Array("float32", (n, 3), bytes(12 * n))
    faces = Array("int32", (m, 3), bytes(12 * m))
    uv = Array("float32", (m, 3, 2), bytes(24 * m))
    left = max(int(request.pictures[0].name) * MB - vertices.n_bytes - faces.n_bytes - uv.n_bytes, 1)
    texture = NamedImage("base_color", "sRGB", Image("file", Array("uint8", (left,), bytes(left))))
    return Result(job, Mesh(vertices, faces, uv), (texture,), {}, {})


if __name__ == "__main__":
    if sys.argv[1] == "server":
        command = (sys.executable, "-m", "engine.bench_wire", "worker")
        serve(ServeOptions(Path(sys.argv[2]), Path(sys.argv[2]), worker_command=command))
    else:
        sys.exit(work_for_server(_make))
