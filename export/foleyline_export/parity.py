"""The parity report in words: how far a graph is from its network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_KINDS = ("fp32", "fp16", "fp16_weights")


def parity_lines(graph: str, report: Mapping[str, Any]) -> Iterator[str]:
    """One line per output and comparison."""
    official: Mapping[str, Mapping[str, float]] = report.get("official", {})
    if official:
        name, worst = max(official.items(), key=lambda item: item[1]["relative_l2"])
        yield (
            f"{graph:>21}  official      relative L2 {worst['relative_l2']:.1e}, the worst of "
            f"{len(official)} recorded arrays, {name}"
        )
    for kind in _KINDS:
        for output, values in report.get(kind, {}).items():
            yield (
                f"{graph:>21}  {kind:<12}  {output:<12}  relative L2 {values['relative_l2']:.1e}"
                f"  max {values['max_abs']:.1e}  cosine {values['cosine']:.9f}"
            )
    if report.get("used") == "fp32" and "fp16" in report:
        yield f"{graph:>21}  kept in float32"
