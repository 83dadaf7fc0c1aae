"""Where a folder of the Hugging Face hub may lie on this machine, and whether its files are whole.

The places: Maquette's own folder for models, that of the public Hunyuan3D-2 program ($HY3DGEN_MODELS, else
~/.cache/hy3dgen), the hub's cache. A file is whole if it is as long as its own header (or its zip directory)
says, whatever its size is expected to be: a model in float32 is whole too. Reads headers only; imports
nothing that computes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.errors import BadInput
from engine.weights.header import has_zip_end, open_file, read_header

GIB = 1024**3
CONFIG_NAME = "config.yaml"
# Best first: half precision is half the reading, and safetensors needs no unpickling.
WEIGHTS_NAMES = ("model.fp16.safetensors", "model.safetensors", "model.fp16.ckpt", "model.ckpt")
_UNFINISHED = ("*.part", "*.incomplete", "*.crdownload", "*.aria2", "*.download")


@dataclass(frozen=True)
class Files:
    """The two files of a complete folder."""

    config: Path
    weights: Path


def folders_of(
    models: Path,
    repo: str,
    folder: str,
    environment: Mapping[str, str] | None = None,
    home: Path | None = None,
) -> Iterator[Path]:
    """Where `folder` of the hub's `repo` ("owner/name") may lie, best first, whether it is there or not."""
    environment = os.environ if environment is None else environment
    home = Path.home() if home is None else home
    yield models / repo / folder
    yield models / repo.rpartition("/")[2] / folder
    yield models / folder
    public = _named(environment, "HY3DGEN_MODELS", home) or home / ".cache" / "hy3dgen"
    yield public / repo / folder
    snapshots = _hub_cache(environment, home) / f"models--{repo.replace('/', '--')}" / "snapshots"
    # Newest first: an older snapshot may hold an older file.
    yield from (snapshot / folder for snapshot in sorted(_listed(snapshots), key=_time_s, reverse=True))


def examine_folder(folder: Path, expected_bytes: int) -> Files | str:
    """The files of a complete `folder`, what is wrong with one that is not, "" for one that is not there.

    `expected_bytes` of the usual file (0: not known) is told where the file does not say. Never raises.
    """
    if not os.path.isdir(folder):  # unlike Path.is_dir, also false where it may not be asked
        return ""
    troubles: list[str] = []
    for name in WEIGHTS_NAMES:
        file = folder / name
        if os.path.islink(file) and not os.path.exists(file):
            troubles.append(f"{name} is a link to a file that is gone")
        elif os.path.exists(file):
            if trouble := _trouble(file, expected_bytes):
                troubles.append(trouble)
            elif os.path.isfile(folder / CONFIG_NAME):
                return Files(folder / CONFIG_NAME, file)
            else:
                troubles.append(f"{name} is whole, {CONFIG_NAME} is missing")
    if troubles:
        return "; ".join(troubles)
    unfinished = [file for pattern in _UNFINISHED for file in folder.glob(pattern)]
    if unfinished:
        told = f", {_gib(unfinished[0])} GiB of {expected_bytes / GIB:.2f}" if expected_bytes else ""
        return f"{unfinished[0].name} is an unfinished download{told}"
    missing = f"{WEIGHTS_NAMES[0]} is missing"
    return missing if os.path.isfile(folder / CONFIG_NAME) else f"{missing}, and so is {CONFIG_NAME}"


def _trouble(file: Path, expected_bytes: int) -> str:
    """Why `file` is not whole, empty if it is."""
    if os.path.exists(f"{file}.aria2"):  # aria2 makes a file in its full size first, and fills it then
        return f"{file.name} is an unfinished download of aria2"
    if file.suffix == ".safetensors":
        try:
            with open_file(file, "") as opened:
                read_header(opened, file, "")
        except BadInput as error:
            return error.message.replace(str(file), file.name).rstrip(".")
        return ""
    try:
        if has_zip_end(file):
            return ""
        told = f" of {expected_bytes / GIB:.2f}" if expected_bytes else ""
        return f"{file.name} is not whole ({_gib(file)}{told} GiB)"
    except OSError as error:
        return f"{file.name} cannot be read: {error.strerror or error}"


def _gib(file: Path) -> str:
    try:
        return f"{file.stat().st_size / GIB:.2f}"
    except OSError:  # gone since it was listed: nothing of it is here
        return "0.00"


def _hub_cache(environment: Mapping[str, str], home: Path) -> Path:
    """Where the hub's own programs keep what they download (huggingface_hub, "Environment variables")."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if named := _named(environment, variable, home):
            return named
    if named := _named(environment, "HF_HOME", home):
        return named / "hub"
    cache = _named(environment, "XDG_CACHE_HOME", home) or home / ".cache"
    return cache / "huggingface" / "hub"


def _named(environment: Mapping[str, str], variable: str, home: Path) -> Path | None:
    """The folder that `variable` names, None if it is unset or blank."""
    value = environment.get(variable, "").strip()
    if value == "~" or value.startswith("~/"):
        return home / value[2:]
    return Path(value) if value else None


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # not there, or not ours to read: nothing is found in it
        return []


def _time_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # gone since it was listed
        return 0.0
