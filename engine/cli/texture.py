"""`maquette texture`: a mesh that exists gets a new texture; its own file is never written over."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

from engine.cli.console import Console
from engine.cli.inputs import check_target, interruption, plain, read_overrides, read_pictures
from engine.cli.listings import list_settings
from engine.errors import BadRequest
from engine.folders import find_folders, write_atomically
from engine.settings import MESH_STAGES

_USAGE = "maquette texture MESH IMAGE -o OUT.glb"


def texture(options: argparse.Namespace) -> int:
    """Textures a mesh as the options say; returns the exit code."""
    if options.list_settings:
        return list_settings(without=MESH_STAGES)
    if options.mesh is None:
        raise BadRequest("No mesh is given.", remedy=_USAGE)
    console = Console(as_json=options.json)
    started_s = time.perf_counter()
    mesh = Path(options.mesh)
    pictures = read_pictures(options, _USAGE)
    output = choose_output(options.output, mesh)
    report_path = Path(options.report) if options.report else None
    if report_path is not None:
        check_target(report_path, "report")
    # Only now: what computes takes a second to import.
    from engine.pipelines.texture import TextureRequest, make_texture, texture_settings

    request = TextureRequest(
        mesh=mesh,
        pictures=pictures,
        uv=options.uv,
        up=options.up,
        preset=options.preset,
        seed=options.seed,
        texture_size_px=options.texture_size,
        settings=read_overrides(options),
    )
    texture_settings(request)
    with interruption() as interrupted:
        made = make_texture(
            request, console, models_dir=find_folders().models, is_cancelled=lambda: bool(interrupted)
        )
    console.close()
    write_atomically(output, made.glb)
    report = {**made.report, "total_seconds": time.perf_counter() - started_s, "output": str(output)}
    if report_path is not None:
        text = json.dumps(report, indent=2, ensure_ascii=False, default=list) + "\n"
        write_atomically(report_path, text.encode())
    console.event("done", output=str(output), report=plain(report))
    console.say(_summary(output, report))
    return 0


def choose_output(named: str | None, mesh: Path) -> Path:
    """Where the GLB goes; raises if it cannot go there, or if the artist's own file is there."""
    output = Path(named) if named is not None else Path(f"{mesh.stem}-textured.glb")
    if output.suffix.lower() != ".glb":
        raise BadRequest(f"The output {output} does not end in .glb.", remedy="Only GLB files are written.")
    check_target(output, "output")
    if os.path.exists(output) and os.path.exists(mesh) and os.path.samefile(output, mesh):
        raise BadRequest(
            f"The output {output} is the mesh itself, which is never written over.",
            remedy="Give another name with -o.",
        )
    return output


def _summary(output: Path, report: dict[str, Any]) -> str:
    mesh, texture = report["mesh"], report["texture"]
    n_textures = len(texture["textures"])
    many = f"{n_textures} textures of" if n_textures > 1 else "texture"
    layer = "in a new layer of coordinates" if texture["uv"] == "new" else "in the mesh's own coordinates"
    return (
        f"{output}: {mesh['faces']:,} faces, {many} {texture['size']} px {layer}, "
        f"{texture['baked_fraction']:.0%} of it seen, {report['total_seconds']:.1f} s."
    )
