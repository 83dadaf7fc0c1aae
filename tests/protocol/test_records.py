"""An illegal message cannot be made, and the field that is wrong is named."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import FrozenInstanceError, is_dataclass

import pytest
from wire_samples import golden_samples

from protocol import names
from protocol.arrays import Array, Image, Mesh
from protocol.events import Accepted, Cancel, JobChanged, StageFinished, StageProgress, StageStarted
from protocol.faults import ACTIONS, CODES, EXIT_CODES, Fault, fitted
from protocol.messages import MESSAGES
from protocol.requests import CutoutRequest, GenerateRequest, ViewPicture
from protocol.results import NamedImage, Result
from protocol.rules import Illegal, rules_of
from protocol.session import Hello

FILE = Image("file", Array("uint8", (3,), b"abc"))
FRONT = ViewPicture("front", "a", FILE)
CIRCLE: dict[str, object] = {}
CIRCLE["again"] = CIRCLE


def mesh(n_faces: int, n_uv: int) -> Mesh:
    return Mesh(
        Array("float32", (3, 3), bytes(36)),
        Array("int32", (n_faces, 3), bytes(12 * n_faces)),
        Array("float32", (n_uv, 3, 2), bytes(24 * n_uv)),
    )


def result(**changes: object) -> Result:
    fields: dict[str, object] = {"images": (), "provenance": {}, "report": {}} | changes
    return Result("j", mesh(1, 1), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Cancel(""), "Cancel.job"),
        (lambda: Cancel("a/b"), "Cancel.job"),
        (lambda: Cancel("a\n"), "Cancel.job"),
        (lambda: Cancel(7), "Cancel.job"),
        (lambda: Accepted("j", -1), "Accepted.position"),
        (lambda: Accepted("j", True), "Accepted.position"),
        (lambda: Hello((1,), "t", "c", False), "Hello.version"),
        (lambda: Hello([1, 0], "t", "c", False), "Hello.version"),
        (lambda: Hello((1, 0), "", "c", False), "Hello.token"),
        (lambda: Hello((1, 0), "t", "\ud800", False), "Hello.client"),
        (lambda: Hello((1, 0), "t", "c", 1), "Hello.owner"),
        (lambda: JobChanged("j", "asleep"), "JobChanged.state"),
        (lambda: JobChanged("j", "failed"), "JobChanged.fault"),
        (lambda: JobChanged("j", "done", "fault"), "JobChanged.fault"),
        (lambda: StageStarted("j", "bake", 2, 2), "StageStarted.index"),
        (lambda: StageProgress("j", "bake", 3, 2), "StageProgress.step"),
        (lambda: StageProgress("j", "bake", 0, 0), "StageProgress.n_steps"),
        (lambda: StageFinished("j", "bake", math.nan, 0, False), "StageFinished.seconds"),
        (lambda: StageFinished("j", "bake", math.inf, 0, False), "StageFinished.seconds"),
        (lambda: StageFinished("j", "bake", 10**400, 0, False), "StageFinished.seconds"),
        (lambda: StageFinished("j", "bake", 1, 0, False, ["note"]), "StageFinished.notes"),
        (lambda: Fault("oops", "m"), "Fault.code"),
        (lambda: Fault("internal", ""), "Fault.message"),
        (lambda: Fault("internal", "m", action="explode"), "Fault.action"),
        (lambda: ViewPicture("side", "a", FILE), "ViewPicture.view"),
        (lambda: ViewPicture("front", "a" * 256, FILE), "ViewPicture.name"),
        (lambda: GenerateRequest(()), "GenerateRequest.pictures"),
        (lambda: GenerateRequest((FRONT, FRONT)), "GenerateRequest.pictures"),
        (lambda: GenerateRequest((FRONT,), backend="magic"), "GenerateRequest.backend"),
        (lambda: GenerateRequest((FRONT,), preset="magic"), "GenerateRequest.preset"),
        (lambda: GenerateRequest((FRONT,), seed=-1), "GenerateRequest.seed"),
        (lambda: GenerateRequest((FRONT,), seed=2**63), "GenerateRequest.seed"),
        (lambda: GenerateRequest((FRONT,), settings=(("depth", "1"),)), "GenerateRequest.settings[0][0]"),
        (lambda: GenerateRequest((FRONT,), settings=(("a.b",),)), "GenerateRequest.settings[0]"),
        (lambda: GenerateRequest((FRONT,), settings=(("a.b", "1"),) * 2), "GenerateRequest.settings"),
        (lambda: GenerateRequest((FRONT,), vram_limit_gib=math.nan), "GenerateRequest.vram_limit_gib"),
        (lambda: CutoutRequest(FRONT, (("a.b", "1"),) * 2), "CutoutRequest.settings"),
        (lambda: Array("float64", (1,), bytes(8)), "Array.dtype"),
        (lambda: Array("uint8", (), b""), "Array.shape"),
        (lambda: Array("uint8", (1, 1, 1, 1, 1), b"a"), "Array.shape"),
        (lambda: Array("uint8", (2,), b"a"), "Array.data"),
        (lambda: Array("uint8", (2,), memoryview(b"abcd")[::2]), "Array.data"),
        (lambda: Array("uint8", (1,), "a"), "Array.data"),
        (lambda: Image("file", Array("uint8", (0,), b"")), "Image.data"),
        (lambda: Image("file", Array("uint8", (1, 1), b"a")), "Image.data"),
        (lambda: Image("pixels", Array("uint8", (1, 1, 5), bytes(5))), "Image.data"),
        (lambda: Image("pixels", Array("float32", (1, 1, 1), bytes(4))), "Image.data"),
        (lambda: Image("gif", FILE.data), "Image.encoding"),
        (lambda: mesh(1, 2), "Mesh.uv"),
        (lambda: mesh(0, 0), "Mesh.faces"),
        (lambda: result(images=(NamedImage("a", "sRGB", FILE),) * 2), "Result.images"),
        (lambda: NamedImage("a", "linear", FILE), "NamedImage.colour_space"),
        (lambda: result(report=[]), "Result.report"),
        (lambda: result(report={1: 1}), "Result.report[key]"),
        (lambda: result(report={"a": math.nan}), "Result.report.a"),
        (lambda: result(report={"a": {1, 2}}), "Result.report.a"),
        (lambda: result(report={"a": [b"raw"]}), "Result.report.a[0]"),
        (lambda: result(report={"a": 2**63}), "Result.report.a"),
        (lambda: result(report=CIRCLE), "Result.report" + ".again" * 8),
    ],
)  # fmt: skip
def test_what_is_illegal_cannot_be_made(make: Callable[[], object], field: str) -> None:
    with pytest.raises(Illegal) as caught:
        make()
    assert caught.value.field == field


def test_messages_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Cancel("j").job = "k"  # type: ignore[misc]


def test_a_plain_map_does_not_change_with_its_source() -> None:
    source: dict[str, object] = {"a": [1, (2, 3)]}
    made = result(report=source)
    source["a"] = 5
    assert made.report == {"a": [1, [2, 3]]}


def test_a_whole_number_will_do_where_a_real_one_is_held() -> None:
    seconds = StageFinished("j", "bake", 2, 0, False).seconds
    assert (seconds, type(seconds)) == (2.0, float)


def test_every_message_is_a_dataclass_whose_fields_have_rules() -> None:
    for message in MESSAGES:
        assert is_dataclass(message)
        assert "tag" not in {held.name for held in rules_of(message)}
    assert len({message.__name__ for message in MESSAGES}) == len(MESSAGES) == 29


def test_arrays_are_equal_when_their_bytes_are() -> None:
    one, same = Array("uint8", (2,), b"ab"), Array("uint8", (2,), memoryview(bytearray(b"ab")))
    assert one == same
    assert hash(one) == hash(same)
    assert one != Array("uint8", (2,), b"ac")
    assert one != Array("uint8", (1, 2), b"ab")
    assert one != b"ab"
    assert Array("float32", (0, 3), b"").n_bytes == 0


@pytest.mark.parametrize("code", CODES)
def test_every_fault_has_an_exit_code(code: str) -> None:
    assert Fault(code, "m").exit_code == EXIT_CODES[code]
    assert EXIT_CODES[code] in (1, 2, 3, 4, 5, 130)


def test_a_fault_never_fails_for_its_words() -> None:
    bad = "caf\udce9\0 " + "x" * 5000
    text = fitted(bad, 2000)
    assert len(text) <= 2000
    assert text.startswith("caf??")
    assert Fault("bad_input", text).message == text
    assert fitted("고양이", 2000) == "고양이"


def test_names_are_what_users_know() -> None:
    assert names.VIEWS == ("front", "back", "left", "right", "top", "bottom")
    assert len(set(names.STAGES)) == 11
    assert "" in ACTIONS
    assert set(golden_samples()) >= {message.__name__ for message in MESSAGES}
