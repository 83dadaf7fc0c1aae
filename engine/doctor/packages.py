"""Which packages are here, in which versions, and whether those that make models can really be imported.

Versions come from the packages' own metadata, which costs milliseconds; imports happen in a child process.
"""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from engine import __version__
from engine.doctor.child import Outcome
from engine.doctor.report import Finding, Section
from protocol.names import WIRE_MAJOR, WIRE_MINOR

TORCH_VERSION = "2.13.0"  # the one that pyproject.toml pins
# The packages that pyproject.toml pins, and to which version; a star stands for any last number.
PINS = {"torch": TORCH_VERSION, "warp-lang": "1.17.*"}


@dataclass(frozen=True)
class Package:
    """A distribution by its name on the package index, and the module that it brings.

    `is_tried`: imported in the child process. torch has a probe of its own and diffusers takes five seconds:
    for these two the metadata must do. `is_essential`: no model can be made without it.
    """

    name: str
    module: str
    is_tried: bool = True
    is_essential: bool = True


PACKAGES = (
    Package("torch", "torch", is_tried=False, is_essential=False),
    Package("diffusers", "diffusers", is_tried=False, is_essential=False),
    Package("numpy", "numpy"),
    Package("scipy", "scipy.sparse"),
    Package("scikit-image", "skimage.measure"),
    Package("opencv-python-headless", "cv2"),
    Package("pillow", "PIL.Image"),
    Package("pillow-heif", "pillow_heif", is_essential=False),
    Package("trimesh", "trimesh"),
    Package("xatlas", "xatlas"),
    Package("warp-lang", "warp"),
    Package("fast-simplification", "fast_simplification"),
    Package("onnxruntime", "onnxruntime", is_essential=False),
    Package("pyzmq", "zmq", is_essential=False),
    Package("msgpack", "msgpack", is_essential=False),
    Package("platformdirs", "platformdirs"),
    Package("psutil", "psutil", is_essential=False),
    Package("pyyaml", "yaml", is_essential=False),
    Package("nvidia-ml-py", "pynvml", is_essential=False),
)


def tried_modules() -> tuple[str, ...]:
    """The modules that the import probe is to try."""
    return tuple(package.module for package in PACKAGES if package.is_tried)


def examine_packages(imports: Outcome) -> Section:
    """Findings on Maquette, Python and every package; `imports` is what the import probe told."""
    versions = {package: read_version(package.name) for package in PACKAGES}
    found = [
        _examine_package(package, version, imports)
        for package, version in versions.items()
        if version is not None
    ]
    missing = tuple(package.name for package, version in versions.items() if version is None)
    if missing:
        found.append(_missing(missing))
    return Section("Versions", (_examine_maquette(), _examine_python(), *found))


def broken_essentials(section: Section) -> tuple[str, ...]:
    """The packages that no model can be made without and that `section` finds missing or broken."""
    troubled: set[str] = set()
    for finding in section.findings:
        if finding.status == "problem":
            troubled |= {finding.name, *str(dict(finding.facts).get("missing", "")).split()}
    return tuple(package.name for package in PACKAGES if package.is_essential and package.name in troubled)


def read_version(name: str) -> str | None:
    """The installed version of the distribution `name`, None without one."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _examine_maquette() -> Finding:
    wire = f"{WIRE_MAJOR}.{WIRE_MINOR}"
    facts = (("version", __version__), ("wire", wire))
    return Finding("ok", "maquette", f"{__version__}, speaks wire {wire}", facts=facts)


def _examine_python() -> Finding:
    version = platform.python_version()
    facts = (("version", version), ("executable", sys.executable), ("machine", platform.machine()))
    if sys.maxsize <= 2**32:
        return Finding(
            "problem",
            "Python",
            f"{version} for 32 bits, for which torch does not exist.",
            "Install the 64-bit Python and Maquette into it.",
            facts,
        )
    return Finding("ok", "Python", f"{version} at {sys.executable}", facts=facts)


def _examine_package(package: Package, version: str, imports: Outcome) -> Finding:
    facts = (("version", version),)
    error = _import_error(package, imports.facts) if package.is_tried else ""
    if package.module == imports.failed_step:
        words = f": {imports.detail}" if imports.detail else "."
        error = f"importing it {imports.failure}{words}"
    if error:
        return Finding(
            "problem",
            package.name,
            f"{version}, but it is broken: {error}",
            repair_remedy(package.name, error),
            facts,
        )
    if package.is_tried and package.module not in imports.facts:
        return Finding("note", package.name, f"{version}, not tried: the test ended before.", facts=facts)
    pin = PINS.get(package.name, "*")
    if not fnmatchcase(version.partition("+")[0], pin):
        return Finding(
            "note",
            package.name,
            f"{version}; Maquette is tested with {pin.removesuffix('.*')}.",
            f"Run: {_pip(f'install {_requirement(package.name)}')}",
            facts,
        )
    return Finding("ok", package.name, version, facts=facts)


def repair_remedy(name: str, error: str) -> str:
    """What mends the installed distribution `name`, judged by the words of its import `error`."""
    if "DLL load failed" in error:  # Windows, where these packages need Microsoft's runtime
        return "Install the Microsoft Visual C++ Redistributable (x64) and try again."
    if "libGL.so" in error:  # an opencv with windows in it took the place of the headless one
        return f"Run: {_pip('uninstall -y opencv-python')}, then: {_force('opencv-python-headless')}"
    return f"Run: {_force(name)}"


def _missing(names: tuple[str, ...]) -> Finding:
    """One finding for all packages that are not installed, with one command that installs them."""
    command = _pip(f"install {' '.join(map(_requirement, names))}")
    return Finding(
        "problem",
        "not installed",
        ", ".join(names),
        f"Run: {command}",
        (("missing", " ".join(names)),),
    )


def _force(name: str) -> str:
    return _pip(f"install --force-reinstall --no-deps {_requirement(name)}")


def _pip(words: str) -> str:
    """The command line of this Python's own pip."""
    return f'"{sys.executable}" -m pip {words}'


def _requirement(name: str) -> str:
    """The distribution `name` as pip is to be asked for it; a star is kept from shells."""
    wanted = f"{name}=={PINS[name]}" if name in PINS else name
    return f'"{wanted}"' if "*" in wanted else wanted


def _import_error(package: Package, facts: Mapping[str, Mapping[str, object]]) -> str:
    return str(facts.get(package.module, {}).get("error", ""))
