"""Names of the WAV files that takes become, by a pattern of the artist's. No bpy here."""

from __future__ import annotations

import re
from pathlib import Path

from foleyline_contract.errors import SettingInvalid

DEFAULT_PATTERN = "//foley/{strip}_seed{seed}"
PLACE_TOKENS = ("project", "scene", "strip", "model")
"""Known at the click."""
TAKE_TOKENS = ("seed", "take")
"""Known when a take arrives."""
_NAME_CHARS_MAX = 60
_STRIP_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}(?=(\.\d{3})?$)")
"""A strip is named after its file at first: shot.mp4, the next one shot.mp4.001."""
_TOKEN = re.compile(r"\{([^{}]*)\}")


def check_pattern(pattern: str) -> None:
    """Check a pattern such as ``//foley/{strip}_seed{seed}``.

    Raises:
        SettingInvalid: it has an unknown token, a stray brace or no file name, or is relative
            to nothing.
    """
    tokens = (*PLACE_TOKENS, *TAKE_TOKENS)
    unknown = [name for name in _TOKEN.findall(pattern) if name not in tokens]
    known = ", ".join(f"{{{name}}}" for name in tokens)
    if unknown:
        problem = f"{{{unknown[0]}}} is no token"
    elif set("{}") & set(_TOKEN.sub("", pattern)):
        problem = "a brace is left alone"
    elif not pattern.startswith("//") and not Path(pattern).is_absolute():
        problem = "it begins with neither // nor a folder of this computer"
    elif not re.split(r"[/\\]", pattern)[-1].removesuffix(".wav"):
        problem = "it names a folder, not a file"
    else:
        return
    raise SettingInvalid(
        f"The pattern for takes cannot be used: {problem}.",
        remedy=f"Correct Output; its tokens are {known}.",
    )


def expand(pattern: str, *, project: str, scene: str, strip: str, model: str) -> str:
    """The pattern with what is known at the click filled in; ``{seed}`` and ``{take}`` stay."""
    values = {"project": project, "scene": scene, "strip": strip_name(strip), "model": model}
    return _TOKEN.sub(
        lambda match: _safe(values[match[1]]) if match[1] in values else match[0], pattern
    )


def take_path(target: str, seed: int, take: int, takes: int) -> Path:
    """The file of take number ``take`` (from 0) of ``takes``.

    Where the pattern does not tell takes apart, ``_take2`` and so on are appended.
    """
    path = target.removesuffix(".wav").replace("{seed}", str(seed))
    if takes > 1 and "{take}" not in path:
        path += "_take{take}"
    return Path(path.replace("{take}", str(take + 1)) + ".wav")


def strip_name(name: str) -> str:
    """A strip's name without the suffix of the file that it was named after."""
    return _STRIP_SUFFIX.sub("", name)


def _safe(name: str) -> str:
    """Only letters, digits, ``-`` and ``_``: fit for every file system."""
    safe = "".join(char if char.isalnum() or char in "-_" else "_" for char in name)
    return safe.strip("_")[:_NAME_CHARS_MAX] or "unnamed"
