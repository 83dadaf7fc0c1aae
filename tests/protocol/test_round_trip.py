"""What is encoded is decoded to the same, for every message and every value that it allows."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from wire_samples import GOLDEN, as_file, as_frames, golden_samples, samples
from wire_strategies import of_record

from protocol.arrays import Array
from protocol.codec import FROM_CLIENT, Limits, ProtocolError, decode, decode_as, encode
from protocol.events import Cancel, ShapeReady, Submit
from protocol.messages import MESSAGES
from protocol.rules import Record

GOLDEN_NAMES = sorted(golden_samples())


def test_there_is_a_sample_of_every_message() -> None:
    assert {type(sample) for sample in samples()} == set(MESSAGES)


@pytest.mark.parametrize("record", MESSAGES, ids=lambda record: record.__name__)
def test_every_message_comes_back_the_same(record: type[Record]) -> None:
    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(of_record(record))
    def comes_back(message: Record) -> None:
        frames = encode(message)
        assert decode([bytes(frame) for frame in frames]) == message
        assert as_file(encode(message)) == as_file(frames)

    comes_back()


@pytest.mark.parametrize("name", GOLDEN_NAMES)
def test_golden_bytes_are_what_is_written(name: str) -> None:
    assert as_file(encode(golden_samples()[name])) == (GOLDEN / f"{name}.bin").read_bytes()


@pytest.mark.parametrize("name", GOLDEN_NAMES)
def test_golden_bytes_are_understood(name: str) -> None:
    assert decode(as_frames((GOLDEN / f"{name}.bin").read_bytes())) == golden_samples()[name]


def test_no_golden_file_is_without_its_message() -> None:
    assert sorted(path.stem for path in GOLDEN.glob("*.bin")) == GOLDEN_NAMES


def test_arrays_are_not_copied() -> None:
    data = bytearray(36)
    shape = ShapeReady("j", Array("float32", (3, 3), memoryview(data)), Array("int32", (1, 3), bytes(12)))
    frames = encode(shape)
    data[0] = 7
    assert bytes(frames[1])[0] == 7
    came = decode_as(ShapeReady, frames)
    data[0] = 9
    assert memoryview(came.vertices.data)[0] == 9


def test_a_decoded_array_cannot_be_written() -> None:
    frames = encode(ShapeReady("j", Array("float32", (1, 3), bytes(12)), Array("int32", (1, 3), bytes(12))))
    with pytest.raises(TypeError):
        memoryview(decode_as(ShapeReady, [bytearray(frame) for frame in frames]).vertices.data)[0] = 1


def test_what_the_receiver_would_refuse_is_not_sent() -> None:
    shape = ShapeReady("j", Array("float32", (10, 3), bytes(120)), Array("int32", (1, 3), bytes(12)))
    with pytest.raises(ProtocolError, match="frame 1: has 120 bytes, allowed are 100"):
        encode(shape, Limits(max_frame_bytes=100))


def test_a_field_with_a_default_may_be_absent() -> None:
    submit = decode(encode(golden_samples()["Submit"]), FROM_CLIENT)
    assert isinstance(submit, Submit)
    import msgpack

    frames = encode(submit)
    header = msgpack.unpackb(frames[0])
    for name in ("backend", "preset", "seed", "faces", "texture_size_px", "settings", "vram_limit_gib"):
        del header["request"][name]
    came = decode_as(Submit, [msgpack.packb(header), *frames[1:]])
    assert came.request.pictures == submit.request.pictures  # type: ignore[union-attr]
    assert came.request.preset == "auto"  # type: ignore[union-attr]


def test_a_class_that_may_not_be_sent_is_refused() -> None:
    with pytest.raises(ProtocolError, match="tag"):
        decode_as(Submit, encode(Cancel("j")))


def test_plain_maps_keep_their_order() -> None:
    result = golden_samples()["Result"]
    assert list(decode(encode(result)).provenance) == ["engine", "models", "seed"]  # type: ignore[attr-defined]
