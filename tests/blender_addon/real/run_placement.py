"""Whether clicks are heard where flashes are seen, over random edits that the add-on fills.

Run by ``scripts/test_blender --placement COUNT``. The movies flash; the stub server makes a
click at every flash in what the add-on hands to it, to the sample. The mix of a filled timeline
then tells when each click is heard, and its rendered frames when each flash is seen.

A strip that was rendered, or whose movie's pictures fall on the timeline's frames, has to be
heard where it is seen, to the sample. Where pictures begin between frames, or last longer than
those so that Blender shows them half a picture early, it has to be heard
to the sample where the picture's time stamp lies on the timeline, and within a frame of where
it is seen: of the timeline or of the movie, whichever lasts longer.

The table: worst distances in whole samples and in timeline frames; clicks on a strip's first
sample whose head Blender leaves out; flashes at a strip's end that are only seen or only heard.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from edits import MOVIE_PICTURES, RATES, VARIABLE_RATES, movie_name
from filled_timeline import SAMPLES_MAX, Timeline, read
from flash_movie import flashes_s, write_media
from run import HERE, SUITES, bpy_python, in_suite, install, lines_of

SEED = 1
ROUNDING = Fraction(1, 500)
"""Of a click to a sample, in timeline frames."""
RISE, RISE_MIN = 75.0, 45.0
"""Of the mean brightness, of 255: above the first the stub surely hears a flash, below the other
surely none."""
NO_FLASH_S = Fraction(1, 2)
"""Without a flash the stub clicks this often, from the strip's first frame on."""
ON_FRAMES, RETIMED = "from the file, on frames", "retimed, from the file"
_RETIMED = ("plays backwards", "changes its speed", "is strobed", "holds its")


@dataclass
class Row:
    """What was found of one class of strips."""

    strips: int = 0
    clicks: int = 0
    samples: int = 0
    """Worst distance of a click from the sample on which it should be."""
    frames: float = 0.0
    """Worst distance of a click from the timeline frame that first shows it."""
    heads: int = 0
    """Clicks on a strip's first sample whose head Blender leaves out."""
    late: int = 0
    """Flashes in a strip's last moments that are only seen, or only heard."""
    bad: list[str] = field(default_factory=list)


def placement(kind: str, work: Path, archive: Path, address: str, count: int) -> bool:
    """Fill edits in one Blender, compare, print a table."""
    folder = work / f"placement-{kind}"
    folder.mkdir()
    write_media(folder)
    script, options = str(HERE / "check_placement.py"), [address, str(SEED), str(count)]
    if kind in SUITES:
        install(kind, folder, Path(shutil.copy(archive, folder)))  # it sees this folder only
        lines = in_suite(kind, folder, "-b", "--python", script, "--", *options)
    else:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "BLENDER_USER_RESOURCES": str(folder / "user"),
        }
        command = [bpy_python(kind), script, "--", *options, str(archive)]
        lines = lines_of(command, folder, environment)
    rows = compare(folder)
    print(table(rows), flush=True)
    bad = [line for row in rows.values() for line in row.bad]
    clicks = sum(row.clicks for row in rows.values())
    passed = "DONE" in lines and not bad and clicks > count
    print(f"placement, {kind}: {'passed' if passed else 'FAILED'}, {count} edits", flush=True)
    print("\n".join(f"  {line}" for line in bad), flush=True)
    return passed


def compare(folder: Path) -> dict[str, Row]:
    """Every strip of every edit, by class."""
    rows: dict[str, Row] = defaultdict(Row)
    with (folder / "placement.jsonl").open(encoding="utf-8") as report:
        for entry in map(json.loads, report):
            timeline = read(folder, entry)
            for strip in entry["strips"]:
                if "refused" in strip:
                    rows["refused"].strips += 1
                    continue
                judge(rows, timeline, strip, entry)
    return dict(rows)


def judge(
    rows: dict[str, Row], timeline: Timeline, strip: dict[str, Any], entry: dict[str, Any]
) -> None:
    """Compare one strip."""
    first, end = strip["span"]
    heard = [
        at for at in timeline.heard if first - Fraction(1, 10) <= at < end - Fraction(1, 10_000)
    ]
    seen = timeline.rises(first, end, RISE)
    line = None if strip["retimed"] or strip["why"] else on_the_line(strip, timeline.fps)
    name, wanted = expected(timeline, strip, heard, seen, line)
    row = rows[name]
    row.strips += 1
    row.clicks += len(heard)
    told = f"{entry['name']} {name}: {strip['edit']}: {first} to {end}, {entry['fill']}: "
    if len(strip["takes"]) != 1:
        row.bad.append(f"{told}takes {strip['takes']}")
        return
    if wanted is not None and len(wanted) != len(heard):
        row.bad.append(f"{told}heard {_floats(heard)}, wanted {_floats(wanted)}, seen {seen}")
        return
    if wanted:
        heard = _compare_wanted(row, timeline, strip, heard, wanted, told)
    if name == "nothing flashes":
        return
    limit = Fraction() if name == ON_FRAMES else longest_frame(strip, timeline.fps)
    _compare_seen(row, timeline, strip, heard, limit + ROUNDING, told)


def _compare_wanted(
    row: Row,
    timeline: Timeline,
    strip: dict[str, Any],
    heard: list[Fraction],
    wanted: Sequence[Fraction],
    told: str,
) -> list[Fraction]:
    """Compare to the sample; where the clicks lie, those that lack their head as if whole."""
    samples = [(timeline.sample(a), timeline.sample(b)) for a, b in zip(heard, wanted, strict=True)]
    off = [abs(a - b) for a, b in samples]
    if wanted[0] == strip["span"][0] and timeline.is_beheaded(*samples[0], strip["takes"][0]):
        row.heads += off[0] > SAMPLES_MAX
        off[0], heard = min(off[0], SAMPLES_MAX), [wanted[0], *heard[1:]]
    row.samples = max(row.samples, *off)
    if max(off) > SAMPLES_MAX:
        row.bad.append(f"{told}off by {max(off)} samples: {_floats(heard)}, {_floats(wanted)}")
    return heard


def _compare_seen(
    row: Row,
    timeline: Timeline,
    strip: dict[str, Any],
    heard: Sequence[Fraction],
    limit: Fraction,
    told: str,
) -> None:
    first, end = strip["span"]
    all_seen = timeline.rises(first, end, RISE_MIN)
    for at in heard:
        off = min((abs(at - frame) for frame in all_seen), default=Fraction(end - first))
        if off > limit and at > end - limit:
            row.late += 1
            continue
        row.frames = max(row.frames, float(off))
        if off > limit:
            row.bad.append(f"{told}heard at {float(at):.3f}, seen {all_seen}")
    for frame in timeline.rises(first, end, RISE):
        if frame == first or any(abs(at - frame) <= limit for at in heard):
            continue
        if frame >= end - limit:
            row.late += 1
        else:
            row.bad.append(f"{told}seen at {frame}, heard {_floats(heard)}")


def expected(
    timeline: Timeline,
    strip: dict[str, Any],
    heard: Sequence[Fraction],
    seen: Sequence[int],
    line: list[Fraction] | None,
) -> tuple[str, list[Fraction] | None]:
    """The class of a strip, and where its clicks have to lie; None if only roughly known."""
    first, end = strip["span"]
    step = NO_FLASH_S * timeline.fps
    regular = [first + n * step for n in range(int((end - first) / step) + 1)]
    regular = [at for at in regular if at < end]
    if strip["why"]:
        maybe = timeline.rises(first, end, RISE_MIN)
        if not maybe:
            return "nothing flashes", regular
        retimed = strip["kind"] == "speed" or strip["why"].startswith(_RETIMED)
        near = [f for f in maybe if f in seen or any(abs(at - f) < Fraction(1, 2) for at in heard)]
        return ("rendered, retimed" if retimed else "rendered"), [Fraction(f) for f in near]
    if line is None:
        inside = [frame for frame in seen if frame > first]
        if not inside and len(heard) == len(regular):
            return "nothing flashes", regular
        return ("variable rate, retimed" if "variable" in strip["movie"] else RETIMED), None
    if not line:
        return "nothing flashes", regular
    if "variable" in strip["movie"]:
        return "variable rate, from the file", line
    if is_doubtful(strip, timeline.fps):
        return "from the file, rate in doubt", None
    if all(at.denominator == 1 for at in line) and longest_frame(strip, timeline.fps) == 1:
        return ON_FRAMES, line
    return "from the file, between frames", line


def on_the_line(strip: dict[str, Any], fps: Fraction) -> list[Fraction]:
    """Where the flashes of a strip's movie lie on the timeline, by their time stamps."""
    first, end = strip["span"]
    rate = Fraction(strip["movie_fps"])
    per_frame = rate / fps if strip["own_rate"] else Fraction(1)
    places = (
        strip["content_start"] + (time_s * rate - strip["trim"]) / per_frame
        for time_s in FLASHES_S[strip["movie"]]
    )
    return [place for place in places if first <= place < end]


def is_doubtful(strip: dict[str, Any], fps: Fraction) -> bool:
    """Whether a movie of 29.97 fps plays frame by frame at 30, or so: it looks like own rate."""
    slower = fps / Fraction(strip["movie_fps"]) - 1
    return not strip["own_rate"] and 0 < slower * MOVIE_PICTURES < 1


def longest_frame(strip: dict[str, Any], fps: Fraction) -> Fraction:
    """A frame of the timeline or of the movie, in timeline frames.

    Of movies with variable rate both together: Blender counts in frames of an even rate.
    """
    if strip["why"]:
        return Fraction(1)
    per_frame = Fraction(strip["movie_fps"]) / fps if strip["own_rate"] else Fraction(1)
    per_frame *= Fraction(strip["speed_percent"]) / 100
    if "variable" in strip["movie"]:
        return 1 + 1 / per_frame
    return max(Fraction(1), 1 / per_frame)


def _floats(places: Sequence[Fraction]) -> list[float]:
    return [round(float(place), 3) for place in places]


def table(rows: dict[str, Row]) -> str:
    lines = ["strips  clicks  samples  frames  no head  cut off  bad  class"]
    for name, row in sorted(rows.items()):
        lines.append(
            f"{row.strips:6}  {row.clicks:6}  {row.samples:7}  {row.frames:6.2f}  {row.heads:7}  "
            f"{row.late:7}  {len(row.bad):3}  {name}"
        )
    return "\n".join(lines)


FLASHES_S = {
    movie_name(rate, variable=variable): flashes_s(rate, variable)
    for variable, rates in ((False, RATES), (True, VARIABLE_RATES))
    for rate in rates
}
