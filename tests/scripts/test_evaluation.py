"""The evaluation scripts' own parts, without networks."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs torch: scripts/test --training")
SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "evaluation"]:
        del sys.modules[name]


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    pictures = np.arange(8, dtype=np.uint8).reshape(1, 8, 1, 1, 1).repeat(3, 0)
    np.save(folder / "pictures.npy", pictures)
    np.save(folder / "sound.npy", np.arange(30, dtype=np.int16).reshape(3, 10))
    np.save(folder / "activity.npy", np.zeros((3, 8, 2), np.uint8))
    np.savez(folder / "contacts.npz", scene=np.array([0, 1, 2]), time_s=np.array([0.1, 0.2, 0.3]))
    (folder / "index.json").write_text(json.dumps({"materials": ["a", "b"], "count": 3}))
    return folder


def test_a_lower_picture_rate_holds_the_middle_picture(scripts, corpus, tmp_path):
    from evaluation.small_runs import derive_corpus

    derived = derive_corpus(corpus, tmp_path / "derived", scenes=2, hold=4)
    pictures = np.load(derived / "pictures.npy")
    assert pictures[1].ravel().tolist() == [2, 2, 2, 2, 6, 6, 6, 6]
    assert np.load(derived / "sound.npy").shape == (2, 10)
    with np.load(derived / "contacts.npz") as contacts:
        assert contacts["time_s"].tolist() == [0.1, 0.2]
    assert json.loads((derived / "index.json").read_text())["count"] == 2


def test_smaller_pictures_are_means_of_larger_ones(scripts, corpus, tmp_path):
    from evaluation.small_runs import derive_corpus

    large = np.zeros((3, 8, 4, 4, 3), np.uint8)
    large[:, :, :2, :2] = np.arange(8, dtype=np.uint8).reshape(1, 8, 1, 1, 1) * 10
    large[:, :, 2, 3] = 80
    np.save(corpus / "pictures.npy", large)
    derived = derive_corpus(corpus, tmp_path / "derived", scenes=2, hold=2, size_px=2)
    pictures = np.load(derived / "pictures.npy")
    assert pictures.shape == (2, 8, 2, 2, 3)
    assert pictures[0, :, 0, 0, 0].tolist() == [10, 10, 30, 30, 50, 50, 70, 70]
    assert (pictures[:, :, 1, 1] == 20).all()
    assert (pictures[:, :, 1, 0] == 0).all()


def test_summaries_leave_out_what_a_seed_could_not_measure(scripts):
    from evaluation.measures import summary, table

    found = summary([{"f1": 0.5, "error": float("nan")}, {"f1": 0.7, "error": 1.0}])
    assert found == {"f1": {"mean": 0.6, "error": 0.1}}
    assert table({"row": found}, ["f1", "error"]).splitlines()[-1] == "| row | 0.600 ± 0.1 | – |"


def test_pcm_becomes_floats(scripts):
    from evaluation.makers import from_pcm

    pcm = b"".join(v.to_bytes(3, "little", signed=True) for v in (0, 2**22, -(2**23)))
    assert from_pcm(pcm).tolist() == [0.0, 0.5, -1.0]
