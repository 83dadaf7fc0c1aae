"""`maquette generate`: refuses what it can before time is spent; a file appears whole or not at all."""

from __future__ import annotations

import argparse
import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from engine.backends import available_backends, choose_backend
from engine.cli.console import Console
from engine.cli.listings import list_settings
from engine.errors import BadInput, BadRequest
from engine.folders import find_folders, is_writable, write_atomically
from engine.memory.device import probe_device
from engine.presets import settings_for
from protocol.arrays import Array, Image
from protocol.names import VIEWS
from protocol.requests import GenerateRequest, ViewPicture
from protocol.rules import Illegal

if TYPE_CHECKING:
    from engine.asset import Asset

# No picture of a sane size is larger, and a message to an engine takes no more than 128 MiB.
_MAX_FILE_BYTES = 100 * 1024**2


def generate(options: argparse.Namespace) -> int:
    """Makes a GLB as the options say; returns the exit code."""
    if options.list_settings:
        return list_settings()
    console = Console(as_json=options.json)
    started_s = time.perf_counter()
    folders = find_folders()
    backend = choose_backend(options.backend, available_backends(folders.models, probe_device()))
    request = read_request(options, backend.name)
    output = choose_output(options)
    report_path = Path(options.report) if options.report else None
    if report_path is not None:
        _check_target(report_path, "report")
    if backend.note:
        console.notice("", backend.note)
    with interruption() as interrupted:
        if options.engine is None:
            asset = _make_here(request, console, folders.models, interrupted)
        else:
            from engine.cli.remote import make_there

            place = Path(options.engine) if options.engine else folders.data
            asset = make_there(request, console, place, interrupted)
    console.close()
    write_atomically(output, asset.as_glb())
    report = {**asset.report, "total_seconds": time.perf_counter() - started_s, "output": str(output)}
    if report_path is not None:
        text = json.dumps(report, indent=2, ensure_ascii=False, default=list) + "\n"
        write_atomically(report_path, text.encode())
    console.event("done", output=str(output), report=_plain(report))
    console.say(_summary(output, report))
    return 0


def read_request(options: argparse.Namespace, backend: str) -> GenerateRequest:
    """The request that the options describe, checked as far as can be without computing.

    Raises BadInput for files, BadRequest for names and values.
    """
    overrides = tuple(_split(text, "--set", "stage.key=value") for text in options.set)
    settings_for(
        options.preset, faces=options.faces, texture_size_px=options.texture_size, overrides=overrides
    )
    files: dict[str, str] = {}
    given = [("front", options.image)] if options.image is not None else []
    for view, file in [*given, *(_split(text, "--view", "NAME=FILE") for text in options.view)]:
        if view not in VIEWS:
            raise BadRequest(f"There is no view {view!r}.", remedy=f"Views: {', '.join(VIEWS)}.")
        if view in files:
            raise BadRequest(
                f"The view {view} is given twice: {files[view]} and {file}.",
                remedy="IMAGE is the front view; name each other one once.",
            )
        files[view] = file
    if not files:
        raise BadRequest("No picture is given.", remedy="maquette generate IMAGE -o OUT.glb")
    pictures = tuple(ViewPicture(view, _name(file), read_file(Path(file))) for view, file in files.items())
    try:
        return GenerateRequest(
            pictures=pictures,
            backend=backend,
            preset=options.preset,
            seed=options.seed,
            faces=options.faces,
            texture_size_px=options.texture_size,
            settings=overrides,
            vram_limit_gib=options.vram_limit,
        )
    except Illegal as error:
        raise BadRequest(f"{error.field.rpartition('.')[2]} {error.why}.") from error


def read_file(path: Path) -> Image:
    """The bytes of a picture file; raises BadInput naming it if it is missing, a folder, empty or huge."""
    try:
        if path.is_dir():
            raise BadInput(f"{path} is a folder, not a picture.", remedy="Give the name of a picture file.")
        if path.exists() and not path.is_file():  # a device or a pipe may never end
            raise BadInput(f"{path} is not a plain file.", remedy="Give the name of a picture file.")
        size_bytes = path.stat().st_size
        if size_bytes > _MAX_FILE_BYTES:
            raise BadInput(
                f"{path} has {size_bytes / 2**20:.0f} MiB; pictures may have {_MAX_FILE_BYTES / 2**20:.0f}.",
                remedy="Save it smaller: 1024 pixels are enough.",
            )
        content = path.read_bytes()
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}.", remedy="Check the name and the folder.") from None
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read: {error.strerror}.", remedy="Check the file and its permissions."
        ) from error
    if not content:
        raise BadInput(f"{path} is empty (0 bytes).", remedy="Save or download the picture again.")
    return Image("file", Array("uint8", (len(content),), content))


def choose_output(options: argparse.Namespace) -> Path:
    """Where the GLB goes; raises if it cannot go there, before time is spent."""
    named = options.output
    if named is None:
        first = options.image if options.image is not None else options.view[0].partition("=")[2]
        named = Path(first).with_suffix(".glb").name
    output = Path(named)
    if output.suffix.lower() != ".glb":
        raise BadRequest(f"The output {output} does not end in .glb.", remedy="Only GLB files are written.")
    _check_target(output, "output")
    return output


def _check_target(path: Path, what: str) -> None:
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


def _make_here(request: GenerateRequest, console: Console, models: Path, interrupted: list[bool]) -> Asset:
    from engine.pipelines import run_generate

    return run_generate(request, console, models_dir=models, is_cancelled=lambda: bool(interrupted))


def _split(text: str, option: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise BadRequest(f"{option} {text!r} is not of the form {form}.")
    return name, value


def _name(file: str) -> str:
    """A file's name for messages, no longer than the wire takes."""
    return Path(file).name.encode("utf-8", "replace").decode()[-255:]


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=list))


def _summary(output: Path, report: dict[str, Any]) -> str:
    mesh, texture = report["mesh"], report["texture"]
    closed = "closed" if mesh["watertight"] else "not closed"
    return (
        f"{output}: {mesh['faces']:,} faces, {closed}, texture {texture['size']} px, "
        f"{texture['baked_fraction']:.0%} of it seen, {report['total_seconds']:.1f} s."
    )
