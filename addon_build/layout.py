"""What lies where in the extension: the add-on, protocol/, LICENSE, wheels/, engine/ and uv/."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from .manifest import MANIFEST, build_manifest
from .project import Project
from .wheels import Wheel


def extension_roots(project: Project) -> dict[str, Path]:
    """The files and folders of the repository that the extension's folder has at its top, by their name there."""
    addon = {
        path.name: path
        for path in sorted((project.root / "blender_addon").iterdir())
        if _is_source(path) and path.name != MANIFEST
    }
    return addon | {"LICENSE": project.root / "LICENSE", "protocol": project.root / "protocol"}


def made_entries(
    project: Project,
    platforms: Sequence[str],
    wheels: Sequence[Wheel],
    files: Mapping[str, Path],
    engine: tuple[str, bytes],
) -> dict[str, Path | bytes]:
    """What the extension holds beside its sources; `files` are the wheels' files, `engine` a wheel and its name."""
    entries: dict[str, Path | bytes] = {
        MANIFEST: build_manifest(project, platforms, wheels),
        f"engine/{engine[0]}": engine[1],
    }
    for wheel in wheels:
        if wheel.is_bundled:
            entries[f"wheels/{wheel.file}"] = files[wheel.file]
        else:
            for platform in sorted(wheel.platforms & set(platforms)):
                entries[f"uv/{platform}/{wheel.file}"] = files[wheel.file]
    return entries


def source_entries(project: Project) -> dict[str, Path | bytes]:
    """The extension's own sources, file by file."""
    return {
        name: file
        for top, path in extension_roots(project).items()
        for name, file in (sources_below(path, top) if path.is_dir() else [(top, path)])
    }


def sources_below(folder: Path, name: str) -> Iterator[tuple[str, Path]]:
    """The files below `folder` under names that start with NAME/; no byte code, no dot-files."""
    for path in sorted(folder.iterdir()):
        if not _is_source(path):
            continue
        if path.is_dir():
            yield from sources_below(path, f"{name}/{path.name}")
        else:
            yield f"{name}/{path.name}", path


def _is_source(path: Path) -> bool:
    return not (path.name.startswith(".") or path.name == "__pycache__" or path.suffix in {".pyc", ".pyo", ".pyd"})
