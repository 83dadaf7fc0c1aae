"""What is wrong with an engine is said in words with a button; what can be mended by itself is."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from addon_bench import Bench, is_alive, wait_for

pytestmark = pytest.mark.skipif(
    "sys.platform == 'win32'", reason="the program that stands in is a shell script"
)


def test_an_engine_of_another_wire_is_said_with_what_to_do(at: Bench) -> None:
    with at.engine(wire_major=2):
        blender = at.blender()
        fault = blender.fault()
        assert (fault.code, fault.action) == ("refused", "update")
        assert "version 2" in fault.message


def test_an_engine_of_another_version_is_used_and_named(at: Bench) -> None:
    with at.engine(version="9.9.9"):
        blender = at.blender()
        blender.until_ready()
        assert blender.session.other_version == "9.9.9"


def test_without_an_engine_the_user_hears_what_to_do_and_the_job_waits(at: Bench) -> None:
    at.changes = {"chosen": ""}
    blender = at.blender()
    job = blender.submit()
    fault = blender.fault()
    assert (fault.code, fault.action) == ("unreachable", "update")
    assert "Set Up Engine" in fault.remedy
    at.changes = {}
    blender.session.start()
    blender.until_landed(job)
    assert blender.session.fault is None


def test_a_wrong_path_is_named_with_the_button_for_another(at: Bench) -> None:
    at.changes = {"chosen": str(at.folder / "없는 곳" / "maquette")}
    blender = at.blender()
    blender.session.start()
    fault = blender.fault()
    assert (fault.code, fault.action) == ("unreachable", "choose_folder")
    assert "없는 곳" in fault.message


@pytest.mark.parametrize("folder", ["~no_such_user_here/data", "data"])
def test_a_folder_as_the_user_typed_it_is_no_error(
    at: Bench, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(at.folder)
    made = at.maquette.engine_options.engine_options(
        chosen="",
        home="",
        data=folder,
        models=folder,
        own_folder=at.folder,
        idle_s=1.0,
        vram_limit_gib=None,
        environment={},
    )
    assert made.data.is_absolute()
    assert made.data.name == "data"
    assert made.models.is_absolute()


def test_an_engine_that_ends_at_once_is_said_with_its_log(at: Bench) -> None:
    at.write_program(
        exit=1, words="something odd\nmaquette: The disk of engines is bent.\n  Straighten it.\n"
    )
    blender = at.blender()
    job = blender.submit()
    fault = blender.fault()
    assert (fault.code, fault.action) == ("unreachable", "start_engine")
    assert "The disk of engines is bent." in fault.message
    assert fault.remedy == "Straighten it."
    assert "something odd" in fault.detail
    at.write_program()
    blender.session.start()
    blender.until_landed(job)


def test_a_data_folder_that_is_a_file_is_said(at: Bench) -> None:
    at.changes = {"data": at.program}
    blender = at.blender()
    blender.session.start()
    fault = blender.fault()
    assert fault.code == "unreachable"
    assert str(at.program) in fault.message
    assert "another data folder" in fault.remedy


def test_an_engine_that_never_listens_is_given_up(at: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at.maquette.connection, "_START_S", 0.3)
    at.write_program(delay_s=60)
    blender = at.blender()
    blender.session.start()
    fault = blender.fault()
    assert "did not start within" in fault.message
    (pid,) = blender.processes
    blender.until(lambda: not is_alive(pid))


def test_two_blenders_that_start_at_once_share_one_engine(at: Bench) -> None:
    blenders = [at.blender(f"own {number}") for number in range(3)]
    jobs = [blender.submit() for blender in blenders]
    end_s = time.monotonic() + 30
    while not all(blender.landed for blender in blenders) and time.monotonic() < end_s:
        for blender in blenders:
            blender.tick()
        time.sleep(0.004)
    assert [blender.landed for blender in blenders] == [[job] for job in jobs], blenders[1].state()
    assert [blender.session.fault for blender in blenders] == [None] * 3


@pytest.mark.parametrize(
    "script", ["slow", *(pytest.param(s, marks=pytest.mark.slow) for s in ("quick", "deaf"))]
)
def test_a_restart_goes_on_with_the_job(at: Bench, script: str) -> None:
    blender = at.blender()
    job = blender.submit(script)
    blender.until(lambda: blender.job(job).state in ("running", "taken"))
    before = at.address.pid
    blender.session.restart()
    blender.until(lambda: blender.session.is_ready and at.address.pid != before)
    blender.tick_for(0.5)
    assert blender.session.fault is None
    assert not is_alive(before)
    assert blender.job(job).state in ("queued", "running", "taken")


@pytest.mark.slow
def test_a_restart_of_an_engine_of_somebody_else_waits_for_its_end(at: Bench) -> None:
    with at.engine() as process:
        blender = at.blender()
        job = blender.submit("slow")
        blender.until(lambda: blender.job(job).state == "running")
        blender.session.restart()
        blender.until(lambda: blender.session.is_ready and at.address.pid != process.pid)
        assert blender.session.fault is None


def test_an_engine_ended_from_outside_is_started_again_for_its_jobs(at: Bench) -> None:
    blender = at.blender()
    job = blender.submit("steps 40")
    blender.until(lambda: blender.job(job).state == "running")
    os.kill(at.address.pid, signal.SIGTERM)
    blender.until_landed(job)
    assert "from outside" in " ".join(blender.news)
    assert blender.session.fault is None
    assert blender.results(job) == 1


@pytest.mark.slow
def test_stop_ends_it_and_nothing_starts_it_again(at: Bench) -> None:
    blender = at.blender()
    blender.session.start()
    blender.until_ready()
    pid = at.address.pid
    blender.session.stop()
    blender.until(lambda: not is_alive(pid))
    blender.tick_for(1.5)
    assert not at.has_address
    assert blender.session.connection.phase == "stopped"
    assert blender.session.fault is None


def test_blender_that_ends_while_its_engine_starts_leaves_none(at: Bench) -> None:
    at.write_program(owner_silence_s=0.5)
    blender = at.blender()
    blender.session.start()
    blender.until(lambda: blender.processes)
    blender.session.close()
    (pid,) = blender.processes
    wait_for(lambda: not is_alive(pid))
    assert not at.has_address


def test_a_main_thread_that_was_held_for_long_keeps_a_healthy_engine(at: Bench) -> None:
    blender = at.blender()
    job = blender.submit("steps 20")
    blender.until(lambda: blender.job(job).state == "running")
    now_s, pid = time.monotonic(), at.address.pid
    for jump_s in (6.0, 60.0, 3600.0, 86_400.0, 6.0, 100.0):
        now_s += jump_s
        blender.tick(now_s)
        assert blender.session.is_ready, blender.state()
    end_s = time.monotonic() + 10
    while job not in blender.landed and time.monotonic() < end_s:
        time.sleep(0.05)
        now_s += 40.0
        blender.tick(now_s)
    assert blender.results(job) == 1
    assert blender.news == []
    assert at.address.pid == pid


def test_an_engine_that_hangs_is_noticed_and_replaced(at: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at.maquette.link, "_HEARTBEAT_MS", 300)
    monkeypatch.setattr(at.maquette.link, "_SILENCE_MS", 600)
    monkeypatch.setattr(at.maquette.connection, "_END_S", 0.5)
    blender = at.blender()
    job = blender.submit("steps 30")
    blender.until(lambda: blender.job(job).state == "running")
    hung = at.address.pid
    os.kill(hung, signal.SIGSTOP)
    blender.until_landed(job)
    assert not is_alive(hung)
    assert "being started again" in " ".join(blender.news)
    assert blender.results(job) == 1
    assert blender.session.fault is None


@pytest.mark.slow
def test_an_engine_whose_loop_hangs_is_noticed_by_its_silence(
    at: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at.maquette.connection, "_PING_S", 0.2)
    monkeypatch.setattr(at.maquette.connection, "_SILENCE_S", 1.0)
    monkeypatch.setattr(at.maquette.connection, "_END_S", 0.5)
    blender = at.blender()
    job = blender.submit("steps 30")
    blender.until(lambda: blender.job(job).state == "running")
    hung = at.address.pid
    os.kill(hung, signal.SIGSTOP)
    blender.until_landed(job)
    assert "stopped answering" in " ".join(blender.news)
    assert not is_alive(hung)


@pytest.mark.slow
def test_a_hung_engine_of_somebody_else_is_said(at: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at.maquette.connection, "_PING_S", 0.2)
    monkeypatch.setattr(at.maquette.connection, "_SILENCE_S", 0.8)
    monkeypatch.setattr(at.maquette.connection, "_GREETING_S", 0.5)
    with at.engine() as process:
        blender = at.blender()
        blender.until_ready()
        process.send_signal(signal.SIGSTOP)
        fault = blender.fault()
        assert (fault.code, fault.action) == ("unreachable", "restart_engine")
        process.send_signal(signal.SIGCONT)
        blender.session.start()
        blender.until_ready()


def test_messages_of_an_unknown_kind_end_in_words(at: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    blender = at.blender()
    blender.session.start()
    blender.until_ready()
    known = tuple(each for each in at.maquette.messages.FROM_ENGINE if each.__name__ != "Status")
    monkeypatch.setattr(at.maquette.messages, "FROM_ENGINE", known)
    blender.session.connection.say(at.maquette.messages.AskStatus())
    fault = blender.fault()
    assert (fault.code, fault.action) == ("refused", "update")
    assert "Status" in fault.message


@pytest.mark.slow
def test_the_own_folder_may_be_unwritable(at: Bench) -> None:
    (at.folder / "own").write_text("a file", encoding="utf-8")
    blender = at.blender()
    job = blender.submit()
    blender.until_landed(job)
    assert blender.session.fault is None
    assert Path(at.folder / "own").read_text(encoding="utf-8") == "a file"
