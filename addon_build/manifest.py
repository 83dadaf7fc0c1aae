"""The manifest is the template of blender_addon/ plus the three facts that follow from other files."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Sequence
from typing import Any

from .errors import BuildError
from .project import Project
from .wheels import Wheel

MANIFEST = "blender_manifest.toml"
TEMPLATE = f"blender_addon/{MANIFEST}"


def extension_id(project: Project) -> str:
    """The extension's id, from the template."""
    return str(_template(project)[1]["id"])


def build_manifest(project: Project, platforms: Sequence[str], wheels: Iterable[Wheel]) -> bytes:
    """The manifest's bytes for an extension that serves `platforms` and bundles `wheels`."""
    text, table = _template(project)
    taken = sorted({"version", "platforms", "wheels"} & table.keys())
    if taken:
        raise BuildError(f"{TEMPLATE}: {', '.join(taken)}: filled in by the builder. Remove it there.")
    # JSON's strings and lists are also TOML's.
    lines = [f"version = {json.dumps(project.version)}", f"platforms = {json.dumps(list(platforms))}"]
    paths = [f"./wheels/{wheel.file}" for wheel in wheels if wheel.is_bundled]
    if paths:
        lines += ["wheels = [", *(f"  {json.dumps(path)}," for path in sorted(paths)), "]"]
    return "\n".join([*lines, "", text]).encode()


def _template(project: Project) -> tuple[str, dict[str, Any]]:
    try:
        text = (project.root / TEMPLATE).read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except OSError as error:
        raise BuildError(f"{TEMPLATE}: cannot be read ({error.strerror}). Restore it.") from error
    except ValueError as error:
        raise BuildError(f"{TEMPLATE}: no valid TOML ({error}). Mend it.") from error
    if "id" not in table:
        raise BuildError(f"{TEMPLATE}: no id. Restore it.")
    return text, table
