"""A clip: which stretch of which file is meant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from foleyline_contract.errors import SettingInvalid, SpanOutside
from foleyline_contract.specs import take_sample_count

CLIP_DURATION_MAX_S = 4 * 60 * 60
PATH_MAX_CHARS = 32_767
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Clip:
    """A stretch of picture: what is seen during ``duration_s`` of timeline.

    The picture shown at timeline time t (0 at the first visible frame) is the file's
    picture at ``start_s + speed * t``.
    """

    path: str
    """Absolute, as the server's machine knows it."""
    start_s: Fraction
    """Seconds after the file's first picture, whatever time stamp that picture has."""
    duration_s: Fraction
    """Timeline seconds, ``frames * fps_base / fps``."""
    speed: Fraction = Fraction(1)
    upload: str | None = None
    """SHA-256 of an uploaded file, which is then read instead; ``path`` is only its name."""

    def __post_init__(self) -> None:
        check_path(self.path)
        if self.upload is not None:
            check_sha256(self.upload)
        if self.start_s < 0:
            raise SpanOutside(f"The clip starts {float(-self.start_s):.3f} s before its file.")
        if not 0 < self.duration_s <= CLIP_DURATION_MAX_S or self.sample_count < 1:
            raise SpanOutside(f"The clip lasts {float(self.duration_s):.3f} s.")
        if self.speed <= 0:
            raise SettingInvalid("The clip's speed must be above zero.")

    @property
    def sample_count(self) -> int:
        """Samples that a take for this clip has."""
        return take_sample_count(self.duration_s)


def check_path(path: str) -> None:
    """Raise SettingInvalid for what can be no file's path."""
    if not path or "\0" in path or len(path) > PATH_MAX_CHARS:
        raise SettingInvalid("The clip names no file.")


def check_sha256(sha256: str) -> None:
    """Raise SettingInvalid for what can be no SHA-256."""
    if _SHA256.fullmatch(sha256) is None:
        raise SettingInvalid("An upload is named by the 64 hexadecimal digits of its SHA-256.")
