"""Takes come to lie beside their picture strip: where exactly, on which channel, which is heard.

What becomes of them later is in ``take_strips.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import bpy

from foleyline_contract.errors import InputError
from foleyline_contract.messages import Clip

from . import compat, compat_takes, take_facts, timing
from . import take_strips as ts
from .anchors import Anchor, Placing, find, identify
from .take_strips import placed

__all__ = ["Anchor", "Made", "Placing", "Written", "find", "place", "placed"]


@dataclass(frozen=True, slots=True)
class Made:
    """What a job's takes have in common."""

    job_id: str
    clip: Clip
    """With the handles' picture, if there are handles."""
    settings: Mapping[str, Any]
    """See ``take_facts.record_of``."""
    anchor: Anchor
    """The picture strip at the click; its frames are those to be heard, without handles."""
    placing: Placing = field(default_factory=Placing)


class Written(take_facts.Finished, Protocol):
    """A take whose WAV lies on disk."""

    @property
    def path(self) -> Path: ...


def place(
    scene: Any,  # noqa: ANN401 - one class per version
    strip: Any,  # noqa: ANN401
    takes: Sequence[Written],
    made: Made,
    *,
    at_most: int | None = None,
) -> list[str]:
    """Put a job's takes beside their picture strip; connect them with it when all lie there.

    A strip that was moved meanwhile is followed. Takes of the job that lie there are left out.
    Which one is heard: see ``take_facts.new_is_heard``. There is no undo step in here.

    Args:
        at_most: place only so many, the best that are missing. Called until nothing is
            returned, this comes to the same as one call, a few milliseconds at a time.

    Returns:
        Names of the new sound strips, the best first.

    Raises:
        InputError: no channel has room, or this Blender cannot make sound strips; nothing
            was placed.
    """
    group = ts.group_of(scene, strip)
    missing = _missing(strip, group, takes, made)
    if not missing:
        return []
    chosen = missing[:at_most]
    where = _where(strip, made)
    channels = _channels(strip, where, made.placing.channel, len(chosen))
    sounds = _add_sounds(strip, chosen, channels, where, made.placing)
    _choose_heard(group, sounds, chosen[0][0])
    if len(chosen) == len(missing):
        meta = strip.parent_meta()
        together = [take for take in group.takes if take.parent_meta() == meta]
        compat_takes.connect(scene, strip, [*together, *sounds])
    return [sound.name for sound in sounds]


def _missing(
    strip: Any,  # noqa: ANN401
    group: ts.Group,
    takes: Sequence[Written],
    made: Made,
) -> list[tuple[dict[str, Any], Path]]:
    """Records and files of the takes that do not lie there yet, the best first."""
    there = [ts.record(take) for take in group.takes]
    numbers = {take_facts.identity(record)[:2]: take_facts.number_of(record) for record in there}
    before = max(
        (number for (job_id, _take), number in numbers.items() if job_id != made.job_id), default=0
    )
    source = {
        "source_id": strip.get(ts.ID_KEY) or identify(strip),
        "source_strip": strip.name,
        "source_path": getattr(strip, "filepath", ""),
    }
    missing = [
        (
            take_facts.record_of(
                take, number=before + take.take + 1, job_id=made.job_id, clip=made.clip,
                settings=made.settings, source=source,
            ),
            take.path,
        )
        for take in takes
        if (made.job_id, take.take + 1) not in numbers
    ]  # fmt: skip
    return sorted(missing, key=lambda pair: take_facts.rank_key(pair[0]))


@dataclass(frozen=True, slots=True)
class _Where:
    """Timeline frames: where a take's sound begins, and what of it is shown."""

    content_start_frame: int
    first_frame: int
    end_frame: int


def _where(strip: Any, made: Made) -> _Where:  # noqa: ANN401
    """As at the click, moved along with the picture strip; the length is the clip's."""
    scene, placing = strip.id_data, made.placing
    fps = timing.exact_rate(scene.render.fps, scene.render.fps_base)
    frames = round(made.clip.duration_s * fps) - placing.before_frames - placing.after_frames
    moved = int(compat.timing(strip, "content_start")) - made.anchor.content_start_frame
    first = made.anchor.first_frame + moved
    return _Where(first - placing.before_frames, first, first + max(1, frames))


def _channels(
    strip: Any,  # noqa: ANN401
    where: _Where,
    wanted: int | None,
    count: int,
) -> list[int]:
    """Free channels for takes, the best first; without ``wanted`` near the picture strip."""
    owner = strip.parent_meta() or strip.id_data.sequence_editor
    span = where.first_frame, where.end_frame
    spans = [ts.span(other) for other in compat.strips_in(owner)]
    taken = [(s.channel, s.first_frame, s.end_frame) for s in spans]
    closed = {i for i, channel in enumerate(owner.channels) if channel.lock or channel.mute}
    channels: list[int] = []
    while len(channels) < count:
        busy = {other for other, first, end in taken if first < span[1] and end > span[0]}
        if wanted and wanted not in busy | closed:
            channel = wanted
        else:
            channel = timing.nearest_free_channel(wanted or strip.channel, *span, taken, closed)
        if channel is None:
            raise InputError(
                f"No channel has room beside the strip '{strip.name}'; its take was kept on disk.",
                remedy="Free, unlock or unmute a channel, then generate again.",
            )
        channels.append(channel)
        taken.append((channel, *span))
    return channels


def _add_sounds(
    strip: Any,  # noqa: ANN401
    chosen: Sequence[tuple[dict[str, Any], Path]],
    channels: Sequence[int],
    where: _Where,
    placing: Placing,
) -> list[Any]:
    sounds: list[Any] = []
    try:
        for (record, path), channel in zip(chosen, channels, strict=True):
            name = take_facts.strip_name(strip.name, record["number"])
            sounds.append(_add_sound(strip, name, path, channel, where))
            sounds[-1][ts.TAKE_KEY] = record
            ts.colour(sounds[-1])
            _fade(sounds[-1], where, placing.fade_frames)
            if placing.pack:
                sounds[-1].sound.pack()
    except RuntimeError as error:
        ts.remove(sounds)
        raise InputError(
            f"Blender could not add the take as a sound strip: {error}",
            remedy="The take was kept on disk; add it with Add > Sound.",
        ) from error
    return sounds


def _add_sound(
    strip: Any,  # noqa: ANN401
    name: str,
    path: Path,
    channel: int,
    where: _Where,
) -> Any:  # noqa: ANN401
    owner = strip.parent_meta() or strip.id_data.sequence_editor
    sound = compat.strips_in(owner).new_sound(
        name=name,
        filepath=_shown_path(path),
        channel=channel,
        frame_start=where.content_start_frame,
    )
    compat.set_timing(sound, "right_handle", where.end_frame)
    compat.set_timing(sound, "left_handle", where.first_frame)
    sound.show_waveform = True
    sound.select = strip.select  # dragged together from the first moment
    return sound


def _shown_path(path: Path) -> str:
    """Relative to the .blend file where there is one, and on the same drive."""
    if not bpy.data.filepath:
        return str(path)
    try:
        return bpy.path.relpath(str(path))
    except ValueError:
        return str(path)


def _fade(sound: Any, where: _Where, frames: int) -> None:  # noqa: ANN401
    """Volume keys, as Blender's own Add Fades makes them: they move with the strip."""
    frames = min(frames, (where.end_frame - where.first_frame) // 2)
    if frames <= 0:
        return
    keys = {
        where.first_frame: 0.0,
        where.first_frame + frames: 1.0,
        where.end_frame - frames: 1.0,
        where.end_frame: 0.0,
    }
    for frame, volume in keys.items():
        sound.volume = volume
        sound.keyframe_insert("volume", frame=frame)
    sound.volume = 1.0


def _choose_heard(group: ts.Group, sounds: Sequence[Any], best: Mapping[str, Any]) -> None:
    heard = [ts.record(take) for take in group.takes if not take.mute]
    takes_over = take_facts.new_is_heard(best, heard)
    for sound in sounds:
        sound.mute = not (takes_over and sound == sounds[0])
    for take in group.takes if takes_over else ():
        take.mute = True
