"""No bpy. What uv says, read for the user: how far it is, and why it failed in words with what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

# What uv prints without a terminal: one line for a large package when it begins, one when it is there.
_BEGUN = re.compile(r"^\s*Downloading (?P<name>\S+) .*\((?P<size>[\d.]+) ?(?P<unit>[KMGT]?i?B)\)")
_DONE = re.compile(r"^\s*Downloaded (?P<name>\S+)")
_UNITS = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}
# From packed to unpacked bytes: the 20 largest wheels of torch 2.13 with CUDA 13 and of Warp 1.17 on Linux
# are 2.99 GB, and 5.44 GB when unpacked (from the directories inside the wheels).
_UNPACKED = 1.82


@dataclass(frozen=True)
class SetupFault:
    """Why a set-up stopped: a `kind` for the panel, and two sentences into which `values` are to be put.

    Kinds: unsupported, offline, busy, folder, disk_full, uv_missing, no_python, network, certificate,
    broken_download, permission, no_packages, broken_engine, internal.
    """

    kind: str
    message: str
    remedy: str
    values: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".format(**self.values)


# Of what uv said, the first pattern that is found is taken: the specific stand before the general.
_PATTERNS = (
    (r"No space left on device|os error (28|112|122)\b|not enough space on the disk", "disk_full"),
    (r"invalid peer certificate|UnknownIssuer|certificate verify|self.signed certificate", "certificate"),
    (r"tunnel error|\b407 Proxy|Proxy Authentication", "proxy"),
    (r"401 Unauthorized|403 Forbidden|lack of valid authentication", "access"),
    (r"dns error|error sending request|lookup address|timed? ?out|Network is unreachable", "network"),
    (r"[Cc]onnection (refused|reset|closed)|response body|client error \(Connect\)|\b50[0-9] ", "network"),
    (r"os error 32\b|being used by another process", "in_use"),
    (r"Permission denied|os error (5|13|30)\b|Access is denied|Operation not permitted", "permission"),
    (
        r"[Hh]ash mismatch|Bad uncompressed size|CRC|Failed to extract|unexpected end of file",
        "broken_download",
    ),
    (r"No interpreter found|Failed to (inspect|query|discover) Python", "no_python"),
    (r"No solution found|no version of|no (usable )?wheels|unsatisfiable|not found in the", "no_packages"),
    (r"Failed to (fetch|download)", "network"),
)
_FAULTS = {
    "disk_full": SetupFault(
        "disk_full",
        "The disk is full.",
        "Free some space, or choose a folder on another disk; what was fetched is kept.",
    ),
    "certificate": SetupFault(
        "certificate",
        "The server's certificate is not trusted, as behind the proxy of a company.",
        "Ask your administrator for the certificate's file and name it in the variable SSL_CERT_FILE.",
    ),
    "proxy": SetupFault(
        "network",
        "The proxy did not let the download through.",
        "Check the proxy's address and password in the variable HTTPS_PROXY, then try again.",
    ),
    "access": SetupFault(
        "network",
        "The package server refused access.",
        "Check the address and the password of your package mirror in pip's configuration.",
    ),
    "network": SetupFault(
        "network",
        "The packages could not be fetched from the network.",
        "Check the connection and try again: it goes on where it stopped.",
    ),
    "in_use": SetupFault("busy", "A file is in use by another program.", "Stop the engine, then try again."),
    "permission": SetupFault(
        "permission",
        "A file could not be written.",
        "Choose a folder of your own; on Windows, let the virus scanner allow it.",
    ),
    "broken_download": SetupFault(
        "broken_download",
        "A package arrived damaged.",
        "Try again; if it happens each time, a proxy or virus scanner changes downloads.",
    ),
    "no_python": SetupFault(
        "no_python",
        "There is no usable Python 3.11 to 3.13 on this computer, and none could be fetched.",
        "Install Python 3.13 from python.org, then try again.",
    ),
    "no_packages": SetupFault(
        "no_packages",
        "The engine's packages are not to be had for this computer from your package sources.",
        "If a package mirror is set for pip, check that it has them; the log names them.",
    ),
}


def read_fault(output: str) -> SetupFault:
    """Why uv failed, from what it said last; kind "internal" for what is not known."""
    said = _last_error(output)
    for pattern, name in _PATTERNS:
        if re.search(pattern, said):
            return _FAULTS[name]
    return SetupFault("internal", "The set-up stopped with an error.", "Try again; the log says more.")


def is_about_torch(output: str) -> bool:
    """Whether uv failed on the way to PyTorch's own packages, which do not lie where all others do."""
    return re.search(r"Failed to (fetch|download)\W+\S*torch", _last_error(output)) is not None


def _last_error(output: str) -> str:
    """What uv said from the last line on that begins with "error:"; all if there is none."""
    return output[max(output.rfind("\nerror:"), 0) :]


@dataclass(frozen=True)
class Progress:
    """How far a `uv pip install` is: packages by name with their packed bytes, begun and done."""

    begun: Mapping[str, int] = field(default_factory=dict)
    done: frozenset[str] = frozenset()
    line: str = ""

    @property
    def total_bytes(self) -> int:
        """What is to be fetched, as far as announced; small packages are not announced."""
        return sum(self.begun.values())

    def done_bytes(self, grown_bytes: int = 0) -> int:
        """What has been fetched; `grown_bytes` is by how much the disk has filled since it began."""
        whole = sum(size for name, size in self.begun.items() if name in self.done)
        return min(self.total_bytes, max(whole, int(grown_bytes / _UNPACKED)))

    @property
    def under_way(self) -> str:
        """The largest package that is still being fetched, blank for none."""
        return max(
            (name for name in self.begun if name not in self.done), key=self.begun.__getitem__, default=""
        )


def follow(progress: Progress, text: str) -> Progress:
    """`progress` after uv has said `text`, which is whole lines."""
    for line in filter(str.strip, text.splitlines()):
        if begun := _BEGUN.match(line):
            size_bytes = int(float(begun["size"]) * _UNITS.get(begun["unit"], 1))
            progress = replace(progress, begun={**progress.begun, begun["name"]: size_bytes})
        elif done := _DONE.match(line):
            progress = replace(progress, done=progress.done | {done["name"]})
        if not line.startswith("Activate with"):  # advice for a terminal
            progress = replace(progress, line=line.strip())
    return progress
