"""The doctor looks where compiled device code is kept, says whether some is there, and compiles nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.doctor.kernels import examine_kernels, kernel_folder
from engine.doctor.packages import read_version

STARTS_WARP = (
    "from engine.geometry.compute import processor; processor(); import warp; "
    "print(warp.config.kernel_cache_dir)"
)


def test_the_doctor_looks_where_warp_is_told_to_keep_it(tmp_path: Path) -> None:
    environment = {**os.environ, "MAQUETTE_DATA": str(tmp_path / "자료")}
    said = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", STARTS_WARP],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment,
        check=True,
    )
    version = str(read_version("warp-lang"))
    assert os.path.samefile(said.stdout.strip(), kernel_folder(tmp_path / "자료") / version)


def test_importing_warp_says_nothing() -> None:
    said = subprocess.run([sys.executable, "-c", "import warp"], capture_output=True, check=True)
    assert (said.stdout, said.stderr) == (b"", b"")


@pytest.mark.parametrize("file", ["wp_raster_0a1b2c3.cpu5d585e52.o", "wp_raster_0a1b2c3.sm70.cubin"])
def test_compiled_code_of_the_installed_version_is_found(tmp_path: Path, file: str) -> None:
    assert dict(examine_kernels(tmp_path).facts)["is_compiled"] is False
    for version in ("0.1.0", str(read_version("warp-lang"))):
        module = kernel_folder(tmp_path) / version / "wp_raster_0a1b2c3"
        module.mkdir(parents=True)
        (module / "wp_raster_0a1b2c3.cpp").touch()
        (module / file).touch()
        found = examine_kernels(tmp_path)
        assert found.status == "ok"
        assert dict(found.facts)["is_compiled"] is (version != "0.1.0")


def test_code_that_was_never_compiled_to_its_end_does_not_count(tmp_path: Path) -> None:
    module = kernel_folder(tmp_path) / str(read_version("warp-lang")) / "wp_raster_0a1b2c3"
    module.mkdir(parents=True)
    (module / "wp_raster_0a1b2c3.cpp").touch()
    found = examine_kernels(tmp_path)
    assert found.status == "ok"
    assert "the first model takes" in found.what


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    examine_kernels(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_noted_with_what_happens_instead(tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    found = examine_kernels(tmp_path)
    assert found.status == "note"
    assert "a folder of its own" in found.what
    assert "MAQUETTE_DATA" in found.remedy
