"""What an exit code means, in words that follow a program's name: the same for server, worker and set-up."""

from __future__ import annotations

import signal

_SIGNALS = {
    "SIGABRT": "gave up inside a library (SIGABRT)",
    "SIGBUS": "crashed on a memory error (SIGBUS)",
    "SIGFPE": "crashed on an arithmetic error (SIGFPE)",
    "SIGILL": "met an instruction that this processor does not have (SIGILL)",
    "SIGINT": "was interrupted (SIGINT)",
    "SIGKILL": "was killed, by the user or by the system for want of memory (SIGKILL)",
    "SIGSEGV": "crashed inside a library or driver (SIGSEGV)",
    "SIGTERM": "was told to end by another program (SIGTERM)",
}
_WINDOWS_CODES = {  # NTSTATUS values, from Microsoft's [MS-ERREF] 2.3.1
    0xC0000005: "crashed inside a library or driver (access violation)",
    0xC0000017: "ran out of memory",
    0xC000001D: "met an instruction that this processor does not have",
    0xC00000FD: "crashed on a stack overflow",
    0xC000012D: "ran out of memory (the commit limit was reached)",
    0xC0000135: "did not start, because a DLL is missing",
    0xC0000142: "did not start, because a DLL failed",
    0xC0000409: "gave up inside a library (fail fast)",
}


def exit_cause(code: int) -> str:
    """Words that follow "The worker", for an exit code as `subprocess` tells it: below 0 it is a signal."""
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return _SIGNALS.get(name, f"was ended by {name}")
    if code > 0xFFFF:  # an NTSTATUS: no program chooses such a number
        return _WINDOWS_CODES.get(code & 0xFFFFFFFF, f"crashed (exit code 0x{code & 0xFFFFFFFF:08X})")
    return f"ended by itself with exit code {code}"
