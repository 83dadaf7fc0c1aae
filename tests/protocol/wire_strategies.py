"""Random legal records of any class, made from the rules that the class itself declares."""

from __future__ import annotations

from math import prod
from typing import Any

from hypothesis import strategies as st

from protocol.arrays import ITEM_BYTES, Array, ArrayOf, Image, Mesh, Octets
from protocol.events import StageProgress, StageStarted
from protocol.requests import CutoutRequest, GenerateRequest
from protocol.results import Result
from protocol.rules import (
    Flag,
    Illegal,
    ListOf,
    Maybe,
    OneOf,
    Plain,
    Real,
    Record,
    RowOf,
    Rule,
    Text,
    Whole,
    rules_of,
)

_CHARS = st.characters(exclude_categories=("Cs",), exclude_characters="\0")
_PLAIN = st.dictionaries(
    st.text(_CHARS, max_size=8),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63) + 1, 2**63 - 1)
        | st.floats(allow_nan=False, allow_infinity=False, min_value=-1.7e308, max_value=1.7e308)
        | st.text(_CHARS, max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(_CHARS, max_size=4), inner, max_size=3)
        ),
        max_leaves=6,
    ),
    max_size=4,
)


def array(dtype: str, shape: tuple[int, ...]) -> st.SearchStrategy[Array]:
    """Any array of that dtype and shape."""
    n_bytes = prod(shape) * ITEM_BYTES[dtype]
    return st.binary(min_size=n_bytes, max_size=n_bytes).map(lambda data: Array(dtype, shape, data))


def of_rule(rule: Rule) -> st.SearchStrategy[Any]:  # noqa: PLR0911, PLR0912  # one return a rule
    """Any value that the rule allows, kept small."""
    match rule:
        case Text():
            if rule.names:
                return st.sampled_from(rule.names)
            if rule.pattern:
                short = rule.pattern.replace("+", "{1,20}").replace("*", "{0,20}")
                return st.from_regex(short, fullmatch=True)
            return st.text(_CHARS, min_size=rule.low, max_size=min(rule.high, 20))
        case Whole():
            return st.integers(rule.low, rule.high)
        case Real():
            return st.floats(rule.low, rule.high)
        case Flag():
            return st.booleans()
        case Plain():
            return _PLAIN
        case Maybe():
            return st.none() | of_rule(rule.inner)
        case ListOf():
            return st.lists(of_rule(rule.item), min_size=rule.low, max_size=min(rule.high, 3)).map(tuple)
        case RowOf():
            return st.tuples(*(of_rule(place) for place in rule.places))
        case OneOf():
            return st.one_of(*(of_record(record) for record in rule.classes))
        case ArrayOf():
            lengths = [st.integers(rule.low, 4) if n is None else st.just(n) for n in rule.shape]
            return st.tuples(*lengths).flatmap(lambda shape: array(rule.dtype, shape))
        case Octets():
            return st.binary(min_size=1, max_size=8).map(lambda data: Array("uint8", (len(data),), data))
    raise AssertionError(f"no strategy for {rule}")


def _images() -> st.SearchStrategy[Image]:
    shapes = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4))
    pixels = shapes.flatmap(lambda shape: array("uint8", shape)).map(lambda data: Image("pixels", data))
    return pixels | of_rule(Octets()).map(lambda data: Image("file", data))


def _meshes() -> st.SearchStrategy[Mesh]:
    def of_counts(counts: tuple[int, int]) -> st.SearchStrategy[Mesh]:
        n, m = counts
        parts = array("float32", (n, 3)), array("int32", (m, 3)), array("float32", (m, 3, 2))
        return st.builds(Mesh, *parts)

    return st.tuples(st.integers(1, 4), st.integers(1, 4)).flatmap(of_counts)


def of_record(record: type[Record]) -> st.SearchStrategy[Any]:
    """Any record of that class."""
    if record is Image:
        return _images()
    if record is Mesh:
        return _meshes()
    fields = {held.name: of_rule(held.rule) for held in rules_of(record)}
    if record in (StageStarted, StageProgress):
        fields |= {"index": st.just(0)} if record is StageStarted else {"step": st.integers(0, 1)}
    if record in (GenerateRequest, CutoutRequest, Result):
        for name, key in (("pictures", "view"), ("images", "name")):
            if name in fields:
                rule = next(held.rule for held in rules_of(record) if held.name == name)
                assert isinstance(rule, ListOf)
                unique = st.lists(
                    of_rule(rule.item),
                    min_size=rule.low,
                    max_size=3,
                    unique_by=lambda item, key=key: getattr(item, key),
                )
                fields[name] = unique.map(tuple)
    return (
        st.fixed_dictionaries(fields)
        .map(lambda kept: _made(record, kept))
        .filter(lambda made: made is not None)
    )


def _made(record: type[Record], fields: dict[str, Any]) -> Record | None:
    try:
        return record(**fields)
    except Illegal:
        return None  # fields that are right alone and wrong together
