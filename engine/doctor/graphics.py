"""Which card there is, whether torch can use it, whether cuDNN is right: judged here, probed elsewhere.

Every function is a rule over what was read: the reading of NVML, the device, and the outcome of the probe.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from engine.doctor.child import Outcome
from engine.doctor.packages import TORCH_VERSION, repair_remedy
from engine.doctor.report import Fact, Finding, Section
from engine.memory.device import Device
from engine.memory.nvidia import NvidiaReading

GIB = 1024**3

_RIGHT_SUM = 72.0  # 8 channels × 3 × 3 ones, see engine.doctor.probe
_NEEDS_NONE = "Nothing need be done: the backend silhouette needs no card."
_CUDA_TORCH = (
    "In the engine's environment run: uv pip install --torch-backend=auto --reinstall-package torch "
    f"torch=={TORCH_VERSION} (pip install uv brings uv)."
)


def examine_graphics(device: Device, nvidia: NvidiaReading, torch: Outcome) -> Section:
    """Findings on the card, on torch with it, and on cuDNN; `torch` is what the torch probe told."""
    return Section(
        "Graphics card",
        (examine_card(device, nvidia), examine_torch(device, nvidia, torch), examine_cudnn(torch)),
    )


def examine_card(device: Device, nvidia: NvidiaReading) -> Finding:
    """The card by name with its memory and driver, or why none is used."""
    facts: tuple[tuple[str, Fact], ...] = (
        ("device", device.name),
        ("kind", device.kind),
        ("total_bytes", device.total_bytes),
        ("free_bytes", device.free_bytes),
        ("driver", nvidia.driver),
        ("driver_cuda", nvidia.cuda),
        ("n_installed", nvidia.n_installed),
    )
    if device.kind == "cpu":
        hidden = nvidia.n_installed > 0
        remedy = "Unset CUDA_VISIBLE_DEVICES to use them." if hidden else _NEEDS_NONE
        return Finding("note", "card", f"None is used. {nvidia.note}".strip(), remedy, facts)
    free = f"{device.free_bytes / GIB:.1f} of {device.total_bytes / GIB:.1f} GiB free"
    words = [device.name, free]
    if nvidia.driver:
        words.append(f"driver {nvidia.driver} (runs CUDA up to {nvidia.cuda})")
    what = ", ".join(words) + (f". {device.note}" if device.note else "")
    return Finding("ok", "card", what, facts=facts)


def examine_torch(device: Device, nvidia: NvidiaReading, torch: Outcome) -> Finding:
    """Whether torch can be imported and can compute on the card that is here."""
    built = torch.facts.get("import", {})
    facts: tuple[tuple[str, Fact], ...] = (
        ("version", _text(built, "version")),
        ("cuda_build", _text(built, "cuda")),
        ("hip_build", _text(built, "hip")),
        ("can_use_card", bool(torch.facts.get("device", {}).get("cuda"))),
    )
    words = torch.detail or "no further words"
    if "import" not in torch.facts:
        if "No module named 'torch'" in words:
            return Finding(
                "problem", "torch", "It is not installed.", "Install it as said under Versions.", facts
            )
        remedy = repair_remedy("torch", words)
        return Finding(
            "problem", "torch", f"Importing it {torch.failure or 'failed'}: {words}", remedy, facts
        )
    build = _build_words(built)
    if torch.failed_step in ("device", "card"):
        what = f"{build}, but asking for the card {torch.failure}: {words}"
        return Finding("problem", "torch", what, "Update the card's driver, restart, and try again.", facts)
    if torch.facts["device"].get("cuda"):
        return _examine_architecture(build, torch.facts.get("card", {}), facts)
    return _examine_without_card(device, nvidia, torch, build, facts)


def examine_cudnn(torch: Outcome) -> Finding:
    """Whether one small convolution on the card came out right."""
    if not torch.facts.get("device", {}).get("cuda"):
        return Finding("ok", "cuDNN", "Not needed without a card that torch can use.")
    if torch.failed_step == "convolution":
        what = f"A small convolution {torch.failure}: {torch.detail or 'no further words'}."
        remedy = (
            "Update the driver and close programs that fill the card. Maquette runs without cuDNN, slower."
        )
        return Finding("problem", "cuDNN", what, remedy)
    told = torch.facts.get("convolution", {})
    result, version = told.get("result"), told.get("cudnn")
    facts: tuple[tuple[str, Fact], ...] = (("version", version if isinstance(version, int) else None),)
    if result != _RIGHT_SUM:
        what = f"A small convolution gave {result} instead of {_RIGHT_SUM:g}."
        return Finding(
            "problem", "cuDNN", what, "Update the driver; do not trust results of this card.", facts
        )
    return Finding(
        "ok", "cuDNN", f"{_cudnn_version(version)}, a small convolution came out right.", facts=facts
    )


def is_supported(compute_capability: Sequence[int], architectures: Sequence[str]) -> bool:
    """Whether a torch built for `architectures` runs on a card of `compute_capability` (major, minor).

    `sm_XY` code runs on cards of the same major and at least that minor, `compute_XY` (PTX) on all newer
    cards too, and names that end in a letter on that one card only (NVIDIA, CUDA C++ Programming Guide,
    "Binary Compatibility" and "PTX Compatibility").
    """
    card = (compute_capability[0], compute_capability[1])
    for architecture in architectures:
        match = re.fullmatch(r"(sm|compute)_(\d+)(\d)([a-z]?)", architecture)
        if match is None:
            continue
        kind, target, suffix = match[1], (int(match[2]), int(match[3])), match[4]
        is_near = target[0] == card[0] and target[1] <= card[1]
        if (target == card) if suffix else (is_near if kind == "sm" else target <= card):
            return True
    return not architectures  # nothing told: a ROCm build names its architectures otherwise


def _examine_without_card(
    device: Device, nvidia: NvidiaReading, torch: Outcome, build: str, facts: tuple[tuple[str, Fact], ...]
) -> Finding:
    """Why a torch that works uses no card: there is none, it was built for none, or the driver is too old."""
    built = torch.facts["import"]
    if nvidia.cards and not built.get("cuda"):
        what = f"{build}, so it cannot use the {nvidia.cards[0].name}."
        return Finding("problem", "torch", what, _CUDA_TORCH, facts)
    if nvidia.cards:
        what = f"{build}, but cannot reach the {nvidia.cards[0].name}, whose driver runs CUDA {nvidia.cuda}."
        remedy = f"Update the NVIDIA driver, or install a torch for CUDA {nvidia.cuda}. {_CUDA_TORCH}"
        return Finding("problem", "torch", what, remedy, facts)
    if device.kind == "cuda":  # and not NVIDIA's: an AMD card
        what = f"{build}, and it cannot use the {device.name}."
        remedy = f"Install the ROCm build of torch {TORCH_VERSION} (Linux only)."
        return Finding("note", "torch", what, remedy, facts)
    if device.kind == "mps":
        works = bool(torch.facts["device"].get("mps"))
        what = f"{build}; Metal, which reaches Apple's GPU, {'works' if works else 'is off'}."
        return Finding("ok" if works else "note", "torch", what, facts=facts)
    return Finding("ok", "torch", f"{build}; it computes on the processor.", facts=facts)


def _examine_architecture(
    build: str, card: Mapping[str, object], facts: tuple[tuple[str, Fact], ...]
) -> Finding:
    """Whether torch holds code for the card that it sees."""
    capability, architectures = card.get("compute_capability"), card.get("architectures")
    if isinstance(capability, list) and isinstance(architectures, list):
        told = ".".join(map(str, capability))
        facts = (*facts, ("compute_capability", told), ("architectures", " ".join(map(str, architectures))))
        cuda_names = [str(entry) for entry in architectures if not str(entry).startswith("gfx")]
        if not is_supported(capability, cuda_names):
            what = f"{build}, which holds no code for the {card.get('name')} (compute capability {told})."
            return Finding("problem", "torch", what, _older_remedy(capability), facts)
    return Finding("ok", "torch", f"{build}; it can use the {card.get('name', 'card')}.", facts=facts)


def _older_remedy(capability: Sequence[int]) -> str:
    """What helps a card that torch holds no code for."""
    if capability[0] < 7 or list(capability) == [7, 0]:  # CUDA 13 begins at 7.5 (Turing)
        return (
            "Install a torch built for CUDA 12.6, the last for this card: in the engine's environment run "
            f"uv pip install --torch-backend=cu126 --reinstall-package torch torch=={TORCH_VERSION}."
        )
    return _CUDA_TORCH


def _build_words(built: Mapping[str, object]) -> str:
    version = _text(built, "version")
    if built.get("cuda"):
        return f"{version}, built for CUDA {built['cuda']}"
    if built.get("hip"):
        return f"{version}, built for ROCm {built['hip']}"
    return f"{version}, built for the processor only"


def _cudnn_version(number: object) -> str:
    """`9.10.2` from the number 91002 in which cuDNN 9 writes it (8.9.7 is 8907)."""
    if not isinstance(number, int):
        return "MIOpen"
    major, rest = divmod(number, 10_000 if number >= 90_000 else 1000)
    return f"{major}.{rest // 100}.{rest % 100}"


def _text(facts: Mapping[str, object], key: str) -> str:
    return str(facts.get(key) or "")
