"""The command line of build_addon.py: 0 done, 2 anything that the caller can mend, said in one line."""

from __future__ import annotations

import argparse
import platform
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from .archive import replacing, write_file, write_tree, zip_bytes
from .develop import link_for_development, newest_extensions_folder
from .errors import BuildError
from .fetch import newest_wheels
from .layout import Parts, extension_entries, gather_parts
from .manifest import MANIFEST, build_manifest, extension_id
from .project import Project, read_project
from .repository import listing
from .wheels import PINS, PLATFORMS, format_pins, read_pins

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns 0 when done, 2 when it could not, 130 when interrupted."""
    options = _parser().parse_args(arguments)
    try:
        _run(options, read_project(ROOT))
    except BuildError as error:
        print(f"build_addon: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        print(
            f"build_addon: {what}. Check that it can be read or written, or choose another folder.",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print("build_addon: interrupted; nothing half-written is left", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="build_addon.py",
        description="Builds the Blender extension; without an option, dist/ID-VERSION.zip.",
    )
    modes = parser.add_mutually_exclusive_group()
    add = parser.add_argument
    add("-o", "--output", type=Path, default=ROOT / "dist", metavar="DIR", help="where zips go (dist)")
    add("--platform", action="append", choices=PLATFORMS, help="only this platform; may be repeated")
    modes.add_argument("--split-platforms", action="store_true", help="also a zip for each platform")
    modes.add_argument(
        "--repo", type=Path, metavar="DIR", help="a static extension repository: zips, index, page"
    )
    modes.add_argument("--stage", type=Path, metavar="DIR", help="lay the extension out as the folder DIR")
    modes.add_argument(
        "--develop",
        nargs="?",
        const="",
        metavar="DIR",
        help="link it, live, into Blender's repository folder DIR (that of the newest Blender)",
    )
    modes.add_argument("--update-wheels", action="store_true", help=f"write {PINS} for the newest wheels")
    add(
        "--wheels",
        type=Path,
        default=ROOT / "build" / "wheels",
        metavar="DIR",
        help="wheel cache (build/wheels)",
    )
    add("--no-wheels", action="store_true", help="with --stage or --develop: without third-party wheels")
    return parser


def _run(options: argparse.Namespace, project: Project) -> None:
    platforms: list[str] = [name for name in PLATFORMS if name in (options.platform or PLATFORMS)]
    if options.update_wheels:
        _update_pins(project)
        return
    if options.no_wheels and options.stage is None and options.develop is None:
        raise BuildError(
            "--no-wheels: only with --stage or --develop. A zip without its wheels would not run."
        )
    if options.develop is not None:
        platforms = [_this_platform()]
    parts = gather_parts(project, platforms, None if options.no_wheels else options.wheels)
    if options.stage is not None:
        _stage(parts, platforms, options.stage)
    elif options.develop is not None:
        folder = Path(options.develop) if options.develop else newest_extensions_folder()
        print(link_for_development(parts, platforms, folder.resolve()))
    elif options.repo is not None:
        _write_repository(parts, platforms, options.repo)
    else:
        if not options.platform:
            _write_zip(parts, platforms, options.output, "")
        for name in platforms if options.platform or options.split_platforms else ():
            _write_zip(parts, [name], options.output, _suffix(name))


def _write_zip(parts: Parts, platforms: list[str], folder: Path, suffix: str) -> tuple[str, bytes]:
    """Writes one zip and returns its name and bytes."""
    name = f"{extension_id(parts.project)}-{parts.project.version}{suffix}.zip"
    content = zip_bytes(extension_entries(parts, platforms))
    write_file(folder / name, content)
    print(f"{folder / name}  {len(content) / 1e6:.1f} MB")
    return name, content


def _suffix(name: str) -> str:
    """A platform in a file name, as Blender's `extension build --split-platforms` writes it: windows_x64."""
    return f"-{name.replace('-', '_')}"


def _write_repository(parts: Parts, platforms: list[str], folder: Path) -> None:
    """Zips first, then the index that names them, so that at no moment it names one that is not there."""
    archives = {}
    for name in platforms:
        file, content = _write_zip(parts, [name], folder, _suffix(name))
        wheels = [wheel for wheel in parts.wheels if name in wheel.platforms]
        archives[file] = content, build_manifest(parts.project, [name], wheels)
    for file, content in listing(archives).items():
        write_file(folder / file, content)
        print(folder / file)


def _stage(parts: Parts, platforms: list[str], folder: Path) -> None:
    """Lays the extension out as `folder`, replacing only an earlier one."""
    if folder.exists() and any(folder.iterdir()):
        manifest = folder / MANIFEST
        found = tomllib.loads(manifest.read_text(encoding="utf-8")).get("id") if manifest.is_file() else None
        if found != extension_id(parts.project):
            raise BuildError(f"{folder}: has other files in it. Give --stage a new or empty folder.")
    with replacing(folder) as fresh:
        write_tree(fresh, extension_entries(parts, platforms))
    print(folder)


def _update_pins(project: Project) -> None:
    former = {wheel.file for wheel in read_pins(project.root)}
    wheels = newest_wheels()
    write_file(project.root / PINS, format_pins(wheels).encode())
    for sign, files in (("-", former - {w.file for w in wheels}), ("+", {w.file for w in wheels} - former)):
        for file in sorted(files):
            print(sign, file)
    print(f"{PINS}: {len(wheels)} wheels. Compare the hashes with those that the projects publish.")


def _this_platform() -> str:
    """This computer's platform in Blender's words; BuildError if the extension does not serve it."""
    system = {"darwin": "macos"}.get(platform.system().lower(), platform.system().lower())
    machine = platform.machine().lower()
    name = f"{system}-{ {'x86_64': 'x64', 'amd64': 'x64', 'aarch64': 'arm64'}.get(machine, machine) }"
    if name not in PLATFORMS:
        raise BuildError(f"no wheels are pinned for this platform, {name}. There are {', '.join(PLATFORMS)}.")
    return name
