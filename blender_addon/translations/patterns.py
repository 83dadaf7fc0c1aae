"""No bpy. A text is known again by the pattern that made it, and said by that pattern in another language.

The engine speaks English with names and numbers put in; a pattern has named holes there. What fills a hole is
itself translated if it is known ("crashed inside a library"), and kept if not (a file's name). Several
sentences in one text are taken apart. What is not known stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_HOLE = re.compile(r"\{(\w+)[^{}]*\}")
_BREAK = re.compile(r"(?<=[.!?…:。：])\s+")
# Holes that make a pattern too general to be believed unless what fills them is known too.
_ONLY_KNOWN = frozenset({"cause", "exit_cause"})
# Holes that hold names, which are nobody's to translate.
_NAMES = frozenset({"name", "path", "file", "filename", "folder", "parent"})
_FULL_STOPS = "。："  # no space follows these


@dataclass(frozen=True)
class Pattern:
    """A text with holes: `parts` are its fixed pieces, one more than it has `holes`."""

    text: str
    parts: tuple[str, ...]
    holes: tuple[str, ...]

    @property
    def n_fixed(self) -> int:
        """The letters that do not differ; the more there are, the surer is a match."""
        return sum(map(len, self.parts))

    def fillings(self, text: str) -> list[str] | None:
        """What stands in the holes if the pattern made `text`; None if it did not."""
        first, *middle, last = self.parts
        if not text.startswith(first) or not text.endswith(last):
            return None
        found, at, end = [], len(first), len(text) - len(last)
        for part in middle:
            next_at = text.find(part, at + 1, end)
            if next_at < 0:
                return None
            found.append(text[at:next_at])
            at = next_at + len(part)
        return [*found, text[at:end]] if at < end else None


def pattern_of(text: str) -> Pattern:
    """The pattern of a text with holes such as {name} or {free:.1f}."""
    pieces = _HOLE.split(text)
    return Pattern(text, tuple(pieces[::2]), tuple(pieces[1::2]))


def fill(text: str, values: dict[str, str]) -> str:
    """A pattern's translation with `values` in its holes; formats were applied before."""
    return _HOLE.sub(lambda hole: values.get(hole[1], hole[0]), text)


class Phrasebook:
    """The texts that are known, and how each is said: `say` gives the translation of a known text."""

    def __init__(self, texts: Iterable[str], say: Callable[[str], str]) -> None:
        known = tuple(texts)
        self._exact = frozenset(text for text in known if "{" not in text)
        self._patterns = sorted(
            (pattern_of(text) for text in known if "{" in text),
            key=lambda each: (-each.n_fixed, not _NAMES.isdisjoint(each.holes)),
        )
        self._say = say

    def translated(self, text: str) -> str:
        """`text` in the other language, as far as it is known."""
        said, pieces = "", _cut(text)
        at = 0
        while at < len(pieces):
            whole, n_taken = None, 1
            for end in range(at + 1, len(pieces) + 1):  # the shortest piece that is known
                piece = "".join(pieces[at:end])
                whole, n_taken = self._known(piece.rstrip()), end - at
                if whole is not None:
                    break
            if whole is None:
                whole, n_taken = pieces[at].rstrip(), 1
            space = "" if whole.endswith(tuple(_FULL_STOPS)) else " "
            at += n_taken
            said += whole + (space if at < len(pieces) else "")
        return said

    def _known(self, text: str) -> str | None:
        if text in self._exact:
            return self._say(text)
        for pattern in self._patterns:
            values = pattern.fillings(text)
            if values is None:
                continue
            filled = dict(zip(pattern.holes, map(self._filling, pattern.holes, values), strict=True))
            if None not in filled.values():
                return fill(self._say(pattern.text), {hole: str(value) for hole, value in filled.items()})
        return None

    def _filling(self, hole: str, value: str) -> str | None:
        """What fills a hole, translated if it is words; None if it had to be known and is not."""
        if hole in _NAMES:
            return value
        said = ", ".join(map(self._say_exactly, value.split(", ")))
        if said == value:
            said = self.translated(value)
        return None if said == value and hole in _ONLY_KNOWN else said

    def _say_exactly(self, text: str) -> str:
        return self._say(text) if text in self._exact else text


def _cut(text: str) -> list[str]:
    """The sentences of a text, each with the space behind it."""
    ends = [found.end() for found in _BREAK.finditer(text)]
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True) if end > start]
