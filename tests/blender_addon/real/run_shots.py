"""Split at Shots in a Blender without a window: movies of three shots, split and filled.

python run_shots.py --blender sid
"""

from __future__ import annotations

import argparse
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from blenders import Blenders, stub_server
from run import MODULES, SUITES, verdict

SHOTS_S = (6, 5, 7)
SIDE_PX = 128


def write_shots(path: Path, fps: int) -> None:
    """Three places, each a pattern of its own that drifts a little."""
    dice = np.random.default_rng(7)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps), options={"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = SIDE_PX, SIDE_PX, "yuv420p"
        for length_s in SHOTS_S:
            place = dice.integers(0, 255, (8, 8, 3), np.uint8).repeat(16, 0).repeat(16, 1)
            for index in range(length_s * fps):
                picture = np.roll(place, index // 8, axis=1)
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                container.mux(stream.encode(frame))
        container.mux(stream.encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blender", choices=(*MODULES, *SUITES), default=MODULES[0])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name).resolve()
        for fps in (24, 30):
            write_shots(work / f"shots{fps}.mp4", fps)
        with stub_server(work, 0.1) as address:
            lines = Blenders(options.blender, "check_shots.py", work, address).run("all")
    print("\n".join(line for line in lines if line.startswith(("CHECK", "MEASURED"))))
    raise SystemExit(not verdict(f"shots, {options.blender}", lines))


if __name__ == "__main__":
    main()
