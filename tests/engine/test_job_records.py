"""Jobs on the disk: what a new server finds after one that was killed, damaged, newer or out of room."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_server import picture, request
from scripted_worker import made_of

from engine.errors import BadRequest, DiskFull, MaquetteError
from engine.jobs import JobQueue, QueueBounds
from engine.payloads import REQUEST, RESULT, payload_name
from engine.records.files import write_result
from engine.records.keeper import FILE_NAME, Records
from protocol.events import JobChanged
from protocol.faults import Fault
from protocol.requests import CutoutRequest
from protocol.results import Result

FAULT = Fault("out_of_vram", "Needs 9 GiB.", "Choose eco.", "lower_preset", "shape", "a log")


class Engine:
    """A queue over records in a folder; `kill` leaves the folder as a killed process would."""

    def __init__(self, folder: Path, bounds: QueueBounds | None = None) -> None:
        self.records = Records(folder)
        self.queue = JobQueue(bounds, self.records)
        self.queue.restore(self.records.load())

    def submit(self, *jobs: str) -> None:
        for job in jobs:
            self.queue.add(job, request(f"quick {job}"))

    def turn(self, job: str, *states: str) -> None:
        for state in states:
            self.queue.apply(JobChanged(job, state, FAULT if state == "failed" else None))

    def finish(self, job: str, n_bytes: int = 8) -> None:
        self.turn(job, "running")
        write_result(self.records.run_folder, made_of(job, n_bytes))
        self.queue.keep(job, self.records.claim_result(job))

    def states(self) -> dict[str, str]:
        return {record.job: record.state for record in self.queue}

    def kill(self) -> None:
        self.records._table._connection.close()  # the system does as much


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "고양이 jobs"


@pytest.fixture
def mixed(folder: Path) -> Iterator[Path]:
    """A folder whose server was killed while it had a job in every state."""
    engine = Engine(folder)
    engine.submit("queued-1", "running", "cancelling", "done", "taken", "failed", "cancelled", "queued-2")
    engine.turn("running", "running")
    engine.turn("cancelling", "running", "cancelling")
    engine.finish("done", 5000)
    engine.finish("taken")
    engine.turn("taken", "taken")
    engine.turn("failed", "running", "failed")
    engine.turn("cancelled", "cancelled")
    engine.kill()
    return folder


def files_of(folder: Path, job: str) -> list[str]:
    return [end for end in (REQUEST, RESULT) if (folder / payload_name(job, end)).exists()]


def order_of(engine: Engine) -> list[str]:
    waiting = [record.job for record in engine.queue if record.state == "queued"]
    return sorted(waiting, key=engine.queue.position)


def test_a_new_server_knows_every_job_as_it_stood(mixed: Path) -> None:
    engine = Engine(mixed)
    assert engine.states() == {
        "queued-1": "queued",
        "running": "queued",
        "cancelling": "cancelled",
        "done": "done",
        "taken": "taken",
        "failed": "failed",
        "cancelled": "cancelled",
        "queued-2": "queued",
    }
    assert order_of(engine) == ["queued-1", "running", "queued-2"]
    assert engine.queue.get("failed").view.fault == FAULT
    made = engine.queue.result("done")
    assert isinstance(made, Result)
    assert made == made_of("done", 5000)
    assert engine.queue.result("taken") == made_of("taken")
    assert engine.queue.request("queued-2").request == request("quick queued-2")


def test_what_is_found_is_the_same_each_time(mixed: Path) -> None:
    lists = []
    for _ in range(3):
        engine = Engine(mixed)
        lists.append(engine.queue.summaries())
        engine.records.close()
    assert lists[0] == lists[1] == lists[2]
    assert sorted(entry.suffix for entry in mixed.iterdir() if entry.name.startswith("jobs")) == [".sqlite3"]
    assert not list(mixed.glob("run-*"))


def test_a_retried_job_waits_behind_the_others_after_a_restart(mixed: Path) -> None:
    engine = Engine(mixed)
    engine.turn("failed", "queued")
    engine.kill()
    engine = Engine(mixed)
    assert order_of(engine) == ["queued-1", "running", "queued-2", "failed"]
    engine.submit("new")
    assert order_of(engine)[-1] == "new"


def test_a_result_that_was_written_but_not_told_is_done(folder: Path) -> None:
    engine = Engine(folder)
    engine.submit("claimed", "written", "half")
    engine.turn("claimed", "running")
    write_result(engine.records.run_folder, made_of("claimed"))
    engine.records.claim_result("claimed")
    write_result(engine.records.run_folder, made_of("written"))
    (engine.records.run_folder / ".maquette-0.part").write_bytes(b"MAQ")
    engine.kill()
    engine = Engine(folder)
    assert engine.states() == {"claimed": "done", "written": "done", "half": "queued"}
    assert engine.queue.result("written") == made_of("written")
    assert len(list(folder.glob("run-*"))) == 1
    assert not list(folder.rglob("*.part"))


def test_a_result_that_was_written_while_the_server_ended_is_done(folder: Path) -> None:
    engine = Engine(folder)
    engine.submit("a", "b")
    engine.turn("a", "running")
    engine.turn("b", "running", "cancelling")
    for job in "ab":
        write_result(engine.records.run_folder, made_of(job))
    engine.records.close()
    assert Engine(folder).states() == {"a": "done", "b": "cancelled"}
    assert files_of(folder, "b") == [REQUEST]


def test_an_id_whose_files_are_still_in_use_is_not_given_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(folder)
    engine.submit("a")
    engine.finish("a")

    def in_use(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(errno.EACCES, "in use")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", in_use)
        engine.queue.discard("a")
        assert engine.states() == {}
        with pytest.raises(BadRequest, match="still in use"):
            engine.submit("a")
    engine.kill()
    assert Engine(folder).states() == {}
    assert files_of(folder, "a") == []


def test_a_worker_that_outlived_its_server_cannot_write(folder: Path) -> None:
    engine = Engine(folder)
    engine.submit("a")
    orphaned = engine.records.run_folder
    engine.kill()
    engine = Engine(folder)
    with pytest.raises(MaquetteError, match="is gone"):
        write_result(orphaned, made_of("a"))
    assert not list(folder.rglob(f"*{RESULT}"))


def test_a_discarded_job_is_gone_for_good_even_if_the_server_is_killed_in_between(mixed: Path) -> None:
    engine = Engine(mixed)
    for job in ("done", "failed"):
        engine.queue.discard(job)
        assert files_of(mixed, job) == []
    engine.records._files.remove = lambda *unused: False  # type: ignore[method-assign]  # killed before that
    engine.queue.discard("taken")
    assert files_of(mixed, "taken") == [REQUEST, RESULT]
    engine.kill()
    engine = Engine(mixed)
    assert not {"done", "failed", "taken"} & set(engine.states())
    assert files_of(mixed, "taken") == []


def test_a_cutout_leaves_no_trace(folder: Path) -> None:
    engine = Engine(folder)
    engine.queue.add("cut", CutoutRequest(picture("a")))
    engine.turn("cut", "running")
    assert not list(folder.glob(f"*{REQUEST}"))
    engine.kill()
    assert Engine(folder).states() == {}


def test_a_missing_file_fails_its_job_in_words(mixed: Path) -> None:
    for job in ("queued-1", "done", "taken"):
        for suffix in (REQUEST, RESULT):
            (mixed / payload_name(job, suffix)).unlink(missing_ok=True)
    engine = Engine(mixed)
    assert (engine.states()["queued-1"], engine.states()["done"]) == ("failed", "failed")
    fault = engine.queue.get("done").view.fault
    assert fault is not None
    assert "no longer on the disk" in fault.message
    assert engine.states()["taken"] == "taken"
    with pytest.raises(BadRequest, match="dropped"):
        engine.queue.result("taken")
    with pytest.raises(BadRequest, match="were dropped"):
        engine.queue.check_step("queued-1", "queued")


@pytest.mark.parametrize("damage", [b"", b"MAQ job1", b"MAQ job1\xff\xff\xff\xff", b"garbage" * 1000, None])
def test_a_damaged_file_is_told_and_harms_nothing_else(mixed: Path, damage: bytes | None) -> None:
    for job, suffix in (("queued-1", REQUEST), ("done", RESULT)):
        path = mixed / payload_name(job, suffix)
        path.write_bytes(path.read_bytes()[:-1] if damage is None else damage)
    engine = Engine(mixed)
    with pytest.raises(MaquetteError, match="What job queued-1 was given cannot be read from the disk"):
        engine.queue.request("queued-1")
    with pytest.raises(MaquetteError, match="The result of job done cannot be read from the disk"):
        engine.queue.result("done")
    assert engine.queue.get("done").result_bytes == 0
    assert engine.queue.result("taken") == made_of("taken")


def test_files_of_another_job_are_not_taken_for_this_one_s(mixed: Path) -> None:
    shutil.copy(mixed / payload_name("taken", RESULT), mixed / payload_name("done", RESULT))
    engine = Engine(mixed)
    with pytest.raises(MaquetteError, match="must be 'done'"):
        engine.queue.result("done")


@pytest.mark.parametrize("damage", ["garbage", "truncated", "no table", "bad row", "empty"])
def test_a_damaged_table_is_set_aside_and_the_jobs_found_by_their_files(
    mixed: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = mixed / FILE_NAME
    with sqlite3.connect(path) as table:
        table.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if damage == "no table":
            table.execute("DROP TABLE jobs")
        elif damage == "bad row":
            table.execute("UPDATE jobs SET fault = '{' WHERE job = 'failed'")
    table.close()
    if damage == "garbage":
        path.write_bytes(b"garbage" * 1000)
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:5000])
    elif damage == "empty":
        path.write_bytes(b"")
    engine = Engine(mixed)
    states = engine.states()
    assert (states["done"], states["taken"]) == ("done", "done")  # to take again is better than not at all
    assert engine.queue.result("done") == made_of("done", 5000)
    for job in ("queued-1", "queued-2", "running", "cancelling", "failed", "cancelled"):
        assert states[job] == "failed"
        assert engine.queue.get(job).summary.name == f"quick {job}"
        engine.queue.check_step(job, "queued")
    is_set_aside = damage != "empty"  # then there is nothing to keep
    assert len(list(mixed.glob("jobs.damaged-*.sqlite3"))) == is_set_aside
    assert ("were damaged" in caplog.text) == is_set_aside
    engine.kill()
    assert Engine(mixed).states() == states


def test_a_folder_of_a_newer_version_is_refused_untouched(mixed: Path) -> None:
    with sqlite3.connect(mixed / FILE_NAME) as table:
        table.execute("PRAGMA user_version = 2")
        table.execute("DROP TABLE jobs")
    table.close()
    before = {path.name: path.read_bytes() for path in mixed.iterdir() if path.is_file()}
    with pytest.raises(BadRequest, match=r"newer Maquette \(version 2 of the records") as caught:
        Engine(mixed)
    assert "Update Maquette" in caught.value.remedy
    after = {path.name: path.read_bytes() for path in mixed.iterdir() if path.is_file()}
    assert {name: data for name, data in after.items() if not name.endswith(("-wal", "-shm"))} == before


def test_a_job_without_a_row_is_queued_after_a_power_cut(mixed: Path) -> None:
    with sqlite3.connect(mixed / FILE_NAME) as table:
        table.execute("DELETE FROM jobs WHERE job = 'queued-2'")
    table.close()
    engine = Engine(mixed)
    assert order_of(engine) == ["queued-1", "running", "queued-2"]


def test_a_full_disk_refuses_a_job_in_words_and_leaves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(folder)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(DiskFull, match="The disk is full"):
            engine.submit("a")
    assert engine.states() == {}
    assert [path for path in folder.iterdir() if path.is_file() and path.suffix in (REQUEST, ".part")] == []
    engine.submit("a")
    assert engine.states() == {"a": "queued"}


def test_a_table_that_takes_no_more_delays_rows_and_loses_none(folder: Path) -> None:
    engine = Engine(folder)
    (pages,) = engine.records._table._connection.execute("PRAGMA page_count").fetchone()
    engine.records._table._connection.execute(f"PRAGMA max_page_count = {pages}")
    names = [f"job-{number}" for number in range(100)]
    engine.submit(*names)
    assert len(engine.records._unsaved) > 0
    engine.turn("job-0", "cancelled")
    engine.records._table._connection.execute("PRAGMA max_page_count = 10000")
    engine.turn("job-99", "cancelled")
    assert engine.records._unsaved == {}
    engine.kill()
    again = Engine(folder)
    assert again.states() == dict.fromkeys(names, "queued") | {"job-0": "cancelled", "job-99": "cancelled"}
    assert order_of(again) == names[1:-1]


def test_kept_results_go_when_they_outgrow_the_bound_and_their_files_with_them(folder: Path) -> None:
    engine = Engine(folder, QueueBounds(max_kept_bytes=12_000))
    engine.submit("a", "b", "c")
    engine.finish("a", 5000)
    engine.finish("b", 5000)
    engine.turn("b", "taken")
    engine.finish("c", 5000)
    assert [files_of(folder, job) for job in "abc"] == [[REQUEST, RESULT], [], [REQUEST, RESULT]]
    engine.kill()
    engine = Engine(folder)
    assert engine.states() == {"a": "done", "b": "taken", "c": "done"}
    assert engine.queue.get("b").result_bytes == 0


def test_a_result_in_memory_for_want_of_room_is_made_again_by_the_next_server(folder: Path) -> None:
    from engine.payloads import ram_payload

    engine = Engine(folder)
    engine.submit("a")
    engine.turn("a", "running")
    engine.queue.keep("a", ram_payload(made_of("a")))
    assert engine.queue.result("a") == made_of("a")
    engine.kill()
    engine = Engine(folder)
    assert engine.states() == {"a": "queued"}
    engine.turn("a", "running")
    engine.queue.keep("a", ram_payload(made_of("a")))
    engine.turn("a", "taken")
    engine.kill()
    assert Engine(folder).states() == {"a": "taken"}


def test_what_was_kept_long_enough_is_forgotten_with_its_files(mixed: Path) -> None:
    engine = Engine(mixed, QueueBounds(keep_s=-1.0))  # as if 30 days were over
    assert set(engine.queue.expire()) == {"cancelling", "done", "taken", "failed", "cancelled"}
    engine.kill()
    assert set(Engine(mixed).states()) == {"queued-1", "running", "queued-2"}
    assert (
        sorted(path.suffix for path in mixed.iterdir() if path.is_file() and "sqlite3" not in path.name)
        == [REQUEST] * 3
    )


def test_the_folder_is_the_user_s_alone(mixed: Path) -> None:
    if os.name == "posix":
        assert mixed.stat().st_mode & 0o077 == 0
        assert all(path.stat().st_mode & 0o077 == 0 for path in mixed.glob(f"*{REQUEST}"))
