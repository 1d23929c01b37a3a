from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from foleyline_training.corpus.clip_file import write_clip
from foleyline_training.corpus.scene import make_scene


def test_clip_has_picture_and_sound_of_the_scenes_length(tmp_path: Path) -> None:
    scene = make_scene(1, duration_s=1.0)
    sound = np.zeros(32000, dtype=np.float32)
    path = tmp_path / "clip.mp4"
    write_clip(scene, path, width=64, height=36, fps=Fraction(25), sound=sound, rate_hz=32000)
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == 25
    assert frames[-1].time == 0.96
    with av.open(str(path)) as container:
        heard = sum(frame.samples for frame in container.decode(audio=0))
    assert abs(heard - 32000) <= 2048


def test_clip_without_sound(tmp_path: Path) -> None:
    path = tmp_path / "mute.mp4"
    write_clip(
        make_scene(1, duration_s=0.5),
        path,
        width=64,
        height=36,
        fps=Fraction(24000, 1001),
        sound=None,
        rate_hz=32000,
    )
    with av.open(str(path)) as container:
        assert not container.streams.audio
        assert len(list(container.decode(video=0))) == 12
