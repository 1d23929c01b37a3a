import numpy as np
import pytest
import torch

from foleyline_training.metrics.taggers import TaggerMissing
from foleyline_training.metrics.taggers.aisfx import BANDS, BLOCK_FRAMES, AisfxNetwork, AisfxTagger

RATE_HZ = 32_000
SECOND = np.arange(RATE_HZ) / RATE_HZ


def installed(make):
    try:
        return make()
    except TaggerMissing as error:
        pytest.skip(str(error))


def sounds() -> list[np.ndarray]:
    noise = np.random.default_rng(0).standard_normal(3 * RATE_HZ)
    tone = np.sin(2 * np.pi * 1000 * SECOND)
    return [noise.astype(np.float32), tone.astype(np.float32), tone[:2000].astype(np.float32)]


def check(tagged, dimensions: int, classes: int) -> None:
    assert tagged.embeddings.shape == (3, dimensions)
    assert tagged.classes.shape == (3, classes)
    np.testing.assert_allclose(tagged.classes.sum(1), 1.0)
    assert np.isfinite(tagged.embeddings).all()


@pytest.mark.slow
def test_yamnet_knows_noise_and_tones():
    pytest.importorskip("onnx")
    from foleyline_training.metrics.taggers.yamnet import YamnetTagger

    tagger = installed(YamnetTagger)
    tagged = tagger.tag(sounds(), RATE_HZ)
    check(tagged, 1024, 521)
    names = [tagger.class_names[k] for k in tagged.classes.argmax(1)]
    assert names[0] in {"White noise", "Water"}  # equal to the last bit
    assert names[1] in {"Beep, bleep", "Sine wave"}


@pytest.mark.slow
def test_aisfx_tells_noise_from_tones_whatever_their_level():
    tagger = installed(AisfxTagger)
    tagged = tagger.tag(sounds(), RATE_HZ)
    check(tagged, 512, 79)
    quiet = tagger.tag([0.01 * sound for sound in sounds()], RATE_HZ)
    np.testing.assert_allclose(quiet.embeddings, tagged.embeddings, atol=1e-3)
    unit = tagged.embeddings / np.linalg.norm(tagged.embeddings, axis=1, keepdims=True)
    noise, tone, short = unit
    assert tone @ short > tone @ noise


def test_aisfx_network_takes_blocks_of_its_size():
    with torch.inference_mode():
        embedding, logits = AisfxNetwork().eval()(torch.rand(2, BLOCK_FRAMES, BANDS))
    assert (embedding.shape, logits.shape) == ((2, 512), (2, 79))
