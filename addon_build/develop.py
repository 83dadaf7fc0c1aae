"""A development link: Blender sees the extension, and what is edited in the repository is live.

The tree lies in build/develop; its sources are links, and Blender's extension folder holds one link to it.
Nothing that is not such a link is ever replaced.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

from .archive import replacing, write_tree
from .errors import BuildError
from .layout import Parts, made_entries, source_roots
from .manifest import extension_id


def link_for_development(parts: Parts, platforms: list[str], extensions: Path) -> Path:
    """Puts a link to a live tree into a repository folder of Blender's; returns the link.

    Raises BuildError if an installed extension is in the way.
    """
    name = extension_id(parts.project)
    link = extensions / name
    if link.exists() and not _is_link(link):
        raise BuildError(
            f"{link}: an installed extension, not a link. Remove it in Blender first (Get Extensions)."
        )
    tree = parts.project.root / "build" / "develop" / name
    with replacing(tree) as folder:
        write_tree(folder, made_entries(parts, platforms))
        for top, path in source_roots(parts.project).items():
            _link(folder / top, path)
    extensions.mkdir(parents=True, exist_ok=True)
    if _is_link(link):
        link.unlink()
    _link(link, tree)
    return link


def newest_extensions_folder() -> Path:
    """The repository user_default of the newest Blender that this user has run; BuildError if none."""
    if folder := os.environ.get("BLENDER_USER_EXTENSIONS"):
        return Path(folder) / "user_default"
    if folder := os.environ.get("BLENDER_USER_RESOURCES"):
        return Path(folder) / "extensions" / "user_default"
    versions = {
        (int(found[1]), int(found[2])): path
        for path in (_user_folder().iterdir() if _user_folder().is_dir() else ())
        if (found := re.fullmatch(r"(\d+)\.(\d+)", path.name))
    }
    if not versions or max(versions) < (4, 2):
        raise BuildError(
            f"{_user_folder()}: no folder of Blender 4.2 or later. Start Blender once, or use --develop DIR."
        )
    return versions[max(versions)] / "extensions" / "user_default"


def _user_folder() -> Path:
    """Where Blender keeps the settings of its versions (its manual: Blender's Directory Layout)."""
    if sys.platform == "win32":
        return Path(os.environ["APPDATA"]) / "Blender Foundation" / "Blender"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "Blender"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "blender"


def _is_link(path: Path) -> bool:
    """Whether it is a symbolic link or, on Windows, a junction."""
    try:
        os.readlink(path)
    except OSError:
        return False
    return True


def _link(link: Path, target: Path) -> None:
    """Links; where Windows allows no symbolic links, a folder by a junction and a file by a copy."""
    try:
        link.symlink_to(target, target_is_directory=target.is_dir())
    except OSError:
        if sys.platform == "win32" and target.is_dir():
            import _winapi

            _winapi.CreateJunction(str(target), str(link))
        elif sys.platform == "win32":
            print(f"copied, not linked (run this again after editing it): {target.name}", file=sys.stderr)
            shutil.copyfile(target, link)
        else:
            raise
