"""What cannot be is said in words, in the panel and by the operator; nothing is lost or printed."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from drawn import be_quick, egg, egg_image
from extension import Addon


@pytest.fixture(autouse=True)
def quick(addon: Addon) -> None:
    be_quick()


def refused(addon: Addon, picture: Path) -> Any:
    """The fault with which a generate ends that waits for its model."""
    import bpy

    with pytest.raises(RuntimeError) as caught:
        bpy.ops.maquette.generate(filepath=str(picture), wait=True)
    fault = addon.session.fault
    assert fault is not None, addon.told()
    assert fault.message in str(caught.value)
    assert fault.remedy
    assert len(bpy.data.objects) == 0
    return fault


def test_without_an_engine_it_says_where_to_get_one(
    addon: Addon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAQUETTE_ENGINE")
    monkeypatch.setenv("PATH", str(tmp_path))
    fault = refused(addon, egg(tmp_path, "box.png"))
    assert "No engine was found" in fault.message
    assert "Set Up Engine" in fault.remedy
    assert fault.action == "update"


def test_nothing_is_lost_when_an_engine_is_found_later(
    addon: Addon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hasty_engine: Path
) -> None:
    import bpy

    monkeypatch.setenv("MAQUETTE_ENGINE", str(tmp_path / "not yet"))
    job = addon.generate(filepath=str(egg(tmp_path, "box.png")))
    addon.until(lambda: addon.session.fault)
    monkeypatch.setenv("MAQUETTE_ENGINE", str(hasty_engine))
    bpy.ops.maquette.start_engine()
    assert addon.landed(job)
    assert addon.session.fault is None


@pytest.mark.parametrize("choice", ["없는 python", "empty folder", "notes.txt"])
def test_a_wrong_engine_path_is_named(addon: Addon, tmp_path: Path, choice: str) -> None:
    (tmp_path / "empty folder").mkdir()
    (tmp_path / "notes.txt").write_text("no program")
    addon.preferences.engine = str(tmp_path / choice)
    try:
        fault = refused(addon, egg(tmp_path, "box.png"))
    finally:
        addon.preferences.engine = ""
    assert choice in fault.message
    assert fault.action == "choose_folder"


def program(folder: Path, body: str) -> str:
    """A program named maquette."""
    file = folder / "maquette"
    file.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    file.chmod(0o755)
    return str(file)


def test_a_python_without_an_engine_is_told_apart(
    addon: Addon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = "echo 'python: No module named engine' >&2; exit 1"
    monkeypatch.setenv("MAQUETTE_ENGINE", program(tmp_path, command))
    fault = refused(addon, egg(tmp_path, "box.png"))
    assert "no Maquette engine in it" in fault.message
    assert "Set Up Engine" in fault.remedy


def test_an_engine_that_crashes_at_its_start_is_quoted(
    addon: Addon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAQUETTE_ENGINE", program(tmp_path, "kill -SEGV $$"))
    fault = refused(addon, egg(tmp_path, "box.png"))
    assert "SIGSEGV" in fault.message


def test_an_engine_of_another_version_is_said(
    addon: Addon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAQUETTE_TEST_VERSION", "9.8.7")
    assert addon.landed(addon.generate(filepath=str(egg(tmp_path, "box.png"))))
    assert addon.session.other_version == "9.8.7"


def test_an_engine_of_another_language_is_refused(
    addon: Addon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAQUETTE_TEST_WIRE", "2")
    fault = refused(addon, egg(tmp_path, "box.png"))
    assert fault.code in ("refused", "unreachable")
    assert "1.1" in fault.message or "version" in fault.message + fault.remedy


@pytest.fixture
def foreign_engine(addon: Addon, hasty_engine: Path) -> Iterator[Path]:
    """The connection file of an engine that somebody else has started."""
    environment = {**os.environ, "MAQUETTE_DATA": str(addon.data)}
    engine = subprocess.Popen(
        [hasty_engine, "serve", "--idle", "60"], env=environment, stderr=subprocess.DEVNULL
    )
    file = addon.data / "engine.json"
    end_s = time.monotonic() + 20
    while not file.exists() and time.monotonic() < end_s:
        time.sleep(0.02)
    yield file
    engine.terminate()
    engine.wait(10)


def changed(file: Path, **values: Any) -> None:
    told = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(told | values), encoding="utf-8")


def test_an_engine_that_somebody_else_started_is_used_and_left(addon: Addon, foreign_engine: Path) -> None:
    pid = addon.server()
    addon.until(lambda: addon.session.is_ready)
    assert addon.session.connection._process is None
    addon.disable()
    time.sleep(0.5)
    assert addon.server() == pid
    addon.enable()
    addon.until(lambda: addon.session.is_ready)


def test_a_refused_token_is_said_with_what_to_do(addon: Addon, foreign_engine: Path) -> None:
    changed(foreign_engine, token="x" * 43)
    addon.until(lambda: addon.session.fault)
    assert addon.session.fault.code == "refused"
    assert "token" in addon.session.fault.message
    assert "engine.json" in addon.session.fault.remedy


def test_a_stranger_at_the_engines_port_is_no_engine(addon: Addon, foreign_engine: Path) -> None:
    """The port was taken by another program after the engine had died."""
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        changed(foreign_engine, port=port, endpoint=f"tcp://127.0.0.1:{port}")
        addon.until(lambda: addon.session.connection.phase == "connecting")
        addon.session.connection._since_s -= 60  # as if the time for an answer were over
        addon.until(lambda: addon.session.fault)
    assert addon.session.fault.code == "unreachable"
    assert f"127.0.0.1:{port}" in addon.session.fault.message


@pytest.mark.parametrize("text", ["", "{", "[]", '{"port": "x"}', "\x00\x01"])
def test_a_damaged_connection_file_hinders_nothing(addon: Addon, tmp_path: Path, text: str) -> None:
    addon.data.mkdir(parents=True)
    (addon.data / "engine.json").write_text(text)
    addon.session.start()
    addon.until(lambda: addon.session.is_ready)
    assert addon.session.fault is None


@pytest.mark.skipif(os.name != "posix", reason="uses a folder that is a file")
def test_a_data_folder_that_cannot_be_written_is_named(addon: Addon, tmp_path: Path) -> None:
    blocked = tmp_path / "막힘"
    blocked.write_text("a file where the folder should be")
    addon.preferences.data = str(blocked / "data")
    try:
        fault = refused(addon, egg(tmp_path, "box.png"))
    finally:
        addon.preferences.data = ""
    assert "막힘" in fault.message
    assert "data folder" in fault.remedy


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_data_folder_is_named(addon: Addon, tmp_path: Path) -> None:
    addon.data.mkdir(parents=True)
    addon.data.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert str(addon.data) in refused(addon, egg(tmp_path, "box.png")).message
    finally:
        addon.data.chmod(stat.S_IRWXU)


def test_without_online_access_nothing_is_fetched(addon: Addon, tmp_path: Path) -> None:
    import bpy

    if bpy.app.online_access:
        pytest.skip("this Blender is online")
    home = tmp_path / "설치 home"
    try:
        assert bpy.ops.maquette.setup_engine(directory=str(home)) == {"FINISHED"}
        addon.until(lambda: addon.clock.setup.state.is_over)
        fault = addon.clock.setup.state.fault
        assert fault is not None
        assert "online" in (fault.message + fault.remedy).lower()
        assert not list(home.rglob("*.whl"))
    finally:
        addon.preferences.home = ""


@pytest.mark.parametrize(("name", "words"), [("nan egg.png", "number"), ("torn egg.png", "picture")])
def test_a_result_that_is_no_model_is_told_and_leaves_nothing(
    addon: Addon, tmp_path: Path, name: str, words: str
) -> None:
    import bpy

    job = addon.generate(filepath=str(egg(tmp_path, name)))
    addon.until(lambda: addon.session.fault)
    assert addon.session.fault.code == "internal"
    assert Path(name).stem in addon.session.fault.message
    assert words in addon.session.fault.message
    assert addon.job(job).fate == "waiting"
    addon.beat(20)
    assert not [image for image in bpy.data.images if image.packed_file]
    bpy.data.orphans_purge(do_recursive=True)
    assert all(not item.data.materials for item in bpy.data.objects)


def test_a_scene_that_cannot_be_changed_is_refused(addon: Addon, tmp_path: Path) -> None:
    import bpy

    bpy.context.scene.name = "빌린 장면"
    library = tmp_path / "library.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(library), copy=True)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    with bpy.data.libraries.load(str(library), link=True) as (_, wanted):
        wanted.scenes = ["빌린 장면"]
    bpy.context.window.scene = next(scene for scene in bpy.data.scenes if scene.library)
    with pytest.raises(RuntimeError, match="빌린 장면"):
        bpy.ops.maquette.generate(filepath=str(egg(tmp_path, "box.png")))
    assert "빌린 장면" in addon.session.fault.message
    assert len(addon.session.jobs) == 0
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)


def test_nothing_selected_to_fit_into_is_said(addon: Addon) -> None:
    import bpy

    bpy.context.scene.maquette.size_mode = "FIT"
    bpy.context.scene.maquette.front = egg_image()
    with pytest.raises(RuntimeError, match="No object is selected"):
        bpy.ops.maquette.generate()


def test_a_picture_too_large_to_send_is_refused_with_both_sizes(
    addon: Addon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bpy

    file = tmp_path / "huge.png"
    with file.open("wb") as sparse:
        sparse.truncate(600 * 1024**2)
    with pytest.raises(RuntimeError, match="600 MB"):
        bpy.ops.maquette.generate(filepath=str(file))
    assert "Make it smaller" in addon.session.fault.remedy
