"""The extension comes and goes without a word on the console, and nothing of it stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from extension import ENGINE, MODULE, Addon

HERE = Path(__file__).parent
_BLENDERS_OWN = ("STATUS ", "Info: ", "Blender quit")  # what the installer itself prints


@dataclass(frozen=True)
class Life:
    """What a Blender saw that installed the extension, used it and removed it."""

    folder: Path
    seen: dict[str, Any]
    console: list[str]

    def files(self, name: str) -> list[str]:
        """All files below one of its folders."""
        root = self.folder / name
        return sorted(str(file.relative_to(root)) for file in root.rglob("*") if file.is_file())


@pytest.fixture(scope="module", params=["user", "사용자 이름 user"])
def life(request: pytest.FixtureRequest, addon_zip: Path, tmp_path_factory: pytest.TempPathFactory) -> Life:
    folder = tmp_path_factory.mktemp("life") / request.param
    for name in ("resources", "home", "temporary", "work"):
        (folder / name).mkdir(parents=True)
    environment = {
        **os.environ,
        "BLENDER_USER_RESOURCES": str(folder / "resources"),
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "temporary"),
        "PYTHONPATH": str(HERE),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    environment.pop(ENGINE, None)
    environment.pop("MAQUETTE_DATA", None)
    report = folder / "report.json"
    ran = subprocess.run(
        [sys.executable, str(HERE / "lifecycle.py"), str(addon_zip), str(report)],
        env=environment,
        cwd=folder / "work",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout
    return Life(folder, json.loads(report.read_text(encoding="utf-8")), ran.stdout.splitlines())


def test_nothing_is_said_on_the_console(life: Life) -> None:
    assert [line for line in life.console if not line.startswith(_BLENDERS_OWN)] == []


def test_installing_enables_it(life: Life) -> None:
    enabled = life.seen["enabled"]
    assert enabled["addons"] == [MODULE]
    assert "MAQUETTE_PT_main" in enabled["classes"]
    assert "generate" in enabled["operators"]
    assert all(
        f"{MODULE}.operators.generate" in enabled["menus"][name]
        for name in ("VIEW3D_MT_mesh_add", "IMAGE_MT_image")
    )


def test_it_brings_its_own_libraries(life: Life) -> None:
    home = str(life.folder / "resources" / "extensions" / ".local")
    assert life.seen["zmq"].startswith(home)
    assert life.seen["msgpack"].startswith(home)


@pytest.mark.parametrize("moment", ["disabled", "disabled again", "uninstalled"])
def test_disabled_it_leaves_nothing_in_blender(life: Life, moment: str) -> None:
    assert life.seen[moment] == life.seen["before"]


def test_its_timer_and_translations_end_with_it(life: Life) -> None:
    assert not life.seen["timer after"]
    assert not life.seen["translations after"]
    assert not life.seen["timer uninstalled"]


def test_an_update_while_enabled_replaces_it_whole(life: Life) -> None:
    assert life.seen["updated"] == life.seen["enabled"]
    assert not life.seen["old timer"]


def test_uninstalled_it_leaves_no_file(life: Life) -> None:
    left = [
        name for name in life.files("resources") if "maquette" in name or "zmq" in name or "msgpack" in name
    ]
    assert left == []


def test_it_writes_nowhere_but_into_its_own_folder(life: Life) -> None:
    assert life.files("work") == []
    assert [name for name in life.files("home") if "thumbnails" not in name] == []  # those are Blender's
    assert [name for name in life.files("temporary") if "maquette" in name.lower()] == []


@pytest.mark.parametrize("form", ["zip", "folder"])
def test_blenders_own_validation_finds_nothing(addon_zip: Path, tmp_path: Path, form: str) -> None:
    import bpy

    if form == "folder":
        with zipfile.ZipFile(addon_zip) as packed:
            packed.extractall(tmp_path)
    scripts = Path(bpy.utils.system_resource("SCRIPTS")) / "addons_core" / "bl_pkg" / "cli" / "blender_ext.py"
    command = [sys.executable, str(scripts), "validate", str(addon_zip if form == "zip" else tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "error" not in (ran.stdout + ran.stderr).lower()
    assert "warning" not in (ran.stdout + ran.stderr).lower()


def open_things() -> tuple[int, int]:
    """Threads and open files of this process."""
    return len(list(Path("/proc/self/task").iterdir())), len(list(Path("/proc/self/fd").iterdir()))


def test_a_used_connection_leaves_no_thread_and_no_open_file(addon: Addon) -> None:
    def use() -> tuple[int, int]:
        addon.session.start()
        addon.until(lambda: addon.session.is_ready)
        addon.beat(20)
        addon.end_engine()
        addon.disable()
        counted = open_things()
        addon.enable()
        addon.until(lambda: addon.clock.is_warm)
        return counted

    first = use()
    assert [use() for _ in range(3)] == [first] * 3


def test_disabled_while_connected_it_lets_its_engine_end(addon: Addon) -> None:
    addon.session.start()
    addon.until(lambda: addon.session.is_ready)
    child = addon.session.connection._process
    addon.disable()
    end_s = time.monotonic() + 60  # a goodbye that a busy computer lost is made up for by silence: 30 s
    while child.poll() is None and time.monotonic() < end_s:
        time.sleep(0.02)
    has_ended, has_address = child.poll() is not None, (addon.data / "engine.json").exists()
    addon.enable()
    addon.until(lambda: addon.clock.is_warm)
    assert (has_ended, has_address) == (True, False)
