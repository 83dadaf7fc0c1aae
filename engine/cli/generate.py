"""`maquette generate`: refuses what it can before time is spent; a file appears whole or not at all."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.backends import available_backends, choose_backend
from engine.cli.console import Console
from engine.cli.inputs import check_target, interruption, plain, read_overrides, read_pictures
from engine.cli.listings import list_settings
from engine.errors import BadRequest
from engine.folders import find_folders, write_atomically
from engine.memory.device import probe_device
from engine.presets import settings_for
from engine.weights.inventory import BACKEND as MODELS_BACKEND
from engine.weights.inventory import locate, model_named
from protocol.requests import GenerateRequest
from protocol.rules import Illegal

if TYPE_CHECKING:
    from engine.asset import Asset


def generate(options: argparse.Namespace) -> int:
    """Makes a GLB as the options say; returns the exit code."""
    if options.list_settings:
        return list_settings()
    console = Console(as_json=options.json)
    started_s = time.perf_counter()
    folders = find_folders()
    asked = choose_backend_name(options)
    if options.model is not None:
        locate(folders.models, options.model)  # a missing one is told before any other reason
    backend = choose_backend(asked, available_backends(folders.models, probe_device()))
    request = read_request(options, backend.name)
    output = choose_output(options)
    report_path = Path(options.report) if options.report else None
    if report_path is not None:
        check_target(report_path, "report")
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
    console.event("done", output=str(output), report=plain(report))
    console.say(_summary(output, report))
    return 0


def read_request(options: argparse.Namespace, backend: str) -> GenerateRequest:
    """The request that the options describe, checked as far as can be without computing.

    Raises BadInput for files, BadRequest for names and values.
    """
    model = (("load.model", model_named(options.model).name),) if options.model is not None else ()
    overrides = (*model, *read_overrides(options))
    settings_for(
        options.preset,
        backend=backend,
        faces=options.faces,
        texture_size_px=options.texture_size,
        overrides=overrides,
    )
    pictures = read_pictures(options, "maquette generate IMAGE -o OUT.glb")
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


def choose_backend_name(options: argparse.Namespace) -> str | None:
    """The backend that the options ask for, by --backend or by --model; None leaves it to the engine.

    Raises BadRequest for a model that there is not, or one beside a backend that has no models.
    """
    if options.model is None:
        return None if options.backend is None else str(options.backend)
    name = model_named(options.model).name
    if options.backend in (None, MODELS_BACKEND):
        return MODELS_BACKEND
    raise BadRequest(
        f"The model {name} is one of the backend {MODELS_BACKEND}, not of {options.backend[:80]}.",
        remedy=f"Leave --model out, or use --backend {MODELS_BACKEND}.",
    )


def choose_output(options: argparse.Namespace) -> Path:
    """Where the GLB goes; raises if it cannot go there, before time is spent."""
    named = options.output
    if named is None:
        first = options.image if options.image is not None else options.view[0].partition("=")[2]
        named = Path(first).with_suffix(".glb").name
    output = Path(named)
    if output.suffix.lower() != ".glb":
        raise BadRequest(f"The output {output} does not end in .glb.", remedy="Only GLB files are written.")
    check_target(output, "output")
    return output


def _make_here(request: GenerateRequest, console: Console, models: Path, interrupted: list[bool]) -> Asset:
    from engine.pipelines import run_generate

    return run_generate(request, console, models_dir=models, is_cancelled=lambda: bool(interrupted))


def _summary(output: Path, report: dict[str, Any]) -> str:
    mesh, texture = report["mesh"], report["texture"]
    closed = "closed" if mesh["watertight"] else "not closed"
    return (
        f"{output}: {mesh['faces']:,} faces, {closed}, texture {texture['size']} px, "
        f"{texture['baked_fraction']:.0%} of it seen, {report['total_seconds']:.1f} s."
    )
