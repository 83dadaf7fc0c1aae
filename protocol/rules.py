"""A record checks itself when it is made: an illegal one cannot exist. Its annotations are the rules."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

PLAIN_DEPTH = 8  # maps and lists within a plain map; a report needs 4
PLAIN_ITEMS = 4096  # entries of one map or list within a plain map
PLAIN_CHARS = 16_384  # characters of one text within a plain map
WHOLE_BOUND = 2**63 - 1  # what every MessagePack library can hold


class Illegal(ValueError):
    """A value that its record does not allow; `field` names the place, `why` says what is wrong with it."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


class Rule:
    """What a field may hold; its wire form is the value itself unless the codec says otherwise."""

    def check(self, value: object, field: str) -> object:
        """The value as the record will hold it; raises `Illegal` naming `field`."""
        raise NotImplementedError


@dataclass(frozen=True)
class Text(Rule):
    """A text of `low` to `high` characters, matching `pattern` or one of `names` where they are given."""

    high: int
    low: int = 0
    pattern: str = ""
    names: tuple[str, ...] = ()

    def check(self, value: object, field: str) -> object:
        """The text; refuses what cannot be written as UTF-8 or holds NUL."""
        if not isinstance(value, str):
            raise Illegal(field, f"must be text, is {kind_of(value)}")
        if not self.low <= len(value) <= self.high:
            raise Illegal(field, f"has {len(value)} characters, allowed are {self.low} to {self.high}")
        if self.names:
            if value in self.names:
                return value
            raise Illegal(
                field, f"is {value!r}, allowed are {', '.join(name or repr('') for name in self.names)}"
            )
        if self.pattern and not re.fullmatch(self.pattern, value):
            raise Illegal(field, f"is {value!r}, which does not match {self.pattern}")
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise Illegal(field, "holds half of a surrogate pair, which is no UTF-8") from None
        if "\0" in value:
            raise Illegal(field, "holds a NUL")
        return value


@dataclass(frozen=True)
class Whole(Rule):
    """A whole number from `low` to `high`, both included."""

    low: int = 0
    high: int = WHOLE_BOUND

    def check(self, value: object, field: str) -> object:
        """The number; a bool is not one."""
        if not isinstance(value, int) or isinstance(value, bool):
            raise Illegal(field, f"must be a whole number, is {kind_of(value)}")
        if not self.low <= value <= self.high:
            raise Illegal(field, f"is {value}, allowed are {self.low} to {self.high}")
        return value


@dataclass(frozen=True)
class Real(Rule):
    """A finite number from `low` to `high`, both included."""

    low: float
    high: float

    def check(self, value: object, field: str) -> object:
        """The number as a float; whole numbers are taken as well."""
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise Illegal(field, f"must be a number, is {kind_of(value)}")
        if not self.low <= value <= self.high:  # also true of NaN
            raise Illegal(field, f"is {value}, allowed are {self.low:g} to {self.high:g}")
        return float(value)


@dataclass(frozen=True)
class Flag(Rule):
    """True or false."""

    def check(self, value: object, field: str) -> object:
        """The flag; 0 and 1 are not flags."""
        if not isinstance(value, bool):
            raise Illegal(field, f"must be true or false, is {kind_of(value)}")
        return value


@dataclass(frozen=True)
class Plain(Rule):
    """A map from texts to null, booleans, numbers, texts, lists and maps: what JSON can say."""

    def check(self, value: object, field: str) -> object:
        """A deep copy in dicts and lists, in the order given: nobody can change it under the record."""
        if not isinstance(value, Mapping):
            raise Illegal(field, f"must be a map, is {kind_of(value)}")
        return _plain(value, field, 1)


_PLAIN_TEXT = Text(PLAIN_CHARS)
_PLAIN_WHOLE = Whole(-WHOLE_BOUND, WHOLE_BOUND)
_PLAIN_REAL = Real(-1.8e308, 1.8e308)


def _plain(value: object, field: str, depth: int) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _PLAIN_TEXT.check(value, field)
    if isinstance(value, int):
        return _PLAIN_WHOLE.check(value, field)
    if isinstance(value, float):
        return _PLAIN_REAL.check(value, field)
    if not isinstance(value, (Mapping, list, tuple)):
        raise Illegal(field, f"must be null, a flag, a number, a text, a list or a map, is {kind_of(value)}")
    if depth > PLAIN_DEPTH:
        raise Illegal(field, f"is nested deeper than {PLAIN_DEPTH}")
    if len(value) > PLAIN_ITEMS:
        raise Illegal(field, f"has {len(value)} entries, allowed are {PLAIN_ITEMS}")
    if isinstance(value, Mapping):
        for key in value:
            _PLAIN_TEXT.check(key, f"{field}[key]")
        return {key: _plain(item, f"{field}.{key}", depth + 1) for key, item in value.items()}
    return [_plain(item, f"{field}[{index}]", depth + 1) for index, item in enumerate(value)]


@dataclass(frozen=True)
class Items:
    """Put beside a tuple's type: how many items it may have, and whether two may be equal."""

    high: int
    low: int = 0


@dataclass(frozen=True)
class ListOf(Rule):
    """A tuple of `low` to `high` items of one kind; a MessagePack array on the wire."""

    item: Rule
    low: int
    high: int

    def check(self, value: object, field: str) -> object:
        """The tuple; a list is refused, because it could change under the record."""
        if not isinstance(value, tuple):
            raise Illegal(field, f"must be a tuple, is {kind_of(value)}")
        self.check_count(len(value), field)
        return tuple(self.item.check(item, f"{field}[{index}]") for index, item in enumerate(value))

    def check_count(self, n_items: int, field: str) -> None:
        """Raises `Illegal` when a list may not have that many items."""
        if not self.low <= n_items <= self.high:
            raise Illegal(field, f"has {n_items} items, allowed are {self.low} to {self.high}")


@dataclass(frozen=True)
class RowOf(Rule):
    """A tuple with one rule for each place; a MessagePack array on the wire."""

    places: tuple[Rule, ...]

    def check(self, value: object, field: str) -> object:
        """The tuple, with as many items as there are places."""
        if not isinstance(value, tuple):
            raise Illegal(field, f"must be a tuple, is {kind_of(value)}")
        self.check_count(len(value), field)
        rows = zip(self.places, value, strict=True)
        return tuple(place.check(item, f"{field}[{index}]") for index, (place, item) in enumerate(rows))

    def check_count(self, n_items: int, field: str) -> None:
        """Raises `Illegal` when there are not as many items as places."""
        if n_items != len(self.places):
            raise Illegal(field, f"has {n_items} items, must have {len(self.places)}")


@dataclass(frozen=True)
class Maybe(Rule):
    """Null, or what `inner` allows."""

    inner: Rule

    def check(self, value: object, field: str) -> object:
        """None or the inner value."""
        return None if value is None else self.inner.check(value, field)


@dataclass(frozen=True)
class OneOf(Rule):
    """A record of one of some classes; carries its tag on the wire when there is more than one class."""

    classes: tuple[type[Record], ...]

    def check(self, value: object, field: str) -> object:
        """The record, which checked itself when it was made."""
        if not isinstance(value, self.classes):
            raise Illegal(
                field, f"must be {' or '.join(c.__name__ for c in self.classes)}, is {kind_of(value)}"
            )
        return value


@dataclass(frozen=True)
class Held:
    """One field of a record: its name, its rule, and whether it may be absent because it has a default.

    `path` is the name after that of its class; `is_itself` says that the value crosses the wire as it is.
    """

    name: str
    rule: Rule
    may_be_absent: bool
    path: str
    is_itself: bool


class Record:
    """Base of every frozen dataclass that crosses the wire."""

    def __post_init__(self) -> None:
        for held in rules_of(type(self)):
            value = getattr(self, held.name)
            checked = held.rule.check(value, held.path)
            if checked is not value:
                object.__setattr__(self, held.name, checked)
        self.check()

    def check(self) -> None:
        """Raises `Illegal` when fields that are right alone are wrong together."""


def rules_of(record: type[Record]) -> tuple[Held, ...]:
    """The fields of a record class in wire order, read from its annotations."""
    return _rules_of(record)  # type: ignore[arg-type]  # mypy takes the hash of a record for that of its class


@cache
def _rules_of(record: type[Record]) -> tuple[Held, ...]:
    return tuple(_held(record))


def _held(record: type[Record]) -> Iterator[Held]:
    hints = get_type_hints(record, include_extras=True)
    for field in fields(record):  # type: ignore[arg-type]  # every subclass is a dataclass
        rule = _rule(hints[field.name])
        is_itself = isinstance(rule, (Text, Whole, Real, Flag, Plain))
        path = f"{record.__name__}.{field.name}"
        yield Held(field.name, rule, field.default is not MISSING, path, is_itself)


def _rule(hint: Any) -> Rule:
    """The rule that an annotation stands for."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        note = hint.__metadata__[0]
        if isinstance(note, Items):
            return ListOf(_rule(get_args(args[0])[0]), note.low, note.high)
        if isinstance(note, Rule):
            return note
    if origin is tuple:
        return RowOf(tuple(_rule(arg) for arg in args))
    if origin in (Union, types.UnionType):
        choices = tuple(arg for arg in args if arg is not type(None))
        inner = _rule(choices[0]) if len(choices) == 1 else OneOf(choices)
        return Maybe(inner) if len(choices) < len(args) else inner
    if hint is bool:
        return Flag()
    if isinstance(hint, type) and issubclass(hint, Record):
        return OneOf((hint,))
    raise TypeError(f"no rule for the annotation {hint!r}")


def kind_of(value: object) -> str:
    """The kind of a value in words that fit into a message."""
    return "null" if value is None else type(value).__name__
