"""Reads from source code, without running it, every text that can come before a user's eyes.

Two rules, so that nothing new is overlooked: what stands where Blender or the panel shows it (labels,
names, descriptions, what is given to `words`), and everything that reads as a sentence, wherever it stands. A
hole of an f-string gets the name of what fills it: f"{path.name} is empty." is "{name} is empty.".
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_SHOWN_ARGUMENTS = ("text", "heading", "title", "description", "remedy", "reason", "note", "words")
_SHOWN_ATTRIBUTES = ("bl_label", "bl_description")
# Calls one of whose positions is shown: name of what is called, number of the argument.
_SHOWN_POSITIONS = {
    "words": 0,
    "poll_message_set": 0,
    "draw_text": 2,
    "note": 0,
    "notice": 0,
    "Fault": 1,
    "SetupFault": 1,
    "PictureUnusable": 0,
    "CannotPlace": 0,
    "EngineMissing": 0,
    "Preset": 1,
    "BadInput": 0,
    "BadRequest": 0,
    "MaquetteError": 0,
    "WeightsMissing": 0,
    "DiskFull": 0,
    "Unreachable": 0,
    "WorkerDied": 0,
    # parts of sentences
    "Exit": 0,
    "distrust": 0,
    "_full": 0,
    "_read": 1,
    "_refuse": 1,
}
_PART_FUNCTIONS = ("exit_cause", "_cause")  # what they return becomes part of a sentence
_LOG_METHODS = ("debug", "info", "warning", "error", "exception", "critical")
_SENTENCE = re.compile(r"[\"'{A-Z0-9][^\n]*[ ][^\n]*[.?!…:]|[A-Z][a-z]+[.…]")
_HOLE = re.compile(r"\{[^{}]*\}")
_SENTENCE_HOLE_FIRST = re.compile(r"^(\{\w+\}[.:]? )+(?=[A-Z])")
_SENTENCE_HOLE_LAST = re.compile(r"(?<=[.:])( \{\w+\}:?)+$")


@dataclass(frozen=True)
class Found:
    """A text and where it stands."""

    text: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


def texts_below(*folders: str, without: Iterable[str] = ()) -> list[Found]:
    """The texts of the Python files below `folders` of the repository, but for those `without`."""
    left_out = tuple(without)
    found: list[Found] = []
    tables = set()
    sources = {}
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py") if (ROOT / folder).is_dir() else [ROOT / folder]):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith(left_out or ("\0",)):
                sources[name] = path.read_text(encoding="utf-8")
                tables |= shown_tables(sources[name])
    for name, source in sources.items():
        found += texts_in(source, name, tables)
    return found


def shown_tables(source: str) -> set[str]:
    """Names of the dicts of which an entry is shown: `words(TITLES[key])`, `label(text=TITLES.get(key))`."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            for shown in _shown_in(node, is_addon=True):
                for inner in ast.walk(shown):
                    if isinstance(inner, ast.Subscript) and isinstance(inner.value, ast.Name):
                        names.add(inner.value.id)
                    elif isinstance(inner, ast.Attribute) and inner.attr == "get":
                        names |= {inner.value.id} if isinstance(inner.value, ast.Name) else set()
    return names


def texts_in(source: str, file: str, tables: Iterable[str] = ()) -> list[Found]:
    """The texts of one file, each once; `tables` are names of dicts whose values are shown."""
    tree = ast.parse(source)
    is_addon = file.startswith("blender_addon/")
    unshown = _unshown(tree)
    found: dict[str, int] = {}
    parts = _parts(tree)
    for part in parts:
        text = pattern_of(part)
        if re.search("[A-Za-z]{2}", _HOLE.sub("", text)):
            found.setdefault(text, part.lineno)
    for node in ast.walk(tree):
        if id(node) in unshown:
            continue
        for shown in _shown_in(node, is_addon=is_addon, tables=frozenset(tables)):
            for piece in _strings(shown):
                text = pattern_of(piece)
                if id(piece) not in unshown and re.search("[A-Za-z]", _HOLE.sub("", text)):
                    found.setdefault(text, piece.lineno)
        if isinstance(node, ast.Constant | ast.JoinedStr):
            text = pattern_of(node)
            if _SENTENCE.fullmatch(text) and re.search("[a-z]{2}", _HOLE.sub("", text)):
                found.setdefault(text, node.lineno)
    return [Found(text, file, line) for text, line in found.items()]


def pattern_of(node: ast.AST) -> str:
    """The text of a string or f-string, its holes named; holes that are whole sentences are cut off."""
    if isinstance(node, ast.Constant):
        return node.value.strip() if isinstance(node.value, str) else ""
    if not isinstance(node, ast.JoinedStr):
        return ""
    names: dict[str, str] = {}
    parts = []
    for piece in node.values:
        if isinstance(piece, ast.Constant):
            parts.append(str(piece.value))
        elif isinstance(piece, ast.FormattedValue):
            parts.append("{" + _hole_name(piece.value, names) + "}")
    text = "".join(parts).strip()
    return _SENTENCE_HOLE_LAST.sub("", _SENTENCE_HOLE_FIRST.sub("", text))


def holes_of(text: str) -> list[str]:
    """The holes of a pattern in a fixed order, with their formats."""
    return sorted(_HOLE.findall(text))


def _hole_name(value: ast.expr, names: dict[str, str]) -> str:
    """A word for what fills a hole, another one for each other filling."""
    source = ast.unparse(value)
    if source not in names:
        word = _word_of(value)
        number = sum(1 for taken in names.values() if taken.rstrip("0123456789") == word)
        names[source] = word if not number else f"{word}{number + 1}"
    return names[source]


def _word_of(value: ast.expr) -> str:
    word = "value"
    match value:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            word = name.strip("_").lower()
        case (
            ast.Call(func=ast.Attribute(attr="join"), args=[inner, *_])
            | ast.Call(func=ast.Name(id="len" | "str" | "sorted"), args=[inner, *_])
            | ast.Call(func=inner)
            | ast.BinOp(left=inner)
            | ast.Subscript(value=inner)
        ):
            word = _word_of(inner)
    return word


def _shown_in(node: ast.AST, *, is_addon: bool, tables: frozenset[str] = frozenset()) -> Iterator[ast.expr]:
    """The expressions of `node` that are shown to a user."""
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        place = _SHOWN_POSITIONS.get(called)
        is_note = called == "note" and is_addon  # a line for the report
        if place is not None and len(node.args) > place and not is_note:
            yield node.args[place]
        for argument in node.keywords:
            is_label = called.endswith("Property") and argument.arg == "name"
            if argument.arg == "remedy" or (is_addon and (is_label or argument.arg in _SHOWN_ARGUMENTS)):
                yield argument.value
            elif is_addon and called == "EnumProperty" and argument.arg == "items":
                yield from _item_texts(argument.value)
    elif is_addon and isinstance(node, ast.Assign):
        names = {target.id for target in node.targets if isinstance(target, ast.Name)}
        if names & set(_SHOWN_ATTRIBUTES):
            yield node.value
        if isinstance(node.value, ast.Dict) and names & tables:
            yield from node.value.values


def _parts(tree: ast.AST) -> list[ast.Constant | ast.JoinedStr]:
    """Texts that are put into sentences: by a variable of the same function, or by a function for it."""
    found: list[ast.Constant | ast.JoinedStr] = []
    tables = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        inside = list(ast.walk(function))
        filled = {
            piece.value.id
            for node in inside
            if isinstance(node, ast.JoinedStr) and _SENTENCE.fullmatch(pattern_of(node))
            for piece in node.values
            if isinstance(piece, ast.FormattedValue) and isinstance(piece.value, ast.Name)
        }
        makes_parts = function.name in _PART_FUNCTIONS
        for node in inside:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in filled:
                    found += _strings(value)
                case ast.Return(value=ast.expr() as value) if makes_parts:
                    found += _strings(value)
                case ast.Name(id=name) if makes_parts and name in tables:
                    found += [text for value in tables[name].values for text in _strings(value)]
    return found


def _item_texts(items: ast.expr) -> Iterator[ast.expr]:
    """Title and description of each item of an enum."""
    for item in ast.walk(items):
        if isinstance(item, ast.Tuple) and len(item.elts) >= 3 and isinstance(item.elts[0], ast.Constant):
            yield from item.elts[1:3]


def _strings(node: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    """The texts that an expression can be: both sides of an `if`, each of an `or`, what is formatted."""
    match node:
        case ast.Constant(value=str()) | ast.JoinedStr():
            yield node
        case ast.IfExp():
            yield from _strings(node.body)
            yield from _strings(node.orelse)
        case ast.BoolOp():
            for each in node.values:
                yield from _strings(each)
        case ast.Call(func=ast.Attribute(attr="format" | "strip", value=inner)):
            yield from _strings(inner)
        case ast.Call(func=ast.Attribute(attr="get"), args=[_, other]):
            yield from _strings(other)


def _unshown(tree: ast.AST) -> set[int]:
    """Docstrings, what is logged, and the pieces of f-strings."""
    inner: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            for statement in node.body:  # also the strings below a dataclass's fields
                if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                    inner.add(id(statement.value))
        elif isinstance(node, ast.JoinedStr):
            inner |= {id(piece) for piece in node.values}
            inner |= {id(piece.format_spec) for piece in node.values if isinstance(piece, ast.FormattedValue)}
            inner |= {
                id(deep)
                for piece in node.values
                if isinstance(piece, ast.FormattedValue) and piece.format_spec is not None
                for deep in ast.walk(piece.format_spec)
            }
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in _LOG_METHODS:
            inner |= {id(each) for each in ast.walk(node)}
    return inner
