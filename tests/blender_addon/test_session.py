"""What an artist asks for comes to the scene once, whatever becomes of the engine meanwhile."""

from __future__ import annotations

import time

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
