"""The engine's wheel that the extension carries: installable, and what pip would build from these sources."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
from built_addon import ROOT, Copy, copy_repository
from packaging.requirements import Requirement

sys.path.insert(0, str(ROOT))
from addon_build.engine_wheel import build_engine_wheel, engine_wheel_name
from addon_build.errors import BuildError
from addon_build.project import read_project
from engine import __version__


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A copy of the repository, so that nobody edits it meanwhile."""
    return copy_repository(tmp_path_factory.mktemp("engine") / "copy")


@pytest.fixture(scope="module")
def wheel(copy: Copy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = read_project(copy.root)
    file = tmp_path_factory.mktemp("made") / engine_wheel_name(project)
    file.write_bytes(build_engine_wheel(project))
    return file


def pip(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)


def metadata_of(file: Path) -> Message:
    with zipfile.ZipFile(file) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


def facts_of(file: Path) -> dict[str, object]:
    """A wheel's metadata with the freedoms of spelling removed: order, and how a requirement is written."""
    metadata = metadata_of(file)
    facts: dict[str, object] = {name: metadata.get_all(name) for name in metadata}
    facts["Requires-Dist"] = {Requirement(line) for line in metadata.get_all("Requires-Dist", [])}
    facts["Provides-Extra"] = set(metadata.get_all("Provides-Extra", []))
    facts["Keywords"] = set(metadata["Keywords"].split(","))
    del facts["Metadata-Version"]
    return facts | {"text": str(metadata.get_payload()).strip()}


def test_the_record_names_every_file_with_its_hash_and_size(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        record_name = next(name for name in names if name.endswith("/RECORD"))
        lines = dict(line.split(",", 1) for line in archive.read(record_name).decode().splitlines())
        assert lines.pop(record_name) == ","
        assert set(lines) == set(names) - {record_name}
        for name, facts in lines.items():
            content = archive.read(name)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            assert facts == f"sha256={digest},{len(content)}", name


def test_it_holds_and_says_what_pip_builds_from_the_same_sources(
    copy: Copy, wheel: Path, tmp_path: Path
) -> None:
    shutil.copytree(copy.root, tmp_path / "source")  # pip may leave files beside the sources
    done = pip("wheel", "--no-deps", tmp_path / "source", "-w", tmp_path)
    if done.returncode and ("hatchling" in done.stderr or "onnection" in done.stderr):
        pytest.skip("needs the network: pip fetches hatchling, which builds the wheel to compare with")
    assert done.returncode == 0, done.stderr
    theirs = tmp_path / wheel.name
    with zipfile.ZipFile(theirs) as archive, zipfile.ZipFile(wheel) as made:
        assert sorted(made.namelist()) == sorted(archive.namelist())
        for name in made.namelist():
            if not name.endswith(("/RECORD", "/METADATA", "/WHEEL")):
                assert made.read(name).strip() == archive.read(name).strip(), name
    assert facts_of(wheel) == facts_of(theirs)


def test_it_installs_and_its_command_runs_on_its_own_version(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=False)
    folder = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
    done = pip("--python", folder / "python", "install", "--no-deps", "--no-index", wheel)
    assert done.returncode == 0, done.stderr
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    said = subprocess.run(
        [folder / "maquette", "--version"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment,
    )
    assert (said.returncode, said.stdout.strip()) == (0, f"maquette {__version__}"), said.stderr
    assert wheel.name == f"maquette-{__version__}-py3-none-any.whl"


def test_a_field_that_it_would_drop_is_an_error(tmp_path: Path) -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    changed = text.replace("[project]\n", '[project]\nauthors = [{ name = "A" }]\n', 1)
    (tmp_path / "pyproject.toml").write_text(changed, encoding="utf-8")
    with pytest.raises(BuildError, match=r"pyproject\.toml: \[project\] authors: "):
        build_engine_wheel(read_project(tmp_path))


def test_a_marker_of_an_extra_keeps_its_own_condition(copy: Copy, tmp_path: Path) -> None:
    shutil.copytree(copy.root, tmp_path / "copy")
    file = tmp_path / "copy" / "pyproject.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(
        text.replace('"pytest>=8"', "\"pytest>=8; os_name == 'nt' or os_name == 'posix'\"", 1),
        encoding="utf-8",
    )
    project = read_project(tmp_path / "copy")
    (tmp_path / "made.whl").write_bytes(build_engine_wheel(project))
    lines = metadata_of(tmp_path / "made.whl").get_all("Requires-Dist", [])
    requirement = next(Requirement(line) for line in lines if line.startswith("pytest"))
    assert requirement.marker is not None
    assert requirement.marker.evaluate({"extra": "test"})
    assert not requirement.marker.evaluate({"extra": "lint"})
