"""Names of the WAV files that takes become. No bpy here."""

from __future__ import annotations

import re

_STEM_CHARS_MAX = 60
_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}(?=(\.\d{3})?$)")
"""A strip is named after its file at first: shot.mp4, the next one shot.mp4.001."""


def take_stem(strip_name: str, seed: int, take: int, takes: int) -> str:
    """A take's file name without suffix: ``ball_seed7``, ``ball_seed8_take2``."""
    numbered = f"_take{take + 1}" if takes > 1 else ""
    return f"{_safe(_SUFFIX.sub('', strip_name))}_seed{seed}{numbered}"


def _safe(name: str) -> str:
    """Only letters, digits, ``-`` and ``_``: fit for every file system."""
    safe = "".join(char if char.isalnum() or char in "-_" else "_" for char in name)
    return safe.strip("_")[:_STEM_CHARS_MAX] or "strip"
