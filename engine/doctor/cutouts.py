"""Which networks that take away backgrounds lie on this machine, and what is done without one."""

from __future__ import annotations

from pathlib import Path

from engine.doctor.report import Finding
from engine.imaging.networks import NETWORKS, find_networks


def examine_cutouts(models: Path) -> Finding:
    """The networks that can cut out subjects, or what is done without one."""
    found = find_networks(models)
    licences = {network.name: network.licence for network in NETWORKS}
    if not found:
        names = ", ".join(f"{network.name}.onnx" for network in NETWORKS)
        what = (
            "No network is here: pictures without transparency are cut out by the colours of their border "
            "(GrabCut), which is good on plain backgrounds and a guess on busy ones."
        )
        return Finding("note", "background", what, f"For busy ones put one of {names} into {models}.")
    what = "; ".join(f"{name} ({licences[name]}) at {file}" for name, file in found.items())
    return Finding("ok", "background", what, facts=tuple((name, str(file)) for name, file in found.items()))
