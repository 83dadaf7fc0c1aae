"""The doctor tells the truth about this machine, and about machines where something is missing or broken."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from engine.backends import Backend
from engine.doctor import Report, examine, run_doctor
from engine.doctor.child import Outcome
from engine.doctor.examination import examine_backend, judge_backends
from engine.doctor.packages import (
    PACKAGES,
    PINS,
    TORCH_VERSION,
    broken_essentials,
    examine_packages,
    repair_remedy,
    tried_modules,
)
from engine.doctor.places import examine_computer, examine_folder, examine_server, is_running
from engine.link.address import Address, write_address
from engine.memory.device import Device

ROOT = Path(__file__).resolve().parent.parent.parent
ALL_GOOD = Outcome({module: {"error": ""} for module in tried_modules()})
GIB = 1024**3


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """What the doctor finds here, with folders of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAQUETTE_DATA", str(tmp_path_factory.mktemp("자료 data")))
        patch.delenv("MAQUETTE_MODELS", raising=False)
        return examine()


def test_this_machine_can_make_models(report: Report) -> None:
    assert report.can_generate
    found = {finding.name: finding for finding in report.findings}
    for name in (
        "numpy",
        "scipy",
        "warp-lang",
        "silhouette",
        "data",
        "models",
        "Python",
        "maquette",
        "server",
        "kernels",
    ):
        assert found[name].status == "ok", found[name]
    assert found["hunyuan3d-2"].status == "note"
    assert dict(found["torch"].facts)


def test_every_trouble_has_a_remedy(report: Report) -> None:
    assert all(finding.what for finding in report.findings)
    assert all(finding.remedy for finding in report.findings if finding.status == "problem")


def test_nothing_is_made_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.doctor.examination.start_probe", lambda *_: Silent())
    monkeypatch.setenv("MAQUETTE_DATA", str(tmp_path / "none"))
    examine()
    assert list(tmp_path.iterdir()) == []


class Silent:
    """A probe that found every package whole and no torch."""

    def hear(self) -> Outcome:
        return replace(ALL_GOOD, failed_step="import", failure="ended with code 1")


@pytest.mark.parametrize("encoding", ["utf-8", "cp949", "ascii"])
def test_any_console_shows_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    monkeypatch.setattr("engine.doctor.examination.start_probe", lambda *_: Silent())
    monkeypatch.setenv("MAQUETTE_DATA", str(tmp_path / "모형 ÿ 模型"))
    for as_json in (False, True):
        raw = io.BytesIO()
        out = io.TextIOWrapper(raw, encoding=encoding)
        assert run_doctor(as_json, out) == 0
        out.flush()
        shown = raw.getvalue().decode(encoding)
        assert "silhouette" in shown
        if as_json:
            assert "模型" in json.dumps(json.loads(shown), ensure_ascii=False)


def test_a_public_report_hides_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.doctor.examination.start_probe", lambda *_: Silent())
    monkeypatch.setenv("MAQUETTE_DATA", str(Path.home() / "maquette data"))
    out = io.StringIO()
    run_doctor(True, out, hides_private_paths=True)
    assert str(Path.home() / "maquette data") not in out.getvalue()
    assert "maquette data" in out.getvalue()


def test_a_python_without_any_package_still_gets_an_answer(tmp_path: Path) -> None:
    script = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from engine.doctor import run_doctor; "
    script += "sys.exit(run_doctor(True, sys.stdout))"
    # An environment of its own, with nothing in it: even its children find no package.
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "empty")],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("this Python cannot make an environment")
    python = tmp_path / "empty" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "MAQUETTE"))
    }
    done = subprocess.run(
        [str(python), "-c", script], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    findings = {finding["name"]: finding for section in report["sections"] for finding in section["findings"]}
    assert not report["can_generate"]
    assert "numpy" in findings["not installed"]["what"]
    assert f"torch=={TORCH_VERSION}" in findings["not installed"]["remedy"]
    assert '"warp-lang==1.17.*"' in findings["not installed"]["remedy"]  # no shell may read the star
    assert findings["silhouette"]["status"] == "problem"
    assert done.stderr == ""


def test_the_package_list_is_the_projects_own() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = {entry for entry in project["dependencies"] if "==" in entry}
    assert pinned == {f"{name}=={version}" for name, version in PINS.items()}
    declared = {entry.split(">")[0].split("=")[0].strip() for entry in project["dependencies"]}
    assert declared == {package.name for package in PACKAGES}


@pytest.mark.parametrize(
    ("name", "version", "status"),
    [
        ("torch", f"{TORCH_VERSION}+cpu", "ok"),
        ("torch", "2.12.1", "note"),
        ("warp-lang", "1.17.3", "ok"),
        ("warp-lang", "1.18.0", "note"),
        ("numpy", "99.0", "ok"),
    ],
)
def test_another_version_than_the_pinned_one_is_noted(
    monkeypatch: pytest.MonkeyPatch, name: str, version: str, status: str
) -> None:
    monkeypatch.setattr("engine.doctor.packages.read_version", lambda _: version)
    found = next(each for each in examine_packages(ALL_GOOD).findings if each.name == name)
    assert found.status == status
    assert ("install" in found.remedy) is (status == "note")


def test_a_broken_package_is_a_problem_with_its_words_and_stops_the_backend() -> None:
    told = Outcome({**ALL_GOOD.facts, "cv2": {"error": "ImportError: libGL.so.1: cannot open"}})
    section = examine_packages(told)
    finding = next(finding for finding in section.findings if finding.name == "opencv-python-headless")
    assert finding.status == "problem"
    assert "libGL.so.1" in finding.what
    assert "uninstall -y opencv-python" in finding.remedy
    assert broken_essentials(section) == ("opencv-python-headless",)


def test_a_package_that_crashes_python_is_found_and_the_rest_marked_untried() -> None:
    modules = tried_modules()
    facts = {module: {"error": ""} for module in modules[: modules.index("xatlas")]}
    section = examine_packages(Outcome(facts, "xatlas", "was ended by signal 11", ""))
    found = {finding.name: finding for finding in section.findings}
    assert found["xatlas"].status == "problem"
    assert "signal 11" in found["xatlas"].what
    assert found["trimesh"].status == "ok"
    assert found["fast-simplification"].status == "note"


def test_a_broken_extra_stops_no_backend() -> None:
    told = Outcome({**ALL_GOOD.facts, "onnxruntime": {"error": "ImportError: DLL load failed"}})
    section = examine_packages(told)
    assert broken_essentials(section) == ()
    assert "Visual C++" in repair_remedy("onnxruntime", "DLL load failed while importing")


def test_a_backend_without_its_packages_cannot_run() -> None:
    backend = Backend("silhouette", "", "MIT", ("front",), is_available=True)
    (judged,) = judge_backends((backend,), ("numpy",))
    assert not judged.is_available
    assert examine_backend(judged).status == "problem"
    assert "numpy" in examine_backend(judged).what
    assert judge_backends((backend,), ()) == (backend,)


def test_an_unwritable_folder_is_a_problem_with_its_variable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    found = examine_folder("data", tmp_path / "file" / "data", "MAQUETTE_DATA")
    assert found.status == "problem"
    assert "MAQUETTE_DATA" in found.remedy


def test_a_full_disk_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.doctor.places._free_bytes", lambda _: 10 * 1024**2)
    found = examine_folder("data", tmp_path, "MAQUETTE_DATA")
    assert found.status == "problem"
    assert "0.0 GiB free" in found.what
    monkeypatch.setattr("engine.doctor.places._free_bytes", lambda _: None)
    assert examine_folder("data", tmp_path, "MAQUETTE_DATA").status == "note"


@pytest.mark.parametrize(("free_bytes", "status"), [(8 * GIB, "ok"), (1 * GIB, "note")])
def test_little_memory_is_noted(free_bytes: int, status: str) -> None:
    section = examine_computer(Device("CPU", "cpu", 16 * GIB, free_bytes))
    assert next(finding for finding in section.findings if finding.name == "memory").status == status


def leave_address(folder: Path, pid: int) -> None:
    write_address(folder, Address("tcp://127.0.0.1:5555", 5555, "secret-token", pid, (1, 0), "0.1.0"))


def test_a_running_server_is_found_and_its_token_kept(tmp_path: Path) -> None:
    leave_address(tmp_path, os.getpid())
    found = examine_server(tmp_path)
    assert found.status == "ok"
    assert str(os.getpid()) in found.what
    assert "secret-token" not in repr(found)


def test_a_server_that_ended_is_noted(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    leave_address(tmp_path, child.pid)
    assert not is_running(child.pid)
    assert examine_server(tmp_path).status == "note"


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[]", b"{}", b'{"pid": "seven"}'])
def test_a_damaged_connection_file_is_noted(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "engine.json").write_bytes(content)
    found = examine_server(tmp_path)
    assert found.status == "note"
    assert "Delete" in found.remedy


@pytest.mark.parametrize("pid", [10**30, 2**31, 0, -1])
def test_an_impossible_process_is_not_running(tmp_path: Path, pid: int) -> None:
    leave_address(tmp_path, pid)
    assert examine_server(tmp_path).status == "note"


def test_no_connection_file_means_no_server(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for data in (tmp_path, tmp_path / "none", tmp_path / "file"):
        assert examine_server(data).status == "ok"
