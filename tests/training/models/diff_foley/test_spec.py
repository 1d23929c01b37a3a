from fractions import Fraction

from foleyline_contract.fields import from_json, to_json
from foleyline_contract.specs import ModelSpec
from foleyline_training.models.diff_foley.spec import MODEL, RELEASED


def test_it_fits_into_a_bundle():
    assert from_json(ModelSpec, to_json(MODEL)) == MODEL


def test_nine_kernels_look_along_time():
    assert RELEASED.video_margin == MODEL.features.margin == 6 + 3


def test_a_latent_outlasts_its_pictures():
    """64 columns of 8 mel frames are 8.192 s, 32 pictures are 8 s."""
    columns = MODEL.latent.shape[-1]
    halvings = len(RELEASED.autoencoder_multipliers) - 1
    mel_frames = columns << halvings
    assert Fraction(mel_frames * MODEL.mel.hop, MODEL.mel.rate_hz) == Fraction(8192, 1000)
    assert MODEL.window_s == 8
    assert MODEL.window_mel_frames <= mel_frames
    assert MODEL.latent.shape[-2] << halvings == MODEL.mel.bands
