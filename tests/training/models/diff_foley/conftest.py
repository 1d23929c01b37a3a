"""The released networks' shapes, small enough to run at once."""

import pytest


@pytest.fixture(scope="session")
def sizes():
    from foleyline_training.models.diff_foley.spec import Sizes

    return Sizes(
        video_channels=4,
        video_blocks=(1, 1, 2, 1),
        spectrogram_channels=4,
        unet_channels=32,
        unet_multipliers=(1, 2),
        unet_blocks=1,
        classifier_channels=32,
        classifier_multipliers=(1, 2),
        autoencoder_channels=32,
        autoencoder_multipliers=(1, 2),
        autoencoder_blocks=1,
    )
