import json
from pathlib import Path

import numpy as np
import pytest

from foleyline_training.corpus.join import CorporaDiffer, join_corpora
from foleyline_training.corpus.shards import CorpusSpec, write_contacts

MATERIALS = ["wood", "glass"]


def corpus(folder: Path, scenes: int, first: int, size_px: int = 8, split: str = "training"):
    """Scenes whose every number is their own; each has one contact."""
    folder.mkdir()
    own = np.arange(first, first + scenes)
    spread = {"pictures": (np.uint8, (4, size_px, size_px, 3)), "activity": (np.uint8, (4, 2))}
    for name, (kind, shape) in {**spread, "sound": (np.int16, (10,))}.items():
        rows = own.reshape(-1, *(1 for _ in shape)).astype(kind)
        np.save(folder / f"{name}.npy", np.broadcast_to(rows, (scenes, *shape)))
    rows = [(scene, number / 100, 0, 1, 0, 1) for scene, number in enumerate(own)]
    write_contacts(folder, np.array(rows, np.float64))
    index = {
        "spec": {**CorpusSpec(size_px=size_px).as_json(), "split": split},
        "materials": MATERIALS,
        "count": scenes,
        "sounds": [{"file": "a.wav"}, {"file": f"{folder.name}.wav"}],
    }
    (folder / "index.json").write_text(json.dumps(index))
    return folder


@pytest.fixture
def drawn(tmp_path):
    return corpus(tmp_path / "drawn", 70, first=0)


@pytest.fixture
def rigid(tmp_path):
    return corpus(tmp_path / "rigid", 3, first=100)


def test_scenes_follow_one_another_and_one_named_twice_counts_twice(drawn, rigid, tmp_path):
    folder = join_corpora([drawn, rigid, rigid], tmp_path / "both")
    wanted = [*range(70), 100, 101, 102, 100, 101, 102]
    for name in ("pictures", "sound", "activity"):
        array = np.load(folder / f"{name}.npy")
        assert array.reshape(len(array), -1).max(axis=1).tolist() == wanted
    contacts = np.load(folder / "contacts.npz")
    assert contacts["scene"].tolist() == list(range(76))
    assert contacts["time_s"] == pytest.approx(np.array(wanted) / 100)
    assert (contacts["scene"].dtype, contacts["seen"].dtype) == (np.int32, np.bool_)


def test_index_counts_all_scenes_and_credits_every_sound_once(drawn, rigid, tmp_path):
    index = json.loads((join_corpora([drawn, rigid], tmp_path / "b") / "index.json").read_text())
    assert index["count"] == 73
    assert [row["file"] for row in index["sounds"]] == ["a.wav", "drawn.wav", "rigid.wav"]


def test_the_same_again_keeps_what_is_there(drawn, rigid, tmp_path):
    folder = join_corpora([drawn, rigid], tmp_path / "both")
    before = (folder / "index.json").stat().st_mtime_ns
    join_corpora([drawn, rigid], folder)
    assert (folder / "index.json").stat().st_mtime_ns == before


def test_a_folder_with_another_corpus_is_not_overwritten(drawn, rigid, tmp_path):
    with pytest.raises(CorporaDiffer, match="use a new folder"):
        join_corpora([drawn], rigid)
    assert len(np.load(rigid / "sound.npy")) == 3


def test_pictures_of_another_size_are_refused(drawn, tmp_path):
    other = corpus(tmp_path / "other", 2, first=0, size_px=16)
    with pytest.raises(CorporaDiffer, match="size_px 16"):
        join_corpora([drawn, other], tmp_path / "both")
    assert not (tmp_path / "both").exists()


def test_other_materials_are_refused(drawn, rigid, tmp_path):
    index = json.loads((rigid / "index.json").read_text())
    (rigid / "index.json").write_text(json.dumps({**index, "materials": ["wood"]}))
    with pytest.raises(CorporaDiffer, match="other materials"):
        join_corpora([drawn, rigid], tmp_path / "both")


def test_unfinished_corpus_is_refused(drawn, tmp_path):
    with pytest.raises(CorporaDiffer, match="no finished corpus"):
        join_corpora([drawn, tmp_path / "nowhere"], tmp_path / "both")
