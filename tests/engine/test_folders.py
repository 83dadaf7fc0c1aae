"""Folders are found where the user or the platform says, and a write is whole or it did not happen."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import BadInput, DiskFull
from engine.folders import (
    DATA_VARIABLE,
    MODELS_VARIABLE,
    find_folders,
    is_writable,
    make_folder,
    write_atomically,
)

NAMES = ("plain", "with space", "마케트 모형", "模型 モデル")


def entries(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_the_variables_choose_the_folders(tmp_path: Path, name: str) -> None:
    data, models = tmp_path / name, tmp_path / f"{name} models"
    folders = find_folders({DATA_VARIABLE: str(data), MODELS_VARIABLE: str(models)})
    assert (folders.data, folders.models) == (data, models)
    assert not data.exists()


def test_models_lie_in_the_data_folder_unless_said_otherwise(tmp_path: Path) -> None:
    assert find_folders({DATA_VARIABLE: str(tmp_path)}).models == tmp_path / "models"
    assert find_folders({DATA_VARIABLE: str(tmp_path), MODELS_VARIABLE: "  "}).models == tmp_path / "models"


def test_without_variables_the_platform_says() -> None:
    folders = find_folders({})
    assert folders.data.is_absolute()
    assert folders.data.name == "maquette"


def test_home_and_relative_names_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folders = find_folders({DATA_VARIABLE: "here", MODELS_VARIABLE: "~/weights"})
    assert folders.data == Path(os.path.abspath("here"))
    assert folders.models == Path.home() / "weights"


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_is_made_with_its_parents_and_left_empty(tmp_path: Path, name: str) -> None:
    folder = make_folder(tmp_path / name / "jobs")
    assert folder.is_dir()
    assert entries(folder) == []
    assert make_folder(folder) == folder


def test_a_folder_below_a_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BadInput) as caught:
        make_folder(tmp_path / "file" / "jobs", setting=DATA_VARIABLE)
    assert str(tmp_path / "file" / "jobs") in caught.value.message
    assert DATA_VARIABLE in caught.value.remedy


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions of folders are POSIX's")
def test_an_unwritable_folder_is_refused_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    if os.geteuid() == 0:  # root writes everywhere: stand in for the system's refusal

        def refuse(path: object, *_: object, **__: object) -> int:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))

        monkeypatch.setattr(os, "open", refuse)
        monkeypatch.setattr(Path, "touch", refuse)
        monkeypatch.setattr(os, "access", lambda *_: False)
    assert not is_writable(locked)
    for attempt in (lambda: make_folder(locked), lambda: write_atomically(locked / "a.glb", b"x")):
        with pytest.raises(BadInput, match="Permission denied") as caught:
            attempt()
        assert caught.value.action == "choose_folder"
    assert entries(locked) == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("content", [b"", b"glTF\r\n\x00\xff", bytearray(b"12"), memoryview(b"123")])
def test_a_write_holds_every_byte(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / f"{name}.glb"
    write_atomically(path, content)
    assert path.read_bytes() == bytes(content)
    assert entries(tmp_path) == [path.name]


def test_a_write_replaces_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.glb"
    path.write_bytes(b"old and longer")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_name_as_long_as_the_system_allows_works(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 251 + ".glb")
    write_atomically(path, b"x")
    assert path.read_bytes() == b"x"


def test_a_name_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be written"):
        write_atomically(tmp_path / ("a" * 300), b"x")
    assert entries(tmp_path) == []


def test_a_missing_output_folder_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        write_atomically(tmp_path / "없는 폴더" / "a.glb", b"x")
    assert str(tmp_path / "없는 폴더") in caught.value.message
    assert "Create it" in caught.value.remedy


def test_a_folder_in_the_files_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not a file"):
        write_atomically(tmp_path, b"x")


@pytest.mark.skipif(not Path("/dev/null").is_char_device(), reason="needs a device file")
def test_a_device_is_never_replaced_by_a_file() -> None:
    with pytest.raises(BadInput, match="device"):
        write_atomically(Path("/dev/null"), b"x")
    assert Path("/dev/null").is_char_device()


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    write_atomically(link, b"x")
    assert link.is_symlink()
    assert target.read_bytes() == b"x"


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
def test_a_private_file_is_for_the_user_alone(tmp_path: Path) -> None:
    write_atomically(tmp_path / "engine.json", b"{}", is_private=True)
    assert (tmp_path / "engine.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_keeps_the_old_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, code: int
) -> None:
    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    path = tmp_path / "a.glb"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, step, fail)
    with pytest.raises(DiskFull) as caught:
        write_atomically(path, b"new")
    assert str(path) in caught.value.message
    assert path.read_bytes() == b"old"
    assert entries(tmp_path) == ["a.glb"]


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "a.glb", b"x")
    assert entries(tmp_path) == []


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB in memory, where this user may mount one."""
    if not sys.platform.startswith("linux"):
        pytest.skip("a tiny disk can be mounted on Linux only")
    place = tmp_path / "작은 디스크"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a tiny disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_truly_full_disk_is_said_and_left_as_it_was(tiny_disk: Path) -> None:
    path = tiny_disk / "a.glb"
    write_atomically(path, b"old" * 1000)
    with pytest.raises(DiskFull, match="The disk is full"):
        write_atomically(path, bytes(200_000))
    assert path.read_bytes() == b"old" * 1000
    assert entries(tiny_disk) == ["a.glb"]
