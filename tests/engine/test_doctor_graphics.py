"""What the doctor says of cards, torch and cuDNN, for machines that are not this one."""

from __future__ import annotations

import pytest

from engine.doctor.child import Outcome
from engine.doctor.graphics import examine_card, examine_cudnn, examine_graphics, examine_torch, is_supported
from engine.memory.device import Device
from engine.memory.nvidia import NvidiaCard, NvidiaReading

GIB = 1024**3
CARD = NvidiaCard(0, "GPU-1", "RTX 4060", (8, 9), 8 * GIB, 6 * GIB)
NVIDIA = NvidiaReading(cards=(CARD,), driver="580.65", cuda="13.0", n_installed=1)
NO_NVIDIA = NvidiaReading(note="No NVIDIA driver is installed.")
CUDA = Device("RTX 4060", "cuda", 8 * GIB, 6 * GIB)
CPU = Device("Some CPU", "cpu", 16 * GIB, 8 * GIB)

CPU_BUILD = {"version": "2.13.0+cpu", "cuda": None, "hip": None}
CUDA_BUILD = {"version": "2.13.0+cu130", "cuda": "13.0", "hip": None}
SEEN = {
    "name": "RTX 4060",
    "compute_capability": [8, 9],
    "architectures": ["sm_75", "sm_80", "sm_86", "sm_90", "sm_120"],
}
RIGHT = {"cudnn": 91300, "result": 72.0}
GOOD = Outcome(
    {"import": CUDA_BUILD, "device": {"cuda": True, "mps": False}, "card": SEEN, "convolution": RIGHT}
)
BLIND = {"cuda": False, "mps": False}


def test_a_healthy_card_has_no_problem() -> None:
    section = examine_graphics(CUDA, NVIDIA, GOOD)
    assert [finding.status for finding in section.findings] == ["ok", "ok", "ok"]
    card, torch, cudnn = section.findings
    assert "6.0 of 8.0 GiB free" in card.what
    assert "580.65" in card.what
    assert "CUDA 13.0" in torch.what
    assert "9.13.0" in cudnn.what
    assert dict(card.facts)["free_bytes"] == 6 * GIB


def test_no_card_is_a_note_with_the_reason() -> None:
    card, torch, cudnn = examine_graphics(
        CPU, NO_NVIDIA, Outcome({"import": CPU_BUILD, "device": BLIND})
    ).findings
    assert (card.status, torch.status, cudnn.status) == ("note", "ok", "ok")
    assert "No NVIDIA driver" in card.what
    assert "Not needed" in cudnn.what


def test_a_hidden_card_is_said_with_the_variable() -> None:
    hidden = NvidiaReading(
        n_installed=1, note='CUDA_VISIBLE_DEVICES is "-1" and hides every NVIDIA card (1 installed).'
    )
    assert "CUDA_VISIBLE_DEVICES" in examine_card(CPU, hidden).remedy


def test_a_torch_for_the_processor_beside_a_card_is_a_problem_with_a_command() -> None:
    found = examine_torch(CUDA, NVIDIA, Outcome({"import": CPU_BUILD, "device": BLIND}))
    assert found.status == "problem"
    assert "RTX 4060" in found.what
    assert "torch==2.13.0" in found.remedy


def test_a_driver_too_old_for_torch_is_a_problem() -> None:
    found = examine_torch(CUDA, NVIDIA, Outcome({"import": CUDA_BUILD, "device": BLIND}))
    assert found.status == "problem"
    assert "Update the NVIDIA driver" in found.remedy


def test_a_card_that_torch_has_no_code_for_is_a_problem() -> None:
    old = {**SEEN, "name": "GTX 1060", "compute_capability": [6, 1]}
    found = examine_torch(CUDA, NVIDIA, Outcome({**GOOD.facts, "card": old}))
    assert found.status == "problem"
    assert "compute capability 6.1" in found.what
    assert "cu126" in found.remedy


def test_a_new_card_is_sent_to_a_newer_torch() -> None:
    new = {**SEEN, "compute_capability": [13, 0]}
    found = examine_torch(CUDA, NVIDIA, Outcome({**GOOD.facts, "card": new}))
    assert found.status == "problem"
    assert "cu126" not in found.remedy


@pytest.mark.parametrize(
    ("capability", "architectures", "runs"),
    [
        ([8, 9], ["sm_86"], True),
        ([8, 0], ["sm_86"], False),
        ([9, 0], ["sm_86"], False),
        ([9, 0], ["sm_86", "compute_86"], True),
        ([7, 5], ["compute_80"], False),
        ([9, 0], ["sm_90a"], True),
        ([9, 1], ["sm_90a"], False),
        ([12, 0], ["sm_100", "sm_120"], True),
        ([12, 1], ["sm_120"], True),
        ([12, 1], ["strange", "sm_90"], False),
        ([8, 9], [], True),
    ],
)
def test_binary_compatibility_follows_nvidias_rules(
    capability: list[int], architectures: list[str], runs: bool
) -> None:
    assert is_supported(capability, architectures) is runs


def test_a_missing_torch_points_to_the_versions() -> None:
    told = Outcome({}, "import", "ended with code 1", "ModuleNotFoundError: No module named 'torch'")
    found = examine_torch(CPU, NO_NVIDIA, told)
    assert found.status == "problem"
    assert "not installed" in found.what


@pytest.mark.parametrize(
    ("detail", "remedy"),
    [
        ("ImportError: DLL load failed while importing _C", "Visual C++"),
        ("OSError: bad", "--force-reinstall"),
    ],
)
def test_a_broken_torch_is_a_problem_with_its_remedy(detail: str, remedy: str) -> None:
    found = examine_torch(CPU, NO_NVIDIA, Outcome({}, "import", "ended with code 1", detail))
    assert found.status == "problem"
    assert detail in found.what
    assert remedy in found.remedy


@pytest.mark.parametrize("step", ["device", "card"])
def test_a_crash_while_asking_for_the_card_is_a_problem(step: str) -> None:
    facts = {"import": CUDA_BUILD} | ({"device": {"cuda": True}} if step == "card" else {})
    told = Outcome(facts, step, "was ended by signal 11", "")
    section = examine_graphics(CUDA, NVIDIA, told)
    assert section.findings[1].status == "problem"
    assert "signal 11" in section.findings[1].what


@pytest.mark.parametrize("result", [0.0, 71.0, float("nan"), None])
def test_a_wrong_convolution_is_a_problem(result: float | None) -> None:
    found = examine_cudnn(Outcome({**GOOD.facts, "convolution": {"cudnn": 91300, "result": result}}))
    assert found.status == "problem"


def test_a_failing_convolution_is_a_problem_with_its_words() -> None:
    facts = {key: value for key, value in GOOD.facts.items() if key != "convolution"}
    told = Outcome(facts, "convolution", "ended with code 1", "RuntimeError: CUDNN_STATUS_NOT_INITIALIZED")
    found = examine_cudnn(told)
    assert found.status == "problem"
    assert "CUDNN_STATUS_NOT_INITIALIZED" in found.what


def test_amd_and_apple_are_told_in_words() -> None:
    amd = Device("AMD graphics card", "cuda", 16 * GIB, 12 * GIB, "AMD cards need a ROCm build of torch.")
    told = Outcome({"import": CPU_BUILD, "device": BLIND})
    assert "ROCm" in examine_torch(amd, NO_NVIDIA, told).remedy
    assert "AMD graphics card" in examine_card(amd, NO_NVIDIA).what
    apple = Device("Apple M4", "mps", 16 * GIB, 8 * GIB)
    seen = Outcome({"import": {**CPU_BUILD, "version": "2.13.0"}, "device": {"cuda": False, "mps": True}})
    assert "works" in examine_torch(apple, NO_NVIDIA, seen).what
    hip = Outcome(
        {
            "import": {"version": "2.13.0+rocm7.1", "cuda": None, "hip": "7.1"},
            "device": {"cuda": True, "mps": False},
            "card": {"name": "RX 7900", "compute_capability": [11, 0], "architectures": ["gfx1100"]},
        }
    )
    assert examine_torch(amd, NO_NVIDIA, hip).status == "ok"
