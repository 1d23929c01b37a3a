"""How well shot changes are found in films with known cuts, and with what only looks like cuts.

    python scripts/shots.py [--films 20] [--photos DIR] [--seed 0]

Shots are scenes of the training corpus and, with ``--photos``, moving crops of JPEG pictures.
Every film is coded as H.264 and looked at as the server does it. Counts per kind: cuts that are
there, found on the very picture, missed, and found where there is none. Beside it is what FFmpeg's
scene score finds (select='gt(scene,0.3)'), which docs/shots.md compares with.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import av.error
import av.filter
import cv2
import numpy as np
from numpy.typing import NDArray
from shot_films import HEIGHT, KINDS, WIDTH, Camera, Film

from foleyline_contract.messages import Clip
from foleyline_server.media.cuts import find_cuts

SCORE_MIN = 0.3
"""FFmpeg's documentation: 0.3 to 0.5 is a sane value."""


def main() -> int:
    """Make the films, look for cuts and print the table."""
    options = _parser().parse_args()
    names = sorted(options.photos.glob("*.jp*g")) if options.photos else []
    photos = [np.asarray(cv2.imread(str(name)), np.uint8)[:, :, ::-1] for name in names]
    print(f"{'kind':16} {'cuts':>5} {'found':>6} {'missed':>7} {'false':>6}   FFmpeg's score")
    for number, (name, make) in enumerate(KINDS.items()):
        if options.kind and options.kind not in name:
            continue
        camera = Camera(np.random.default_rng((options.seed, number)), photos)
        ours, theirs = np.zeros(4, int), np.zeros(4, int)
        for _ in range(options.films):
            film = make(camera)
            with tempfile.TemporaryDirectory() as folder:
                path = write(film, Path(folder) / "film.mp4")
                clip = Clip(str(path), Fraction(0), Fraction(len(film.pictures), film.fps))
                ours += judged(film, [cut_s * film.fps for cut_s in find_cuts(clip)])
                theirs += judged(film, scored(path, film.fps))
        print(
            f"{name:16} {ours[0]:5} {ours[1]:6} {ours[2]:7} {ours[3]:6}   {theirs[1:]}", flush=True
        )
    return 0


def write(film: Film, path: Path) -> Path:
    """Code a film."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=film.fps, options={"crf": "23"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for picture in film.pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    return path


def scored(path: Path, fps: int) -> list[Fraction]:
    """The pictures that FFmpeg's scene score takes for the first of a shot."""
    found: list[Fraction] = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        graph = av.filter.Graph()
        graph.link_nodes(
            graph.add_buffer(template=stream),
            graph.add("select", f"gt(scene,{SCORE_MIN})"),
            graph.add("buffersink"),
        ).configure()
        for frame in [*container.decode(stream), None]:
            graph.push(frame)
            while True:
                try:
                    seen = graph.pull()
                except (av.error.BlockingIOError, av.error.EOFError):
                    break
                found.append((seen.pts or 0) * Fraction(seen.time_base or 0) * fps)
    return found


def judged(film: Film, found: Sequence[Fraction]) -> NDArray[np.int_]:
    """Cuts that are there, found, missed, and found where there is none."""
    true = set(film.cuts)
    hits = true & set(found)
    return np.array([len(true), len(hits), len(true - hits), len(set(found) - true)])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--films", type=int, default=20, help="of each kind")
    parser.add_argument("--photos", type=Path, metavar="DIR", help="JPEG pictures to film, too")
    parser.add_argument("--kind", help="only those with this in their names")
    parser.add_argument("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    sys.exit(main())
