import logging
import sys

import numpy as np
import pytest

from foleyline_training.board import Board, Preview, open_board


class Writer:
    """Takes down what it is given, as TensorBoard's writer would."""

    def __init__(self) -> None:
        self.scalars, self.images, self.sounds = {}, {}, {}

    def add_scalar(self, tag, value, step):
        self.scalars[tag, step] = value

    def add_image(self, tag, image, step):
        self.images[tag, step] = image

    def add_audio(self, tag, sound, step, sample_rate):
        self.sounds[tag, step] = (sound, sample_rate)

    def flush(self):
        pass


def test_figures_become_curves():
    writer = Writer()
    Board(writer).add({"step": 20, "loss": 0.5, "seconds": 3.0})
    assert writer.scalars == {("loss", 20): 0.5, ("seconds", 20): 3.0}


def test_mels_become_pictures_and_sounds(tiny):
    writer = Writer()
    low = np.zeros((2, 16, 40), np.float32)
    low[:, 0] = 1  # only the lowest band sounds
    Board(writer).show(Preview({"truth": low, "take": 0 * low}, tiny.mel), 60)
    assert set(writer.images) == {(f"truth_over_take/{n}", 60) for n in (0, 1)}
    picture = writer.images["truth_over_take/0", 60]
    assert (picture.shape, picture.dtype) == ((1, 16 + 2 + 16, 40), np.uint8)
    assert picture[0, 15:18].min() == 255  # low is below, then the line between
    assert picture[0, :15].max() == picture[0, 18:].max() == 0
    sound, rate_hz = writer.sounds["truth/0", 60]
    assert (sound.shape, rate_hz) == ((1, 40 * tiny.mel.hop), 8000)
    assert np.abs(sound).max() > 0
    assert not writer.sounds["take/1", 60][0].any()


def test_without_the_package_there_is_a_sentence(monkeypatch, tmp_path, caplog):
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard.writer", raising=False)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    for name in [n for n in sys.modules if n.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    with caplog.at_level(logging.INFO):
        assert open_board(tmp_path, 0) is None
    assert "the package tensorboard is not installed" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_can_be_read(tiny, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for first, last in ((0, 60), (40, 80)):  # killed after step 60, gone on from step 40
        board = open_board(tmp_path, first)
        assert board is not None
        for step in range(first + 20, last + 1, 20):
            board.add({"step": step, "loss": 1 / step + first})
        board.show(Preview({"take": np.zeros((1, 16, 40), np.float32)}, tiny.mel), last)
        board.close()
    read = EventAccumulator(str(tmp_path)).Reload()
    losses = {event.step: event.value for event in read.Scalars("loss")}
    assert losses == pytest.approx({20: 1 / 20, 40: 1 / 40, 60: 1 / 60 + 40, 80: 1 / 80 + 40})
    assert read.Tags()["images"] == read.Tags()["audio"] == ["take/0"]
