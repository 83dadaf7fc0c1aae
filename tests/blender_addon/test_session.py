"""What an artist asks for comes to the scene once, whatever becomes of the engine meanwhile."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from addon_bench import Bench, is_alive, wait_for

pytestmark = pytest.mark.skipif(
    "sys.platform == 'win32'", reason="the program that stands in is a shell script"
)


def test_a_job_asked_for_before_any_engine_runs_starts_one_and_lands_once(at: Bench) -> None:
    blender = at.blender()
    job = blender.submit()
    assert blender.ours() == [job]
    blender.until_landed(job)
    blender.tick_for(0.3)
    assert blender.results(job) == 1
    assert [type(m).__name__ for m in blender.arrived] == ["ShapeReady", "Result"]
    assert blender.ours() == []
    assert blender.session.fault is None


def test_the_engine_that_was_started_ends_by_leave_and_leaves_nothing(at: Bench) -> None:
    blender = at.blender()
    blender.session.start()
    blender.until_ready()
    pid = at.address.pid
    blender.session.close()
    wait_for(lambda: not is_alive(pid))
    assert not at.has_address


def test_a_running_engine_is_attached_to_and_not_ended(at: Bench) -> None:
    with at.engine() as process:
        blender = at.blender()
        blender.until_ready()
        assert not blender.processes
        blender.session.close()
        time.sleep(0.5)
        assert process.poll() is None


@pytest.mark.slow
def test_of_two_on_one_engine_the_first_to_leave_does_not_end_it(at: Bench) -> None:
    first, second = at.blender("own 1"), at.blender("own 2")
    first.session.start()
    first.until_ready()
    second.until_ready()
    pid = at.address.pid
    first.session.close()
    job = second.submit()
    second.until_landed(job)
    assert is_alive(pid)
    second.session.close()
    wait_for(lambda: not is_alive(pid))


def test_results_of_others_never_arrive_by_themselves(at: Bench) -> None:
    first, second = at.blender("own 1"), at.blender("own 2")
    second.session.start()
    second.until_ready()
    job = first.submit()
    first.until_landed(job)
    second.until(lambda: second.job(job) is not None and second.job(job).state == "taken")
    assert second.arrived == []
    second.session.take(job, "there")
    second.until_landed(job)
    assert second.results(job) == 1
    assert first.results(job) == 1


def test_a_cancel_reaches_jobs_that_wait_and_run(at: Bench) -> None:
    blender = at.blender()
    running = blender.job_running("slow")
    queued = blender.submit("slow")
    blender.until(lambda: blender.job(queued).is_accepted)
    for job in (queued, running):
        blender.session.cancel(job)
        blender.until(lambda job=job: blender.job(job).state == "cancelled")
    assert blender.ours() == []
    assert blender.session.interval_s == 0.5
    assert blender.session.fault is None


def test_a_cancel_before_the_engine_accepts_is_obeyed(at: Bench) -> None:
    blender = at.blender()
    forgotten = blender.submit("slow")
    blender.session.cancel(forgotten)
    assert blender.job(forgotten) is None
    blender.until_ready()
    unheard = blender.submit("slow")
    blender.session.cancel(unheard)
    blender.until(lambda: blender.job(unheard).state == "cancelled")
    assert blender.job(forgotten) is None
    assert blender.ours() == []


@pytest.mark.slow
def test_a_failed_job_is_tried_again_where_it_was_to_land(at: Bench) -> None:
    blender = at.blender()
    job = blender.submit("bad-input", place="over there")
    blender.until(lambda: blender.session.fault)
    assert (blender.session.fault.code, blender.session.fault_job) == ("bad_input", job)
    assert blender.ours() == []
    blender.session.clear_fault()
    blender.session.retry(job)
    blender.until(lambda: blender.session.fault)
    assert blender.job(job).place == "over there"
    assert blender.job(job).state == "failed"


def test_a_job_that_is_tried_again_is_ours_again(at: Bench) -> None:
    blender = at.blender()
    job = blender.job_running("slow")
    blender.session.cancel(job)
    blender.until(lambda: blender.ours() == [])
    blender.session.retry(job)
    blender.until(lambda: blender.ours() == [job])


def test_a_worker_that_dies_is_told_and_its_job_goes_on(at: Bench) -> None:
    blender = at.blender()
    job = blender.submit(f"die-once {at.folder / 'mark'}")
    blender.until_landed(job)
    assert "SIGKILL" in blender.session.news
    assert blender.session.fault is None
    assert blender.results(job) == 1


@pytest.mark.slow
def test_a_worker_that_keeps_dying_is_a_fault_and_blocks_nothing(at: Bench) -> None:
    blender = at.blender()
    job, after = blender.submit("die"), blender.submit()
    blender.until_landed(after)
    assert (blender.session.fault.code, blender.session.fault_job) == ("worker_died", job)
    assert blender.job(job).state == "failed"


def test_a_full_queue_fails_the_job_and_nothing_is_stuck(at: Bench) -> None:
    at.write_program(max_queued_jobs=1)
    blender = at.blender()
    running = blender.job_running("slow")
    queued = blender.submit()
    refused = blender.submit()
    blender.until(lambda: blender.session.fault)
    assert (blender.session.fault.code, blender.session.fault_job) == ("bad_request", refused)
    assert blender.job(refused).state == "failed"
    assert sorted(blender.ours()) == sorted([running, queued])
    blender.session.cancel(running)
    blender.until_landed(queued)
    assert blender.session.interval_s == 0.5
    blender.session.retry(refused)
    blender.until_landed(refused)


def test_a_refused_job_outlives_a_list_and_can_be_discarded(at: Bench) -> None:
    at.write_program(max_queued_jobs=0)
    blender, other = at.blender(), at.blender("other")
    refused = blender.submit()
    blender.until(lambda: blender.job(refused).state == "failed")
    blender.session.connection.say(at.maquette.messages.ListJobs())
    blender.tick_for(0.5)
    assert blender.job(refused) is not None
    blender.session.clear_fault()
    blender.session.discard(refused)
    blender.tick_for(0.5)
    assert blender.job(refused) is None
    assert blender.session.fault is None
    other.session.close()


def test_pictures_that_are_too_large_are_a_fault_and_no_exception(
    at: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    blender = at.blender()
    blender.session.start()
    blender.until_ready()
    small = replace(at.maquette.link.FROM_CLIENT, max_frame_bytes=1000)
    monkeypatch.setattr(at.maquette.link, "FROM_CLIENT", small)
    job = blender.submit(n_bytes=2000)
    fault = blender.session.fault
    assert (fault.code, fault.action) == ("bad_input", "choose_picture")
    assert "2000 bytes, allowed are 1000" in fault.message
    assert blender.job(job).state == "failed"
    blender.tick_for(0.1)
    assert blender.session.interval_s == 0.5
    fine = blender.submit()
    blender.until_landed(fine)


def test_jobs_of_an_earlier_blender_are_kept_until_an_engine_tells_of_them(at: Bench) -> None:
    (at.folder / "own").mkdir()
    (at.folder / "own" / "ours.json").write_text('["earlier", 5, null]', encoding="utf-8")
    at.changes = {"chosen": ""}
    blender = at.blender()
    job = blender.submit()
    assert sorted(blender.ours()) == sorted([job, "earlier"])
    at.changes = {}
    blender.session.start()
    blender.until_landed(job)
    assert blender.ours() == []


@pytest.mark.slow
def test_a_discarded_job_is_gone_for_everybody(at: Bench) -> None:
    blender = at.blender()
    job = blender.submit()
    blender.until_landed(job)
    blender.session.discard(job)
    blender.until(lambda: blender.job(job) is None)
    assert blender.session.fault is None


@pytest.mark.slow
def test_a_result_asked_for_twice_arrives_once(at: Bench) -> None:
    blender = at.blender()
    job = blender.submit()
    blender.until_landed(job)
    blender.session.take(job, "there")
    blender.session.take(job, "elsewhere")
    blender.tick_for(0.3)
    assert blender.results(job) == 2
    assert blender.job(job).place == "elsewhere"


@pytest.mark.slow
def test_a_list_that_comes_while_a_result_is_on_its_way_fetches_it_once(at: Bench) -> None:
    blender = at.blender()
    blender.is_landing = False
    job = blender.submit(place="here")
    blender.until(lambda: blender.job(job).state == "done")
    blender.session.connection.say(at.maquette.messages.ListJobs())
    blender.session.take(job)
    blender.is_landing = True
    blender.tick_for(0.5)
    assert blender.results(job) == 1


@pytest.mark.parametrize(("age_s", "is_discarded"), [(5.0, False), (7200.0, True)])
def test_a_cut_out_of_another_blender_is_left_to_it(at: Bench, age_s: float, is_discarded: bool) -> None:
    blender = at.blender()
    messages, events = at.maquette.messages, at.maquette.events
    said: list[object] = []
    blender.session.connection.say = said.append
    job = "0" * 32
    numbers = {"position": 0, "index": 0, "n_stages": 1, "step": 0, "n_steps": 0, "result_bytes": 1}
    summary = events.JobSummary(
        *(job, "cutout", "done", "", "", "owl.png"), submitted_s=time.time() - age_s, stage="", **numbers
    )
    blender.session._hear(messages.Jobs((summary,)), 0.0)
    assert said == ([messages.Discard(job)] if is_discarded else [])
