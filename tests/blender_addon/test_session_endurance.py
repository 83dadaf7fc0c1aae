"""A session may run for days: what it costs does not grow with what it has done."""

from __future__ import annotations

import gc
import statistics
import threading
import time
from collections import Counter

import psutil
import pytest
from addon_bench import FIGURES, Bench, Blender

pytestmark = pytest.mark.skipif(
    "sys.platform == 'win32'", reason="the program that stands in is a shell script"
)


def ticks_ms(blender: Blender, n_ticks: int = 1000) -> list[float]:
    """What ticks cost in which nothing happens."""
    costs = []
    for _ in range(n_ticks):
        began_s = time.perf_counter()
        blender.session.tick(time.monotonic())
        costs.append((time.perf_counter() - began_s) * 1000)
    return costs


def note_costs(what: str, costs: list[float]) -> None:
    FIGURES[f"{what}, best, ms"] = min(costs)
    FIGURES[f"{what}, median, ms"] = statistics.median(costs)


def test_a_tick_without_news_changes_nothing(at: Bench) -> None:
    blender = at.blender()
    note_costs("tick without an engine", ticks_ms(blender))
    blender.session.start()
    blender.until_ready()
    blender.tick_for(0.3)
    version = blender.session.jobs.version
    note_costs("idle tick", ticks_ms(blender))
    assert blender.session.jobs.version == version
    assert blender.session.interval_s == 0.5


def n_objects() -> Counter[str]:
    """How many objects of the add-on's classes there are, by name."""
    gc.collect()
    return Counter(
        type(each).__qualname__
        for each in gc.get_objects()
        if str(type(each).__module__).startswith("maquette")
    )


@pytest.mark.slow
def test_three_hundred_jobs_leave_only_their_line_in_the_list(at: Bench) -> None:
    blender, me = at.blender(), psutil.Process()

    def work(n_jobs: int) -> None:
        for _ in range(n_jobs):
            job = blender.submit("quick 200000", n_bytes=300_000)
            blender.until_landed(job)
            blender.arrived.clear()
            blender.session.discard(job)
            blender.until(lambda job=job: blender.job(job) is None)

    work(50)
    before = (n_objects(), me.num_fds(), len(threading.enumerate()), me.memory_info().rss)
    began_s = time.monotonic()
    work(250)
    FIGURES["a job from submit to discard, ms"] = (time.monotonic() - began_s) / 250 * 1000
    after = (n_objects(), me.num_fds(), len(threading.enumerate()), me.memory_info().rss)
    FIGURES["growth of memory in 250 jobs, KiB"] = (after[3] - before[3]) / 1024
    assert after[0] == before[0]
    assert after[1] <= before[1]
    assert after[2] == before[2]
    assert after[3] - before[3] < 8 * 1024**2  # 250 results and pictures are 125 MB
    assert len(blender.session.jobs) == 0
    assert blender.ours() == []


@pytest.mark.slow
def test_three_hundred_jobs_that_stay_in_the_list_keep_no_pictures(at: Bench) -> None:
    blender = at.blender()
    jobs = [blender.submit("quick") for _ in range(300)]
    blender.until(lambda: len(blender.landed) == 300, 120)
    assert sorted(blender.landed) == sorted(jobs)
    assert all(job.request is None for job in blender.session.jobs)
    assert len(blender.session.jobs) == 300
    assert blender.ours() == []
    blender.tick_for(0.3)
    note_costs("idle tick with 300 jobs", ticks_ms(blender))


@pytest.mark.slow
def test_a_dozen_restarts_leave_no_file_and_no_process(at: Bench) -> None:
    blender, me = at.blender(), psutil.Process()
    seen = []
    for _ in range(12):
        blender.session.start()
        blender.until_ready()
        blender.session.stop()
        blender.until(lambda: blender.session.connection._ending is None)
        seen.append((me.num_fds(), me.num_threads(), len(me.children(recursive=True))))
    assert seen[-1] == seen[1]
