"""Clips of noise, and what 'prepare' writes of a video that has them."""

import numpy as np

from foleyline_training.prepare import units
from foleyline_training.prepare.clips import RawClip
from foleyline_training.prepare.prepare import Request, prepare

CLIPS = 7


def made_clips(spec, count=CLIPS):
    rng = np.random.default_rng(0)
    size = (spec.picture.height_px, spec.picture.width_px, 3)
    return [
        RawClip(
            number * spec.duration_s,
            [rng.integers(0, 256, size, np.uint8) for _ in range(spec.duration_pictures)],
            rng.integers(-20000, 20000, spec.samples, np.int16),
        )
        for number in range(count)
    ]


def prepared(folder, spec, clips, monkeypatch, shard_clips=3):
    """What 'prepare' writes of a video that has these clips."""
    videos = folder / "videos"
    videos.mkdir()
    (videos / "a.mp4").write_text("not opened")
    monkeypatch.setattr(units, "iter_clips", lambda *_: iter(clips))
    prepare(Request(videos, folder / "data", spec, shard_clips=shard_clips, workers=0))
    return folder / "data"
