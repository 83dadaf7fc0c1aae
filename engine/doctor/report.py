"""What the doctor found, as values: made once, then shown as text or JSON, with or without private paths."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

Status = Literal["ok", "note", "problem"]
Fact = str | int | float | bool | None

_WIDTH = 100  # columns of the text report
_STATUS_WIDTH = len("problem")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    `status`: "ok" works, "note" is worth knowing and stops nothing, "problem" stops something. `what` is the
    finding in words, `remedy` what to do (empty when nothing need be done), `facts` the same for programs.
    """

    status: Status
    name: str
    what: str
    remedy: str = ""
    facts: tuple[tuple[str, Fact], ...] = ()


@dataclass(frozen=True)
class Section:
    """Findings of one kind under a title."""

    title: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Report:
    """Everything that was found. `can_generate`: at least the default backend can make a model here."""

    version: str
    can_generate: bool
    sections: tuple[Section, ...]

    @property
    def findings(self) -> Iterator[Finding]:
        """All findings, in the order of the report."""
        return (finding for section in self.sections for finding in section.findings)

    @property
    def verdict(self) -> str:
        """One sentence for the last line."""
        n_problems = sum(finding.status == "problem" for finding in self.findings)
        if not self.can_generate:
            return "Maquette cannot make models here yet: mend the problems above."
        if n_problems:
            limits = _count(n_problems, "problem")
            return f"Maquette can make models here; {limits} above may limit what else it can do."
        return "Maquette can make models here."


def render_text(report: Report) -> str:
    """The report for reading: aligned columns, wrapped at 100 characters, each remedy below its finding."""
    indent = 2 + _STATUS_WIDTH + 2
    name_width = max((len(finding.name) for finding in report.findings), default=0)
    lines = [f"Maquette {report.version}"]
    for section in report.sections:
        lines += ["", section.title]
        for finding in section.findings:
            head = f"  {finding.status:<{_STATUS_WIDTH}}  {finding.name:<{name_width}}  "
            lines += _wrap(finding.what, head, " " * len(head))
            if finding.remedy:
                margin = " " * (indent + name_width + 2)
                lines += _wrap(finding.remedy, f"{margin}-> ", f"{margin}   ")
    lines += ["", report.verdict]
    return "\n".join(lines) + "\n"


def as_dict(report: Report) -> dict[str, object]:
    """The report as plain values for JSON: `version, can_generate, verdict, sections: [{title, findings}]`.

    A finding is `{status, name, what, remedy, facts: {…}}`; facts name their units (`free_bytes`).
    """
    return {
        "version": report.version,
        "can_generate": report.can_generate,
        "verdict": report.verdict,
        "sections": [
            {
                "title": section.title,
                "findings": [
                    {
                        "status": finding.status,
                        "name": finding.name,
                        "what": finding.what,
                        "remedy": finding.remedy,
                        "facts": dict(finding.facts),
                    }
                    for finding in section.findings
                ],
            }
            for section in report.sections
        ],
    }


def hide_private_paths(report: Report, home: Path | None = None) -> Report:
    """The report with the home folder written `~`, and its owner's name elsewhere in a path `<user>`.

    For pasting into a public bug report. `home` stands in for the home folder of this process.
    """
    home = Path.home() if home is None else home

    def hide(finding: Finding) -> Finding:
        return replace(
            finding,
            what=_hide(finding.what, home),
            remedy=_hide(finding.remedy, home),
            facts=tuple(
                (key, _hide(value, home) if isinstance(value, str) else value) for key, value in finding.facts
            ),
        )

    sections = tuple(
        replace(section, findings=tuple(hide(finding) for finding in section.findings))
        for section in report.sections
    )
    return replace(report, sections=sections)


def _hide(text: str, home: Path) -> str:
    """`text` without the folder `home`, written with either slash and in either case of the drive."""
    separators = r"[/\\]"
    parts = [re.escape(part) for part in re.split(separators, str(home)) if part]
    if not parts:  # the home folder is the root: nothing private is in its name
        return text
    start = separators if re.match(separators, str(home)) else ""
    whole = start + f"{separators}+".join(parts) + r"(?![\w.-])"
    text = re.sub(whole, "~", text, flags=re.IGNORECASE)
    return re.sub(rf"(?<={separators}){parts[-1]}(?=[/\\]|$)", "<user>", text)


def _wrap(text: str, head: str, margin: str) -> list[str]:
    """`text` in lines of the report's width, the first after `head`, the others after `margin`."""
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=head,
        subsequent_indent=margin,
        break_long_words=False,  # a path or a command must stay one piece to be copied
        break_on_hyphens=False,
    ) or [head.rstrip()]


def _count(number: int, noun: str) -> str:
    """`1 problem`, `2 problems`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
