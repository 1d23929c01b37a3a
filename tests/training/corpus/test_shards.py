import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from foleyline_training.corpus.scene import make_scene
from foleyline_training.corpus.shards import CorpusSpec, generate_shard

SPEC = CorpusSpec(picture_count=16, size_px=16, rate_hz=8000)
"""Small: evening out the lasting sounds takes time with the square of the rate."""


def test_default_lengths_agree() -> None:
    assert CorpusSpec().duration_s == 8.192
    assert CorpusSpec().sound_count == 262144
    assert CorpusSpec().picture_fps == Fraction(125, 8)


def test_shard_holds_the_scenes_and_resumes(tmp_path: Path, sounds_folder: Path) -> None:
    folder = generate_shard(SPEC, 10, 5, tmp_path / "a", sounds_folder, processes=2, chunk=2)
    pictures, sound = np.load(folder / "pictures.npy"), np.load(folder / "sound.npy")
    assert pictures.shape == (5, 16, 16, 16, 3)
    assert sound.shape == (5, SPEC.sound_count)
    with np.load(folder / "contacts.npz") as contacts:
        for index in range(5):
            scene = make_scene(10 + index, duration_s=SPEC.duration_s)
            times = contacts["time_s"][contacts["scene"] == index]
            assert times.tolist() == [c.time_s for c in scene.contacts]
    index_text = (folder / "index.json").read_text()
    assert {row["licence"] for row in json.loads(index_text)["sounds"]} <= {"CC0-1.0"}

    # As if killed: no index, one chunk without its marker and half written.
    (folder / "index.json").unlink()
    (folder / "done" / "0000002.npz").unlink()
    half = np.load(folder / "pictures.npy", mmap_mode="r+")
    half[2:4] = 0
    half[0] = 7
    half.flush()
    generate_shard(SPEC, 10, 5, folder, sounds_folder, processes=1, chunk=2)
    resumed = np.load(folder / "pictures.npy")
    assert (resumed[2:] == pictures[2:]).all()
    # What was marked done was not made again.
    assert (resumed[0] == 7).all()
    assert (np.load(folder / "sound.npy") == sound).all()
    assert (folder / "index.json").read_text() == index_text


def test_another_spec_is_refused(tmp_path: Path, sounds_folder: Path) -> None:
    folder = generate_shard(SPEC, 0, 1, tmp_path / "b", sounds_folder, processes=1)
    with pytest.raises(ValueError, match="other settings"):
        generate_shard(SPEC, 1, 1, folder, sounds_folder, processes=1)
