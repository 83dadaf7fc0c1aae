"""Which networks that take away backgrounds lie on this machine; files are looked for, never opened.

The places are those of the program rembg (its 2.0 series), besides Maquette's own folder for models: a file
that the user has already need not be downloaded again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from engine.doctor.report import Finding

# Name and licence of the weights, best first; none of these forbids commercial use.
NETWORKS = (("birefnet-general", "MIT"), ("isnet-general-use", "Apache-2.0"), ("u2net", "Apache-2.0"))


def find_networks(
    models: Path, environment: Mapping[str, str] | None = None, home: Path | None = None
) -> dict[str, Path]:
    """The file of each network that is here, by name; the last two stand in for the process's own."""
    environment = os.environ if environment is None else environment
    home = Path.home() if home is None else home
    found: dict[str, Path] = {}
    for name, _ in NETWORKS:
        files = (place for place in _places(name, models, environment, home) if os.path.isfile(place))
        if file := next(files, None):
            found[name] = file
    return found


def examine_cutouts(models: Path) -> Finding:
    """The networks that can cut out subjects, or what is done without one."""
    found = find_networks(models)
    licences = dict(NETWORKS)
    if not found:
        names = ", ".join(f"{name}.onnx" for name, _ in NETWORKS)
        what = (
            "No network is here: pictures without transparency are cut out by the colours of their border "
            "(GrabCut), which is good on plain backgrounds and a guess on busy ones."
        )
        return Finding("note", "background", what, f"For busy ones put one of {names} into {models}.")
    what = "; ".join(f"{name} ({licences[name]}) at {file}" for name, file in found.items())
    return Finding("ok", "background", what, facts=tuple((name, str(file)) for name, file in found.items()))


def _places(name: str, models: Path, environment: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """Where the network `name` may lie, in the order in which it is taken."""
    file = f"{name}.onnx"
    chosen = next(
        (Path(environment[key]) for key in ("U2NET_HOME", "REMBG_HOME") if environment.get(key)), None
    )
    shared = environment.get("XDG_DATA_HOME")
    rembg = chosen or (Path(shared) / "rembg" if shared else home / ".rembg")
    return (
        models / file,
        models / name / file,
        rembg / "models" / name / file,
        rembg / file,
        home / ".u2net" / file,
    )
