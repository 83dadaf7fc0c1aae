"""The queue: order, states, bounds; without sockets or processes."""

from __future__ import annotations

import pytest
from running_server import picture, request
from scripted_worker import made_of

from engine.errors import BadRequest
from engine.jobs import JobQueue, QueueBounds
from engine.payloads import InRam
from protocol.events import JobChanged, StageStarted
from protocol.faults import Fault
from protocol.requests import CutoutRequest
from protocol.results import Result
from protocol.states import OutOfTurn

FAULT = Fault("worker_died", "It died.", detail="a long log")


def queue_of(*jobs: str, **bounds: int) -> JobQueue:
    queue = JobQueue(QueueBounds(**bounds), clock=lambda: 3.0)
    for job in jobs:
        queue.add(job, request())
    return queue


def run(queue: JobQueue, job: str) -> None:
    queue.apply(JobChanged(job, "running"))


def finish(queue: JobQueue, job: str, n_bytes: int = 8) -> Result:
    run(queue, job)
    made = made_of(job, n_bytes)
    queue.keep(job, InRam(made, n_bytes))
    return made


def next_of(queue: JobQueue) -> str:
    job = queue.next()
    return job.job if job else ""


def test_jobs_run_in_the_order_in_which_they_came() -> None:
    queue = queue_of("a", "b", "c")
    assert [queue.position(job) for job in "abc"] == [0, 1, 2]
    run(queue, "a")
    assert (next_of(queue), queue.position("c"), queue.n_queued, queue.n_open) == ("b", 1, 2, 3)


def test_the_same_id_is_the_same_job() -> None:
    queue = queue_of("a")
    run(queue, "a")
    assert queue.add("a", request("other")).state == "running"
    assert (queue.n_queued, len(queue.summaries())) == (0, 1)


def test_a_job_whose_worker_died_is_next_again() -> None:
    queue = queue_of("a", "b")
    run(queue, "a")
    queue.apply(JobChanged("a", "queued", FAULT))
    assert (next_of(queue), queue.get("a").n_starts) == ("a", 1)


def test_a_retried_job_comes_last_and_has_all_its_starts_again() -> None:
    queue = queue_of("a", "b")
    run(queue, "a")
    queue.apply(JobChanged("a", "failed", FAULT))
    queue.apply(JobChanged("a", "queued"))
    assert (next_of(queue), queue.position("a"), queue.get("a").n_starts) == ("b", 1, 0)


def test_a_cancelled_job_leaves_the_queue() -> None:
    queue = queue_of("a", "b")
    queue.apply(JobChanged("a", "cancelled"))
    assert (next_of(queue), queue.get("a").state) == ("b", "cancelled")


def test_a_result_can_be_taken_and_taken_again() -> None:
    queue = queue_of("a")
    made = finish(queue, "a")
    assert queue.result("a") is made
    queue.apply(JobChanged("a", "taken"))
    assert queue.result("a") is made
    assert queue.summaries()[0].result_bytes == 8
    assert queue.get("a").request is None


def test_there_is_no_result_before_the_end_and_none_of_an_unknown_job() -> None:
    queue = queue_of("a")
    with pytest.raises(BadRequest, match="Job a is queued and has no result"):
        queue.result("a")
    with pytest.raises(BadRequest, match="There is no job 'b'"):
        queue.result("b")


def test_a_result_of_a_job_that_does_not_run_is_out_of_turn() -> None:
    with pytest.raises(OutOfTurn):
        queue_of("a").keep("a", InRam(made_of("a"), 8))


def test_taken_results_go_first_when_room_is_short_then_the_oldest() -> None:
    queue = queue_of("a", "b", "c", "d", max_ram_bytes=90)
    finish(queue, "a", 28)
    finish(queue, "b", 28)
    finish(queue, "c", 28)
    queue.apply(JobChanged("b", "taken"))
    finish(queue, "d", 28)
    assert [summary.result_bytes for summary in queue.summaries()] == [28, 0, 28, 28]
    with pytest.raises(BadRequest, match="was dropped to make room"):
        queue.result("b")


def test_a_queue_that_is_full_says_so() -> None:
    queue = queue_of("a", "b", max_queued_jobs=2)
    with pytest.raises(BadRequest, match="2 jobs wait already, 2 may"):
        queue.add("c", request())
    assert queue.add("a", request()).job == "a"
    small = queue_of(max_request_bytes=5)
    small.add("a", request())
    with pytest.raises(BadRequest, match="do not fit"):
        small.add("b", request())


def test_old_closed_jobs_make_room_for_new_ones_and_untaken_results_last() -> None:
    queue = queue_of("a", "b", "c", max_jobs=3)
    finish(queue, "a")
    run(queue, "b")
    queue.apply(JobChanged("b", "failed", FAULT))
    queue.add("d", request())
    assert [summary.job for summary in queue.summaries()] == ["a", "c", "d"]
    queue.add("e", request())
    assert [summary.job for summary in queue.summaries()] == ["c", "d", "e"]
    with pytest.raises(BadRequest, match="the engine holds 3 jobs"):
        queue.add("f", request())


def test_only_closed_jobs_can_be_discarded() -> None:
    queue = queue_of("a")
    with pytest.raises(BadRequest, match="Cancel it first"):
        queue.discard("a")
    finish(queue, "a")
    queue.discard("a")
    assert "a" not in queue


def test_a_list_says_where_each_job_stands() -> None:
    queue = queue_of("a", "b")
    queue.add("c", CutoutRequest(picture("cut me")))
    run(queue, "a")
    queue.apply(StageStarted("a", "bake", 2, 7))
    first, second, third = queue.summaries()
    assert (first.state, first.stage, first.index, first.n_stages) == ("running", "bake", 2, 7)
    assert (second.kind, second.backend, second.preset, second.position) == (
        "generate",
        "silhouette",
        "auto",
        0,
    )
    assert (third.kind, third.name, third.position, third.submitted_s) == ("cutout", "cut me", 1, 3.0)


def test_a_list_leaves_the_detail_of_faults_out() -> None:
    queue = queue_of("a")
    run(queue, "a")
    queue.apply(JobChanged("a", "failed", FAULT))
    assert queue.summaries()[0].fault == Fault("worker_died", "It died.")


def test_what_was_closed_long_ago_is_forgotten() -> None:
    now_s = [0.0]
    queue = JobQueue(QueueBounds(keep_s=100.0), clock=lambda: now_s[0])
    for job in "abc":
        queue.add(job, request())
    finish(queue, "a")
    now_s[0] = 90.0
    queue.apply(JobChanged("b", "cancelled"))
    assert queue.expire() == ()
    now_s[0] = 101.0
    assert queue.expire() == ("a",)
    now_s[0] = -1e9  # the clock jumps back: nothing is younger than it was
    assert queue.expire() == ()
    now_s[0] = 1e9
    assert queue.expire() == ("b",)
    assert [record.job for record in queue] == ["c"]


def test_a_job_whose_pictures_were_dropped_cannot_be_retried() -> None:
    queue = queue_of("a", "b", max_ram_bytes=50)
    run(queue, "a")
    queue.apply(JobChanged("a", "failed", FAULT))
    queue.check_step("a", "queued")
    finish(queue, "b", 49)
    with pytest.raises(BadRequest, match="pictures of job a were dropped"):
        queue.check_step("a", "queued")


def test_a_list_that_is_asked_for_again_is_the_same_and_follows_each_change() -> None:
    queue = queue_of("a", "b", "c")
    first = queue.summaries()
    assert all(one is other for one, other in zip(first, queue.summaries(), strict=True))
    run(queue, "a")
    assert [summary.position for summary in queue.summaries()] == [0, 0, 1]
    assert queue.summaries()[0].state == "running"
