"""One thing that ``doctor`` looked at, on either side."""

from __future__ import annotations

from dataclasses import dataclass

OK, WARNING, PROBLEM = "OK", "warning", "problem"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, how it is and what to do about it."""

    name: str
    state: str
    """OK, WARNING (it works, but perhaps not for long or not well) or PROBLEM."""
    said: str
    """One sentence."""
    remedy: str = ""
    """What to do; empty when all is well."""


def said_of(checks: list[Check]) -> list[str]:
    """The checks as lines to be read."""
    width = max((len(check.name) for check in checks), default=0)
    lines: list[str] = []
    for check in checks:
        lines.append(f"{check.state:<8} {check.name.ljust(width)}  {check.said}")
        if check.remedy:
            lines.append(f"{'':8} {'':{width}}  {check.remedy}")
    return lines
