"""These tests run where `import bpy` works; elsewhere they are not even collected.

The add-on is staged as the package `maquette` with `protocol` inside, as the built extension has it, from the
repository's own files, so that what is tested is what was written. Tests of the whole add-on use the built
zip, installed as an artist installs it, and need the engine: MAQUETTE_ENGINE names a Python that has it.
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

import extension
import pytest

ROOT = Path(__file__).resolve().parents[2]
HAS_BPY = importlib.util.find_spec("bpy") is not None
collect_ignore_glob = [] if HAS_BPY else ["test_*.py", "bench_*.py"]

if HAS_BPY:
    # Blender reads this when it is imported; set later, an add-on would be installed where it is not found.
    os.environ["BLENDER_USER_RESOURCES"] = tempfile.mkdtemp(prefix="maquette 사용자 ")


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


@pytest.fixture(scope="session")
def addon_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built extension."""
    return extension.build_zip(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="session")
def installed(addon_zip: Path) -> None:
    """The extension is installed in the user folder of these tests, and not enabled."""
    extension.install(addon_zip, is_enabled=False)


@pytest.fixture(scope="session")
def engine_python() -> str:
    """The Python of the engine."""
    engine = os.environ.get(extension.ENGINE, "")
    if not engine:
        pytest.skip(f"{extension.ENGINE} names no Python with the engine in it")
    return engine


@pytest.fixture(scope="session")
def hasty_engine(engine_python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program `maquette` with coarse models, and faults on demand: see hasty_worker.py."""
    script = Path(extension.__file__).with_name("hasty_engine.py")
    program = tmp_path_factory.mktemp("빠른 engine") / "maquette"
    program.write_text(f'#!/bin/sh\nexec "{engine_python}" "{script}" "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return program


@pytest.fixture
def addon(
    installed: None,
    hasty_engine: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[extension.Addon]:
    """The enabled add-on in an empty file, with an engine and jobs of its own; it must print no traceback."""
    monkeypatch.setenv(extension.ENGINE, str(hasty_engine))
    yield from extension.addon_in(tmp_path / "data 자료")
    told = "".join(capfd.readouterr())
    assert "Traceback" not in told, told


@pytest.fixture(scope="module")
def shared_addon(
    installed: None, hasty_engine: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[extension.Addon]:
    """The enabled add-on with one engine for all tests of a file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(extension.ENGINE, str(hasty_engine))
        yield from extension.addon_in(tmp_path_factory.mktemp("shared") / "data 자료")


@pytest.fixture
def studio(shared_addon: extension.Addon, capfd: pytest.CaptureFixture[str]) -> Iterator[extension.Addon]:
    """The shared add-on in an empty file; it must print no traceback."""
    import bpy

    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    shared_addon.session.clear_fault()
    yield shared_addon
    told = "".join(capfd.readouterr())
    assert "Traceback" not in told, told


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves the slow ones out, unless some are asked for by -m."""
    slow = [item for item in items if "slow" in item.keywords]
    if slow and not config.getoption("-m"):
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]


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
