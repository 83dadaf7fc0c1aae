"""The engine is found where the user said, started with nothing of Blender's in it, and its end is told."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from blender_addon.child_process import LOG_BYTES
from blender_addon.engine_homes import Completed, Home, write_marker
from blender_addon.engine_process import Ended, Engine, EngineMissing, EngineProcess, find_engine

IS_WINDOWS = os.name == "nt"
PYTHON = "Scripts/python.exe" if IS_WINDOWS else "bin/python"


def make_program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    path.chmod(0o755)
    return path


def make_environment(home: Path, number: int, *, finished_s: float | None) -> Path:
    folder = home / f"engine-0.{number}.0-0123abcd-{number}"
    make_program(folder / PYTHON)
    if finished_s is not None:
        write_marker(folder, Completed(f"0.{number}.0", "0123abcd", finished_s))
    return folder


def find(home: Path, chosen: str = "", **environment: str) -> Engine:
    return find_engine(chosen=chosen, home=home, environment={"PATH": "", **environment})


def test_a_choice_wins_over_the_variable_over_the_set_up_over_the_path(tmp_path: Path) -> None:
    home, name = tmp_path / "home", "maquette.exe" if IS_WINDOWS else "maquette"
    chosen, variable = make_program(tmp_path / "내 것" / name), make_program(tmp_path / "env" / PYTHON)
    on_path, made = make_program(tmp_path / "bin" / name), make_environment(home, 1, finished_s=1.0)
    told = {"MAQUETTE_ENGINE": str(variable.parents[1]), "PATH": str(on_path.parent)}
    assert find(home, f' "{chosen}" ', **told) == Engine((str(chosen),), "preferences")
    assert find(home, **told) == Engine((str(variable), "-m", "engine"), "environment")
    assert find(home, PATH=told["PATH"]) == Engine((str(made / PYTHON), "-m", "engine"), "set-up")
    assert find(tmp_path, PATH=told["PATH"]).origin == "path"
    with pytest.raises(EngineMissing) as missing:
        find(tmp_path)
    assert "Set Up Engine" in missing.value.remedy


def test_the_environment_finished_last_is_taken_and_an_unfinished_one_never(tmp_path: Path) -> None:
    make_environment(tmp_path, 3, finished_s=None)
    make_environment(tmp_path, 2, finished_s=10.0)
    newest = make_environment(tmp_path, 1, finished_s=20.0)
    torn = make_environment(tmp_path, 4, finished_s=30.0)
    (torn / "complete.json").write_text('{"version": "0.4', encoding="utf-8")
    without_python = make_environment(tmp_path, 5, finished_s=40.0)
    (without_python / PYTHON).unlink()
    assert find(tmp_path).command[0] == str(newest / PYTHON)
    assert find(Path("/nowhere"), str(tmp_path)).command[0] == str(newest / PYTHON)
    with pytest.raises(EngineMissing, match="was not finished"):
        find(tmp_path, str(torn))


def test_a_wrong_choice_is_named_and_nothing_else_is_run(tmp_path: Path) -> None:
    make_environment(tmp_path, 1, finished_s=1.0)
    (tmp_path / "empty").mkdir()
    wrong = {
        str(tmp_path / "not there"): "does not exist",
        str(tmp_path / "empty"): "holds no Python environment",
        str(make_program(tmp_path / "blender.exe")): "neither a Python nor",
    }
    for chosen, words in wrong.items():
        with pytest.raises(EngineMissing, match=words) as missing:
            find(tmp_path, chosen)
        assert chosen in missing.value.message
        assert "preferences" in missing.value.remedy
    with pytest.raises(EngineMissing, match="does not exist") as missing:
        find(tmp_path, MAQUETTE_ENGINE=str(tmp_path / "gone"))
    assert "MAQUETTE_ENGINE" in missing.value.remedy
    assert missing.value.pattern.format(**missing.value.values) == missing.value.message


@pytest.mark.skipif(IS_WINDOWS, reason="Windows knows programs by their names")
def test_a_file_that_may_not_be_run_is_said(tmp_path: Path) -> None:
    make_program(tmp_path / "python3").chmod(0o644)
    with pytest.raises(EngineMissing, match="not executable"):
        find(tmp_path, str(tmp_path / "python3"))


def start(folder: Path, script: str, **environment: str) -> EngineProcess:
    engine = Engine((sys.executable, "-c", script), "path")
    return EngineProcess.start(
        engine,
        data=folder / "데이터 data",
        models=folder / "models",
        idle_s=90.0,
        log=folder / "logs" / "server.log",
        environment=dict(os.environ) | environment,
    )


def ended(process: EngineProcess) -> Ended:
    for _ in range(2000):
        if found := process.poll():
            return found
        time.sleep(0.01)
    raise AssertionError("the server did not end")


def said(process: EngineProcess, words: str) -> None:
    for _ in range(2000):
        if words in process._child.tail() or process.poll():
            return
        time.sleep(0.01)


def test_the_server_gets_its_folders_and_nothing_of_blenders_python(tmp_path: Path) -> None:
    told = "[sys.argv[1:], dict(os.environ), os.getcwd(), sys.stdin.read()]"
    script = f"import json, os, sys; print(json.dumps({told}))"
    blender = {"PYTHONHOME": "/blender", "PYTHONPATH": "/blender", "PYTHONSTARTUP": "/x", "VIRTUAL_ENV": "/y"}
    found = ended(start(tmp_path, script, **blender))
    assert found.code == 0, found
    arguments, environment, folder, stdin = json.loads(found.tail)
    assert arguments == ["serve", "--owned", "--idle", "90"]
    assert environment["MAQUETTE_DATA"] == str(tmp_path / "데이터 data")
    assert environment["MAQUETTE_MODELS"] == str(tmp_path / "models")
    assert environment["PYTHONUTF8"] == "1"
    assert not set(blender) & set(environment)
    assert folder == str(tmp_path / "데이터 data")
    assert stdin == ""


@pytest.mark.skipif(IS_WINDOWS, reason="process groups are POSIX's")
def test_ctrl_c_in_blenders_terminal_is_not_for_the_server(tmp_path: Path) -> None:
    process = start(tmp_path, "import time; time.sleep(600)")
    assert os.getpgid(process.pid) != os.getpgid(0)
    process.close()
    assert process.poll() is not None


def test_an_end_that_was_asked_for_is_no_fault(tmp_path: Path) -> None:
    process = start(tmp_path, "import time; time.sleep(600)")
    assert process.poll() is None
    process.end()
    found = ended(process)
    assert found.message == "The engine was ended."
    assert found.remedy == ""


@pytest.mark.skipif(IS_WINDOWS, reason="Windows has no way to ask")
def test_a_server_that_does_not_listen_is_killed_when_patience_is_used_up(tmp_path: Path) -> None:
    script = (
        "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    )
    process = start(tmp_path, script)
    said(process, "deaf")
    process.end(patience_s=0.1)
    process.end(patience_s=600)  # asking again does not make it wait longer
    assert ended(process).code == -9
    assert process.poll() == ended(process)


@pytest.mark.parametrize(
    ("script", "message", "remedy"),
    [
        ("import sys; sys.exit('maquette: The port 5 is taken.\\nGo.')", "port 5 is taken", "Go"),
        ("import sys; sys.exit('python: No module named engine')", "no Maquette engine in", "Set Up Engine"),
        ("import not_there_at_all", "missing or broken", "Set Up Engine"),
        ("import sys; sys.exit(3)", "exit code 3", "Start it again"),
        ("import os; os.kill(os.getpid(), 9)", "was killed", "Start it again"),
    ],
)  # fmt: skip
def test_every_end_is_told_in_words(tmp_path: Path, script: str, message: str, remedy: str) -> None:
    if IS_WINDOWS and "kill" in script:
        pytest.skip("Windows has no signals")
    found = ended(start(tmp_path, script))
    assert message in found.message
    assert remedy in found.remedy


def test_the_tail_is_the_end_of_what_this_server_said(tmp_path: Path) -> None:
    ended(start(tmp_path, "print('the one before')"))
    found = ended(start(tmp_path, "for n in range(50): print('line', n)"))
    assert found.tail.splitlines() == [f"line {n}" for n in range(30, 50)]


def test_a_log_that_grew_too_large_makes_room(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "server.log"
    log.parent.mkdir()
    log.write_bytes(b"x" * (LOG_BYTES + 1))
    ended(start(tmp_path, "print('new')"))
    assert log.read_text(encoding="utf-8").strip() == "new"
    assert (tmp_path / "logs" / "server.old.log").stat().st_size == LOG_BYTES + 1


def test_what_cannot_be_started_is_said(tmp_path: Path) -> None:
    def try_it(program: str, data: Path) -> None:
        log = tmp_path / "log.txt"
        EngineProcess.start(Engine((program,), "path"), data=data, models=tmp_path, idle_s=1.0, log=log)

    with pytest.raises(EngineMissing, match="could not be started"):
        try_it(str(tmp_path / "gone"), tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(EngineMissing, match="cannot be written"):
        try_it(sys.executable, tmp_path / "file" / "data")


def test_names_of_environments_are_never_used_twice(tmp_path: Path) -> None:
    home = Home(tmp_path)
    first = home.new_environment("0.1.0", "0123abcd" * 8)
    (first / "bin").mkdir(parents=True)
    second = home.new_environment("0.1.0", "0123abcd" * 8)
    assert (first.name, second.name) == ("engine-0.1.0-0123abcd-1", "engine-0.1.0-0123abcd-2")
