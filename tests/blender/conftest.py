"""These tests run where `import bpy` works; elsewhere they are not even collected.

The add-on is staged as the package `maquette` with `protocol` inside, as the built extension has it, from the
repository's own files, so that what is tested is what was written.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
HAS_BPY = importlib.util.find_spec("bpy") is not None
collect_ignore_glob = [] if HAS_BPY else ["test_*.py", "bench_*.py"]

if HAS_BPY:
    # Blender reads this when it is imported; set later, an add-on would be installed where it is not found.
    os.environ["BLENDER_USER_RESOURCES"] = tempfile.mkdtemp(prefix="maquette_user_")


def stage(folder: Path) -> Path:
    """Lays the add-on out in `folder` as the package that Blender would install, and returns its path."""
    package = folder / "maquette"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "blender_addon", package, ignore=ignored)
    shutil.copytree(ROOT / "protocol", package / "protocol", ignore=ignored)
    if not (package / "__init__.py").exists():
        (package / "__init__.py").write_text("", encoding="utf-8")
    return package


@pytest.fixture(scope="session")
def maquette(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The staged package, importable as `maquette`; nothing of it is registered."""
    folder = tmp_path_factory.mktemp("staged")
    stage(folder)
    sys.path.insert(0, str(folder))
    yield importlib.import_module("maquette")
    sys.path.remove(str(folder))


@pytest.fixture
def empty_file(maquette: ModuleType) -> None:
    """A new file: one empty scene named "Scene"."""
    import bpy

    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.exit_status = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    if HAS_BPY and "bpy" in sys.modules:  # 4.2 crashes while it ends, after a glTF export
        shutil.rmtree(os.environ["BLENDER_USER_RESOURCES"], ignore_errors=True)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(getattr(config, "exit_status", 1))
