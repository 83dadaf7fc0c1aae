"""Bytes that are no message give a ProtocolError that names the field, quickly and at little memory."""

from __future__ import annotations

import tracemalloc
from typing import Any

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgpack import fallback
from wire_samples import golden_samples

from protocol import codec
from protocol.codec import FROM_CLIENT, FROM_STRANGER, ProtocolError, decode, encode

QUICK = settings(
    max_examples=150,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
FRAMES = {name: [bytes(frame) for frame in encode(message)] for name, message in golden_samples().items()}


@pytest.fixture(params=["compiled", "pure_python"])
def either_msgpack(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "pure_python":  # what the add-on may carry
        monkeypatch.setattr(codec.msgpack, "unpackb", _pure_unpackb)


def _pure_unpackb(packed: bytes, **limits: Any) -> Any:
    unpacker = fallback.Unpacker(None, max_buffer_size=len(packed), **limits)
    unpacker.feed(packed)
    try:
        value = unpacker._unpack()
    except msgpack.OutOfData:
        raise ValueError("Unpack failed: incomplete input") from None
    except RecursionError:
        raise msgpack.StackError from None
    if unpacker._got_extradata():
        raise msgpack.ExtraData(value, unpacker._get_extradata())
    return value


def refused(frames: list[bytes], limits: codec.Limits = FROM_CLIENT) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        decode(frames, limits)
    return caught.value


def understood_or_named(frames: list[bytes]) -> bool:
    try:
        decode(frames)
    except ProtocolError as error:
        return bool(error.field)
    return True


def header(**fields: Any) -> bytes:
    return msgpack.packb(fields)


@QUICK
@given(st.lists(st.binary(max_size=200), max_size=4))
def test_random_bytes_raise_nothing_else(either_msgpack: None, frames: list[bytes]) -> None:
    refused(frames)


@QUICK
@given(st.data())
def test_golden_bytes_with_a_flipped_byte_raise_nothing_else(
    either_msgpack: None, data: st.DataObject
) -> None:
    frames = list(data.draw(st.sampled_from(list(FRAMES.values()))))
    which = data.draw(st.integers(0, len(frames) - 1))
    at = data.draw(st.integers(0, len(frames[which]) - 1))
    byte = data.draw(st.integers(0, 255))
    frames[which] = frames[which][:at] + bytes([byte]) + frames[which][at + 1 :]
    assert understood_or_named(frames)


@QUICK
@given(st.data())
def test_golden_bytes_cut_short_are_refused(either_msgpack: None, data: st.DataObject) -> None:
    frames = list(data.draw(st.sampled_from(list(FRAMES.values()))))
    which = data.draw(st.integers(0, len(frames) - 1))
    frames[which] = frames[which][: data.draw(st.integers(0, len(frames[which]) - 1))]
    refused(frames)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**40) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@QUICK
@given(st.data())
def test_a_field_of_another_kind_raises_nothing_else(data: st.DataObject) -> None:
    frames = list(data.draw(st.sampled_from(list(FRAMES.values()))))
    fields = msgpack.unpackb(frames[0])
    fields[data.draw(st.sampled_from(sorted(fields)))] = data.draw(_JSON)
    assert understood_or_named([msgpack.packb(fields), *frames[1:]])


FINISHED = {"tag": "StageFinished", "job": "j", "stage": "bake"}


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (b"", "header"),
        (b"\xc1", "header"),
        (b"\x91" * 100_000 + b"\x00", "header"),
        (b"\x81\xa1a" * 100_000 + b"\x00", "header"),
        (b"\xdd\xff\xff\xff\xff", "header"),
        (b"\xdf\xff\xff\xff\xff", "header"),
        (b"\xdb\xff\xff\xff\xff", "header"),
        (b"\xc6\xff\xff\xff\xff", "header"),
        (b"\xd6\xff\x00\x00\x00\x00", "header"),
        (b"\xc7\x00\x05", "header"),
        (b"\x81\x01\x01", "header"),
        (b"\x81\xc4\x00\x01", "header"),
        (b"\x81\x80\x01", "header"),
        (b"\x82\xa1a\x01\xa1a\x01", "header"),
        (b"\x81\xa1\xff\x01", "header"),
        (b"\x90", "header"),
        (header(tag="Ping") + b"\x00", "header"),
        (header(tag="Pong2"), "message.tag"),
        (header(tag=1), "message.tag"),
        (header(), "message.tag"),
        (header(tag="Ping", extra=1), "Ping.extra"),
        (header(tag="Cancel"), "Cancel.job"),
        (header(tag="Cancel", job=None), "Cancel.job"),
        (header(tag="Cancel", job=""), "Cancel.job"),
        (header(tag="Cancel", job="a b"), "Cancel.job"),
        (header(tag="Cancel", job="x" * 65), "Cancel.job"),
        (header(tag="Hello", version=[1], token="t", client="", owner=False), "Hello.version"),
        (header(tag="Hello", version=[1, 0], token="t", client="", owner=0), "Hello.owner"),
        (header(tag="Hello", version=[1, 0], token="t", client="\0", owner=False), "Hello.client"),
        (header(tag="StageProgress", job="j", stage="bake", step=True, n_steps=2), "StageProgress.step"),
        (header(tag="StageProgress", job="j", stage="bake", step=3, n_steps=2), "StageProgress.step"),
        (header(tag="StageProgress", job="j", stage="magic", step=1, n_steps=2), "StageProgress.stage"),
        (
            header(**FINISHED, seconds=float("nan"), peak_vram_bytes=0, cached=False),
            "StageFinished.seconds",
        ),
        (header(tag="JobChanged", job="j", state="failed", fault=None), "JobChanged.fault"),
        (header(tag="Submit", job="j", request={"tag": "Ping"}), "Submit.request.tag"),
        (
            header(tag="Submit", job="j", request={"tag": "GenerateRequest", "pictures": [{"view": "side"}]}),
            "Submit.request.pictures[0].name",
        ),
    ],
)  # fmt: skip
def test_the_field_that_is_wrong_is_named(either_msgpack: None, bad: bytes, field: str) -> None:
    assert refused([bad]).field == field


def shape_frames(**changes: Any) -> list[bytes]:
    fields = msgpack.unpackb(FRAMES["ShapeReady"][0])
    fields["faces"] |= changes
    return [msgpack.packb(fields), *FRAMES["ShapeReady"][1:]]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"frame": 1}, "ShapeReady.faces.frame"),  # the vertices' frame
        ({"frame": 0}, "ShapeReady.faces.frame"),  # the header
        ({"frame": 3}, "ShapeReady.faces.frame"),
        ({"frame": -1}, "ShapeReady.faces.frame"),
        ({"frame": True}, "ShapeReady.faces.frame"),
        ({"frame": 2**60}, "ShapeReady.faces.frame"),
        ({"shape": [2, 3]}, "ShapeReady.faces.data"),
        ({"shape": [2**31 - 1, 2**31 - 1, 2**31 - 1]}, "ShapeReady.faces.data"),
        ({"shape": [-1, 3]}, "ShapeReady.faces.shape"),
        ({"shape": [1.0, 3]}, "ShapeReady.faces.shape"),
        ({"shape": []}, "ShapeReady.faces.shape"),
        ({"shape": [3] * 5000}, "header"),
        ({"shape": [1, 3, 1]}, "ShapeReady.faces"),
        ({"dtype": "float32"}, "ShapeReady.faces"),
        ({"dtype": "object"}, "ShapeReady.faces.dtype"),
        ({"dtype": ["int32"]}, "ShapeReady.faces"),
        ({"more": 1}, "ShapeReady.faces"),
    ],
)
def test_an_array_that_is_wrong_is_named(changes: dict[str, Any], field: str) -> None:
    assert refused(shape_frames(**changes)).field == field


def test_a_frame_that_nothing_refers_to_is_refused() -> None:
    assert refused([*FRAMES["ShapeReady"], b"more"]).field == "frames"


def test_a_missing_frame_is_refused() -> None:
    assert refused(FRAMES["ShapeReady"][:2]).field == "ShapeReady.faces.frame"


def test_too_many_and_too_large_frames_are_refused_before_anything_is_read() -> None:
    assert refused([FRAMES["Ping"][0]] + [b""] * 16).field == "frames"
    assert refused([b"\xc0" * (1024**2 + 1)]).field == "header"
    assert refused([], FROM_STRANGER).field == "frames"
    assert refused([b"\xc0" * 4097], FROM_STRANGER).field == "header"
    tiny = codec.Limits(max_header_bytes=100, max_frame_bytes=100, max_total_bytes=150)
    assert refused([b"\xc0" * 10, b"\x00" * 101], tiny).field == "frame 1"
    assert refused([b"\xc0" * 60, b"\x00" * 100], tiny).field == "frames"


def test_the_job_is_known_where_it_could_be_read() -> None:
    assert refused([header(tag="Submit", job="job-7", request=1)]).job == "job-7"
    assert refused([header(tag="Submit", job=7, request=1)]).job == ""
    assert refused([header(tag="Submit", job="no id", request=1)]).job == ""


@pytest.mark.parametrize(
    "bad",
    [
        b"\xdc\x03\xff" + b"\x80" * 1023,
        b"\xdc\x04\x00" * 1000,
        b"\xdb\xff\xff\xff\xff" + b"x" * 1000,
        b"\x91" * 1_000_000,
    ],
)
def test_hostile_headers_cost_little_memory(bad: bytes) -> None:
    refused([bad])  # what the first call keeps is not counted
    tracemalloc.start()
    try:
        refused([bad])
        assert tracemalloc.get_traced_memory()[1] < 16 * 1024**2
    finally:
        tracemalloc.stop()
