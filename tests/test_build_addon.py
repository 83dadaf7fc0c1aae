"""What docs/addon_build.md promises, on a copy of the repository with made-up wheels and no network."""

from __future__ import annotations

import ast
import hashlib
import html
import json
import os
import re
import shutil
import sys
import tomllib
import zipfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from built_addon import PLATFORMS, ROOT, Copy, copy_repository

sys.path.insert(0, str(ROOT))
from addon_build.archive import zip_bytes
from addon_build.errors import BuildError
from addon_build.wheels import Wheel, check_complete, read_pins

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A copy that no test changes; its path has a space and letters that are not ASCII."""
    return copy_repository(tmp_path_factory.mktemp("build") / "저장소 사본")


@pytest.fixture
def copy(shared: Copy, tmp_path: Path) -> Copy:
    """A copy of one's own."""
    shutil.copytree(shared.root, tmp_path / "copy")
    return Copy(tmp_path / "copy")


@pytest.fixture(scope="module")
def zips(shared: Copy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with all six zips."""
    folder = tmp_path_factory.mktemp("zips")
    done = shared.build("-o", folder, "--split-platforms")
    assert done.returncode == 0, done.stderr
    return folder


def names_in(file: Path) -> list[str]:
    with zipfile.ZipFile(file) as archive:
        return archive.namelist()


def manifest_in(file: Path) -> dict[str, object]:
    with zipfile.ZipFile(file) as archive:
        return tomllib.loads(archive.read("blender_manifest.toml").decode())


def refusal(copy: Copy, *arguments: str | Path, **environment: str) -> str:
    """The one line on stderr of a build that must end with 2."""
    done = copy.build(*arguments, **environment)
    lines = [line for line in done.stderr.splitlines() if not line.startswith("fetching ")]
    assert (done.returncode, len(lines)) == (2, 1), done.stderr
    return lines[0]


def test_the_zip_holds_the_addon_the_protocol_the_licence_and_all_wheels(shared: Copy, zips: Path) -> None:
    names = set(names_in(zips / f"maquette-{VERSION}.zip"))
    sources = {
        file.relative_to(shared.root).as_posix().removeprefix("blender_addon/")
        for folder in ("blender_addon", "protocol")
        for file in (shared.root / folder).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert sources | {"LICENSE"} <= names
    pins = shared.pins()
    assert {name for name in names if name.startswith("wheels/")} == {
        f"wheels/{file}" for file in pins["bundled"]
    }
    assert {name.split("/")[-1] for name in names if name.startswith("uv/")} == set(pins["uv"])
    assert {name.split("/")[1] for name in names if name.startswith("uv/")} == set(PLATFORMS)
    assert f"engine/maquette-{VERSION}-py3-none-any.whl" in names


def test_byte_code_and_dot_files_stay_out(copy: Copy) -> None:
    for name in ("__pycache__/a.pyc", ".DS_Store", "scene/.swp", "old.pyc"):
        file = copy.root / "blender_addon" / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"litter")
    copy.build("-o", "d", "--platform", "linux-x64")
    names = names_in(copy.root / "d" / f"maquette-{VERSION}-linux_x64.zip")
    assert not [name for name in names if "pyc" in name or "/." in name or name.startswith(".")]


def test_two_builds_are_identical_whatever_the_place_the_clock_and_the_locale(copy: Copy, zips: Path) -> None:
    for file in copy.root.rglob("*"):
        if file.is_file():
            file.chmod(0o600)
            os.utime(file, (1_000_000_000, 1_000_000_000))
    former = os.umask(0o077)
    try:
        done = copy.build(
            "-o", "d", "--split-platforms", LC_ALL="C", PYTHONUTF8="0", TZ="Asia/Seoul", PYTHONHASHSEED="7"
        )
    finally:
        os.umask(former)
    assert done.returncode == 0, done.stderr
    built = {file.name: file.read_bytes() for file in (copy.root / "d").iterdir()}
    assert built == {file.name: file.read_bytes() for file in zips.iterdir()}
    assert len(built) == 6


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_split_zip_serves_its_platform_alone(platform: str, zips: Path) -> None:
    file = zips / f"maquette-{VERSION}-{platform.replace('-', '_')}.zip"
    manifest, names = manifest_in(file), names_in(file)
    assert manifest["platforms"] == [platform]
    assert manifest["wheels"] == [f"./{name}" for name in names if name.startswith("wheels/")]
    assert len(manifest["wheels"]) == 5  # type: ignore[arg-type]
    assert [name.rsplit("/", 1)[0] for name in names if name.startswith("uv/")] == [f"uv/{platform}"]


def test_the_manifest_says_what_blender_demands(zips: Path) -> None:
    manifest = manifest_in(zips / f"maquette-{VERSION}.zip")
    assert (manifest["id"], manifest["version"], manifest["type"]) == ("maquette", VERSION, "add-on")
    assert manifest["platforms"] == list(PLATFORMS)
    assert manifest["license"] == ["SPDX:GPL-3.0-or-later"]
    permissions = manifest["permissions"]
    assert isinstance(permissions, dict)
    assert set(permissions) == {"network", "files"}
    for words in (manifest["tagline"], *permissions.values()):
        assert isinstance(words, str)
        assert len(words) <= 64, words
        assert words[-1].isalnum(), words


def test_the_pinned_wheels_are_complete() -> None:
    check_complete(read_pins(ROOT))


def test_incomplete_or_mixed_pins_are_refused() -> None:
    pins = read_pins(ROOT)
    with pytest.raises(BuildError, match=r"msgpack .*: no wheel for macos-x64 with Python 3\.14"):
        check_complete([pin for pin in pins if not re.match("msgpack.*cp314.*macosx.*x86_64", pin.file)])
    with pytest.raises(BuildError, match="msgpack: no one version"):
        check_complete([*pins, Wheel("msgpack-1.1.2-cp314-cp314-win_amd64.whl", "0" * 64, is_bundled=True)])


def test_the_build_needs_the_standard_library_alone() -> None:
    for file in (ROOT / "build_addon.py", *(ROOT / "addon_build").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [str(node.module)]
            for name in names:
                assert name.split(".")[0] in {*sys.stdlib_module_names, "addon_build"}, f"{file.name}: {name}"


def test_a_wheel_with_another_hash_is_refused_and_what_was_built_stays(copy: Copy) -> None:
    copy.build("-o", "d", "--platform", "linux-x64")
    before = {file.name: file.read_bytes() for file in (copy.root / "d").iterdir()}
    file = next(file for file in copy.pins()["bundled"] if "manylinux" in file)
    (copy.cache / file).write_bytes(b"changed")
    words = refusal(copy, "-o", "d", "--platform", "linux-x64")
    assert file in words
    assert hashlib.sha256(b"changed").hexdigest() in words
    assert "Delete it" in words
    assert {file.name: file.read_bytes() for file in (copy.root / "d").iterdir()} == before


def test_a_wheel_that_pip_cannot_get_is_named_and_nothing_is_left(copy: Copy) -> None:
    file = next(file for file in copy.pins()["uv"] if "manylinux" in file)
    (copy.cache / file).unlink()
    words = refusal(copy, "-o", "d", "--platform", "linux-x64")
    assert words.startswith(f"build_addon: {file}: pip cannot get it")
    assert not (copy.root / "d").exists()
    assert not [path for path in copy.cache.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("is_genuine", [True, False])
def test_pip_brings_what_is_pinned_and_nothing_else(copy: Copy, tmp_path: Path, is_genuine: bool) -> None:
    file = "msgpack-9.9.9-cp313-cp313-win_amd64.whl"
    info = "msgpack-9.9.9.dist-info"
    offered = zip_bytes(
        {
            f"{info}/METADATA": b"Metadata-Version: 2.1\nName: msgpack\nVersion: 9.9.9\n",
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp313-cp313-win_amd64\n",
            f"{info}/RECORD": b"",
        }
    )
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / file).write_bytes(offered)
    pinned = hashlib.sha256(offered if is_genuine else b"reviewed").hexdigest()
    copy.write_pins({"bundled": {file: pinned}, "uv": {}})
    arguments = ("-o", "d", "--platform", "windows-x64", "--wheels", "cache")
    index = (tmp_path / "index").as_uri()
    if is_genuine:
        done = copy.build(*arguments, PIP_FIND_LINKS=index)
        assert done.returncode == 0, done.stderr
        assert [path.name for path in (copy.root / "cache").iterdir()] == [file]
    else:
        assert f"{file}: what pip's index offers" in refusal(copy, *arguments, PIP_FIND_LINKS=index)
        assert list((copy.root / "cache").iterdir()) == []


def test_new_pins_that_cannot_be_had_leave_the_old_ones(copy: Copy) -> None:
    before = copy.pins()
    done = copy.build("--update-wheels")
    assert (done.returncode, copy.pins()) == (2, before), done.stderr


@pytest.mark.parametrize("version", ["1.0", "1.0.0rc1", "01.0.0", "latest"])
def test_a_version_that_blender_or_pip_would_misread_is_refused(copy: Copy, version: str) -> None:
    file = copy.root / "pyproject.toml"
    file.write_text(
        file.read_text(encoding="utf-8").replace(f'"{VERSION}"', f'"{version}"', 1), encoding="utf-8"
    )
    words = refusal(copy, "--stage", "s", "--no-wheels")
    assert "pyproject.toml" in words
    assert repr(version) in words


def test_bad_usage_is_said_in_words(shared: Copy, tmp_path: Path) -> None:
    done = shared.build("--platform", "amiga-m68k")
    assert done.returncode == 2
    assert "amiga-m68k" in done.stderr
    assert "linux-x64" in done.stderr
    (tmp_path / "file").write_bytes(b"")
    assert str(tmp_path / "file") in refusal(shared, "-o", tmp_path / "file")
    assert "--no-wheels" in refusal(shared, "--no-wheels")


def test_a_stage_is_the_zip_as_a_folder_and_replaces_only_a_stage(
    shared: Copy, zips: Path, tmp_path: Path
) -> None:
    stage = tmp_path / "maquette"
    for _ in range(2):
        done = shared.build("--stage", stage)
        assert done.returncode == 0, done.stderr
        files = {file.relative_to(stage).as_posix() for file in stage.rglob("*") if file.is_file()}
        assert files == set(names_in(zips / f"maquette-{VERSION}.zip"))
        (stage / "left_over.py").write_bytes(b"")
    (tmp_path / "diary").mkdir()
    (tmp_path / "diary" / "today.txt").write_bytes(b"dear")
    assert "other files" in refusal(shared, "--stage", tmp_path / "diary", "--no-wheels")
    assert (tmp_path / "diary" / "today.txt").read_bytes() == b"dear"


def test_a_stage_without_wheels_has_none_in_its_manifest(shared: Copy, tmp_path: Path) -> None:
    shared.build("--stage", tmp_path / "s", "--no-wheels")
    manifest = tomllib.loads((tmp_path / "s" / "blender_manifest.toml").read_text(encoding="utf-8"))
    assert "wheels" not in manifest
    assert [path.name for path in (tmp_path / "s").rglob("*.whl")] == [f"maquette-{VERSION}-py3-none-any.whl"]


def test_a_development_link_is_live_and_replaces_no_installed_extension(copy: Copy, tmp_path: Path) -> None:
    extensions = tmp_path / "extensions" / "user_default"
    for _ in range(2):
        done = copy.build("--develop", extensions, "--no-wheels")
        assert done.returncode == 0, done.stderr
    (copy.root / "blender_addon" / "translations" / "new.py").write_bytes(b"live")
    assert (extensions / "maquette" / "translations" / "new.py").read_bytes() == b"live"
    assert (extensions / "maquette" / "blender_manifest.toml").is_file()
    installed = tmp_path / "other" / "maquette"
    installed.mkdir(parents=True)
    assert "Remove it in Blender" in refusal(copy, "--develop", installed.parent, "--no-wheels")
    assert list(installed.iterdir()) == []


def test_the_repository_names_each_zip_with_its_hash_and_relative_links(shared: Copy, tmp_path: Path) -> None:
    done = shared.build("--repo", tmp_path)
    assert done.returncode == 0, done.stderr
    index = json.loads((tmp_path / "index.json").read_bytes())
    assert (index["version"], index["blocklist"]) == ("v1", [])
    assert sorted(package["platforms"][0] for package in index["data"]) == sorted(PLATFORMS)
    for package in index["data"]:
        content = (tmp_path / package["archive_url"].removeprefix("./")).read_bytes()
        assert package["archive_size"] == len(content)
        assert package["archive_hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert package["python_versions"] == ["3.11", "3.13", "3.14"]
        assert {"schema_version", "id", "name", "tagline", "maintainer", "license", "tags"} <= package.keys()
        assert "wheels" not in package
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    links = [urlsplit(html.unescape(link)) for link in re.findall(r'href="([^"]*\.zip[^"]*)"', page)]
    assert sorted(parse_qs(link.query)["platforms"][0] for link in links) == sorted(PLATFORMS)
    for link in links:
        assert (tmp_path / link.path).is_file()
        assert parse_qs(link.query)["repository"] == ["./index.json"]


def test_the_real_wheels_build_a_zip(tmp_path: Path) -> None:
    done = Copy(ROOT).build("--platform", "linux-x64", "-o", tmp_path, is_online=True)
    if done.returncode and "pip cannot get it" in done.stderr:
        pytest.skip("needs the network once, to fetch the pinned wheels for Linux into build/wheels")
    assert done.returncode == 0, done.stderr
    file = tmp_path / f"maquette-{VERSION}-linux_x64.zip"
    assert 10e6 < file.stat().st_size < 40e6
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
