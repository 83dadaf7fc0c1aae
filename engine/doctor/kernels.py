"""Where device code lies once it is compiled, and whether some is there already; nothing is compiled here."""

from __future__ import annotations

import os
from pathlib import Path

from engine.doctor.packages import read_version
from engine.doctor.report import Finding
from engine.folders import DATA_VARIABLE, is_writable

_FIRST_TIME = "the first model takes a few seconds more, in which it is compiled"


def kernel_folder(data: Path) -> Path:
    """The folder below the engine's `data` in which engine.geometry.compute has Warp keep compiled code."""
    return data / "cache" / "kernels"


def examine_kernels(data: Path) -> Finding:
    """Whether compiled device code can be kept in `data`, and whether the installed Warp has kept any there.

    Warp has a folder for each of its versions, and in it one for each module, old ones among them: that some
    is there says that compiling has worked on this computer, not that none is left to do.
    """
    name, kept = "kernels", kernel_folder(data)
    if not is_writable(kept):
        what = f"Compiled device code cannot be kept in {kept}; Warp keeps it in a folder of its own."
        facts = (("path", str(kept)), ("is_writable", False), ("is_compiled", False))
        return Finding("note", name, what, f"Change its permissions, or set {DATA_VARIABLE}.", facts)
    is_compiled = _has_compiled(kept / (read_version("warp-lang") or "none"))
    facts = (("path", str(kept)), ("is_writable", True), ("is_compiled", is_compiled))
    state = "compiled device code is there" if is_compiled else f"no device code yet: {_FIRST_TIME}"
    return Finding("ok", name, f"{kept}, {state}.", facts=facts)


def _has_compiled(folder: Path) -> bool:
    """Whether a module below `folder` has been compiled, for the processor (.o) or for a card."""
    compiled = (".o", ".ptx", ".cubin")
    try:
        modules = [folder / name for name in os.listdir(folder) if name.startswith("wp_")]
        return any(name.endswith(compiled) for module in modules for name in os.listdir(module))
    except OSError:  # not there yet, or not ours to read: as good as nothing
        return False
