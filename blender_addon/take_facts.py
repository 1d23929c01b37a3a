"""What a take says about itself, and which of several takes is heard. No bpy here.

A take's record is the custom property ``foley`` of its sound strip: flat, JSON-like values, so
that it outlives saving, copying, splitting and another Blender.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

from foleyline_contract.messages import Clip

from . import naming
from .choices import sound_text
from .words import tr

NEAR_SILENT = "near_silent"
REROLLED = "rerolled"
SETTINGS = (
    "seed", "bundle", "quality", "steps", "cfg_scale", "align_scale", "sampler", "vocoder",
    "seed_family", "variation",
)  # fmt: skip
"""What of a record makes the take again, but for the target of loudness and the sound."""
_NAME_MAX_BYTES = 63
"""Blender cuts strip names here."""
_FLAG_WORDS = {
    NEAR_SILENT: "Nearly silent",
    REROLLED: "Second try: the first was nearly silent",
}
_ROWS = (
    ("Seed", "seed"),
    ("Seed Family", "seed_family"),
    ("Variation", "variation"),
    ("Sound", "palette"),
    ("Model", "bundle"),
    ("Licence", "licence"),
    ("Steps", "steps"),
    ("Guidance", "cfg_scale"),
    ("Sync Strength", "align_scale"),
    ("Sampler", "sampler"),
    ("Vocoder", "vocoder"),
    ("Loudness Target", "target_lufs"),
)


class Finished(Protocol):
    """What is known of a take when its file was written."""

    @property
    def take(self) -> int: ...
    @property
    def takes(self) -> int: ...
    @property
    def seed(self) -> int: ...
    @property
    def peak_dbfs(self) -> float: ...
    @property
    def log_p_aligned(self) -> float | None: ...
    @property
    def loudness_lufs(self) -> float | None: ...
    @property
    def flags(self) -> Sequence[str]: ...
    @property
    def provenance(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Span:
    """Where a strip lies: frames [first_frame, end_frame) of a channel."""

    channel: int
    first_frame: int
    end_frame: int

    def overlap(self, other: Span) -> int:
        """Frames in common; below zero it is the gap between them."""
        return min(self.end_frame, other.end_frame) - max(self.first_frame, other.first_frame)


# ---- the record ------------------------------------------------------------------------


def record_of(
    take: Finished,
    *,
    number: int,
    job_id: str,
    clip: Clip,
    settings: Mapping[str, Any],
    source: Mapping[str, str],
) -> dict[str, Any]:
    """A take's record.

    Args:
        number: counts a strip's takes from 1, over all its jobs.
        settings: as used, named as in GenerateSettings, the bundle's own numbers filled in;
            with ``quality``, ``bundle_sha256`` and ``licence`` where they are known.
        source: ``source_id``, ``source_strip`` and ``source_path`` of the picture strip.
    """
    record: dict[str, Any] = {
        **settings,
        **source,
        "seed": take.seed,
        "number": number,
        "job_id": job_id,
        "take": take.take + 1,
        "takes": take.takes,
        "start_s": _fraction(clip.start_s),
        "duration_s": _fraction(clip.duration_s),
        "speed": _fraction(clip.speed),
        "target_lufs": settings.get("loudness_lufs"),
        "peak_dbfs": take.peak_dbfs,
        "log_p_aligned": take.log_p_aligned,
        "loudness_lufs": take.loudness_lufs,
        "flags": " ".join(take.flags),
        "provenance": json.dumps(dict(take.provenance), ensure_ascii=False, sort_keys=True),
    }
    return {key: value for key, value in record.items() if value is not None}


def _fraction(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"


def identity(record: Mapping[str, Any]) -> tuple[str, int, int]:
    """What stays the same when a take's strip is split or renamed: job, take, seed."""
    return str(record.get("job_id", "")), _int(record.get("take", 1)), _int(record.get("seed", 0))


def number_of(record: Mapping[str, Any]) -> int:
    """A take's number on its strip; takes of version 0.1 have only that of their job."""
    return _int(record.get("number", record.get("take", 1)))


def flags_of(record: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(record.get("flags", "")).split())


def is_near_silent(record: Mapping[str, Any]) -> bool:
    return NEAR_SILENT in flags_of(record)


def settings_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that make this take again, named as in GenerateSettings, and its quality."""
    known = ((key, record.get(key)) for key in SETTINGS)
    settings: dict[str, Any] = {k: v for k, v in known if isinstance(v, str | int | float)}
    # What was left open is said too, or the panel's own would be taken.
    asked = {"loudness_lufs": record.get("target_lufs"), "palette": record.get("palette") or None}
    return settings | asked


def family_of(record: Mapping[str, Any]) -> int:
    """The seed family in which takes sound like this one."""
    return _int(record.get("seed_family", record.get("seed", 0)))


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0


# ---- ranking ---------------------------------------------------------------------------


def sync_percent(record: Mapping[str, Any]) -> int | None:
    """How sure the alignment classifier is that sound and picture belong together, 0 to 100.

    It is exp of its mean log-probability: the geometric mean of its probabilities over the
    take's windows. None where it did not run, and for what is no log-probability.
    """
    value = record.get("log_p_aligned")
    if not isinstance(value, int | float) or not value <= 0:
        return None
    return round(100 * math.exp(value))


def rank_key(record: Mapping[str, Any]) -> tuple[bool, bool, int, float, int]:
    """Sorts the best take first.

    Nearly silent ones come last and those without a score next to last. The louder of two
    that are equally in sync to the percent is better, since it can be heard; then the older.
    """
    percent = sync_percent(record)
    loudness = record.get("loudness_lufs")
    level = float(loudness) if isinstance(loudness, int | float) else -math.inf
    return is_near_silent(record), percent is None, -(percent or 0), -level, number_of(record)


def new_is_heard(best_new: Mapping[str, Any], heard: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the best of new takes takes over from the takes that are heard so far.

    It does, since who asks for new takes wants to hear them; but not from a take that was
    starred or kept, a nearly silent one not from one with sound, and none from a better one
    of its own job.
    """
    for record in heard:
        same_job = record.get("job_id") == best_new.get("job_id")
        if same_job and rank_key(record) <= rank_key(best_new):
            return False
        if record.get("star") or record.get("kept"):
            return False
        if is_near_silent(best_new) and not is_near_silent(record):
            return False
    return True


# ---- whose take is it ------------------------------------------------------------------


def holders(take: Span, pictures: Sequence[Span]) -> list[int]:
    """Which of the picture strips that share an id (split, duplicated) a take belongs to.

    It belongs to those it sounds under. Where such strips lie on top of each other, the one
    with more of it wins, then the one on the nearer channel. A take that sounds under none
    belongs to the nearest in time.

    Returns:
        Indices into ``pictures``, in order; empty only without pictures.
    """
    shares = [(take.overlap(p), -abs(take.channel - p.channel)) for p in pictures]
    under = [i for i, (frames, _near) in enumerate(shares) if frames > 0]
    if not under:
        return [max(range(len(shares)), key=lambda i: shares[i])] if shares else []
    return [
        i
        for i in under
        if not any(pictures[i].overlap(pictures[j]) > 0 and shares[j] > shares[i] for j in under)
    ]


# ---- words -----------------------------------------------------------------------------


def strip_name(picture_name: str, number: int) -> str:
    """A take's strip's name, ``shot take 2`` for ``shot.mp4``, short enough for Blender.

    No dots: Blender would put the numbers of copies and pieces in place of what follows one.
    """
    ending = f" take {number}"
    name = naming.strip_name(picture_name).replace(".", "_")
    return name.encode()[: _NAME_MAX_BYTES - len(ending)].decode(errors="ignore") + ending


def sync_text(record: Mapping[str, Any]) -> str:
    """``Sync 87 %``, or that it was not measured."""
    percent = sync_percent(record)
    return tr("Sync not measured") if percent is None else tr("Sync {percent} %", percent=percent)


def loudness_text(record: Mapping[str, Any]) -> str:
    """``-23.1 LUFS``, or nothing where there is too little sound to measure."""
    value = record.get("loudness_lufs")
    return f"{value:.1f} LUFS" if isinstance(value, int | float) else ""


def flag_texts(record: Mapping[str, Any]) -> list[str]:
    """What the server found odd about the take, in words."""
    return [tr(_FLAG_WORDS.get(flag, flag)) for flag in flags_of(record)]


def detail_rows(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Label and value of what made the take, for the panel."""
    texts = {key: _detail(key, record.get(key)) for _label, key in _ROWS}
    return [(tr(label), texts[key]) for label, key in _ROWS if texts[key]]


def _detail(key: str, value: object) -> str:
    if value is None:
        return ""
    if key == "palette":
        return sound_text(str(value))
    return f"{value:g}" if isinstance(value, float) else str(value)
