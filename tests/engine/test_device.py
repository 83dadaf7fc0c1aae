"""The device is read from what the machine tells; what it does not tell becomes words, never an error."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from engine.memory import device as device_module
from engine.memory.device import probe_device, read_processor, read_processor_name
from engine.memory.nvidia import NvidiaCard, NvidiaReading, choose_visible, read_nvidia
from protocol.names import DEVICE_KINDS

GIB = 1024**3
UUIDS = ("GPU-aaaa-1", "GPU-bbbb-2", "GPU-bbcc-3")


class FakeNvml(ModuleType):
    """A driver with some cards, which counts how often it was opened and closed."""

    class NVMLError(Exception):
        pass

    NVMLError_LibraryNotFound = type("LibraryNotFound", (NVMLError,), {})
    NVMLError_DriverNotLoaded = type("DriverNotLoaded", (NVMLError,), {})
    NVMLError_LibRmVersionMismatch = type("LibRmVersionMismatch", (NVMLError,), {})
    NVMLError_NoPermission = type("NoPermission", (NVMLError,), {})
    NVMLError_NotSupported = type("NotSupported", (NVMLError,), {})

    def __init__(self, n_cards: int = 1, *, fails_to_open: type[Exception] | None = None) -> None:
        super().__init__("pynvml")
        self.n_cards, self.fails_to_open, self.n_open = n_cards, fails_to_open, 0
        self.breaks, self.shares_memory = False, False

    def nvmlInit(self) -> None:  # noqa: N802
        if self.fails_to_open:
            raise self.fails_to_open
        self.n_open += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.n_open -= 1

    def nvmlSystemGetDriverVersion(self) -> str:  # noqa: N802
        return "580.65.06"

    def nvmlSystemGetCudaDriverVersion_v2(self) -> int:  # noqa: N802
        return 13010

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return self.n_cards

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetUUID(self, handle: int) -> str:  # noqa: N802
        return UUIDS[handle]

    def nvmlDeviceGetName(self, handle: int) -> str:  # noqa: N802
        return f"Card {handle}"

    def nvmlDeviceGetCudaComputeCapability(self, handle: int) -> tuple[int, int]:  # noqa: N802
        return (8, handle)

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:  # noqa: N802
        if self.breaks:
            raise self.NVMLError("GPU is lost")
        if self.shares_memory:
            raise self.NVMLError_NotSupported
        return SimpleNamespace(total=8 * GIB, free=(6 - handle) * GIB)


Install = Callable[[ModuleType | None], None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a driver in place of the machine's own; None: the package is missing."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(device_module, "_ROCM_DRIVER", Path("/nonexistent"))

    def put(driver: ModuleType | None) -> None:
        monkeypatch.setitem(sys.modules, "pynvml", driver)

    return put


def test_a_card_is_read_and_the_driver_closed(install: Install) -> None:
    driver = FakeNvml()
    install(driver)
    found = probe_device()
    assert (found.name, found.kind, found.total_bytes, found.free_bytes) == (
        "Card 0",
        "cuda",
        8 * GIB,
        6 * GIB,
    )
    assert found.note == ""
    reading = read_nvidia()
    assert (reading.driver, reading.cuda, reading.cards[0].compute_capability) == (
        "580.65.06",
        "13.1",
        (8, 0),
    )
    assert driver.n_open == 0


def test_two_cards_are_said(install: Install) -> None:
    install(FakeNvml(2))
    assert "2 NVIDIA cards" in probe_device().note


def test_the_visible_card_is_the_one_that_is_read(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install(FakeNvml(3))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,0")
    assert probe_device().name == "Card 2"
    assert [card.index for card in read_nvidia().cards] == [2, 0]


@pytest.mark.parametrize("hiding", ["", "-1", "7"])
def test_hidden_cards_leave_the_processor_and_words(
    install: Install, monkeypatch: pytest.MonkeyPatch, hiding: str
) -> None:
    install(FakeNvml(2))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hiding)
    found = probe_device()
    assert found.kind == "cpu"
    assert "CUDA_VISIBLE_DEVICES" in found.note


@pytest.mark.parametrize(
    ("visible", "chosen"),
    [
        (None, (0, 1, 2)),
        ("1", (1,)),
        (" 2 , 1 ", (2, 1)),
        ("GPU-aa", (0,)),
        ("GPU-bb", ()),  # stands for two cards
        ("GPU-bbcc,0", (2, 0)),
        ("0,9,1", (0,)),  # what follows a wrong entry is not seen
        ("-1", ()),
        ("", ()),
    ],
)
def test_visible_cards_are_chosen_as_cuda_does(visible: str | None, chosen: tuple[int, ...]) -> None:
    assert choose_visible(UUIDS, visible) == chosen


def test_memory_shared_with_the_processor_is_said(install: Install) -> None:
    driver = FakeNvml()
    driver.shares_memory = True
    install(driver)
    found = probe_device()
    assert found.kind == "cuda"
    assert found.total_bytes == read_processor().total_bytes
    assert "shares" in found.note


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FakeNvml.NVMLError_LibraryNotFound, "No NVIDIA driver"),
        (OSError, "No NVIDIA driver"),
        (FakeNvml.NVMLError_DriverNotLoaded, "not running"),
        (FakeNvml.NVMLError_LibRmVersionMismatch, "restart the computer"),
        (FakeNvml.NVMLError_NoPermission, "refuses"),
        (FakeNvml.NVMLError, "did not start"),
    ],
)
def test_a_driver_that_does_not_open_becomes_words(
    install: Install, error: type[Exception], words: str
) -> None:
    install(FakeNvml(fails_to_open=error))
    found = probe_device()
    assert (found.kind, found.total_bytes > 0) == ("cpu", True)
    assert words in found.note


def test_a_lost_card_becomes_words_and_the_driver_is_closed(install: Install) -> None:
    driver = FakeNvml()
    driver.breaks = True
    install(driver)
    assert "GPU is lost" in probe_device().note
    assert driver.n_open == 0


def test_missing_packages_become_words(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install(None)
    assert "nvidia-ml-py" in probe_device().note
    monkeypatch.setitem(sys.modules, "psutil", None)
    found = read_processor()
    assert (found.total_bytes, found.free_bytes) == (0, 0)
    assert "psutil" in found.note


def test_an_amd_card_is_found_without_torch(
    install: Install, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(FakeNvml(fails_to_open=FakeNvml.NVMLError_LibraryNotFound))
    monkeypatch.setattr(device_module, "_ROCM_DRIVER", tmp_path)
    monkeypatch.setattr(device_module, "_SYSFS_CARDS", tmp_path)
    for index, total in enumerate((512 * 1024**2, 16 * GIB)):
        folder = tmp_path / f"card{index}" / "device"
        folder.mkdir(parents=True)
        files = {
            "vendor": "0x1002\n",
            "mem_info_vram_total": str(total),
            "mem_info_vram_used": str(total // 4),
        }
        for name, content in files.items():
            (folder / name).write_text(content)
    found = probe_device()
    assert (found.kind, found.total_bytes, found.free_bytes) == ("cuda", 16 * GIB, 12 * GIB)
    assert "ROCm" in found.note


def test_apple_silicon_is_found_without_torch(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install(FakeNvml(fails_to_open=FakeNvml.NVMLError_LibraryNotFound))
    monkeypatch.setattr(device_module.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(device_module.platform, "machine", lambda: "arm64")
    monkeypatch.setattr(device_module, "_ask", lambda *_: "Apple M4")
    found = probe_device()
    assert (found.name, found.kind) == ("Apple M4", "mps")
    assert found.free_bytes > 0


def test_the_processors_name_is_the_makers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_module.platform, "system", lambda: "Linux")
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nmodel name\t: Some CPU @ 3.0GHz\n")
    assert read_processor_name(cpuinfo) == "Some CPU @ 3.0GHz"
    assert read_processor_name(tmp_path / "missing") != ""
    answer = "HKEY\n    ProcessorNameString    REG_SZ    Some Ryzen \n"
    monkeypatch.setattr(device_module.platform, "system", lambda: "Windows")
    monkeypatch.setattr(device_module, "_ask", lambda *_: answer)
    assert read_processor_name() == "Some Ryzen"


def test_a_command_that_is_missing_answers_nothing() -> None:
    assert device_module._ask("no-such-command-here") == ""


def test_this_machine_has_a_device_of_a_known_kind() -> None:
    found = probe_device()
    assert found.kind in DEVICE_KINDS
    assert found.name
    assert 0 < found.free_bytes <= found.total_bytes


def test_values_are_frozen() -> None:
    with pytest.raises(AttributeError):
        NvidiaReading().driver = "1"  # type: ignore[misc]
    assert NvidiaCard(0, "", "", (8, 9), None, None) == NvidiaCard(0, "", "", (8, 9), None, None)
