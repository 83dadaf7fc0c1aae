"""Every failure becomes a fault in plain words; a traceback is kept for the log and never shown."""

from __future__ import annotations

import errno

import pytest

from engine.errors import (
    GIB,
    BadInput,
    BadRequest,
    Cancelled,
    DiskFull,
    MaquetteError,
    Numerics,
    OutOfVram,
    Unreachable,
    VramExhausted,
    WeightsMissing,
    WorkerDied,
    fault_of,
)
from protocol.faults import ACTIONS, CODES

PLAIN = {
    BadInput: "bad_input",
    BadRequest: "bad_request",
    WeightsMissing: "weights_missing",
    DiskFull: "disk_full",
    Unreachable: "unreachable",
    WorkerDied: "worker_died",
    Numerics: "numerics",
    MaquetteError: "internal",
}


def raised(error: BaseException) -> BaseException:
    """The error as it is after a flight: with a traceback."""
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


def every_class(base: type[MaquetteError] = MaquetteError) -> set[type[MaquetteError]]:
    return {base}.union(*(every_class(one) for one in base.__subclasses__()))


@pytest.mark.parametrize(("kind", "code"), PLAIN.items())
def test_each_error_has_its_fault(kind: type[MaquetteError], code: str) -> None:
    fault = fault_of(raised(kind("cat.png is empty.", remedy="Save it again.")), stage="preprocess")
    assert (fault.code, fault.message, fault.remedy) == (code, "cat.png is empty.", "Save it again.")
    assert (fault.action, fault.stage, fault.detail) == (kind.action, "preprocess", "")


def test_every_class_of_errors_is_tested_and_uses_the_words_of_the_wire() -> None:
    ours = {kind for kind in every_class() if kind.__module__ == "engine.errors"}
    assert ours == {*PLAIN, OutOfVram, VramExhausted, Cancelled}
    for kind in ours:
        assert kind.code in CODES
        assert kind.action in ACTIONS


def test_an_instance_may_know_a_better_action_than_its_class() -> None:
    assert fault_of(BadInput("No folder.", action="choose_folder")).action == "choose_folder"
    assert fault_of(BadInput("No file.")).action == "choose_picture"


def test_out_of_vram_says_both_figures() -> None:
    fault = fault_of(OutOfVram(6 * GIB, int(3.5 * GIB), what="The shape model"))
    assert fault.code == "out_of_vram"
    assert fault.action == "lower_preset"
    assert fault.message == "The shape model needs 6.0 GiB of GPU memory, 3.5 GiB are free."
    assert fault.remedy


def test_exhausted_vram_says_what_was_held_and_how_to_need_less() -> None:
    fault = fault_of(VramExhausted(3 * GIB, GIB // 2, what="The work"))
    assert (fault.code, fault.exit_code, fault.action) == ("out_of_vram", 3, "lower_preset")
    assert fault.message == "The work ran out of GPU memory: 3.0 GiB were in use here, 0.5 GiB free."
    assert "load.stream=true" in fault.remedy


@pytest.mark.parametrize("error", [Cancelled(), KeyboardInterrupt()])
def test_an_interrupt_is_a_cancellation_and_no_bug(error: BaseException) -> None:
    fault = fault_of(raised(error), stage="bake")
    assert (fault.code, fault.stage, fault.detail) == ("cancelled", "bake", "")
    assert fault.exit_code == 130


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_with_the_file(number: int) -> None:
    fault = fault_of(raised(OSError(number, "No space left", "모형 out.glb")), stage="save")
    assert (fault.code, fault.action, fault.detail) == ("disk_full", "choose_folder", "")
    assert "모형 out.glb" in fault.message
    assert fault.remedy
    assert fault_of(OSError(number, "No space left")).message == "The disk is full."


def test_other_errors_of_the_system_are_not_a_full_disk() -> None:
    assert fault_of(raised(PermissionError(errno.EACCES, "Permission denied", "x"))).code == "internal"


def test_too_little_ram_is_said_as_that() -> None:
    fault = fault_of(raised(MemoryError()), stage="shape")
    assert fault.code == "internal"
    assert "RAM" in fault.message
    assert fault.action == "lower_preset"
    assert "MemoryError" in fault.detail


def test_numpys_memory_error_is_one_too() -> None:
    import numpy as np

    with pytest.raises(MemoryError) as caught:
        np.empty((2**50,), np.float64)
    assert "RAM" in fault_of(caught.value).message


def test_what_is_unknown_is_ours_and_its_traceback_only_a_detail() -> None:
    fault = fault_of(raised(ZeroDivisionError("division by zero")), stage="clean")
    assert (fault.code, fault.action, fault.stage) == ("internal", "copy_report", "clean")
    assert "ZeroDivisionError: division by zero" in fault.message
    assert "Traceback" not in fault.message + fault.remedy
    assert "Traceback" in fault.detail
    assert "in raised" in fault.detail


UNRULY = {"long": "x" * 100_000, "NUL": "a\0b", "half a pair": "a\ud800b", "long Chinese": "多" * 3000}


@pytest.mark.parametrize("text", UNRULY.values(), ids=UNRULY)
@pytest.mark.parametrize("kind", [ValueError, BadInput])
def test_any_words_fit_into_a_fault(kind: type[Exception], text: str) -> None:
    # Names of files get into messages, and may hold what is no text.
    fault = fault_of(raised(kind(text)))
    assert 0 < len(fault.message) <= 2000
    assert len(fault.detail) <= 20_000


def test_an_error_without_words_is_called_by_its_kind() -> None:
    assert "ValueError" in fault_of(raised(ValueError())).message


def test_a_long_traceback_keeps_its_end() -> None:
    def fall(n: int) -> None:
        if n == 0:
            raise ValueError("the bottom")
        fall(n - 1)

    error: BaseException = RuntimeError()
    for _ in range(60):
        with pytest.raises(ValueError, match="bottom") as caught:
            fall(20)
        caught.value.__cause__ = error
        error = caught.value
    detail = fault_of(error).detail
    assert len(detail) <= 8000
    assert detail.rstrip().endswith("ValueError: the bottom")


def test_an_error_reads_as_what_and_what_to_do() -> None:
    assert str(BadInput("It is empty.", remedy="Save it again.")) == "It is empty. Save it again."
    assert str(BadInput("It is empty.")) == "It is empty."
