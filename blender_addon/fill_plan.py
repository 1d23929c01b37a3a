"""What filling an edit would do: which cuts, how long it takes, what is left out. No bpy here."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil

from foleyline_contract.clip import Clip
from foleyline_contract.errors import SettingInvalid
from foleyline_contract.events import BundleInfo
from foleyline_contract.quality import steps_for

from .report import duration_text
from .words import several, tip, tr

_SLACK_FRAMES = Fraction(1, 20)
"""Files round their time stamps, to a millisecond at worst."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A strip that shows a picture, as far as filling cares."""

    name: str
    duration_s: Fraction
    muted: bool = False
    has_takes: bool = False
    is_coming: bool = False
    """Whether a job for it has not ended."""
    refusal: str = ""
    """Why it cannot be given Foley; nothing if it can."""
    picture: Hashable = None
    """Equal for strips that show the very same picture; None: Blender has to render it."""
    clip: Clip | None = None
    """What it shows of a movie, if it may be split at shots."""


@dataclass(frozen=True, slots=True)
class Options:
    """Which cuts to leave out."""

    unscored_only: bool = True
    skip_muted: bool = True
    least_s: float = 0.0
    split_longer_s: float | None = None
    """Which to split at shots; None: none."""


@dataclass(slots=True)
class FillPlan:
    """What would be done."""

    chosen: list[int] = field(default_factory=list[int])
    """Indices of cuts."""
    long: list[int] = field(default_factory=list[int])
    """Of those, the ones that are split at shots first."""
    skipped: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Name and reason."""
    duration_s: Fraction = Fraction(0)
    """Of all sound that comes to lie on the timeline, one take for each cut."""
    work_s: Fraction = Fraction(0)
    """Of picture that the model has to look at: the same picture counts once."""
    rendered: int = 0
    shared: int = 0
    """Cuts that get the takes of another one with the very same picture."""


def plan(cuts: Sequence[Cut], options: Options) -> FillPlan:
    """Choose cuts and say why others are left out."""
    made = FillPlan()
    seen: set[Hashable] = set()
    for index, cut in enumerate(cuts):
        reason = _reason(cut, options)
        if reason:
            made.skipped.append((cut.name, reason))
            continue
        made.chosen.append(index)
        limit_s = options.split_longer_s
        if limit_s is not None and cut.clip is not None and cut.duration_s > limit_s:
            made.long.append(index)
        made.duration_s += cut.duration_s
        made.rendered += cut.picture is None
        if cut.picture is not None and cut.picture in seen:
            made.shared += 1
        else:
            made.work_s += cut.duration_s
        seen.add(cut.picture)
    return made


def estimate_s(
    made: FillPlan, bundle: BundleInfo | None, *, takes: int, quality: str | None, steps: int
) -> float | None:
    """Seconds of work for the server, without rendering; None when it was never measured.

    Args:
        quality: name of a preset, or None for ``steps``.
    """
    if bundle is None or bundle.speed is None:
        return None
    try:
        wanted = steps if quality is None else steps_for(quality, bundle.steps)
    except SettingInvalid:
        return None
    return float(made.work_s) * bundle.speed * takes * wanted / bundle.steps


def summary(made: FillPlan, estimated_s: float | None, takes: int) -> list[str]:
    """The preview, line by line."""
    if not made.chosen:
        return [tr("Nothing to fill")]
    count = several(len(made.chosen), "1 cut", "{count} cuts")
    length = duration_text(float(made.duration_s))
    each = several(takes, "1 take each", "{count} takes each")
    lines = [tr("{cuts}, {length} of sound, {takes}", cuts=count, length=length, takes=each)]
    if estimated_s is None:
        lines.append(tr("Time unknown: the server has not measured this model yet"))
    elif made.rendered:
        time = duration_text(estimated_s)
        lines.append(tr("About {time}, and the time to render", time=time))
    else:
        lines.append(tr("About {time}", time=duration_text(estimated_s)))
    if made.rendered:
        text = several(made.rendered, "1 is rendered first", "{count} are rendered first")
        lines.append(text)
    if made.long:
        one = "1 long cut is split at its shots first"
        lines.append(
            several(len(made.long), one, "{count} long cuts are split at their shots first")
        )
    if made.shared:
        one = "1 shows the picture of another and shares its takes"
        lines.append(several(made.shared, one, "{count} show the picture of another and share it"))
    return lines


def split_frames(
    first_frame: int, end_frame: int, fps: Fraction, cuts_s: Sequence[Fraction]
) -> list[int]:
    """Timeline frames at which a strip is split: each the first that shows the new shot.

    Args:
        first_frame: first visible one.
        end_frame: behind the last visible one.
        cuts_s: where shots begin, seconds after the first visible frame.
    """
    frames = {first_frame + ceil(cut_s * fps - _SLACK_FRAMES) for cut_s in cuts_s}
    return sorted(frame for frame in frames if first_frame < frame < end_frame)


def _reason(cut: Cut, options: Options) -> str:
    if cut.refusal:
        return cut.refusal
    if options.skip_muted and cut.muted:
        return tip("muted")
    if options.unscored_only and cut.has_takes:
        return tip("has takes already")
    if options.unscored_only and cut.is_coming:
        return tip("is being filled already")
    if cut.duration_s < options.least_s:
        return tip("shorter than {seconds} s", seconds=f"{options.least_s:g}")
    return ""
