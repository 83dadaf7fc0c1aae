"""Looks at the machine and says in plain words what works, what does not, and what to do; it changes nothing.

Whatever is missing or broken becomes a finding, never an exception: this is the command that people run
when nothing else works. torch is imported in a child process only, so that a driver that crashes or hangs
cannot take the answer along.
"""

from __future__ import annotations

from engine.doctor.examination import examine, run_doctor
from engine.doctor.report import Finding, Report, Section, as_dict, hide_private_paths, render_text

__all__ = [
    "Finding",
    "Report",
    "Section",
    "as_dict",
    "examine",
    "hide_private_paths",
    "render_text",
    "run_doctor",
]
