"""What messages say about themselves."""

from fractions import Fraction

import pytest

from foleyline_contract.errors import SettingInvalid
from foleyline_contract.messages import Clip, GenerateSettings, Probe


@pytest.mark.parametrize(
    ("frames", "fps", "samples"),
    [
        (24, Fraction(24), 48_000),
        (1, Fraction(24000, 1001), 2002),
        (1000, Fraction(30000, 1001), 1_601_600),
        (7, Fraction(60000, 1001), 5606),
        (345_600, Fraction(24), 691_200_000),
    ],
)
def test_takes_are_exact_to_the_sample(frames, fps, samples):
    assert Clip("/a", Fraction(0), frames / fps).sample_count == samples


def test_nan_is_out_of_every_range():
    with pytest.raises(SettingInvalid):
        GenerateSettings(seed=1, cfg_scale=float("nan"))


@pytest.mark.parametrize("path", ["", "a\0", "a" * 32_768])
def test_paths_that_name_no_file(path):
    with pytest.raises(SettingInvalid):
        Probe(path)
