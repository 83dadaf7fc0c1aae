"""What commands that take pictures share: files are read and targets examined before time is spent."""

from __future__ import annotations

import json
import signal
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from engine.errors import BadInput, BadRequest
from engine.folders import is_writable
from engine.given_file import Kind, read_given
from protocol.arrays import Array, Image
from protocol.names import VIEWS
from protocol.requests import ViewPicture

# No picture of a sane size is larger, and a message to an engine takes no more than 128 MiB.
_PICTURE = Kind(
    "picture",
    "pictures",
    100 * 1024**2,
    "MiB",
    if_large="Save it smaller: 1024 pixels are enough.",
    if_empty="Save or download the picture again.",
)


def read_pictures(options: Namespace, usage: str) -> tuple[ViewPicture, ...]:
    """The pictures of IMAGE and every --view.

    Raises BadInput for files, BadRequest for names; `usage` is the remedy where no picture is given.
    """
    files: dict[str, str] = {}
    given = [("front", options.image)] if options.image is not None else []
    for view, file in [*given, *(split(text, "--view", "NAME=FILE") for text in options.view)]:
        if view not in VIEWS:
            raise BadRequest(f"There is no view {view!r}.", remedy=f"Views: {', '.join(VIEWS)}.")
        if view in files:
            raise BadRequest(
                f"The view {view} is given twice: {files[view]} and {file}.",
                remedy="IMAGE is the front view; name each other one once.",
            )
        files[view] = file
    if not files:
        raise BadRequest("No picture is given.", remedy=usage)
    return tuple(ViewPicture(view, _name(file), read_file(Path(file))) for view, file in files.items())


def read_overrides(options: Namespace) -> tuple[tuple[str, str], ...]:
    """The ("stage.key", text) pairs of every --set."""
    return tuple(split(text, "--set", "stage.key=value") for text in options.set)


def read_file(path: Path) -> Image:
    """The bytes of a picture file; raises BadInput naming it if it is missing, a folder, empty or huge."""
    content = read_given(path, _PICTURE)
    return Image("file", Array("uint8", (len(content),), content))


def check_target(path: Path, what: str) -> None:
    """Raises BadInput if no file can be made at `path`, which is called `what`."""
    if not path.parent.is_dir():
        raise BadInput(
            f"The {what} folder {path.parent} does not exist.",
            remedy="Create it, or choose another place.",
            action="choose_folder",
        )
    if path.is_dir():
        raise BadInput(f"The {what} {path} is a folder.", remedy="Give the name of a file in it.")
    if not is_writable(path.parent):
        raise BadInput(
            f"The {what} folder {path.parent} cannot be written to.",
            remedy="Choose another folder, or change its permissions.",
            action="choose_folder",
        )


@contextmanager
def interruption() -> Iterator[list[bool]]:
    """A flag (a list, empty until then) that the first Ctrl-C sets; a second one ends the process at once."""
    flag: list[bool] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        flag.append(True)

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, before)


def split(text: str, option: str, form: str) -> tuple[str, str]:
    """The two sides of `text`, given to `option` in the `form` NAME=VALUE."""
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise BadRequest(f"{option} {text!r} is not of the form {form}.")
    return name, value


def _name(file: str) -> str:
    """A file's name for messages, no longer than the wire takes."""
    return Path(file).name.encode("utf-8", "replace").decode()[-255:]


def plain(value: Any) -> Any:
    """`value` as JSON can hold it."""
    return json.loads(json.dumps(value, default=list))
