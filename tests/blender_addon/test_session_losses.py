"""The engine or Blender is killed: what was asked for comes all the same, once, and the user hears of it."""

from __future__ import annotations

import os
import signal
import time

import pytest
from addon_bench import Bench

pytestmark = pytest.mark.skipif(
    "sys.platform == 'win32'", reason="the program that stands in is a shell script"
)


def test_a_cancel_while_the_engine_is_away_is_obeyed_by_the_next(at: Bench) -> None:
    blender = at.blender()
    job = blender.job_running("slow")
    at.kill_engine()
    blender.until(lambda: not blender.session.is_ready)
    blender.session.cancel(job)
    blender.until(lambda: blender.job(job).state == "cancelled")
    assert blender.session.is_ready


@pytest.mark.slow
def test_a_job_that_was_accepted_without_a_word_and_cancelled_does_not_run(at: Bench) -> None:
    blender = at.blender()
    blender.session.start()
    blender.until_ready()
    job = blender.submit("slow")
    time.sleep(0.5)
    at.kill_engine()
    blender.session.connection._lose("Gone.", 0.0)  # before its Accepted was read
    blender.session.cancel(job)
    assert blender.job(job) is None
    blender.until(lambda: blender.job(job) is not None)
    blender.until(lambda: blender.job(job).state == "cancelled")


@pytest.mark.slow
def test_a_retry_while_the_engine_is_away_is_obeyed_by_the_next(at: Bench) -> None:
    blender = at.blender()
    job = blender.submit(f"die-once {at.folder / 'mark'}")
    blender.until_landed(job)
    failed = blender.submit("fail")
    blender.until(lambda: blender.job(failed).state == "failed")
    at.kill_engine()
    blender.until(lambda: not blender.session.is_ready)
    blender.session.clear_fault()
    blender.session.retry(failed)
    blender.until(lambda: blender.session.fault)
    assert blender.session.fault.code == "internal"
    assert blender.session.fault_job == failed


SLOW = pytest.mark.slow
LATER = [pytest.param(moment, marks=SLOW) for moment in ("queued", "step 1", "step 25", "done")]


@pytest.mark.parametrize("moment", ["step 10", "on the way", *LATER])
def test_a_server_killed_at_any_moment_costs_nothing(at: Bench, moment: str) -> None:
    blender = at.blender()
    blender.is_landing = False
    before = blender.job_running("slow") if moment == "queued" else ""
    job = blender.submit("steps 30")
    state, _, step = moment.partition(" ")
    is_there = {
        "queued": lambda: blender.job(job).is_accepted,
        "step": lambda: blender.job(job).view.step >= int(step or 0) and blender.job(job).state == "running",
        "done": lambda: blender.job(job).state == "done",
        "on": lambda: blender.job(job).state == "done",
    }[state]
    blender.until(is_there)
    if moment == "on the way":
        blender.session.take(job)
    killed = at.kill_engine()
    blender.until(lambda: not blender.session.is_ready)
    blender.is_landing = True
    blender.until_ready()
    if before:
        blender.session.cancel(before)
    blender.until_landed(job)
    blender.tick_for(0.2)
    assert "The engine stopped unexpectedly." in blender.news[0]
    assert "SIGKILL" in blender.news[0]
    assert ("your jobs go on" in blender.news[0]) is True
    assert at.address.pid != killed
    assert blender.results(job) == 1
    assert blender.landed == [job]
    assert blender.ours() == []
    assert blender.session.fault is None


@pytest.mark.slow
def test_killed_three_times_quickly_it_is_given_up_until_a_click(at: Bench) -> None:
    blender = at.blender()
    job = blender.submit("steps 30")
    for _ in range(3):
        blender.until(lambda: blender.job(job).state == "running" and blender.session.is_ready)
        at.kill_engine()
        blender.until(lambda: not blender.session.is_ready)
    fault = blender.session.fault
    assert (fault.code, fault.action) == ("unreachable", "restart_engine")
    blender.tick_for(1.5)
    assert not blender.session.is_ready
    blender.session.start()
    assert blender.session.fault is None
    blender.until_landed(job)


@pytest.mark.slow
def test_an_order_given_after_it_was_given_up_goes_on(at: Bench) -> None:
    blender = at.blender()
    blender.session.start()
    for _ in range(3):
        blender.until_ready()
        at.kill_engine()
        blender.until(lambda: not blender.session.is_ready)
    job = blender.submit()
    blender.until_landed(job)


def test_blender_killed_in_the_middle_finds_its_job_again(at: Bench) -> None:
    first = at.blender()
    job = first.job_running("steps 20")
    second = at.blender()
    assert second.session.connection.is_wanted
    second.until(lambda: second.job(job) is not None)
    found = second.job(job)
    assert (found.is_ours, found.place) == (True, None)
    second.until(lambda: second.job(job).state == "done")
    assert second.ours() == [job]
    assert second.session.jobs.waiting == [second.job(job)]
    second.session.take(job, "here")
    second.until_landed(job)
    assert second.ours() == []


def test_blender_killed_while_its_result_was_landing_still_has_it(at: Bench) -> None:
    first = at.blender()
    first.is_landing = False
    job = first.submit()
    first.until(lambda: first.job(job).state == "done")
    first.session.take(job)
    first.until(lambda: first.job(job).state == "taken")
    other = first.submit()
    assert sorted(first.ours()) == sorted([job, other])
    second = at.blender()
    second.until(lambda: second.job(job) is not None)
    assert second.job(job) in second.session.jobs.waiting


@pytest.mark.slow
def test_a_due_result_brings_the_engine_back(at: Bench) -> None:
    blender = at.blender()
    blender.is_landing = False
    job = blender.submit()
    blender.until(lambda: blender.job(job).state == "done")
    os.kill(at.address.pid, signal.SIGTERM)
    blender.until(lambda: not blender.session.is_ready)
    blender.is_landing = True
    blender.until_landed(job)
