"""Runs in a child process of the doctor, because what it tries may crash; it tells each step as it begins.

A script for `python -P probe.py torch` or `python -P probe.py import NAME...`; it imports nothing of the
engine. Every line of its output is a JSON object with `step`: one line when a step begins, one with `facts`
when it succeeded, so that the parent knows which step was the last. Errors are left to end the process:
their last line on stderr is the cause.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from types import ModuleType

# What importing a broken package can raise: missing libraries, a numpy of another ABI, damaged files.
_IMPORT_FAILURES = (
    ImportError,
    OSError,
    AttributeError,
    RuntimeError,
    SyntaxError,
    SystemError,
    TypeError,
    ValueError,
)


def main(arguments: list[str]) -> None:
    """Probes what the first of `arguments` names: "torch", or "import" with the modules that follow."""
    if arguments[0] == "torch":
        probe_torch()
    else:
        for name in arguments[1:]:
            probe_import(name)


def probe_import(name: str) -> None:
    """Imports the module `name` and tells its error, if any."""
    _tell(name)
    try:
        importlib.import_module(name)
    except _IMPORT_FAILURES as error:
        _tell(name, error=f"{type(error).__name__}: {error}"[:500])
    else:
        _tell(name, error="")


def probe_torch() -> None:
    """Imports torch, asks for its device, and runs one small convolution there."""
    os.environ.setdefault("CUDA_MODULE_LOADING", "LAZY")  # loads only the kernels that are used
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # the order in which NVML counts
    _tell("import")
    torch = importlib.import_module("torch")
    _tell("import", version=str(torch.__version__), cuda=torch.version.cuda, hip=torch.version.hip)
    _tell("device")
    has_cuda = bool(torch.cuda.is_available())
    _tell("device", cuda=has_cuda, mps=bool(torch.backends.mps.is_available()))
    if not has_cuda:
        return
    _tell("card")
    _tell(
        "card",
        name=torch.cuda.get_device_name(0),
        compute_capability=list(torch.cuda.get_device_capability(0)),
        architectures=torch.cuda.get_arch_list(),
    )
    _tell("convolution")
    _tell("convolution", cudnn=torch.backends.cudnn.version(), result=_convolve(torch))


def _convolve(torch: ModuleType) -> float:
    """One value of a convolution on the card whose true result is 72: ones, 8 channels, 3 × 3."""
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    image = torch.ones(1, 8, 16, 16, device="cuda", dtype=torch.float16)
    kernel = torch.ones(8, 8, 3, 3, device="cuda", dtype=torch.float16)
    return float(torch.nn.functional.conv2d(image, kernel)[0, 0, 5, 5].item())


def _tell(step: str, **facts: object) -> None:
    """Writes one line for the parent, at once."""
    line = {"step": step, "facts": facts} if facts else {"step": step}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
