"""Bytes become a message or a `ProtocolError` that names the field, at bounded memory; nothing else happens.

A message is a list of frames: a MessagePack map with the class name under "tag" and a key for each field,
then one frame for each array, which the map refers to as {"dtype", "shape", "frame"}. `docs/wire.md` is the
specification.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import msgpack

from .arrays import Array, ArrayOf, Buffer, Octets
from .messages import MESSAGES
from .requests import JOB_ID
from .rules import Illegal, ListOf, Maybe, OneOf, Record, RowOf, Rule, kind_of, rules_of

MIB = 1024**2
R = TypeVar("R", bound=Record)


class ProtocolError(ValueError):
    """Bytes that are no message: `field` names the place, `why` what is wrong, `job` the job if readable."""

    def __init__(self, field: str, why: str, job: str = "") -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why
        self.job = job


@dataclass(frozen=True)
class Limits:
    """The most that is taken from a peer in one message."""

    max_frames: int = 64
    max_header_bytes: int = 8 * MIB  # 10,000 jobs in a list take 5
    max_frame_bytes: int = 512 * MIB
    max_total_bytes: int = 1024 * MIB
    max_items: int = 10_000  # entries of one list or map in the header
    max_text_bytes: int = 65_536


FROM_ENGINE = Limits()
FROM_CLIENT = Limits(
    max_frames=16,
    max_header_bytes=MIB,
    max_frame_bytes=128 * MIB,  # a picture of 5792 x 5792 RGBA pixels, or a file of that size
    max_total_bytes=512 * MIB,
    max_items=1024,
)
FROM_STRANGER = Limits(1, 4096, 4096, 4096, 64, 1024)  # a Hello is 100 bytes


def encode(message: Record, limits: Limits = FROM_ENGINE) -> list[Buffer]:
    """The frames of `message`; arrays are views of its data, not copies.

    The same message gives the same bytes. Raises ProtocolError when a receiver with `limits` would refuse it.
    """
    if type(message) not in MESSAGES:
        raise ProtocolError("tag", f"{type(message).__name__} is no message")
    frames: list[Buffer] = [b""]
    header: dict[str, Any] = {"tag": type(message).__name__, **_pack_record(message, frames)}
    frames[0] = cast(bytes, msgpack.packb(header, use_bin_type=True))
    _check_frames(frames, limits)
    return frames


def _pack_record(record: Record, frames: list[Buffer]) -> dict[str, Any]:
    packed: dict[str, Any] = {}
    for held in rules_of(type(record)):
        value = getattr(record, held.name)
        packed[held.name] = value if held.is_itself else _pack(held.rule, value, frames)
    return packed


def _pack(rule: Rule, value: Any, frames: list[Buffer]) -> Any:
    match rule:
        case Maybe():
            return None if value is None else _pack(rule.inner, value, frames)
        case ListOf():
            return [_pack(rule.item, item, frames) for item in value]
        case RowOf():
            return [_pack(place, item, frames) for place, item in zip(rule.places, value, strict=True)]
        case OneOf():
            tag = {"tag": type(value).__name__} if len(rule.classes) > 1 else {}
            return tag | _pack_record(value, frames)
        case ArrayOf() | Octets():
            frames.append(value.data)
            return {"dtype": value.dtype, "shape": list(value.shape), "frame": len(frames) - 1}
    return value


def decode(
    frames: Sequence[Buffer], limits: Limits = FROM_ENGINE, allowed: Iterable[type[Record]] = MESSAGES
) -> Record:
    """The message in `frames`, its arrays read-only views of them.

    Raises ProtocolError and nothing else: when a limit is passed, the class is not `allowed`, or anything is
    not as specified. Nothing is built before its size is known to be within `limits`.
    """
    _check_frames(frames, limits)
    header = _unpack_header(bytes(frames[0]), limits)
    try:
        return _Reader(frames).message(header, {record.__name__: record for record in allowed})
    except ProtocolError as error:
        error.job = _job_in(header)
        raise


def decode_as(record: type[R], frames: Sequence[Buffer], limits: Limits = FROM_ENGINE) -> R:
    """The message in `frames`, which must be a `record`."""
    return cast(R, decode(frames, limits, (record,)))


def _check_frames(frames: Sequence[Buffer], limits: Limits) -> None:
    if not 1 <= len(frames) <= limits.max_frames:
        raise ProtocolError("frames", f"are {len(frames)}, allowed are 1 to {limits.max_frames}")
    sizes = [memoryview(frame).nbytes for frame in frames]
    if sizes[0] > limits.max_header_bytes:
        raise ProtocolError("header", f"has {sizes[0]} bytes, allowed are {limits.max_header_bytes}")
    for number, n_bytes in enumerate(sizes):
        if n_bytes > limits.max_frame_bytes:
            raise ProtocolError(
                f"frame {number}", f"has {n_bytes} bytes, allowed are {limits.max_frame_bytes}"
            )
    if sum(sizes) > limits.max_total_bytes:
        raise ProtocolError("frames", f"have {sum(sizes)} bytes, allowed are {limits.max_total_bytes}")


def _unpack_header(header: bytes, limits: Limits) -> dict[str, Any]:
    try:
        value = msgpack.unpackb(
            header,
            raw=False,
            strict_map_key=True,
            object_pairs_hook=_map,
            ext_hook=_refuse_extension,
            max_str_len=limits.max_text_bytes,
            max_bin_len=0,  # bytes ride in frames
            max_array_len=limits.max_items,
            max_map_len=limits.max_items,
            max_ext_len=0,
        )
    except ProtocolError:
        raise
    # msgpack's own errors are ValueErrors; its pure Python form also recurses and trips over odd map keys.
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise ProtocolError("header", f"is no MessagePack within the limits: {error}"[:300]) from None
    if not isinstance(value, dict):
        raise ProtocolError("header", f"must be a map, is {kind_of(value)}")
    return value


def _map(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    """A dict of the pairs of a map; refuses keys that are no text and keys that come twice."""
    made: dict[str, Any] = dict(pairs)
    if len(made) == len(pairs) and all(type(key) is str for key in made):
        return made
    seen: set[str] = set()
    for key, _ in pairs:
        if not isinstance(key, str):
            raise ProtocolError("header", f"has a key that is {kind_of(key)}, keys must be text")
        if key in seen:
            raise ProtocolError("header", f"has the key {key[:64]!r} twice")
        seen.add(key)
    return made


def _refuse_extension(code: int, data: bytes) -> Any:
    raise ProtocolError("header", f"has the extension type {code}, none is allowed")


def _job_in(header: dict[str, Any]) -> str:
    try:
        return cast(str, JOB_ID.check(header.get("job"), "job"))
    except Illegal:
        return ""


class _Reader:
    """Builds one message from its header and sees that each array frame is used once."""

    def __init__(self, frames: Sequence[Buffer]) -> None:
        self._frames = frames
        self._unused = set(range(1, len(frames)))

    def message(self, header: dict[str, Any], allowed: dict[str, type[Record]]) -> Record:
        record = self._one_of(header, allowed, "message")
        if self._unused:
            raise ProtocolError("frames", f"of number {sorted(self._unused)[:8]} are referred to by no array")
        return record

    def _one_of(self, value: Any, classes: dict[str, type[Record]], path: str) -> Record:
        if not isinstance(value, dict):
            raise ProtocolError(path, f"must be a map, is {kind_of(value)}")
        tag = value.get("tag")
        if not isinstance(tag, str) or tag not in classes:
            said = repr(tag[:64]) if isinstance(tag, str) else kind_of(tag)
            raise ProtocolError(f"{path}.tag", f"is {said}, allowed are {', '.join(classes)}")
        fields = {key: item for key, item in value.items() if key != "tag"}
        return self._record(classes[tag], fields, tag if path == "message" else path)

    def _record(self, record: type[Record], value: Any, path: str) -> Record:
        if not isinstance(value, dict):
            raise ProtocolError(path, f"must be a map, is {kind_of(value)}")
        fields: dict[str, Any] = {}
        rules = rules_of(record)
        for held in rules:
            if held.name in value:
                item = value[held.name]
                if not held.is_itself:  # else the record's own check judges it
                    item = self._value(held.rule, item, f"{path}.{held.name}")
                fields[held.name] = item
            elif not held.may_be_absent:
                raise ProtocolError(f"{path}.{held.name}", "is missing")
        if len(fields) < len(value):
            unknown = min(value.keys() - fields.keys())
            raise ProtocolError(f"{path}.{unknown[:64]}", f"is no field of {record.__name__}")
        try:
            return record(**fields)
        except Illegal as error:  # its field starts with the class name; the path says where that one stands
            raise ProtocolError(path + error.field.removeprefix(record.__name__), error.why) from None

    def _value(self, rule: Rule, value: Any, path: str) -> Any:
        match rule:
            case Maybe():
                return None if value is None else self._value(rule.inner, value, path)
            case ListOf() | RowOf():
                return self._items(rule, value, path)
            case OneOf(classes=(only,)):
                return self._record(only, value, path)
            case OneOf():
                return self._one_of(value, {record.__name__: record for record in rule.classes}, path)
            case ArrayOf() | Octets():
                return self._array(value, path)
        return value  # the record's own check judges it

    def _items(self, rule: ListOf | RowOf, value: Any, path: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ProtocolError(path, f"must be a list, is {kind_of(value)}")
        try:
            rule.check_count(len(value), path)
        except Illegal as error:
            raise ProtocolError(error.field, error.why) from None
        items = rule.places if isinstance(rule, RowOf) else (rule.item,) * len(value)
        pairs = enumerate(zip(items, value, strict=True))
        return tuple(self._value(item, part, f"{path}[{index}]") for index, (item, part) in pairs)

    def _array(self, value: Any, path: str) -> Array:
        if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "frame"}:
            raise ProtocolError(path, "must be a map of dtype, shape and frame")
        number, shape = value["frame"], value["shape"]
        if type(number) is not int or number not in self._unused:
            raise ProtocolError(
                f"{path}.frame", f"is {number!r:.64}, which is no frame or already referred to"
            )
        if not isinstance(shape, list) or not isinstance(value["dtype"], str):
            raise ProtocolError(path, "must have a text as dtype and a list as shape")
        self._unused.discard(number)
        try:
            return Array(value["dtype"], tuple(shape), self._frames[number])
        except Illegal as error:
            raise ProtocolError(path + error.field.removeprefix("Array"), error.why[:300]) from None
