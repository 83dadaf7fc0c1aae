"""Puts the examinations together: two probes run beside each other while the rest is read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from engine import __version__
from engine.backends import DEFAULT_BACKEND, Backend, available_backends
from engine.doctor.child import start_probe
from engine.doctor.cutouts import examine_cutouts
from engine.doctor.graphics import examine_graphics
from engine.doctor.kernels import examine_kernels
from engine.doctor.packages import broken_essentials, examine_packages, tried_modules
from engine.doctor.places import examine_computer, examine_folders, examine_server
from engine.doctor.report import Finding, Report, Section, Status, as_dict, hide_private_paths, render_text
from engine.doctor.shapes import examine_shapes
from engine.errors import BadInput
from engine.folders import Folders, find_folders
from engine.memory.device import probe_device, read_processor
from engine.memory.nvidia import read_nvidia


def examine() -> Report:
    """Everything that the doctor knows of this machine now; takes about as long as importing torch.

    Never raises for what is missing or broken; makes and changes nothing on the disk.
    """
    torch_probe = start_probe("torch")
    import_probe = start_probe("import", *tried_modules())
    device, nvidia = probe_device(), read_nvidia()
    computer, (folders, places) = examine_computer(read_processor()), _examine_places()
    packages = examine_packages(import_probe.hear())
    backends = judge_backends(available_backends(folders.models, device), broken_essentials(packages))
    return Report(
        version=__version__,
        can_generate=any(backend.is_available and backend.name == DEFAULT_BACKEND for backend in backends),
        sections=(
            packages,
            computer,
            examine_graphics(device, nvidia, torch_probe.hear()),
            places,
            Section("Backends", tuple(map(examine_backend, backends))),
            Section("Networks that make shapes", examine_shapes(folders.models, device)),
            Section("Cutting out the subject", (examine_cutouts(folders.models),)),
            Section("Engine", (examine_kernels(folders.data), examine_server(folders.data))),
        ),
    )


def run_doctor(as_json: bool, out: TextIO, *, hides_private_paths: bool = False) -> int:
    """Writes the report to `out`, as text or as one JSON object, and returns the exit code.

    0 if at least the default backend can make a model here, else 1. `hides_private_paths` makes it fit for
    a public bug report. Characters that `out` cannot show are written as escapes.
    """
    report = examine()
    if hides_private_paths:
        report = hide_private_paths(report)
    text = json.dumps(as_dict(report), indent=2) + "\n" if as_json else render_text(report)
    encoding = getattr(out, "encoding", None) or "utf-8"
    out.write(text.encode(encoding, "backslashreplace").decode(encoding))
    return 0 if report.can_generate else 1


def judge_backends(backends: tuple[Backend, ...], broken: tuple[str, ...]) -> tuple[Backend, ...]:
    """`backends`, none of them available if packages that all of them need are `broken`."""
    if not broken:
        return backends
    reason = f"It needs packages that are missing or broken: {', '.join(broken)}."
    remedy = "Mend them as said under Versions."
    return tuple(
        replace(backend, is_available=False, reason=reason, remedy=remedy)
        if backend.is_available
        else backend
        for backend in backends
    )


def examine_backend(backend: Backend) -> Finding:
    """Whether `backend` can run, in words; a problem only if it is the default one that cannot."""
    facts = (
        ("is_available", backend.is_available),
        ("licence", backend.licence),
        ("views", " ".join(backend.views)),
    )
    if backend.is_available:
        return Finding("ok", backend.name, f"Can run. {backend.summary}", facts=facts)
    status: Status = "problem" if backend.name == DEFAULT_BACKEND else "note"
    return Finding(status, backend.name, f"Cannot run. {backend.reason}", backend.remedy, facts)


def _examine_places() -> tuple[Folders, Section]:
    """The engine's folders with the findings on them; without a known one, the current folder stands in."""
    try:
        folders = find_folders()
    except BadInput as error:
        here = Folders(data=Path.cwd(), models=Path.cwd())
        return here, Section("Folders", (Finding("problem", "data", error.message, error.remedy),))
    return folders, examine_folders(folders)
