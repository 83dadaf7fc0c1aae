"""One message of every kind, fixed for ever: their bytes are the golden files of wire version 1."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from protocol import messages as m
from protocol.arrays import Array, Image, Mesh
from protocol.events import JobSummary
from protocol.faults import Fault
from protocol.requests import CutoutRequest, GenerateRequest, ViewPicture
from protocol.results import NamedImage
from protocol.rules import Record
from protocol.session import BackendInfo, Bounds, Device, PresetInfo

GOLDEN = Path(__file__).parents[1] / "golden" / "wire" / "v1"

_FAULT = Fault(
    "out_of_vram", "Needs 9.0 GiB, 3.5 GiB are free.", "Choose eco.", "lower_preset", "shape", "log"
)
_PNG = Image("file", Array("uint8", (8,), b"\x89PNG\r\n\x1a\n"))
_PIXELS = Image("pixels", Array("uint8", (1, 2, 4), bytes(range(8))))
_FLOATS = struct.pack("<9f", 0, 0, 0, 1, 0, 0, 0, 1, 0)
_VERTICES = Array("float32", (3, 3), _FLOATS)
_FACES = Array("int32", (1, 3), struct.pack("<3i", 0, 1, 2))
_UV = Array("float32", (1, 3, 2), _FLOATS[:24])
_DEVICE = Device("NVIDIA GeForce RTX 4070", "cuda", 12 * 1024**3, 10 * 1024**3, "driver 555")
_PICTURE = ViewPicture("front", "고양이 猫.png", _PNG)


def samples() -> tuple[Record, ...]:
    """One of each message, every optional field given where a kind has any."""
    return (
        m.Hello((1, 0), "token", "maquette-blender 0.1.0", True),
        m.Welcome(
            (1, 0),
            "0.1.0",
            _DEVICE,
            (BackendInfo("silhouette", True, "", "", "GPL-3.0-or-later", ("front", "back")),),
            (PresetInfo("auto", "chosen for this computer"),),
            Bounds(134_217_728, 536_870_912, 1000),
        ),
        m.Refused(Fault("refused", "The token is wrong.", "Read the connection file again.")),
        m.Rejected("job-1", _FAULT),
        m.AskStatus(),
        m.Status(_DEVICE, "busy", 3, 1),
        m.FreeGpu(),
        m.Ping(),
        m.Pong(),
        m.Shutdown(),
        m.Leave(),
        m.Closing("The engine was told to end."),
        m.Submit(
            "job-1",
            GenerateRequest(
                (_PICTURE, ViewPicture("left", "left", _PIXELS)),
                "hunyuan3d-2",
                "balanced",
                42,
                40_000,
                2048,
                (("shape.depth", "0.5"),),
                4.0,
            ),
        ),
        m.Accepted("job-1", 2),
        m.Cancel("job-1"),
        m.Retry("job-1"),
        m.Take("job-1"),
        m.Discard("job-1"),
        m.ListJobs(),
        m.Jobs(
            (
                JobSummary(
                    "job-1",
                    "generate",
                    "failed",
                    "trellis",
                    "eco",
                    "고양이 猫.png",
                    1.7e9,
                    0,
                    "shape",
                    2,
                    9,
                    3,
                    50,
                    0,
                    _FAULT,
                ),
                JobSummary("job-2", "cutout", "queued", "", "", "a", 1.7e9, 1, "", 0, 0, 0, 0, 0, None),
            )
        ),
        m.JobChanged("job-1", "failed", _FAULT),
        m.JobRemoved("job-1"),
        m.StageStarted("job-1", "preprocess", 0, 9),
        m.StageProgress("job-1", "shape", 3, 50),
        m.StageFinished("job-1", "bake", 1.5, 1024**3, False, ("smaller texture",)),
        m.Notice("job-1", "preprocess", "The outline is a guess."),
        m.ShapeReady("job-1", _VERTICES, _FACES),
        m.Result(
            "job-1",
            Mesh(_VERTICES, _FACES, _UV),
            (NamedImage("base_color", "sRGB", _PNG),),
            {"engine": "0.1.0", "models": [{"name": "x", "licence": "MIT"}], "seed": 42},
            {"total_seconds": 8.25, "mesh": {"watertight": True, "components": 1}, "output": None},
        ),
        m.CutoutReady("job-2", _PIXELS, "grabcut", ("The outline is a guess.",)),
    )


def second_samples() -> tuple[Record, ...]:
    """Further golden messages where one sample cannot show both forms of a field."""
    return (
        m.Submit("job-2", CutoutRequest(_PICTURE, (("preprocess.method", "grabcut"),))),
        m.JobChanged("job-2", "done"),
    )


def golden_samples() -> dict[str, Record]:
    """The golden messages by the name of their file."""
    first = {type(sample).__name__: sample for sample in samples()}
    return first | {f"{type(sample).__name__}-2": sample for sample in second_samples()}


def as_file(frames: Sequence[bytes | bytearray | memoryview]) -> bytes:
    """Frames as one file: before each its length, 4 bytes, big-endian."""
    return b"".join(struct.pack(">I", memoryview(frame).nbytes) + bytes(frame) for frame in frames)


def as_frames(data: bytes) -> list[bytes]:
    """The frames in such a file."""
    frames = []
    while data:
        (n_bytes,) = struct.unpack(">I", data[:4])
        frames.append(data[4 : 4 + n_bytes])
        data = data[4 + n_bytes :]
    return frames
