"""What a command has to say in the end."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """Lines for standard output, and the exit code."""

    lines: tuple[str, ...] = ()
    code: int = 0
