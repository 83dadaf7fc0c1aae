"""The engine's own wheel, made from the sources beside it, so that Blender and the engine always match.

A wheel is a zip with a folder of metadata (PyPA: Binary Distribution Format 1.0, Core Metadata 2.4). What
pyproject.toml says and this file does not know is an error, so that nothing is dropped in silence.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping

from .archive import Entries, read, zip_bytes
from .errors import BuildError
from .project import Project, sources_below

_FIELDS = {
    "name",
    "version",
    "description",
    "readme",
    "license",
    "license-files",
    "requires-python",
    "keywords",
    "classifiers",
    "dependencies",
    "optional-dependencies",
    "scripts",
}


def engine_wheel_name(project: Project) -> str:
    """The wheel's file name, as in maquette-0.1.0-py3-none-any.whl."""
    return f"{project.metadata['name']}-{project.version}-py3-none-any.whl"


def build_engine_wheel(project: Project) -> bytes:
    """The wheel, byte for byte the same from the same sources. BuildError for a field it does not know."""
    meta = project.metadata
    if odd := sorted(set(meta) ^ _FIELDS):
        raise BuildError(
            f"{project.root / 'pyproject.toml'}: [project] {', '.join(odd)}: new or gone, so the wheel would "
            "say something else than the project. Bring addon_build/engine_wheel.py up to date."
        )
    info = f"{meta['name']}-{project.version}.dist-info"
    entries: dict[str, bytes] = {}
    for package in project.settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        entries |= {name: read(file) for name, file in sources_below(project.root / package, package)}
    for name in meta["license-files"]:
        entries[f"{info}/licenses/{name}"] = (project.root / name).read_bytes()
    entries[f"{info}/METADATA"] = "".join(_metadata(project)).encode()
    entries[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: build_addon.py\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    scripts = [f"{name} = {target}\n" for name, target in sorted(meta["scripts"].items())]
    entries[f"{info}/entry_points.txt"] = "".join(["[console_scripts]\n", *scripts]).encode()
    entries[f"{info}/RECORD"] = _record(entries, f"{info}/RECORD")
    return zip_bytes(entries)


def _metadata(project: Project) -> Iterator[str]:
    meta = project.metadata
    yield f"Metadata-Version: 2.4\nName: {meta['name']}\nVersion: {project.version}\n"
    yield f"Summary: {meta['description']}\nLicense-Expression: {meta['license']}\n"
    yield from (f"License-File: {name}\n" for name in meta["license-files"])
    yield f"Keywords: {','.join(meta['keywords'])}\n"
    yield from (f"Classifier: {name}\n" for name in meta["classifiers"])
    yield f"Requires-Python: {meta['requires-python']}\n"
    yield from (f"Requires-Dist: {requirement}\n" for requirement in meta["dependencies"])
    extras: Mapping[str, list[str]] = meta["optional-dependencies"]
    for extra, requirements in extras.items():
        yield f"Provides-Extra: {extra}\n"
        for requirement in requirements:
            name, _, marker = (part.strip() for part in requirement.partition(";"))
            condition = f"({marker}) and extra == '{extra}'" if marker else f"extra == '{extra}'"
            yield f"Requires-Dist: {name}; {condition}\n"
    yield "Description-Content-Type: text/markdown\n\n"
    yield (project.root / meta["readme"]).read_text(encoding="utf-8")


def _record(entries: Entries, own_name: str) -> bytes:
    """The list of all files with hash and size; it names itself without either."""
    lines = []
    for name in sorted(entries):
        content = read(entries[name])
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(content)}\n")
    return "".join([*lines, f"{own_name},,\n"]).encode()
