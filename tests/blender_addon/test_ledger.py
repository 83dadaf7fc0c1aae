"""The ledger takes the engine's list over and forgets nothing that only this Blender knows."""

from __future__ import annotations

from typing import Any

from addon_bench import Maquette


def request(maquette: Maquette) -> Any:
    a, r = maquette.arrays, maquette.requests
    image = a.Image("file", a.Array("uint8", (3,), bytes(3)))
    return r.GenerateRequest((r.ViewPicture("front", "chair.png", image),), seed=7)


def summary(maquette: Maquette, job: str, state: str = "queued", **changes: Any) -> Any:
    fields = {
        "job": job,
        "kind": "generate",
        "state": state,
        "backend": "silhouette",
        "preset": "auto",
        "name": "chair.png",
        "submitted_s": 1.0,
        "position": 0,
        "stage": "",
        "index": 0,
        "n_stages": 0,
        "step": 0,
        "n_steps": 0,
        "result_bytes": 0,
    }
    return maquette.events.JobSummary(**{**fields, **changes})


def ids(jobs: Any) -> list[str]:
    return [job.job for job in jobs]


def test_what_only_we_know_survives_the_engines_list(maquette: Maquette) -> None:
    ledger = maquette.ledger.Ledger()
    ledger.add("a", request(maquette), "chair", "a place", 1.0)
    assert ledger.merge([summary(maquette, "a"), summary(maquette, "b")]) == []
    a, b = ledger
    assert (a.is_ours, a.place, a.fate, a.seed, a.is_accepted) == (True, "a place", "pending", 7, True)
    assert (b.is_ours, b.place, b.fate) == (False, None, "waiting")


def test_only_our_open_jobs_are_missed(maquette: Maquette) -> None:
    ledger = maquette.ledger.Ledger()
    ledger.merge([summary(maquette, "other"), summary(maquette, "done", "done")])
    ledger.add("ours", request(maquette), "chair", None, 1.0)
    assert ids(ledger.merge([])) == ["ours"]
    assert ids(ledger) == ["ours"]


def test_a_job_that_was_refused_is_kept_for_another_try(maquette: Maquette) -> None:
    ledger = maquette.ledger.Ledger()
    ledger.add("a", request(maquette), "chair", None, 1.0)
    ledger.fail("a", maquette.faults.Fault("bad_request", "The queue is full."))
    assert ledger.merge([]) == []
    assert ids(ledger) == ["a"]
    assert ledger.get("a").request is not None


def test_jobs_of_before_are_ours_without_a_place(maquette: Maquette) -> None:
    ledger = maquette.ledger.Ledger(["a", "taken"])
    ledger.merge([summary(maquette, name, state) for name, state in (("a", "done"), ("taken", "taken"))])
    assert ids(ledger.ours) == ["a", "taken"]
    assert ids(ledger.waiting) == ["a", "taken"]
    assert ledger.landing == []


def test_a_result_is_ours_until_it_landed(maquette: Maquette) -> None:
    changed = maquette.messages.JobChanged
    ledger = maquette.ledger.Ledger()
    ledger.add("a", request(maquette), "chair", "here", 1.0)
    for state in ("running", "done", "taken"):
        ledger.hear(changed("a", state), 2.0)
        assert ids(ledger.ours) == ["a"]
    assert ids(ledger.landing) == ["a"]
    ledger.change("a", fate="landed")
    assert (ledger.ours, ledger.landing, ledger.waiting) == ([], [], [])


def test_pictures_are_let_go_when_they_can_not_be_needed_again(maquette: Maquette) -> None:
    changed, fault = maquette.messages.JobChanged, maquette.faults.Fault("internal", "Broken.")
    for states, is_kept in (
        (("running", "failed"), True),
        (("running", "done"), False),
        (("cancelled",), False),
    ):
        ledger = maquette.ledger.Ledger()
        ledger.add("a", request(maquette), "chair", "here", 1.0)
        for state in states:
            ledger.hear(changed("a", state, fault if state == "failed" else None), 2.0)
        assert (ledger.get("a").request is not None) == is_kept


def test_events_of_strangers_and_out_of_turn_change_nothing(maquette: Maquette) -> None:
    ledger = maquette.ledger.Ledger()
    ledger.add("a", request(maquette), "chair", None, 1.0)
    version = ledger.version
    assert ledger.hear(maquette.messages.JobChanged("b", "running"), 1.0) is None
    assert ledger.hear(maquette.messages.JobChanged("a", "done"), 1.0) is None
    assert ledger.hear(maquette.messages.StageProgress("a", "shape", 1, 2), 1.0) is None
    assert ledger.version == version
    assert ledger.get("a").state == "queued"


def test_each_change_that_a_list_shows_has_a_new_version(maquette: Maquette) -> None:
    ledger = maquette.ledger.Ledger()
    seen = [ledger.version]
    ledger.add("a", request(maquette), "chair", None, 1.0)
    seen.append(ledger.version)
    ledger.hear(maquette.messages.JobChanged("a", "running"), 1.0)
    seen.append(ledger.version)
    ledger.merge([])
    seen.append(ledger.version)
    ledger.remove("a")
    seen.append(ledger.version)
    assert seen == sorted(set(seen))
