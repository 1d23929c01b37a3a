"""Compare what is handed to the server with what Blender shows, frame by frame.

    run_strips.py FOLDER bpy-4.5.15 named     every kind of edit, by itself
    run_strips.py FOLDER sid random 7 50      50 random edits, seed 7
    run_strips.py FOLDER sid only reversed    some of the named ones

FOLDER takes the movies, the pictures and a report for each version.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from edits import MOVIE_PICTURES, RATES, movie_name
from movie import BITS, picture, write_movie
from run import REAL_BLENDER, ROOT, SUITES, bpy_python, lines_of

from foleyline_contract.messages import Clip
from foleyline_server.media.frames import seen_frames
from foleyline_server.media.video_file import VideoFile

HERE = Path(__file__).resolve().parent
IMAGES = 110
HALF = Fraction(1, 2)
DIFFERENCE_MAX = 6.0
"""Mean difference of a picture, in 255 levels: what compressing and other colours make."""


def write_media(folder: Path) -> None:
    """Movies and pictures that show their numbers."""
    for rate in RATES:
        path = folder / movie_name(rate)
        if not path.exists():
            write_movie(path, rate, MOVIE_PICTURES)
    (folder / "images").mkdir(exist_ok=True)
    for number in range(IMAGES):
        pixels = av.VideoFrame.from_ndarray(picture(number, Fraction(24)), format="rgb24")
        png = av.CodecContext.create("png", "w")
        png.width, png.height, png.pix_fmt = pixels.width, pixels.height, "rgb24"
        png.time_base = Fraction(1)
        (folder / "images" / f"p{number:04}.png").write_bytes(bytes(png.encode(pixels)[0]))


def blender(kind: str, folder: Path, *arguments: str) -> list[str]:
    script = [str(HERE / "check_strips.py"), "--", *arguments]
    environment = {**os.environ, "REAL_BLENDER_BIND": str(ROOT)}
    if kind in SUITES:
        options = ["-b", "--factory-startup", "--python"]
        command = [str(REAL_BLENDER), kind, "--", *options, *script]
        return lines_of(command, folder, environment)
    return lines_of([bpy_python(kind), *script], folder, environment)


def clip_of(told: dict[str, str]) -> Clip:
    spans = (Fraction(told[key]) for key in ("start_s", "duration_s", "speed"))
    return Clip(told["path"], *spans)


def pictures_of(clip: Clip, frames: int) -> tuple[list[np.ndarray], list[Fraction]]:
    """What the server sees when each timeline frame begins, and where in the file, in pictures."""
    times_s = [number * clip.duration_s / frames for number in range(frames)]
    with VideoFile(clip.path) as video:
        rate = Fraction(video.stream.average_rate or 0)
        seen = [seen.frame.to_ndarray(format="rgb24") for seen in seen_frames(video, clip, times_s)]
    return seen, [(clip.start_s + clip.speed * time_s) * rate for time_s in times_s]


def number_in(image: np.ndarray) -> int:
    """The number that a picture shows; -1 where its squares are neither black nor white."""
    height, width = image.shape[:2]
    grey = image.mean(axis=2)
    number = 0
    for bit in range(BITS):
        x, y = round((18 + bit * 24) * width / 640), round(18 * height / 360)
        level = grey[y - 1 : y + 2, x - 1 : x + 2].mean()
        if 70 < level < 180:
            return -1
        number |= int(level > 125) << bit
    return number


def verdict(entry: dict[str, Any]) -> str:
    """Compare one edit's pictures with Blender's own; ``ok ...`` or what is wrong."""
    if "refused" in entry:
        return f"refused: {entry['refused']}"
    if "failed" in entry:
        return f"FAILED {entry['failed']}"
    first, end = entry["span"]
    clip = clip_of(entry.get("clip") or entry["rendered"])
    mine, places = pictures_of(clip, end - first)
    theirs = [read_png(path) for path in sorted(Path(entry["frames"]).iterdir())]
    if len(mine) != len(theirs):
        return f"BAD {len(mine)} pictures for {len(theirs)} frames"
    numbers = [(number_in(a), number_in(b)) for a, b in zip(mine, theirs, strict=True)]
    readable = [i for i, pair in enumerate(numbers) if -1 not in pair]
    if "clip" in entry:
        # Between two pictures Blender shows the nearer one, the server the one that began.
        # Retiming keys are told in whole frames only.
        slack = HALF + (places[1] - places[0] if entry["retimed"] else 0)
        off = [
            (i, *numbers[i], float(places[i]))
            for i in readable
            if numbers[i][0] != int(places[i]) or abs(numbers[i][1] - places[i]) > slack
        ]
        whole = all(place.denominator == 1 for place in places)
        near = "" if whole else ", between pictures"
        text = f"direct{near}, {len(readable)} of {len(numbers)} read"
        return f"BAD {text}: {off[:5]}" if off or not readable else f"ok {text}"
    off = [(i, *numbers[i]) for i in readable if numbers[i][0] != numbers[i][1]]
    if off:
        return f"BAD {len(off)} of {len(numbers)} frames show another picture: {off[:5]}"
    differences = [
        float(np.abs(a.astype(float) - b).mean()) if a.shape == b.shape else 999.0
        for a, b in zip(mine, theirs, strict=True)
    ]
    worst = max(differences)
    word = "ok" if worst <= DIFFERENCE_MAX else "BAD"
    return f"{word} rendered ({entry['why']}), {len(readable)} read, worst difference {worst:.2f}"


def read_png(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def main() -> int:
    folder, kind, what, *rest = sys.argv[1:]
    work = Path(folder).resolve()
    work.mkdir(parents=True, exist_ok=True)
    write_media(work)
    lines = blender(kind, work, what, *rest)
    if "DONE" not in lines:
        return 1
    verdicts: Counter[str] = Counter()
    report = json.loads((work / "report.json").read_text(encoding="utf-8"))
    for name, entry in report.items():
        said = verdict(entry)
        verdicts[said.split()[0]] += 1
        print(f"{name:28} {said}")
    print(f"{kind}: {dict(verdicts)}")
    return int(any(word in verdicts for word in ("BAD", "FAILED")))


if __name__ == "__main__":
    raise SystemExit(main())
