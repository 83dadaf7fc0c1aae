"""Set Up Engine with a uv that behaves; one slow test with the real uv, where there is one."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest
from fake_uv import calls_in, go, make_plan, make_uv_wheel, with_wheel

from blender_addon.engine_homes import Home, completed_environments, read_marker
from blender_addon.engine_process import EngineMissing, find_engine
from blender_addon.engine_setup import Setup, SetupPlan, SetupState
from blender_addon.pip_settings import has_own_torch, uv_environment
from blender_addon.setup_checks import bytes_to_come, check_platform, estimate_cost, torch_of
from blender_addon.uv_tool import SetupStopped
from blender_addon.uv_words import Progress, follow, read_fault

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the fake uv is a script with a first line")


def is_installing(state: SetupState) -> bool:
    return "hanging" in state.detail or state.is_over


def find(home: Path) -> str:
    return find_engine(chosen="", home=home, environment={"PATH": ""}).command[0]


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    with contextlib.suppress(OSError):
        os.kill(pid, 0)
        return not Path("/proc").is_dir()
    return False


def test_a_set_up_ends_with_an_engine_that_is_found(tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    state = go(Setup(plan))
    assert state.fault is None
    assert state.fraction == 1.0
    assert str(state) == "The engine is ready. It works."
    assert state.environment is not None
    assert find(plan.home) == str(state.environment / "bin" / "python")
    marker = read_marker(state.environment)
    assert marker is not None
    assert (marker.version, marker.torch) == ("0.1.0", "2.13.0")
    assert not Home(plan.home).cache.exists()
    assert "Installed 2 packages" in Home(plan.home).log.read_text(encoding="utf-8")


def test_nothing_of_blenders_python_reaches_uv_and_nothing_is_written_elsewhere(tmp_path: Path) -> None:
    plan = make_plan(
        tmp_path, PYTHONHOME="/nowhere", PYTHONPATH="/nowhere", UV_PYTHON="3.9", VIRTUAL_ENV="/x"
    )
    assert go(Setup(plan)).fault is None
    told = calls_in(plan, "pip")[0][1]
    assert "PYTHONHOME" not in told
    assert "PYTHONPATH" not in told
    assert "UV_PYTHON" not in told
    for name in ("UV_CACHE_DIR", "UV_PYTHON_INSTALL_DIR"):
        assert Path(told[name]).is_relative_to(plan.home)
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {plan.home.name}


def test_progress_never_goes_back_and_says_what_is_fetched(tmp_path: Path) -> None:
    setup = Setup(make_plan(tmp_path, FAKE_UV="hang"))
    states = []
    go(setup, lambda state: states.append(state) or is_installing(state))  # type: ignore[func-returns-value]
    setup.close()
    fractions = [state.fraction for state in states]
    assert fractions == sorted(fractions)
    assert str(states[-1]) == "Downloading torch…"
    assert states[-1].total_bytes == int(33.7 * 1024**2) + int(1.5 * 1024**3)
    assert 0 < states[-1].done_bytes < states[-1].total_bytes


def test_cancel_ends_uv_and_its_children_and_the_next_run_goes_on(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, FAKE_UV="hang")
    setup = Setup(plan)
    go(setup, is_installing)
    grandchild = int((plan.home / "grandchild").read_text())
    setup.cancel()
    state = go(setup)
    assert state.is_cancelled
    assert state.fault is None
    for _ in range(1000):  # it was told together with uv, and may take a moment longer
        if not is_alive(grandchild):
            break
        time.sleep(0.01)
    assert not is_alive(grandchild)
    assert completed_environments(Home(plan.home)) == []
    with pytest.raises(EngineMissing):
        find(plan.home)
    assert (Home(plan.home).cache / "scipy").exists()  # what was fetched is kept
    state = go(Setup(replace(plan, environment={**plan.environment, "FAKE_UV": ""})))
    assert state.fault is None
    assert [path.name[-2:] for path in Home(plan.home).environments()] == ["-2"]  # the torn one is gone


def test_a_killed_blender_leaves_a_set_up_that_goes_on(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, FAKE_UV="hang")
    script = (
        "import os, sys; sys.path[:0] = sys.argv[1:3]; from pathlib import Path\n"
        "import conftest\n"  # which lets the repository stand for the built extension
        "from fake_uv import *; from test_engine_setup import is_installing\n"
        "setup = Setup(make_plan(Path(sys.argv[3]), FAKE_UV='hang')); go(setup, is_installing)\n"
        "print(setup._child.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    here = Path(__file__).resolve()
    command = [sys.executable, "-c", script, str(here.parents[2]), str(here.parent), str(tmp_path)]
    killed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    try:
        assert killed.returncode == -9
        state = go(Setup(replace(plan, environment={**plan.environment, "FAKE_UV": ""})))
        assert state.fault is None
        assert find(plan.home) == str(Home(plan.home).root / state.environment.name / "bin/python")
    finally:
        os.killpg(int(killed.stdout), 9)


def test_an_engine_that_does_not_run_is_never_offered(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, FAKE_ENGINE="broken")
    state = go(Setup(plan))
    assert state.fault is not None
    assert state.fault.kind == "broken_engine"
    assert "setup.log" in str(state.fault)
    assert completed_environments(Home(plan.home)) == []


def test_the_engine_before_stays_and_older_ones_go(tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    made = [go(Setup(with_wheel(plan, content))).environment for content in (b"first", b"second", b"third")]
    assert [path for _, path in completed_environments(Home(plan.home))] == [made[2], made[1]]
    assert Home(plan.home).environments() == sorted(filter(None, made[1:]))
    assert find(plan.home).startswith(str(made[2]))


def test_a_finished_engine_is_only_tried_unless_it_is_to_be_made_anew(tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    first = go(Setup(plan)).environment
    again = go(Setup(plan))
    assert again.environment == first
    assert str(again) == "The engine is ready. It works."
    assert len(calls_in(plan, "pip")) == 1
    assert go(Setup(replace(plan, is_anew=True))).environment != first


def test_a_failed_set_up_leaves_the_engine_that_worked(tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    first = go(Setup(plan)).environment
    broken = replace(
        with_wheel(plan, b"second"), environment={**plan.environment, "FAKE_UV": "error: dns error"}
    )
    assert go(Setup(broken)).fault is not None
    assert find(plan.home).startswith(str(first))


def test_without_pytorchs_server_the_mirrors_torch_is_taken(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, FAKE_UV="torch")
    state = go(Setup(plan))
    assert state.fault is None
    assert "out of reach" in state.note
    asked = ["--torch-backend=auto" in words for words, _ in calls_in(plan, "pip")]
    assert asked == [True, False]


def test_a_torch_in_the_users_folder_or_a_backend_of_theirs_is_not_overruled(tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "torch-2.13.0-cp311-none-any.whl").touch()
    for variables in ({"PIP_FIND_LINKS": str(tmp_path / "links")}, {"UV_TORCH_BACKEND": "cu128"}):
        plan = replace(make_plan(tmp_path, **variables), is_anew=True)
        assert go(Setup(plan)).fault is None
        words, told = calls_in(plan, "pip")[-1]
        assert not any(word.startswith("--torch-backend") for word in words)
    assert told["UV_TORCH_BACKEND"] == "cu128"


def test_a_mac_for_which_there_is_no_pytorch_is_told_at_once() -> None:
    with pytest.raises(SetupStopped, match="Intel"):
        check_platform("darwin", "x86_64", "15.1")
    with pytest.raises(SetupStopped, match=r"this is 13\.7"):
        check_platform("darwin", "arm64", "13.7")
    check_platform("darwin", "arm64", "14.0")
    check_platform("linux", "x86_64", "")


def test_offline_nothing_is_touched_and_the_preference_is_named(tmp_path: Path) -> None:
    plan = replace(make_plan(tmp_path), may_go_online=False)
    state = go(Setup(plan))
    assert state.fault is not None
    assert state.fault.kind == "offline"
    assert "Allow Online Access" in str(state.fault)
    assert not plan.home.exists()


def test_too_little_room_is_said_with_both_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**12, 10**12, 700_000_000))
    plan = make_plan(tmp_path, UV_TORCH_BACKEND="cu130")
    state = go(Setup(plan))
    assert state.fault is not None
    assert state.fault.kind == "disk_full"
    assert "0.7 GB" in str(state.fault)
    assert "6.0 GB" in str(state.fault)
    assert not (plan.home / "calls.jsonl").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    state = go(Setup(replace(make_plan(tmp_path), home=tmp_path / "file" / "home")))
    assert state.fault is not None
    assert state.fault.kind == "folder"
    assert str(tmp_path / "file" / "home") in str(state.fault)


def test_two_set_ups_never_share_a_folder(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, FAKE_UV="hang")
    first, second = Setup(plan), Setup(plan)
    go(first, is_installing)
    state = go(second)
    assert state.fault is not None
    assert state.fault.kind == "busy"
    first.close()
    assert first.state.is_over


def test_a_damaged_uv_is_not_run(tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    make_uv_wheel(tmp_path, is_damaged=True)
    state = go(Setup(plan))
    assert state.fault is not None
    assert state.fault.kind == "broken_download"
    assert list(Home(plan.home).uv.iterdir()) == []
    plan.uv_wheel.write_bytes(b"no zip")  # type: ignore[union-attr]
    state = go(Setup(plan))
    assert state.fault is not None
    assert state.fault.kind == "broken_download"


def test_a_missing_uv_or_engine_is_said(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, PATH="")
    state = go(Setup(replace(plan, uv_wheel=None)))
    assert state.fault is not None
    assert state.fault.kind == "uv_missing"
    state = go(Setup(replace(plan, engine_wheel=tmp_path / "maquette-0.2.0-py3-none-any.whl")))
    assert state.fault is not None
    assert "maquette-0.2.0" in str(state.fault)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Failed to fetch: https://a/b/\n cause: client error\n cause: dns error", "network"),
        ("Failed to fetch: https://a/b/\n cause: client error\n cause: tunnel error: failed", "network"),
        ("Failed to download `a`\n cause: Failed to extract\n cause: No space left on device", "disk_full"),
        ("Failed to fetch: x\n cause: error sending request\n cause: UnknownIssuer", "certificate"),
        ("Failed to read `a`\n cause: Failed to extract\n cause: Bad uncompressed size", "broken_download"),
        ("Failed to install: a.whl\n cause: Permission denied (os error 13)", "permission"),
        ("No interpreter found for Python >=3.11, <3.14 in search path", "no_python"),
        ("No solution found when resolving\n cause: Because torch was not found", "no_packages"),
        ("something that nobody has seen", "internal"),
    ],
)  # fmt: skip
def test_each_failure_of_uv_is_told_by_its_kind(tmp_path: Path, said: str, kind: str) -> None:
    state = go(Setup(make_plan(tmp_path, FAKE_UV=f"error: {said}")))
    assert state.fault is not None
    assert state.fault.kind == kind
    assert state.fault.remedy


def test_only_the_last_error_of_uv_counts() -> None:
    assert (
        read_fault("warning: proxy timed out, trying again\nerror: No solution found").kind == "no_packages"
    )


def test_progress_counts_what_grew_on_the_disk() -> None:
    progress = follow(
        Progress(), "Downloading torch (100.0MiB)\nDownloading cpython-3.13.1 (download) (20.0MiB)\n"
    )
    assert progress.total_bytes == 120 * 1024**2
    assert progress.done_bytes(grown_bytes=182 * 1024**2) == 100 * 1024**2
    assert progress.done_bytes(grown_bytes=10**12) == progress.total_bytes
    assert follow(progress, " Downloaded torch\n").under_way == "cpython-3.13.1"


def test_a_card_costs_more_than_none() -> None:
    without, with_card = (
        estimate_cost({"UV_TORCH_BACKEND": name}, system="linux") for name in ("cpu", "cu130")
    )
    assert without.disk_bytes < with_card.disk_bytes
    assert without.download_bytes < with_card.download_bytes


@pytest.mark.parametrize("place", ["torch/lib", "nvidia/cudnn/lib", "warp/bin"])
def test_what_was_fetched_before_need_not_come_again(tmp_path: Path, place: str) -> None:
    environment = {"UV_TORCH_BACKEND": "cu130"}
    file = tmp_path / "cache" / "archive-v0" / "a1b2" / place / "library.so"
    file.parent.mkdir(parents=True)
    file.write_bytes(bytes(1_000_000))
    assert bytes_to_come(tmp_path, environment) == estimate_cost(environment).disk_bytes - 1_000_000


@pytest.mark.slow
def test_the_real_uv_sets_up_the_real_engine(tmp_path: Path) -> None:
    uv = shutil.which("uv")
    if not uv:
        pytest.skip("no uv on the PATH")
    root = Path(__file__).resolve().parents[2]
    subprocess.run([uv, "build", "--wheel", "-o", str(tmp_path), str(root)], check=True)
    wheel = next(tmp_path.glob("maquette-*.whl"))
    # A torch of this computer's own, else the small one: no gigabytes of CUDA for a test.
    has_torch = has_own_torch(uv_environment(os.environ), torch_of(wheel))
    environment = dict(os.environ) | ({} if has_torch else {"UV_TORCH_BACKEND": "cpu"})
    plan = SetupPlan(tmp_path / "내 엔진", wheel, None, may_go_online=True, environment=environment)
    setup = Setup(plan)
    deadline_s = time.monotonic() + 900
    while not setup.tick().is_over and time.monotonic() < deadline_s:
        time.sleep(0.1)
    assert setup.state.fault is None, setup.state
    command = find_engine(chosen=str(plan.home), home=tmp_path, environment={}).command
    told = subprocess.run([*command, "--version"], stdout=subprocess.PIPE, text=True, check=True)
    assert told.stdout.startswith("maquette ")
