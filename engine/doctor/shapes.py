"""Which checkpoints of the shape networks lie on this machine, and whether the card has room for them now."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engine.doctor.report import Finding
from engine.errors import GIB
from engine.memory.device import Device
from engine.weights.inventory import SHAPE_MODELS, Search, search

# What a whole shape takes of a card in float16 at an octree of 256, without the driver's own part: with a
# network whole in memory, and block by block (load.stream). Measured on an H100, 2026-11: docs/hunyuan3d.md.
WHOLE_GIB, STREAMED_GIB = 2.5, 0.7


def examine_shapes(
    models: Path,
    device: Device,
    environment: Mapping[str, str] | None = None,
    home: Path | None = None,
) -> tuple[Finding, ...]:
    """What is here of the checkpoints, and if any is, whether `device` can hold one."""
    found = [search(models, model, environment, home) for model in SHAPE_MODELS]
    here = [each.located for each in found if each.located is not None]
    broken = [each for each in found if each.partial is not None]
    findings = [_broken(each) for each in broken]
    if not here:
        what = "No weights of hunyuan3d-2 are here; the draft backend needs none."
        remedy = "`maquette models list` says which there are, and their licence."
        return (*findings, Finding("note", "weights", what, remedy))
    names = ", ".join(located.model.name for located in here)
    facts = tuple((located.model.name, str(located.folder)) for located in here)
    return (*findings, Finding("ok", "weights", f"Here of hunyuan3d-2: {names}.", facts=facts), _room(device))


def _broken(found: Search) -> Finding:
    model = found.model
    return Finding("problem", model.name, f"Only half here: {found.trouble} ({found.partial}).", model.remedy)


def _room(device: Device) -> Finding:
    facts = (("whole_gib", WHOLE_GIB), ("streamed_gib", STREAMED_GIB))
    if device.kind != "cuda":
        what = "Without a CUDA card the networks run on the processor: minutes to hours instead of seconds."
        return Finding("note", "room", what, facts=facts)
    free_gib = device.free_bytes / GIB
    told = f"A shape needs {WHOLE_GIB} GiB of GPU memory, {STREAMED_GIB} streamed; {free_gib:.1f} are free."
    if free_gib >= WHOLE_GIB:
        return Finding("ok", "room", told, facts=facts)
    if free_gib >= STREAMED_GIB:
        return Finding("note", "room", told, "Use --set load.stream=true, or close other programs.", facts)
    return Finding("problem", "room", told, "Close programs that use the graphics card.", facts)
