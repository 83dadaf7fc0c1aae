"""What lies where in the extension: the add-on, protocol/, LICENSE, wheels/, engine/ and uv/."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .engine_wheel import build_engine_wheel, engine_wheel_name
from .fetch import gather
from .manifest import MANIFEST, build_manifest
from .project import Project, is_source, sources_below
from .wheels import Wheel, read_pins, wheels_for


@dataclass(frozen=True)
class Parts:
    """All that an extension is made of: the sources, verified wheels with their files, the engine's wheel."""

    project: Project
    wheels: tuple[Wheel, ...]
    files: Mapping[str, Path]
    engine: bytes


def gather_parts(project: Project, platforms: Sequence[str], cache: Path | None) -> Parts:
    """The parts for `platforms`; without a cache folder, those without third-party wheels."""
    wheels = wheels_for(read_pins(project.root), platforms) if cache is not None else []
    engine = build_engine_wheel(project)  # before the slow part: its errors come at once
    files = gather(wheels, cache) if cache is not None else {}
    return Parts(project, tuple(wheels), files, engine)


def extension_entries(parts: Parts, platforms: Sequence[str]) -> dict[str, Path | bytes]:
    """Every file of the extension that serves `platforms`."""
    entries = made_entries(parts, platforms)
    for top, path in source_roots(parts.project).items():
        entries |= sources_below(path, top) if path.is_dir() else [(top, path)]
    return entries


def made_entries(parts: Parts, platforms: Sequence[str]) -> dict[str, Path | bytes]:
    """What the extension holds beside its sources: manifest and wheels."""
    wheels = [wheel for wheel in parts.wheels if wheel.platforms & set(platforms)]
    entries: dict[str, Path | bytes] = {
        MANIFEST: build_manifest(parts.project, platforms, wheels),
        f"engine/{engine_wheel_name(parts.project)}": parts.engine,
    }
    for wheel in wheels:
        if wheel.is_bundled:
            entries[f"wheels/{wheel.file}"] = parts.files[wheel.file]
        else:
            for platform in sorted(wheel.platforms & set(platforms)):
                entries[f"uv/{platform}/{wheel.file}"] = parts.files[wheel.file]
    return entries


def source_roots(project: Project) -> dict[str, Path]:
    """What of the repository lies at the top of the extension, by its name there."""
    addon = {
        path.name: path
        for path in sorted((project.root / "blender_addon").iterdir())
        if is_source(path) and path.name != MANIFEST
    }
    return addon | {name: project.root / name for name in ("LICENSE", "protocol")}
