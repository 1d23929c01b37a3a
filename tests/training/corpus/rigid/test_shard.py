"""The writer, with another program in Blender's place that answers orders at once."""

import json
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from foleyline_training.corpus.materials import MATERIAL_NAMES
from foleyline_training.corpus.rigid.blender import Blender
from foleyline_training.corpus.rigid.shard import Rendering, generate_rigid
from foleyline_training.corpus.shards import CorpusSpec
from foleyline_training.corpus.sounds import SoundLibrary
from foleyline_training.corpus.split import Split

STAND_IN = """
import json, sys, cv2, numpy as np
print(json.dumps({"blender": "0.0"}), flush=True)
for line in sys.stdin:
    order = json.loads(line)
    with open(LOG, "a") as log:
        log.write(str(order["seed"]) + "\\n")
    if order["seed"] % 3 == 1:
        print(json.dumps({"refused": "1 contacts are seen"}), flush=True)
        continue
    for frame in order["frames"]:
        picture = np.full((order["size_px"],) * 2 + (3,), (0, 0, frame), np.uint8)
        cv2.imwrite(order["folder"] + f"/{frame:05d}.png", picture)
    contacts = [
        {"time_s": t, "material": m, "strength": 0.9, "x": 0.5, "actor": k, "with": "floor"}
        for k, (t, m) in enumerate([(0.3, "wood"), (0.7, "glass")])
    ]
    print(json.dumps({"contacts": contacts, "acts": ["drop"]}), flush=True)
"""
SPEC = CorpusSpec(picture_count=16, size_px=16, split=Split.UNSEEN)


@pytest.fixture(scope="module")
def library(sounds_folder) -> SoundLibrary:
    return SoundLibrary(sounds_folder, SPEC.rate_hz)


@pytest.fixture
def make(library, tmp_path):
    script = tmp_path / "stand_in.py"
    script.write_text(f"LOG = {str(tmp_path / 'orders')!r}\n" + STAND_IN)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}"\n')
    python.chmod(0o755)

    def make(count: int, start_seed: int = 0) -> Path:
        return generate_rigid(
            SPEC,
            Rendering(size_px=32, files=True),
            start_seed=start_seed,
            count=count,
            folder=tmp_path / "rigid",
            library=library,
            blender=blender,
        )

    with Blender(python, tmp_path / "log") as blender:
        yield make


def orders(folder: Path) -> list[int]:
    return [int(line) for line in (folder.parent / "orders").read_text().split()]


def test_layout_is_that_of_the_corpus_and_a_larger_count_goes_on(make):
    folder = make(2)
    assert orders(folder) == [0, 1, 2]  # 1 is refused
    make(3)
    assert orders(folder) == [0, 1, 2, 3]
    pictures, sound = np.load(folder / "pictures.npy"), np.load(folder / "sound.npy")
    assert pictures.shape == (3, 16, 16, 16, 3)
    assert sound.shape == (3, SPEC.sound_count)
    assert np.abs(sound).max() > 1000
    assert not np.load(folder / "activity.npy").any()
    contacts = np.load(folder / "contacts.npz")
    assert contacts["scene"].tolist() == [0, 0, 1, 1, 2, 2]
    assert contacts["time_s"].tolist() == [0.3, 0.7] * 3
    assert contacts["seen"].all() and len(contacts["seen"]) == 6
    assert [MATERIAL_NAMES[k] for k in contacts["material"][:2]] == ["wood", "glass"]
    index = json.loads((folder / "index.json").read_text())
    assert [scene["seed"] for scene in index["scenes"]] == [0, 2, 3]
    assert {row["licence"] for row in index["sounds"]} == {"CC0-1.0"}


def test_pictures_are_those_that_time_stamps_select_in_the_file(make):
    folder = make(1)
    pictures = np.load(folder / "pictures.npy")[0, ..., 0].mean((1, 2))
    # 24 fps: grid point n shows frame floor((n * 8 / 125 + 4 / 125) * 24), as red as its number.
    assert pictures.tolist() == [(8 * n + 4) * 24 // 125 for n in range(16)]
    with av.open(str(folder / "files" / "0000.mp4")) as video:
        frames = [frame.to_ndarray(format="rgb24")[..., 0].mean() for frame in video.decode()]
    assert len(frames) == 25
    assert frames[-1] == pytest.approx(pictures[-1], abs=6)


def test_other_settings_are_refused(make):
    make(1)
    with pytest.raises(ValueError, match="other settings"):
        make(1, start_seed=5)
