"""No bpy. What the extension's manifest tells of itself."""

import tomllib
from pathlib import Path


def version() -> str:
    """The add-on's version."""
    manifest = Path(__file__).with_name("blender_manifest.toml")
    return str(tomllib.loads(manifest.read_text(encoding="utf-8"))["version"])
