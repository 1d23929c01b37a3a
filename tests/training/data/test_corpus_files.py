import numpy as np
import pytest
import torch

from foleyline_training.data.corpus_files import CorpusFiles, as_pictures
from foleyline_training.data.mel import LogMel


class Counting:
    """Computes scene numbers; fails once at the scene it is told."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.fail_at, self.computed = fail_at, []

    def __call__(self, start, stop):
        if self.fail_at is not None and start <= self.fail_at < stop:
            raise KeyboardInterrupt
        self.computed += range(start, stop)
        return np.arange(start, stop, dtype=np.float16)[:, None]


@pytest.fixture
def many(corpus):
    """The same corpus as if it had 20 scenes: three batches of work."""
    corpus.pictures = np.zeros((20, 1))
    return corpus


def test_contacts_lie_in_the_picture_they_fall_in(corpus, tiny):
    seen = corpus.contacts_seen
    assert seen.shape == (corpus.scenes, corpus.duration, len(corpus.materials))
    for scene, time_s, material in zip(
        corpus.contact_scene, corpus.contact_time_s, corpus.contact_material, strict=True
    ):
        assert seen[scene, int(time_s * float(tiny.picture.fps)), material] == 1
    assert 0 < seen.sum() <= len(corpus.contact_scene)


def test_contact_after_the_last_picture_is_not_seen(corpus, tiny):
    path = corpus.folder / "contacts.npz"
    late = {"scene": np.array([0]), "time_s": np.array([999.0]), "material": np.array([0])}
    np.savez(path, **late, seen=np.array([True]))
    assert not CorpusFiles(corpus.folder, tiny).contacts_seen.any()


def test_mels_are_those_of_the_sound(corpus, tiny):
    mels = corpus.mels()
    assert mels.shape == (8, 48 * 8, 16)
    assert mels.dtype == np.float16
    sound = torch.from_numpy(corpus.sound[6:7].astype(np.float32) / 32767)
    wanted = LogMel(tiny.mel)(sound)[0].T
    torch.testing.assert_close(torch.tensor(mels[6]).float(), wanted, atol=1e-3, rtol=0)


def test_cached_computes_each_scene_once(many):
    compute = Counting()
    assert many.cached("x", (1,), compute)[:, 0].tolist() == list(range(20))
    assert compute.computed == list(range(20))
    again = Counting(fail_at=0)
    assert many.cached("x", (1,), again)[:, 0].tolist() == list(range(20))


def test_cached_goes_on_after_the_last_whole_batch(many):
    with pytest.raises(KeyboardInterrupt):
        many.cached("x", (1,), Counting(fail_at=17))
    rest = Counting()
    assert many.cached("x", (1,), rest)[:, 0].tolist() == list(range(20))
    assert rest.computed == [16, 17, 18, 19]


def test_cached_appears_whole_or_not_at_all(many):
    before = set(many.folder.iterdir())
    with pytest.raises(KeyboardInterrupt):
        many.cached("x", (1,), Counting(fail_at=17))
    assert not (many.folder / "x.npy").exists()
    many.cached("x", (1,), Counting())
    assert set(many.folder.iterdir()) - before == {many.folder / "x.npy"}


def test_cached_distrusts_a_count_without_a_draft(many):
    (many.folder / "x.finished").write_text("16")
    compute = Counting()
    many.cached("x", (1,), compute)
    assert compute.computed == list(range(20))


def test_as_pictures_moves_colour_forward():
    values = np.zeros((2, 5, 4, 4, 3), np.uint8)
    values[1, 2, 3, 0] = (255, 0, 51)
    pictures = as_pictures(values)
    assert pictures.shape == (2, 5, 3, 4, 4)
    torch.testing.assert_close(pictures[1, 2, :, 3, 0], torch.tensor([1.0, 0.0, 0.2]))
    assert pictures.sum().item() == pytest.approx(1.2)
