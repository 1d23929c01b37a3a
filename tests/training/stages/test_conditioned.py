import numpy as np
import pytest
import torch

from foleyline_training.data.corpus_files import as_pictures
from foleyline_training.data.crops import Crop
from foleyline_training.stages.conditioned import ConditionedData
from foleyline_training.stages.networks import make_autoencoder, make_cavp, trained


def test_features_are_the_trained_encoders(data, tiny, corpus, run_folder):
    encoder = trained(make_cavp(tiny, len(corpus.materials)), run_folder / "cavp.pt").video
    wanted = encoder(as_pictures(corpus.pictures[2:3]))[0, 7:23]
    got = data.feature_windows([(Crop(2, 7, 16),)])[0]
    torch.testing.assert_close(got, wanted, atol=5e-3, rtol=5e-3)


def test_latents_have_unit_variance(data):
    windows = [(Crop(scene, 4, 16),) for scene in range(8)]
    means = data.moments[:, :, :4].astype(np.float32)
    assert data.scale_factor * means.std() == pytest.approx(1, rel=1e-4)
    assert data.latents(windows, torch.zeros(8, 4, 16)).shape == (8, 4, 16)


def test_latents_are_drawn_around_the_encoders_means(data, tiny, corpus, run_folder):
    encoder = trained(make_autoencoder(tiny), run_folder / "autoencoder.pt").encoder
    mel = torch.tensor(corpus.mels()[5]).float().T[None]
    mean, log_variance = (moment[0, :, 3:19] for moment in encoder(mel))
    drawn = data.latents([(Crop(5, 3, 16),)] * 400, torch.randn(400, 4, 16)) / data.scale_factor
    spread = (0.5 * log_variance).exp()
    error = (drawn.mean(0) - mean).abs() / spread
    assert error.max() < 5 / 400**0.5
    torch.testing.assert_close(drawn.std(0) / spread, torch.ones(4, 16), atol=0.2, rtol=0)


def test_merged_windows_join_both_arrays_at_the_same_place(data):
    one, two = Crop(1, 0, 6), Crop(3, 20, 10)
    joined = data.feature_windows([(one, two)])[0]
    torch.testing.assert_close(joined[6:], torch.tensor(data.features[3, 20:30]).float())
    assert data.latents([(one, two)], torch.zeros(1, 4, 16)).shape == (1, 4, 16)


def test_second_opening_computes_nothing(data, tiny, corpus, run_folder):
    stamps = {path: path.stat().st_mtime_ns for path in corpus.folder.glob("*.npy")}
    again = ConditionedData(tiny, corpus, run_folder)
    assert again.scale_factor == data.scale_factor
    assert stamps == {path: path.stat().st_mtime_ns for path in corpus.folder.glob("*.npy")}
