"""Sizes and times as people read them."""

from __future__ import annotations

_SIZES = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


def bytes_text(count: int) -> str:
    """``1.5 GB``, in powers of ten."""
    for size, name in _SIZES:
        if count >= size:
            number = count / size
            return f"{number:.0f} {name}" if number >= 100 else f"{number:.1f} {name}"
    return f"{count} bytes"


def duration_text(seconds: float) -> str:
    """``45 s``, ``12 min``, ``3 h 5 min`` or ``2 d 4 h``."""
    whole = max(0, int(seconds))
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if not minutes:
        return f"{whole} s"
    if not hours:
        return f"{minutes} min"
    if not days:
        return f"{hours} h {minutes % 60} min"
    return f"{days} d {hours % 24} h"
