import torch

from foleyline_training.models.diff_foley.spec import MODEL
from foleyline_training.models.diff_foley.spectrogram_encoder import SpectrogramEncoder


def test_a_unit_vector_every_16_mel_frames(busy, sizes):
    encoder = busy(SpectrogramEncoder(sizes))
    features = encoder(torch.rand(2, MODEL.mel.bands, 48))
    assert features.shape == (2, 3, MODEL.features.dim)
    torch.testing.assert_close(features.norm(dim=-1), torch.ones(2, 3))


def test_the_first_norm_is_of_mel_bands(busy, sizes):
    encoder = busy(SpectrogramEncoder(sizes))
    mel = torch.rand(1, MODEL.mel.bands, 32)
    before = encoder(mel)
    encoder.spec_encoder.bn.running_mean[7] += 0.3
    mel[:, 7] += 0.3
    torch.testing.assert_close(encoder(mel), before)
